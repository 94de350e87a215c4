-- Claims entries for a member: parked entries that are due, then new ones.
-- ARGV: group, member, consumer, token, maximum of entries, lease, maximum of bytes, idle time for the scan
-- of foreign entries or -1, where that scan starts, its consumer or an empty string, and the request of
-- this member that must have been executed or an empty string; if it was not, returns nothing.
-- Returns: the entries as MessagePack, which costs the server a third of a nested reply (arrays of an ID,
-- fields, and the attempt unless it is the first); the number of parked entries that were removed from the
-- stream; the number removed before the group read them; milliseconds until an entry is due, or -1; the
-- last IDs of the stream and of `wake`; and where the scan continues. With entries, the first of the two IDs is
-- the last entry that was read now if `register` can make the next claim, and both are `0-0` otherwise.
local member, consumer, token = ARGV[2], ARGV[3], ARGV[4]
local most, lease, most_bytes = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local idle, from, of = tonumber(ARGV[8]), ARGV[9], ARGV[10]
if ARGV[11] ~= '' and not remembered(member, ARGV[11]) then
    return false
end
-- Before anything is read, since a range without bounds stands for all that its consumer reads.
expand_all()
local C = P .. 'claim:' .. token
local out, bytes, gone, missed = {}, 0, 0, 0

local function give(id, attempts, fields)
    out[#out + 1] = { id, fields, attempts }
    for at = 1, #fields do
        bytes = bytes + #fields[at]
    end
end

-- The reply to this claim was lost: return its entries again.
local again = redis.call('HGETALL', C)
if #again > 0 then
    local lost = {}
    for at = 1, #again, 2 do
        local id = again[at]
        local entry = redis.call('XRANGE', T, id, id)[1]
        if entry then
            give(id, held(again[at + 1], id), entry[2])
        else
            local _, name = held(again[at + 1], id)
            let_go(name)
            lost[#lost + 1] = id
        end
    end
    gone = #lost
    acknowledge(lost)
    many('HDEL', C, lost)
    redis.call('ZADD', LEASES, text(now + lease), token)
    forget_empty_claims({ [token] = true })
    store_lanes()
    table.sort(out, function(a, b) return before(a[1], b[1]) end)
    return { cmsgpack.pack(out), gone, missed, -1, '0-0', '0-0', from }
end

recover_overdue()
if idle >= 0 then
    local trimmed
    trimmed, from = recover_foreign(idle, from, of)
    gone = gone + trimmed
end
store_lanes()
lanes = {}

-- Stops storing lanes, if nothing is parked and this member holds all entries.
local function become_sole()
    local tokens = redis.call('ZRANGE', LEASES, 0, 100)
    if #tokens > 100 or redis.call('EXISTS', PARKED) == 1 then
        return
    end
    for _, value in ipairs(#tokens > 0 and redis.call('HMGET', MEMBERS, unpack(tokens)) or {}) do
        if not value or owner(value) ~= member then
            return
        end
    end
    redis.call('DEL', LANES, READY)
    redis.call('SET', SOLE, member)
    sole, lanes = member, {}
end

-- Before new entries are claimed: stores lanes if several members hold entries.
local function share()
    if sole and redis.call('EXISTS', LEASES) == 0 then
        sole = member
        redis.call('SET', SOLE, member)
    elseif sole then
        write_lanes()
    elseif #out == 0 and (not shared_since or now - shared_since >= 1000) then
        -- At most once a second, since its cost grows with the number of held entries.
        become_sole()
    end
end

local holding = {}
local function hold(id, name, attempts)
    holding[#holding + 1] = id
    holding[#holding + 1] = attempts .. ' ' .. (string.sub(name, 1, 1) == 'k' and name or 'n')
end

-- A poison candidate is delivered in isolation, to a member that holds nothing else. A member waits at most
-- one lease for that: a member that has held entries for longer is alive.
local isolates = redis.call('EXISTS', POISON) == 1
local function is_isolated(id)
    return isolates and is_poison_candidate(losses_of(id))
end

local function nothing(pause)
    local info = pairs_of(redis.call('XINFO', 'STREAM', T))
    local woken = redis.call('XREVRANGE', WAKE, '+', '-', 'COUNT', 1)[1]
    return { '', gone, missed, pause, info['last-generated-id'], woken and woken[1] or '0-0', from }
end

local lanes_due = redis.call('ZRANGEBYSCORE', READY, '-inf', text(now), 'LIMIT', 0, isolates and 1000 or most)
if isolates then
    local holds, since = nil, now
    for claim, value in pairs(pairs_of(redis.call('HGETALL', MEMBERS))) do
        local whose, made = owner(value)
        if whose == member then
            since = math.min(since, made)
            for _, id in ipairs(redis.call('HKEYS', P .. 'claim:' .. claim)) do
                holds = holds == 'isolated' and holds or is_isolated(id) and 'isolated' or 'others'
            end
        end
    end
    local single
    for _, name in ipairs(lanes_due) do
        local first = redis.call('ZRANGE', P .. 'queue:' .. name, 0, 0)[1]
        if first and is_isolated(string.match(first, ' (.*)$')) then
            single = name
            break
        end
    end
    if holds == 'isolated' or (holds and single) then
        if now - since < lease then
            return nothing(250)
        end
        isolates = false
    elseif single then
        lanes_due, most = { single }, math.min(most, 1)
    end
end

for _, name in ipairs(lanes_due) do
    if #out >= most or bytes >= most_bytes then
        break
    end
    local lane, queue, stop = lane_of(name), P .. 'queue:' .. name, false
    lane.dirty, lane.before = true, 1
    while not stop and #out < most and bytes < most_bytes do
        local next_ones = redis.call('ZRANGE', queue, 0, math.min(most - #out, 100) - 1)
        if #next_ones == 0 then
            lane.parked = 0
            break
        end
        local taken, ids = {}, {}
        for _, place_and_id in ipairs(next_ones) do
            local id = string.match(place_and_id, ' (.*)$')
            local parked = redis.call('HGET', PARKED, id) or '0 0'
            local attempts, ready = string.match(parked, '^(%d+) (%d+)$')
            if tonumber(ready) > now or bytes >= most_bytes or (#out > 0 and is_isolated(id)) then
                stop = true
                break
            end
            taken[#taken + 1] = place_and_id
            ids[#ids + 1] = id
            local entry = redis.call('XRANGE', T, id, id)[1]
            if not entry then
                gone = gone + redis.call('XACK', T, G, id)
                redis.call('HDEL', POISON, id)
            elseif #redis.call('XCLAIM', T, G, consumer, 0, id, 'RETRYCOUNT', attempts + 1, 'JUSTID') > 0 then
                give(id, attempts + 1, entry[2])
                hold(id, name, attempts + 1)
                if string.sub(name, 1, 1) == 'k' then
                    lane.member, lane.held = member, lane.held + 1
                end
            end
        end
        many('ZREM', queue, taken)
        many('HDEL', PARKED, ids)
        lane.parked = math.max(lane.parked - #taken, 0)
    end
end

-- Returns the entries that this member may have, by their lanes, and parks the others.
local function admit(entries, names, from)
    read_lanes(names)
    local given, written = {}, from
    for at = 1, #entries do
        local id, value = holding[from + 2 * at - 1], holding[from + 2 * at]
        local name = value ~= '1 n' and string.sub(value, #FIRST + 1)
        local lane = name and lanes[name]
        if lane and (lane.parked > 0 or (lane.held > 0 and lane.member ~= member)) then
            park(id, name, 0, now)
        else
            if lane then
                lane.member, lane.held, lane.dirty = member, lane.held + 1, true
            end
            given[#given + 1] = entries[at]
            holding[written + 1], holding[written + 2] = id, value
            written = written + 2
        end
    end
    for at = #holding, written + 1, -1 do
        holding[at] = nil
    end
    return given
end

-- New entries follow in order. The parked entries need sorting.
local packed = {}
if #out > 0 then
    table.sort(out, function(a, b) return before(a[1], b[1]) end)
    packed[1] = cmsgpack.pack(out)
end
local count, rounds, found, read_now, last_read = #out, 0, nil, 0, nil
if count < most and bytes < most_bytes then
    missed, found = find_missed()
end
while count < most and bytes < most_bytes and rounds < 100 do
    rounds = rounds + 1
    local read = redis.call('XREADGROUP', 'GROUP', G, consumer, 'COUNT', math.min(most - count, 100), 'STREAMS', T, '>')
    if not read then
        break
    end
    if sole ~= member and rounds == 1 then
        share()
    end
    local entries, names, written = read[1][2], {}, #holding
    read_now, last_read = read_now + #entries, entries[#entries][1]
    for at = 1, #entries do
        local fields, value = entries[at][2], '1 n'
        for of = 1, #fields, 2 do
            if fields[of] == 'key' then
                value = FIRST .. 'k' .. fields[of + 1]
                break
            end
        end
        holding[written + 1], holding[written + 2] = entries[at][1], value
        written = written + 2
        if not sole and value ~= '1 n' then
            names[#names + 1] = string.sub(value, #FIRST + 1)
        end
    end
    if #names > 0 then
        entries = admit(entries, names, written - 2 * #entries)
    end
    count = count + #entries
    packed[#packed + 1] = cmsgpack.pack(entries)
    bytes = bytes + #packed[#packed]
end
if found and (missed > 0 or read_now > 0) and not note_missed(found, read_now, last_read) then
    missed = 0
end

store_lanes()
if count > 0 then
    many('HSET', C, holding)
    redis.call('HSET', MEMBERS, token, member .. ' ' .. text(now))
    redis.call('ZADD', LEASES, text(now + lease), token)
    return { table.concat(packed), gone, missed, -1, sole == member and not isolates and last_read or '0-0', '0-0', from }
end

local first = redis.call('ZRANGE', READY, 0, 0, 'WITHSCORES')[2]
local ends = redis.call('ZRANGE', LEASES, 0, 0, 'WITHSCORES')[2]
local pause = math.min(tonumber(first) or math.huge, tonumber(ends) or math.huge)
return nothing(pause == math.huge and -1 or math.max(pause - now, 0))
