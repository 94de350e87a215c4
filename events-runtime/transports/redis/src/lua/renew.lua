-- Renews leases. ARGV: group, lease, then runs of a token, a count and that many IDs. Returns a string with
-- `1` for each ID, or `0` if the claim does not hold it.
local results, at = {}, 3
while at <= #ARGV do
    local token, from, to, some = ARGV[at], at + 2, at + 1 + tonumber(ARGV[at + 1]), false
    if sole then
        expand(token)
    end
    for first = from, to, 4000 do
        local last = math.min(first + 3999, to)
        local values = redis.call('HMGET', P .. 'claim:' .. token, unpack(ARGV, first, last))
        for index = 1, last - first + 1 do
            some = some or values[index]
            results[#results + 1] = values[index] and '1' or '0'
        end
    end
    if some then
        redis.call('ZADD', LEASES, text(now + tonumber(ARGV[2])), token)
    end
    at = to + 1
end
return table.concat(results)
