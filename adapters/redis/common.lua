-- Before each script: the server's clock, in microseconds. Lua's numbers hold
-- it exactly until the year 2255; %.0f writes it without an exponent.
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000000 + t[2]
end

local function text(number)
  return string.format('%.0f', number)
end

-- Lets the records of the members go when the last one does.
local function keep(members, metadata, time)
  local last = redis.call('ZRANGE', members, -1, -1, 'WITHSCORES')[2]
  local left = math.ceil((tonumber(last) - time) / 1000) + 1
  left = text(math.min(left, 3155760000000)) -- a century; some servers can't count more
  redis.call('PEXPIRE', members, left)
  redis.call('PEXPIRE', metadata, left)
end

