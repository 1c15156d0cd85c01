-- Before the scripts of the leader record, a hash:
--   handle, node   the candidate that holds the lease, '' if nobody may hold it
--   term           of the last acquisition
--   ends           when the lease expires, '0' after a release
--   ttl            its length, in microseconds
--   server         the server that wrote it, if WaitOut is on; see acquire.lua
--   until          when the holder's lease expires, if server begins with '?': then
--                  ends is when the wait is over
--   floor          a greater term that another candidate has seen

local function damaged(record, field, value, want)
  local shown = value and "'" .. value:sub(1, 40):gsub('[%c\128-\255]', '?') .. "'" or 'missing'
  fail('DAMAGED record ' .. record .. ': field ' .. field .. ' is ' .. shown .. ', want ' .. want)
end

-- 2^53, up to which Lua counts exactly.
local LARGEST = 9007199254740992

local function number(record, field, value, largest)
  if not value or #value > 20 or not value:find('^%d+$') or tonumber(value) > largest then
    damaged(record, field, value, 'a number')
  end
  return tonumber(value)
end

-- Returns the lease of a record, or nil if there is none. The clock may have stepped
-- back: a lease never has more than its TTL left.
local function lease(record, time)
  local f = call('HMGET', record, 'handle', 'node', 'term', 'ends', 'ttl', 'server', 'floor', 'until')
  if not (f[1] or f[2] or f[3] or f[4] or f[5]) then
    return nil
  end
  if not f[1] or not f[2] then
    damaged(record, f[1] and 'node' or 'handle', nil, 'a name')
  end
  local l = {
    handle = f[1],
    node = f[2],
    term = number(record, 'term', f[3], LARGEST),
    ends = number(record, 'ends', f[4], 1e20),
    ttl = number(record, 'ttl', f[5], 1e20),
    server = f[6] or '',
    floor = number(record, 'floor', f[7] or '0', LARGEST),
  }
  if l.ends - time > l.ttl then
    l.ends = time + l.ttl
    redis.pcall('HSET', record, 'ends', text(l.ends)) -- a server that takes no writes still reads
  end
  l.holds = l.ends -- when the holder's own lease expires
  if l.server:sub(1, 1) == '?' then
    l.holds = math.min(l.ends, number(record, 'until', f[8] or f[4], 1e20))
  end
  return l
end

-- Returns an identity of the server that changes with every failover and restart.
local function identity()
  return call('INFO', 'replication'):match('master_replid:(%x+)') or fail('ERR no master_replid: INFO replication')
end
