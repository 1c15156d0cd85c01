-- KEYS: leader. ARGV: handle, node. Returns 1 where that candidate held the lease.
local handle, node, ends = unpack(redis.call('HMGET', KEYS[1], 'handle', 'node', 'ends'))
if not ends or tonumber(ends) <= now() or handle ~= ARGV[1] or node ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'ends', '0') -- and the term stays, to rise from
return 1
