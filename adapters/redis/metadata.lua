-- KEYS: members, metadata. ARGV: node. Returns its metadata, or nil if it is no live
-- member.
local ends = call('ZSCORE', KEYS[1], ARGV[1])
if not ends or tonumber(ends) <= now() then
  return nil
end
return call('HGET', KEYS[2], ARGV[1])
