-- KEYS: members, metadata. ARGV: node. Returns its metadata, or nil where it is
-- no live member.
local ends = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not ends or tonumber(ends) <= now() then
  return nil
end
return redis.call('HGET', KEYS[2], ARGV[1])
