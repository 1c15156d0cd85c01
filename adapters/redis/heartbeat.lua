-- KEYS: members, metadata. ARGV: node, TTL in milliseconds.
-- Returns 0 if the node is no live member.
local time = now()
local ends = call('ZSCORE', KEYS[1], ARGV[1])
if not ends or tonumber(ends) <= time then
  return 0
end
sweep(KEYS[1], KEYS[2], time)
call('ZADD', KEYS[1], text(time + ARGV[2] * 1000), ARGV[1])
keep(KEYS[1], KEYS[2], time)
return 1
