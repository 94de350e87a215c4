-- Lists schemas. KEYS[1] is the hash of the topic's schemas, ARGV[1] the most fields, ARGV[2] the longest field.
-- Returns the fields in any order, or their number if there are more.
local count = redis.call('HLEN', KEYS[1])
if count > tonumber(ARGV[1]) then
    return count
end
local found = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
    if #field <= tonumber(ARGV[2]) then
        found[#found + 1] = field
    end
end
return found
