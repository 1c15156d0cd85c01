-- KEYS: members. ARGV: how many members a script may list.
-- Returns the live members, or the time if there are more members: Lua would hold the
-- server for long.
local time = text(now())
if call('ZCARD', KEYS[1]) > tonumber(ARGV[1]) then
  return time
end
return call('ZRANGEBYSCORE', KEYS[1], '(' .. time, '+inf')
