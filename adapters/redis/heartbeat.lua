-- KEYS: members, metadata. ARGV: node, ttl in milliseconds.
-- Returns 0 where the node is no live member.
local time = now()
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not ends or tonumber(ends) <= time then
  return 0
end
redis.call('ZADD', KEYS[1], text(time + ARGV[2] * 1000), ARGV[1])
keep(KEYS[1], KEYS[2], time)
return 1
