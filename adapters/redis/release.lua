-- KEYS: leader. ARGV: handle, node, whether WaitOut is on (1 or 0), the term in which
-- the candidate leads by its own clock (0: none).
-- Returns the term if that candidate held the lease, else '0'.
local time = now()
local l = lease(KEYS[1], time)
if not l or l.ends <= time or l.handle ~= ARGV[1] or l.node ~= ARGV[2] then
  return '0'
end
-- A request that was held up must not free a lease that the candidate has acquired since.
local live = tonumber(ARGV[4])
if live > 0 and live ~= l.term or live == 0 and ARGV[3] == '1' and l.server ~= identity() then
  return '0'
end
call('HSET', KEYS[1], 'ends', '0') -- the term stays, for the next one to be greater
return text(l.term)
