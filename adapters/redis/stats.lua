-- KEYS: members, leader. Returns how many members are live, and who leads.
local time = now()
local size = call('ZCOUNT', KEYS[1], '(' .. text(time), '+inf')
local l = lease(KEYS[2], time)
local led = l and l.holds > time and l.handle ~= ''
return {size, led and l.node or ''}
