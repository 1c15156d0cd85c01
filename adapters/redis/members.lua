-- Before the scripts of the members.

-- Lets the records of the members expire with the last member.
local function keep(members, metadata, time)
  local last = call('ZRANGE', members, -1, -1, 'WITHSCORES')[2]
  local left = text(math.min(math.ceil((tonumber(last) - time) / 1000) + 1, CENTURY))
  call('PEXPIRE', members, left)
  call('PEXPIRE', metadata, left)
end

-- Removes expired members, a bounded number at a time: a script holds the server.
local function sweep(members, metadata, time)
  local expired = call('ZRANGEBYSCORE', members, '-inf', text(time), 'LIMIT', 0, 100)
  if #expired > 0 then
    call('ZREM', members, unpack(expired))
    call('HDEL', metadata, unpack(expired))
  end
end
