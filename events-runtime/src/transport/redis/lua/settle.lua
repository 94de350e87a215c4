-- Stores outcomes. KEYS[3] is the dead-letter stream. ARGV: group, member, question, then for each token, id, and
-- `a`, `u`, `r` with a pause, or `x` with a count and so many fields of the dead letter.
-- Gives for each 1, or 0 where it is not held by that claim.
local given = remembered(ARGV[2], ARGV[3])
if given then
    return given
end

local items, ids_of, at = {}, {}, 4
while at <= #ARGV do
    local item = { token = ARGV[at], id = ARGV[at + 1], verb = ARGV[at + 2] }
    at = at + 3
    if item.verb == 'r' then
        item.pause = tonumber(ARGV[at])
        at = at + 1
    elseif item.verb == 'x' then
        item.first, item.last = at + 1, at + tonumber(ARGV[at])
        at = item.last + 1
    end
    items[#items + 1] = item
    local ids = ids_of[item.token] or {}
    ids[#ids + 1] = item.id
    ids_of[item.token] = ids
end

local values, names = {}, {}
for token, ids in pairs(ids_of) do
    values[token] = {}
    for first = 1, #ids, 4000 do
        local last = math.min(first + 3999, #ids)
        local found = redis.call('HMGET', P .. 'claim:' .. token, unpack(ids, first, last))
        for index = first, last do
            local value = found[index - first + 1]
            values[token][ids[index]] = value
            if value then
                local _, name = held(value, ids[index])
                if string.sub(name, 1, 1) == 'k' then
                    names[#names + 1] = name
                end
            end
        end
    end
end
read_lanes(names)

local results, acks, done, cleared = {}, {}, {}, {}
for index, item in ipairs(items) do
    local value = values[item.token][item.id]
    if not value then
        results[index] = 0
    else
        results[index] = 1
        values[item.token][item.id] = nil
        local attempts, name = held(value, item.id)
        if item.verb == 'r' then
            park(item.id, name, attempts, now + item.pause)
        elseif item.verb == 'u' then
            park(item.id, name, attempts - 1, now)
        else
            if item.verb == 'x' then
                redis.call('XADD', KEYS[3], '*', unpack(ARGV, item.first, item.last))
            end
            acks[#acks + 1] = item.id
        end
        if item.verb ~= 'u' then
            cleared[#cleared + 1] = item.id
        end
        let_go(name)
        done[item.token] = done[item.token] or {}
        table.insert(done[item.token], item.id)
    end
end
acknowledge(acks)
if redis.call('EXISTS', SUSPECTS) == 1 then
    many('HDEL', SUSPECTS, cleared)
end
for token, ids in pairs(done) do
    many('HDEL', P .. 'claim:' .. token, ids)
end
forget_empty_claims(done)
if store_lanes() then
    wake()
end
return remember(ARGV[2], ARGV[3], results)
