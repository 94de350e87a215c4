-- Removes old entries of a stream. ARGV: unused; the maximum of entries or -1, the maximum age or -1, and 1
-- to drop unsettled entries; the maximum number removed by this call; the client and the number of its
-- request; and the three limits again for a topic that is marked as a dead-letter topic (key `letters`).
-- Returns the number removed; the greatest number of these that one group had not settled; whether unsettled
-- entries keep the topic above its limits; the number removed unread because there is no group; and whether
-- the topic is marked as a dead-letter topic.
if redis.call('TYPE', T).ok ~= 'stream' then
    return { 0, 0, 0, 0, 0 }
end
local given = remembered(ARGV[6], ARGV[7])
if given then
    local numbers = {}
    for number in string.gmatch(given, '%d+') do
        numbers[#numbers + 1] = tonumber(number)
    end
    return numbers
end
local is_dead_letter_topic = redis.call('EXISTS', P .. 'letters')
local limits = is_dead_letter_topic == 1 and 8 or 2
local most, age, drop = tonumber(ARGV[limits]), tonumber(ARGV[limits + 1]), ARGV[limits + 2] == '1'
local portion = tonumber(ARGV[5])
local stream = pairs_of(redis.call('XINFO', 'STREAM', T))

local function after(id)
    local millis, sequence = string.match(id, '^(%d+)-(%d+)$')
    if sequence == '18446744073709551615' then
        return text(millis + 1) .. '-0'
    elseif #sequence > 15 then
        -- Not exact as a Lua number. Keeping one entry more is harmless.
        return id
    end
    return millis .. '-' .. text(sequence + 1)
end

local till = age >= 0 and now > age and text(now - age) .. '-0' or '0-0'
if most >= 0 and stream.length > most then
    local excess = math.min(stream.length - most, portion)
    local oldest = redis.call('XRANGE', T, '-', '+', 'COUNT', excess + 1)
    local stays = oldest[excess + 1]
    local bound = stays and stays[1] or after(stream['last-generated-id'])
    if before(till, bound) then
        till = bound
    end
end
if not stream['first-entry'] or not before(stream['first-entry'][1], till) then
    return { 0, 0, 0, 0, 0 }
end

local held_back, unsettled, behind = 0, 0, {}
local groups = redis.call('XINFO', 'GROUPS', T)
for _, line in ipairs(groups) do
    local info = pairs_of(line)
    local group = info.name
    if drop then
        local open = 0
        while true do
            local pending = redis.call('XPENDING', T, group, '-', '(' .. till, 1000)
            if #pending == 0 then
                break
            end
            local ids = {}
            for index, of_pending in ipairs(pending) do
                ids[index] = of_pending[1]
            end
            open = open + #ids
            redis.call('XACK', T, group, unpack(ids))
        end
        if before(info['last-delivered-id'], till) then
            behind[group] = info['last-delivered-id']
        end
        local from = '(' .. info['last-delivered-id']
        while true do
            local entries = redis.call('XRANGE', T, from, '(' .. till, 'COUNT', 1000)
            open = open + #entries
            if #entries < 1000 then
                break
            end
            from = '(' .. entries[#entries][1]
        end
        unsettled = math.max(unsettled, open)
    else
        local low = after(info['last-delivered-id'])
        local pending = redis.call('XPENDING', T, group)
        if pending[1] > 0 and before(pending[2], low) then
            low = pending[2]
        end
        if before(low, till) then
            till = low
            held_back = 1
        end
    end
end
local removed = redis.call('XTRIM', T, 'MINID', '=', till)
local answer = { removed, unsettled, held_back, #groups == 0 and removed or 0, is_dead_letter_topic }
-- The next claim must not report these entries again.
for group, id in pairs(behind) do
    count_as_read(group, id)
end
remember(ARGV[6], ARGV[7], table.concat(answer, ' '))
return answer
