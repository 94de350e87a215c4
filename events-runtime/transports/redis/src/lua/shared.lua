-- Shared by all scripts. KEYS[1] is the stream, KEYS[2] the prefix of the group's keys; both are in one
-- hash slot. The group's keys:
--
--   leases       zset   token of a claim -> when its lease expires
--   claim:TOKEN  hash   entry held by the claim -> its attempts and its lane; or `*` -> the range of entries that
--                       the claim stands for: first and last ID, number of entries, and consumer. Until its
--                       member has told the bounds, the first is `(` and the ID before it, the last `+`
--   lanes        hash   lane -> the member that holds entries of it, number held, number parked
--   queue:LANE   zset   the parked entries of a lane, by ID
--   parked       hash   parked entry -> its attempts and when it is due
--   ready        zset   lane with parked entries and no holder -> when its first entry is due
--   wake         stream grows when an entry may have become claimable
--   members      hash   token of a claim -> its member, when it was made, and `s` if the member lost
--                       another claim before
--   suspects     hash   poison candidate: entry whose member was lost -> the number of losses among other
--                       entries, which its attempts do not include; -1 if the member held only this entry
--   first        string the first entry of the stream at the last check for trimmed entries
--   removed      string exists for an hour after an operation of ours removed the group
--   sole         string the only member that holds entries; or `-` and the time when that ended
--
-- A lane orders the entries of one message key: its name is `k` and the key, or `n` and the ID of an entry
-- without a key. While `sole` names a member, nothing is parked, lanes are not stored, and every claim
-- belongs to that member: the claims tell which keys are held. A script that changes this stores the lanes
-- first. Only then does a claim have a range, and only `register` and `settle` read ranges: the other scripts
-- expand them first.
local T, P, G = KEYS[1], KEYS[2], ARGV[1]
local LEASES, LANES, PARKED = P .. 'leases', P .. 'lanes', P .. 'parked'
local READY, WAKE = P .. 'ready', P .. 'wake'
local MEMBERS, POISON, SOLE = P .. 'members', P .. 'suspects', P .. 'sole'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function text(number)
    return string.format('%.0f', number)
end

-- A call with many arguments, split to fit Lua's stack.
local function many(command, key, list)
    for first = 1, #list, 4000 do
        redis.call(command, key, unpack(list, first, math.min(first + 3999, #list)))
    end
end

local function acknowledge(ids)
    for first = 1, #ids, 4000 do
        redis.call('XACK', T, G, unpack(ids, first, math.min(first + 3999, #ids)))
    end
end

local function place(id)
    local millis, sequence = string.match(id, '^(%d+)-(%d+)$')
    return tonumber(millis), string.rep('0', 20 - #sequence) .. sequence
end

local function key_of(fields)
    for at = 1, #fields, 2 do
        if fields[at] == 'key' then
            return fields[at + 1]
        end
    end
end

local function losses_of(id)
    return tonumber(redis.call('HGET', POISON, id) or 0)
end

-- Whether an entry may be crashing its members, so that it must be delivered in isolation.
local function is_poison_candidate(losses)
    return losses < 0 or losses > 1
end

-- The sole member, or nil if lanes are stored; and since when they are, if known.
local function read_sole()
    local value = redis.call('GET', SOLE)
    local since = value and string.match(value, '^%-(%d+)$')
    return not since and value or nil, tonumber(since)
end
local sole, shared_since = read_sole()

local lanes = {}
-- Caches: most lanes have the same few values, and parsing and formatting numbers is slow.
local lane_values, numerals = {}, {}

local function read_lane(value)
    if not value then
        return { member = '', held = 0, parked = 0, before = 0, dirty = false }
    end
    local parts = lane_values[value]
    if not parts then
        local member, held, parked = string.match(value, '^(%S*) (%d+) (%d+)$')
        parts = { member, tonumber(held), tonumber(parked) }
        lane_values[value] = parts
    end
    return { member = parts[1], held = parts[2], parked = parts[3], before = parts[3], dirty = false }
end

local function digits(number)
    local text = numerals[number] or tostring(number)
    numerals[number] = text
    return text
end

local function lane_of(name)
    local lane = lanes[name]
    if not lane then
        lane = read_lane(redis.call('HGET', LANES, name))
        lanes[name] = lane
    end
    return lane
end

local function read_lanes(names)
    local missing = {}
    for _, name in ipairs(names) do
        if lanes[name] == nil then
            -- Marks the lane as requested; the value is set below.
            lanes[name] = false
            missing[#missing + 1] = name
        end
    end
    for first = 1, #missing, 4000 do
        local last = math.min(first + 3999, #missing)
        local values = redis.call('HMGET', LANES, unpack(missing, first, last))
        for at = first, last do
            lanes[missing[at]] = read_lane(values[at - first + 1])
        end
    end
end

-- The value of an entry on its first attempt starts with this, followed by its lane.
local FIRST = '1 '

local function held(value, id)
    if value == '1 n' then
        return 1, 'n' .. id
    elseif string.sub(value, 1, 3) == '1 k' then
        return 1, string.sub(value, 3)
    end
    local attempts, name = string.match(value, '^(%d+) (.*)$')
    if name == nil then
        -- A key may hold a line feed, which `.` matches too; nothing else is written here.
        return 1, 'n' .. id
    end
    if name == 'n' then
        name = 'n' .. id
    end
    return tonumber(attempts), name
end

local function remove_claim(token)
    redis.call('DEL', P .. 'claim:' .. token)
    redis.call('ZREM', LEASES, token)
    redis.call('HDEL', MEMBERS, token)
end

local function forget_empty_claims(tokens)
    for token in pairs(tokens) do
        if redis.call('EXISTS', P .. 'claim:' .. token) == 0 then
            remove_claim(token)
        end
    end
end

-- Replaces the range of a claim by its entries: those that its consumer has not settled.
local function expand(token)
    local claim = P .. 'claim:' .. token
    local first, last, consumer = string.match(redis.call('HGET', claim, '*') or '', '^(%S+) (%S+) %S+ (.*)$')
    if not first then
        return
    end
    local holding, pending = {}, redis.pcall('XPENDING', T, G, first, last, 10000, consumer)
    -- Without its group, a claim holds nothing.
    for _, line in ipairs(pending.err and {} or pending) do
        local entry = redis.call('XRANGE', T, line[1], line[1])[1]
        local key = entry and key_of(entry[2])
        holding[#holding + 1] = line[1]
        holding[#holding + 1] = key and '1 k' .. key or '1 n'
    end
    -- First, since a server without free memory rejects a script that begins with `HSET`.
    redis.call('HDEL', claim, '*')
    many('HSET', claim, holding)
    forget_empty_claims({ [token] = true })
end

local function expand_all()
    for _, token in ipairs(sole and redis.call('ZRANGE', LEASES, 0, -1) or {}) do
        expand(token)
    end
end

-- Starts storing lanes, with those of all held entries.
local function write_lanes()
    if not sole then
        return
    end
    expand_all()
    for _, token in ipairs(redis.call('ZRANGE', LEASES, 0, -1)) do
        for _, value in ipairs(redis.call('HVALS', P .. 'claim:' .. token)) do
            local _, name = held(value, '')
            if string.sub(name, 1, 1) == 'k' then
                local lane = lanes[name]
                if not lane then
                    lane = read_lane(false)
                    lanes[name] = lane
                end
                lane.member, lane.held, lane.dirty = sole, lane.held + 1, true
            end
        end
    end
    sole = nil
    redis.call('SET', SOLE, '-' .. text(now))
end

local function park(id, name, attempts, ready)
    write_lanes()
    local lane = lane_of(name)
    local millis, sequence = place(id)
    local new = redis.call('ZADD', P .. 'queue:' .. name, millis, sequence .. ' ' .. id)
    redis.call('HSET', PARKED, id, attempts .. ' ' .. text(ready))
    lane.parked = lane.parked + new
    lane.dirty = true
end

-- Counts an entry as no longer held. Entries without a key block nothing and are not counted.
local function let_go(name)
    if not sole and string.sub(name, 1, 1) == 'k' then
        local lane = lane_of(name)
        lane.held = math.max(lane.held - 1, 0)
        lane.dirty = true
    end
end

-- When the first parked entry of a lane is due. For an entry that is due now, the time in its ID, so that
-- older entries go first.
local function due(name)
    local first = redis.call('ZRANGE', P .. 'queue:' .. name, 0, 0)[1]
    if not first then
        return nil
    end
    local id = string.match(first, ' (.*)$')
    local parked = redis.call('HGET', PARKED, id)
    local ready = parked and tonumber(string.match(parked, ' (%d+)$')) or 0
    if ready <= now then
        return math.min(place(id), now)
    end
    return ready
end

-- Stores changed lanes. Returns whether one of them has parked entries and no holder.
local function store_lanes()
    local changed, gone, free = {}, {}, false
    for name, lane in pairs(lanes) do
        if lane.dirty then
            if lane.held == 0 and lane.parked == 0 then
                gone[#gone + 1] = name
            else
                changed[#changed + 1] = name
                changed[#changed + 1] = lane.member .. ' ' .. digits(lane.held) .. ' ' .. digits(lane.parked)
            end
            if lane.parked > 0 and lane.held == 0 then
                local at = due(name)
                if at then
                    redis.call('ZADD', READY, text(at), name)
                    free = true
                else
                    redis.call('ZREM', READY, name)
                end
            elseif lane.before > 0 then
                redis.call('ZREM', READY, name)
            end
        end
    end
    many('HSET', LANES, changed)
    many('HDEL', LANES, gone)
    return free
end

local function wake()
    redis.call('XADD', WAKE, 'MAXLEN', '1', '*', 'w', '1')
end

local function pairs_of(flat)
    local map = {}
    for at = 1, #flat, 2 do
        map[flat[at]] = flat[at + 1]
    end
    return map
end

-- The group's entry of XINFO GROUPS.
local function group_info()
    for _, line in ipairs(redis.call('XINFO', 'GROUPS', T)) do
        local info = pairs_of(line)
        if info.name == G then
            return info
        end
    end
end

-- Sets the number of entries that a group has read to the number of entries removed from the stream. `id` is
-- the group's last ID, before the first entry. Requires Redis 7.
local function count_as_read(group, id)
    local stream = pairs_of(redis.call('XINFO', 'STREAM', T))
    if stream['entries-added'] then
        local read = text(stream['entries-added'] - stream.length)
        redis.call('XGROUP', 'SETID', T, group, id, 'ENTRIESREAD', read)
    end
end

local function before(a, b)
    local am, as = place(a)
    local bm, bs = place(b)
    if am ~= bm then
        return am < bm
    end
    return as < bs
end

-- The stored reply to a client's request, if this is a retry of its last request.
local function remembered(asker, number)
    local last = redis.call('GET', P .. 'answer:' .. asker)
    local of, answer = string.match(last or '', '^(%d+) (.*)$')
    return of == number and answer or nil
end

local function remember(asker, number, answer)
    redis.call('SET', P .. 'answer:' .. asker, number .. ' ' .. answer, 'PX', 3600000)
    return answer
end
