-- KEYS: ack:ID. ARGV: PUBLISH or SPUBLISH, inbox, message number, time to live in
-- milliseconds, then triples: 'frame', frame, how many subscriptions it went to; 'taken' or
-- 'gone', subscription, ''. What comes twice counts once.
-- Tells the publisher: number, frames, subscriptions, taken, gone.
for i = 5, #ARGV, 3 do
  local what, id, count = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if what == 'frame' then
    if redis.call('HSETNX', KEYS[1], 'frame:' .. id, count) == 1 then
      redis.call('HINCRBY', KEYS[1], 'frames', 1)
      redis.call('HINCRBY', KEYS[1], 'subscriptions', count)
    end
  elseif redis.call('HSETNX', KEYS[1], 'subscription:' .. id, what) == 1 then
    redis.call('HINCRBY', KEYS[1], what, 1)
  end
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local told = redis.call('HMGET', KEYS[1], 'frames', 'subscriptions', 'taken', 'gone')
for i = 1, 4 do
  told[i] = told[i] or '0'
end
return redis.call(ARGV[1], ARGV[2], ARGV[3] .. ' ' .. table.concat(told, ' '))
