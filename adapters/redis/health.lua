-- KEYS: leader, members, metadata. Reads each record, so that one of a wrong type or
-- damaged is found. No member has an empty name.
lease(KEYS[1], now())
call('ZSCORE', KEYS[2], '')
call('HGET', KEYS[3], '')
return 'OK'
