-- Moves a group, creating it if it does not exist, or removes it with its state.
-- ARGV: group, an ID, `$`, or `remove`. Returns 1, or 0 if the stream or group does not exist.
if redis.call('TYPE', T).ok ~= 'stream' then
    return 0
end
local there = group_info()
if ARGV[2] == 'remove' then
    if not there then
        return 0
    end
    redis.call('XGROUP', 'DESTROY', T, G)
elseif there then
    while true do
        local pending = redis.call('XPENDING', T, G, '-', '+', 1000)
        local ids = {}
        for index, line in ipairs(pending) do
            ids[index] = line[1]
        end
        if #ids == 0 then
            break
        end
        acknowledge(ids)
    end
    redis.call('XGROUP', 'SETID', T, G, ARGV[2])
else
    redis.call('XGROUP', 'CREATE', T, G, ARGV[2])
end
discard_state()
if ARGV[2] == 'remove' then
    redis.call('DEL', WAKE, P .. 'first')
    -- Tells remaining members that the group was removed on purpose.
    redis.call('SET', P .. 'removed', '1', 'PX', 3600000)
else
    redis.call('DEL', P .. 'removed')
    wake()
end
return 1
