-- Starts leases anew. ARGV: group, lease, then token and id of each. Gives for each 1, or 0 where it
-- is not held by that claim.
local results = {}
for at = 3, #ARGV, 2 do
    local there = redis.call('HEXISTS', P .. 'claim:' .. ARGV[at], ARGV[at + 1])
    if there == 1 then
        redis.call('ZADD', LEASES, text(now + tonumber(ARGV[2])), ARGV[at])
    end
    results[#results + 1] = there
end
return results
