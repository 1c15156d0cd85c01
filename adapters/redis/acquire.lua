-- KEYS: leader. ARGV: handle, node, TTL in milliseconds, the greatest term that the
-- handle has seen, whether WaitOut is on (1 or 0), the term in which the candidate
-- leads by its own clock (0: none), the last term that the handle released.
-- Returns 1 and the term if the candidate holds the lease, else 0 and the record's term.
--
-- With WaitOut the record names the server that wrote it. A record of another server
-- (a failover, a restart) may lack the last writes, and so may a record that is gone.
-- The first candidate that finds that out starts one more lease, under the server's
-- name with a '?', which nobody can renew or take, except for a candidate that still
-- leads by its own clock.
local record, handle, node = KEYS[1], ARGV[1], ARGV[2]
local ttl, seen, live = ARGV[3] * 1000, tonumber(ARGV[4]), tonumber(ARGV[6])
local wait = ARGV[5] == '1'
local time = now()
local server = wait and identity() or ''
local l = lease(record, time)
local known = l and (not wait or l.server == server)
local mine = l and l.handle == handle and l.node == node

local function write(handle, node, term, ttl, server)
  call('HSET', record, 'handle', handle, 'node', node, 'term', text(term),
    'ends', text(time + ttl), 'ttl', text(ttl), 'server', server)
  -- The last term is kept for a day after the lease. After that the clock makes terms rise.
  call('PEXPIRE', record, text(math.min(math.ceil(ttl / 1000) + 86400000, CENTURY)))
end

local function take(term)
  write(handle, node, term, ttl, server)
  return {1, text(term)}
end

local function refuse()
  if l and seen > math.max(l.term, l.floor) then
    -- The clock and the record have both gone back: the holder's next renewal gets a
    -- greater term.
    call('HSET', record, 'floor', text(seen))
  end
  return {0, text(l and l.term or seen)}
end

-- The clock makes terms rise if the record was lost. What the handles have seen makes
-- them rise if the clock has also stepped back.
local least = math.max(seen, l and l.floor or 0)
local following = math.max(least + 1, l and l.term + 1 or 0, time)

if not l then
  if wait and live == 0 then
    write('', '', seen, ttl, '?' .. server)
    return refuse()
  end
  return take(following)
end
local held = l.ends > time
if held and mine and (known or live > 0 and live == l.term) then
  -- A failover may bring back a lease that was released or has had a successor.
  local over = tonumber(ARGV[7]) >= l.term or least > l.term
  return take(over and following or l.term)
end
if wait and not known then
  if live > 0 and (live > l.term or live == l.term and mine) then
    return take(following)
  end
  if l.server ~= '?' .. server then
    write(l.handle, l.node, l.term, math.max(ttl, l.ttl), '?' .. server)
    call('HSET', record, 'until', text(l.holds))
    return refuse()
  end
end
if held then
  return refuse()
end
local vanished = wait and known and not mine and l.ends > 0 and l.handle ~= ''
if vanished and time < l.ends + l.ttl then
  return refuse()
end
return take(following)
