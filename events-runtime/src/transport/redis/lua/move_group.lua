-- Moves a group, made where it is missing, or removes it with all that stands beside the stream.
-- ARGV: group, an id, `$`, or `remove`. Gives 1, or 0 where there is no such stream or group.
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
forget()
if ARGV[2] == 'remove' then
    redis.call('DEL', WAKE, P .. 'first')
    -- Members that are left learn that it was meant.
    redis.call('SET', P .. 'removed', '1', 'PX', 3600000)
else
    redis.call('DEL', P .. 'removed')
    wake()
end
return 1
