-- Reads a schema. KEYS[1] is the hash of the topic's schemas, ARGV[1] the field, ARGV[2] the longest text.
-- Returns the text, its length if it is longer, or nothing if there is none.
local length = redis.call('HSTRLEN', KEYS[1], ARGV[1])
if length > tonumber(ARGV[2]) then
    return length
end
return redis.call('HGET', KEYS[1], ARGV[1])
