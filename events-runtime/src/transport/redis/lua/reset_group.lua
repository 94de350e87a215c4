-- Forgets what a group has in hand, and what it has noted down of the stream.
local function forget()
    for _, token in ipairs(redis.call('ZRANGE', LEASES, 0, -1)) do
        redis.call('DEL', P .. 'claim:' .. token)
    end
    for _, name in ipairs(redis.call('HKEYS', LANES)) do
        redis.call('DEL', P .. 'queue:' .. name)
    end
    redis.call('DEL', LEASES, LANES, PARKED, READY, MEMBERS, SUSPECTS, SOLE)
end

-- The same for a group that was just made: what stands beside it is of an earlier one that somebody took away.
local function begin_anew()
    forget()
    redis.call('DEL', P .. 'first', P .. 'removed')
end
