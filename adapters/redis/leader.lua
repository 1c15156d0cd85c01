-- KEYS: leader. Returns node, term and the microseconds left, or nothing.
local time = now()
local l = lease(KEYS[1], time)
if not l or l.holds <= time or l.handle == '' then
  return {}
end
return {l.node, text(l.term), text(l.holds - time)}
