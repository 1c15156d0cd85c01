-- KEYS: members, metadata. ARGV: node, metadata, TTL in milliseconds.
local time = now()
sweep(KEYS[1], KEYS[2], time)
call('ZADD', KEYS[1], text(time + ARGV[3] * 1000), ARGV[1])
call('HSET', KEYS[2], ARGV[1], ARGV[2])
keep(KEYS[1], KEYS[2], time)
return 1
