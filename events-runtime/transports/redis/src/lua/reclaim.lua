-- Reclaims entries whose members did not settle them. Used by claim.lua.

-- The member of a claim, when the claim was made, and whether the member lost another claim before.
local function owner(value)
    local whose, made, shared = string.match(value, '^(%S+) (%d+)(.*)$')
    return whose, tonumber(made), shared ~= ''
end

-- The attempts of an entry whose member was lost. The loss counts as an attempt only if the member held no
-- other entry, or if the entry is a poison candidate already; then earlier losses count too. Otherwise it
-- is unknown which entry caused the loss.
local function attempts_after_loss(id, attempts, held_alone)
    local losses = losses_of(id)
    if held_alone or is_poison_candidate(losses) then
        redis.call('HSET', POISON, id, -1)
        return attempts + math.max(losses, 0)
    end
    redis.call('HSET', POISON, id, losses + 1)
    return attempts - 1
end

-- Parks entries whose lease has expired.
local function recover_overdue()
    local overdue = redis.call('ZRANGEBYSCORE', LEASES, '-inf', text(now), 'LIMIT', 0, 100)
    if #overdue == 0 then
        return
    end
    local members, open, lost_members = pairs_of(redis.call('HGETALL', MEMBERS)), {}, {}
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
            park(id, name, attempts_after_loss(id, attempts, open[whose] == 1 and not shared), now)
            let_go(name)
        end
        remove_claim(over)
        members[over] = nil
        lost_members[whose] = true
    end
    -- Entries that such a member still holds do not count as held alone.
    for claim, value in pairs(members) do
        local whose, made, shared = owner(value)
        if lost_members[whose] and not shared then
            redis.call('HSET', MEMBERS, claim, whose .. ' ' .. text(made) .. ' s')
        end
    end
end

-- Parks entries that foreign clients received and did not acknowledge for `idle`, starting at the ID `from`,
-- of the consumer `of` or of all if that is empty. Returns the number of entries that were removed from the
-- stream, and where to continue.
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

-- The number of entries that were removed before the group read them, and what to record, or nil. Unknown
-- before Redis 7, which counts the entries read by a group. Writes nothing, since a server without free
-- memory rejects the first write of a script.
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
    -- All entries of the stream are unread.
    found.gone = stream['entries-added'] - stream.length
    found.last = info['last-delivered-id']
    return math.max(found.gone - info['entries-read'], 0), found
end

-- Records the number, so that it is reported once. `read` entries, up to `last`, were read since. Returns
-- whether it was recorded.
local function note_missed(found, read, last)
    if not redis.pcall('SET', P .. 'first', found.first).ok then
        return false
    end
    if found.gone then
        redis.call('XGROUP', 'SETID', T, G, last or found.last, 'ENTRIESREAD', text(found.gone + read))
    end
    return true
end
