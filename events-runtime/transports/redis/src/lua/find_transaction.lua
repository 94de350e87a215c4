-- Returns the IDs of the entries that a transaction added, if it was executed. KEYS: the stream, the
-- idempotency key. ARGV: the number of the transaction, the number of entries it added to the stream.
local of, last = string.match(redis.call('GET', KEYS[2]) or '', '^(%d+) (.*)$')
if of ~= ARGV[1] then
    return false
end
local ids = {}
for at, entry in ipairs(redis.call('XREVRANGE', KEYS[1], last, '-', 'COUNT', ARGV[2])) do
    ids[ARGV[2] - at + 1] = entry[1]
end
return ids
