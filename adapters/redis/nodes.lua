-- KEYS: members. Returns the live ones.
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. text(now()), '+inf')
