-- KEYS: members, metadata. ARGV: node. Returns 1 if it was a live member.
local ends = call('ZSCORE', KEYS[1], ARGV[1])
call('ZREM', KEYS[1], ARGV[1])
call('HDEL', KEYS[2], ARGV[1])
return ends and tonumber(ends) > now() and 1 or 0
