-- Removes a consumer, and dead ones; their pending entries move to a placeholder consumer. ARGV: group,
-- consumer, the placeholder, the idle time after which a consumer is dead, the prefix of generated names.
-- Returns the number of entries that were removed from the stream.
local consumer, nobody, idle, begin = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local gone = 0
-- A range stands for what is pending of its consumer.
expand_all()
local function leave(name)
    while true do
        local pending = redis.call('XPENDING', T, G, '-', '+', 500, name)
        if #pending == 0 then
            break
        end
        local ids = {}
        for index, line in ipairs(pending) do
            ids[index] = line[1]
        end
        local claim = { 'XCLAIM', T, G, nobody, 0 }
        for _, id in ipairs(ids) do
            claim[#claim + 1] = id
        end
        claim[#claim + 1] = 'JUSTID'
        local kept = redis.call(unpack(claim))
        local there, lost = {}, {}
        for _, id in ipairs(kept) do
            there[id] = true
        end
        for _, id in ipairs(ids) do
            if not there[id] then
                lost[#lost + 1] = id
            end
        end
        gone = gone + #lost
        acknowledge(lost)
    end
    redis.call('XGROUP', 'DELCONSUMER', T, G, name)
end
if string.sub(consumer, 1, #begin) == begin then
    leave(consumer)
end
-- Consumers that crashed did not leave.
for _, line in ipairs(redis.call('XINFO', 'CONSUMERS', T, G)) do
    local info = pairs_of(line)
    if string.sub(info.name, 1, #begin) == begin and info.idle > idle then
        leave(info.name)
    end
end
return gone
