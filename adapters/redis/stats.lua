-- KEYS: members, leader. Returns how many members are live and who leads.
local time = now()
local size = redis.call('ZCOUNT', KEYS[1], '(' .. text(time), '+inf')
local node, ends = unpack(redis.call('HMGET', KEYS[2], 'node', 'ends'))
if not ends or tonumber(ends) <= time then
  node = ''
end
return {size, node}
