-- KEYS: members, metadata. ARGV: node, metadata, ttl in milliseconds.
local time = now()
-- Members whose time has ended are removed here: only this script adds any.
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', text(time))) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
redis.call('ZADD', KEYS[1], text(time + ARGV[3] * 1000), ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
keep(KEYS[1], KEYS[2], time)
return 1
