-- Notes down, as the last step of a transaction, that it was done. KEYS: the stream, the marker. ARGV:
-- the number of the transaction. The marker is that number
-- and the id of the last of them.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. last[1], 'PX', 3600000)
return 1
