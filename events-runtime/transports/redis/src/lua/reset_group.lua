-- Discards the claims and parked entries of a group.
local function discard_state()
    for _, token in ipairs(redis.call('ZRANGE', LEASES, 0, -1)) do
        redis.call('DEL', P .. 'claim:' .. token)
    end
    for _, name in ipairs(redis.call('HKEYS', LANES)) do
        redis.call('DEL', P .. 'queue:' .. name)
    end
    redis.call('DEL', LEASES, LANES, PARKED, READY, MEMBERS, POISON, SOLE)
end

-- For a group that was just created: discards the state of an earlier group of this name.
local function reset_group()
    discard_state()
    redis.call('DEL', P .. 'first', P .. 'removed')
end
