-- What goes back to the group without its member saying so; used by a claim.

-- Whose a claim is, when it was made, and whether another claim of the member was lost before.
local function owner(value)
    local whose, made, shared = string.match(value, '^(%S+) (%d+)(.*)$')
    return whose, tonumber(made), shared ~= ''
end

-- An entry's attempts, where its member was lost: that counts as one where the member held this entry
-- alone, or where it is the suspect, and then what was left out before counts too; which of several was
-- its end is not known.
local function lost(id, attempts, alone)
    local losses = losses_of(id)
    if alone or is_suspect(losses) then
        redis.call('HSET', SUSPECTS, id, -1)
        return attempts + math.max(losses, 0)
    end
    redis.call('HSET', SUSPECTS, id, losses + 1)
    return attempts - 1
end

-- What is held beyond its lease goes back.
local function recover_overdue()
    local overdue = redis.call('ZRANGEBYSCORE', LEASES, '-inf', text(now), 'LIMIT', 0, 100)
    if #overdue == 0 then
        return
    end
    local members, open, gone_ones = pairs_of(redis.call('HGETALL', MEMBERS)), {}, {}
    for claim, value in pairs(members) do
        local whose = owner(value)
        open[whose] = (open[whose] or 0) + redis.call('HLEN', P .. 'claim:' .. claim)
    end
    for _, over in ipairs(overdue) do
        local whose, _, shared = owner(members[over] or '? 0')
        local entries = redis.call('HGETALL', P .. 'claim:' .. over)
        for at = 1, #entries, 2 do
            local id = entries[at]
            local attempts, name = held(entries[at + 1], id)
            park(id, name, lost(id, attempts, open[whose] == 1 and not shared), now)
            let_go(name)
        end
        redis.call('DEL', P .. 'claim:' .. over)
        redis.call('ZREM', LEASES, over)
        redis.call('HDEL', MEMBERS, over)
        members[over] = nil
        gone_ones[whose] = true
    end
    -- What such a member still holds is not alone although it will be all that is left.
    for claim, value in pairs(members) do
        local whose, made, shared = owner(value)
        if gone_ones[whose] and not shared then
            redis.call('HSET', MEMBERS, claim, whose .. ' ' .. text(made) .. ' s')
        end
    end
end

-- Entries that some other client was given and never acknowledged go to whoever asks next: idle for so
-- long, from this id on, of this consumer or of all where it is an empty text. Gives how many were gone
-- from the stream, and where to go on.
local function recover_foreign(idle, from, of)
    local gone = 0
    local range = { 'XPENDING', T, G, 'IDLE', text(idle), from, '+', 100 }
    range[#range + 1] = of ~= '' and of or nil
    local pending = redis.call(unpack(range))
    local claims = #pending > 0 and redis.call('ZRANGE', LEASES, 0, -1) or {}
    for _, line in ipairs(pending) do
        local id, attempts = line[1], line[4]
        local known = redis.call('HEXISTS', PARKED, id) == 1
        for _, claim in ipairs(claims) do
            known = known or redis.call('HEXISTS', P .. 'claim:' .. claim, id) == 1
        end
        if not known then
            local entry = redis.call('XRANGE', T, id, id)[1]
            if entry then
                local key = key_of(entry[2])
                park(id, key and 'k' .. key or 'n' .. id, attempts, now)
            else
                redis.call('XACK', T, G, id)
                gone = gone + 1
            end
        end
    end
    return gone, #pending == 100 and '(' .. pending[100][1] or '-'
end

-- How many entries somebody trimmed away, or deleted, before the group had read them; and what to note
-- down of it, or nil. Where Redis does not know how many the group has read, as before version 7, they
-- can't be told. Nothing is written, for a server without memory left refuses a script's first write.
local function find_missed()
    local entry = redis.call('XRANGE', T, '-', '+', 'COUNT', 1)[1]
    local known = redis.call('GET', P .. 'first')
    if entry and entry[1] == known then
        return 0
    end
    local stream = pairs_of(redis.call('XINFO', 'STREAM', T))
    local first = entry and entry[1] or stream['last-generated-id']
    if not stream['entries-added'] or first == known then
        return 0
    end
    local found, info = { first = first }, group_info()
    if not info or not info['entries-read'] or not before(info['last-delivered-id'], first) then
        return 0, found
    end
    -- All that is there is unread.
    found.gone = stream['entries-added'] - stream.length
    found.last = info['last-delivered-id']
    return math.max(found.gone - info['entries-read'], 0), found
end

-- Notes it down, so that it is told once, when so many more were read, up to this one. Says whether it was.
local function note_missed(found, read, last)
    if not redis.pcall('SET', P .. 'first', found.first).ok then
        return false
    end
    if found.gone then
        redis.call('XGROUP', 'SETID', T, G, last or found.last, 'ENTRIESREAD', text(found.gone + read))
    end
    return true
end
