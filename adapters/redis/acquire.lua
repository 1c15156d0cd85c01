-- KEYS: leader. ARGV: handle, node, ttl in milliseconds.
-- Returns the term, '0' where another holds the lease.
local time = now()
local handle, node, term, ends = unpack(redis.call('HMGET', KEYS[1], 'handle', 'node', 'term', 'ends'))
local held = ends and tonumber(ends) > time
if held and (handle ~= ARGV[1] or node ~= ARGV[2]) then
  return '0'
end
if not held then
  -- The time keeps terms rising where the record was lost.
  term = text(math.max(tonumber(term or 0) + 1, time))
end
redis.call('HSET', KEYS[1], 'handle', ARGV[1], 'node', ARGV[2], 'term', term, 'ends', text(time + ARGV[3] * 1000))
-- The last term is kept for a day after the lease, then the time does its work.
-- A century is enough for any, and more than some servers can count.
redis.call('PEXPIRE', KEYS[1], text(math.min(ARGV[3] + 86400000, 3155760000000)))
return term
