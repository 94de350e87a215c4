-- Stores outcomes. KEYS[3] is the dead-letter stream. ARGV: group, member, request, the last claim of the member that
-- `register` stored (its token, its first and last ID, and the number of its entries) or four empty strings, then
-- runs of outcomes:
-- a token, a verb, and for `a` (ack) and `u` (release) a count and that many IDs; for `r` (retry) an ID and
-- a delay; for `p` (park) and `d` (postpone) the same, without counting the attempt; for `x` (reject) an ID, a count and that
-- many fields of the dead letter. Returns a string with `1` for each outcome, `0` if the claim does not hold
-- the entry, or `x` if its dead letter could not be stored, so that it is still held; then the last such
-- error.
local given = remembered(ARGV[2], ARGV[3])
if given then
    return given
end

-- One array per field: a table per outcome would cost more than the outcome itself.
local tokens, ids, verbs, first, last, count = {}, {}, {}, {}, {}, 0
local ids_of, at, parks = {}, 8, false
local isolates = redis.call('EXISTS', POISON) == 1

-- Acknowledges a whole claim, if these are all its entries in the order of its hash (large hashes are
-- unordered) and lanes are not stored. Returns whether it did.
local function acknowledge_whole(token, from, to)
    local claim, held_now = P .. 'claim:' .. token, to - from + 1
    if not sole or isolates or held_now < 1 or held_now > 512 or redis.call('HLEN', claim) ~= held_now then
        return false
    end
    local all = redis.call('HKEYS', claim)
    for index = from, to do
        if all[index - from + 1] ~= ARGV[index] then
            return false
        end
    end
    redis.call('XACK', T, G, unpack(ARGV, from, to))
    remove_claim(token)
    return true
end

-- Acknowledges entries of a claim that has a range. Returns a digit for each, or nil if it has none.
local function acknowledge_range(token, from, to)
    local claim = P .. 'claim:' .. token
    local range = sole and not isolates and redis.call('HGET', claim, '*')
    local first, last, held_now, consumer = string.match(range or '', '^(%S+) (%S+) (%S+) (.*)$')
    if last == '+' and token == ARGV[4] then
        first, last, held_now = ARGV[5], ARGV[6], ARGV[7]
    end
    held_now = tonumber(held_now)
    if not first or last == '+' then
        return nil
    end
    local digits, acked = {}, 0
    if held_now == to - from + 1 and held_now <= 4000 and ARGV[from] == first and ARGV[to] == last then
        redis.call('XACK', T, G, unpack(ARGV, from, to))
        digits[1], acked = string.rep('1', held_now), held_now
    else
        for index = from, to do
            local was_held = redis.call('XACK', T, G, ARGV[index])
            digits[#digits + 1], acked = was_held, acked + was_held
        end
    end
    if acked < held_now then
        redis.call('HSET', claim, '*', table.concat({ first, last, held_now - acked, consumer }, ' '))
    else
        remove_claim(token)
    end
    return table.concat(digits)
end

local whole = ''
while ARGV[at + 1] == 'a' do
    local from, to = at + 3, at + 2 + tonumber(ARGV[at + 2])
    local digits = acknowledge_range(ARGV[at], from, to)
    if not digits and acknowledge_whole(ARGV[at], from, to) then
        digits = string.rep('1', to - from + 1)
    end
    if not digits then
        break
    end
    whole, at = whole .. digits, to + 1
end
if at > #ARGV then
    return remember(ARGV[2], ARGV[3], whole)
end

while at <= #ARGV do
    local token, verb, next_at = ARGV[at], ARGV[at + 1], at + 4
    local of = ids_of[token] or {}
    ids_of[token] = of
    local from, to = at + 2, at + 2
    if verb == 'r' or verb == 'p' or verb == 'd' then
        first[count + 1], parks = tonumber(ARGV[at + 3]), true
    elseif verb == 'x' then
        first[count + 1], last[count + 1] = at + 4, at + 3 + tonumber(ARGV[at + 3])
        next_at = last[count + 1] + 1
    else
        from, to = at + 3, at + 2 + tonumber(ARGV[at + 2])
        next_at, parks = to + 1, parks or verb == 'u'
    end
    local known = #of
    for index = from, to do
        count, known = count + 1, known + 1
        tokens[count], ids[count], verbs[count] = token, ARGV[index], verb
        of[known] = ARGV[index]
    end
    at = next_at
end

if sole then
    for token in pairs(ids_of) do
        expand(token)
    end
end
if parks then
    write_lanes()
end

local values, names, name_of = {}, {}, {}
for token, of in pairs(ids_of) do
    local by_id = {}
    values[token] = by_id
    for from = 1, #of, 4000 do
        local to = math.min(from + 3999, #of)
        local found = redis.call('HMGET', P .. 'claim:' .. token, unpack(of, from, to))
        for index = from, to do
            local value = found[index - from + 1]
            by_id[of[index]] = value
            if value and value ~= '1 n' then
                local attempts, name = held(value, of[index])
                by_id[of[index]], name_of[of[index]] = attempts, name
                if not sole and string.sub(name, 1, 1) == 'k' then
                    names[#names + 1] = name
                end
            end
        end
    end
end
read_lanes(names)

-- A dead letter that can't be stored must not fail the other outcomes.
local dead_letter_error = ''
local function store_dead_letter(index)
    local stored = redis.pcall('XADD', KEYS[3], '*', unpack(ARGV, first[index], last[index]))
    if type(stored) == 'table' and stored.err then
        dead_letter_error = ' ' .. stored.err
        return false
    end
    return true
end

local results, acks, acked, done, cleared = {}, {}, 0, {}, {}
for index = 1, count do
    local token, id, verb = tokens[index], ids[index], verbs[index]
    local by_id = values[token]
    local value = by_id[id]
    if not value then
        results[index] = '0'
    elseif verb == 'x' and not store_dead_letter(index) then
        results[index] = 'x'
        by_id[id] = false
    else
        results[index] = '1'
        by_id[id] = false
        if value == '1 n' and verb == 'a' then
            acked = acked + 1
            acks[acked] = id
        else
            local attempts, name = value, name_of[id]
            if value == '1 n' then
                attempts, name = held(value, id)
            end
            if verb == 'r' then
                park(id, name, attempts, now + first[index])
            elseif verb == 'p' then
                park(id, name, attempts - 1, now + first[index])
            elseif verb == 'u' or verb == 'd' then
                -- A released poison candidate waits, so that other entries go first.
                local waits = isolates and is_poison_candidate(losses_of(id))
                park(id, name, attempts - 1, now + math.max(first[index] or 0, waits and 1000 or 0))
            else
                acked = acked + 1
                acks[acked] = id
            end
            let_go(name)
        end
        if isolates and verb ~= 'u' and verb ~= 'd' then
            cleared[#cleared + 1] = id
        end
        local of = done[token]
        if not of then
            of = {}
            done[token] = of
        end
        of[#of + 1] = id
    end
end
acknowledge(acks)
if isolates then
    many('HDEL', POISON, cleared)
end
for token, of in pairs(done) do
    many('HDEL', P .. 'claim:' .. token, of)
end
forget_empty_claims(done)
-- A settlement may allow another member to claim a poison candidate.
if store_lanes() or isolates then
    wake()
end
return remember(ARGV[2], ARGV[3], whole .. table.concat(results) .. dead_letter_error)
