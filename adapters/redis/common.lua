-- Before each script. Lua's numbers hold the server's clock, in microseconds, exactly
-- until the year 2255; %.0f writes it without an exponent.

-- A century in milliseconds: longer than any record is of use, and more than that some
-- servers cannot count.
local CENTURY = 3155760000000

local function fail(text)
  error({err = text}, 0)
end

-- Runs a command. Its error names the command and the record.
local function call(name, ...)
  local reply = redis.pcall(name, ...)
  if type(reply) == 'table' and reply.err then
    fail(reply.err .. ': ' .. table.concat({name, (...)}, ' '))
  end
  return reply
end

local function now()
  local t = call('TIME')
  return t[1] * 1000000 + t[2]
end

local function text(number)
  return string.format('%.0f', number)
end

-- Runs the script. Its own errors become the reply.
local function run(script)
  local ok, reply = pcall(script)
  if ok or type(reply) == 'table' then
    return reply
  end
  return {err = 'ERR ' .. tostring(reply)}
end
