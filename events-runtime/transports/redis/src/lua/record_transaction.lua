-- Records, as the last step of a transaction, that it was executed. KEYS: the stream, the idempotency key.
-- ARGV: the number of the transaction. The value is that number and the ID of the last entry.
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
redis.call('SET', KEYS[2], ARGV[1] .. ' ' .. last[1], 'PX', 3600000)
return 1
