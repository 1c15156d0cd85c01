-- KEYS: leader. Returns node, term and the microseconds left, or nothing.
local node, term, ends = unpack(redis.call('HMGET', KEYS[1], 'node', 'term', 'ends'))
local left = ends and tonumber(ends) - now() or 0
if left <= 0 then
  return {}
end
return {node, term, text(left)}
