-- Makes a claim of what an XREADGROUP of the same transaction has read, if nothing but new entries can be due and
-- no other member holds any; otherwise undoes the read. Sent in full, so that it can't be missing where the read
-- succeeds. Stands alone, since the server hashes what is sent in full.
-- ARGV: group, member, consumer, token, lease, the last ID that this member has read before, the request of this
-- member that must have been executed or an empty string, and the last claim that this script made for it (its
-- token, its first and last ID, and the number of its entries) or four empty strings.
-- Returns 1 if there is a claim, 0 if nothing was read, and -1 if the read was undone.
local T, P, G = KEYS[1], KEYS[2], ARGV[1]
local member, consumer, token, lease, after, request = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local LEASES, claim = P .. 'leases', P .. 'claim:'
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function text(number)
    return string.format('%.0f', number)
end

local function is_before(a, b)
    local am, as = string.match(a, '^(%d+)-(%d+)$')
    local bm, bs = string.match(b, '^(%d+)-(%d+)$')
    if am ~= bm then
        return tonumber(am) < tonumber(bm)
    end
    return #as < #bs or (#as == #bs and as < bs)
end

local function is_usual()
    if redis.call('GET', P .. 'sole') ~= member or redis.call('EXISTS', P .. 'suspects') == 1 then
        return false
    end
    if #redis.call('ZRANGEBYSCORE', LEASES, '-inf', text(now), 'LIMIT', 0, 1) > 0 then
        return false
    end
    local executed = string.match(redis.call('GET', P .. 'answer:' .. member) or '', '^(%d+) ')
    if request ~= '' and executed ~= request then
        return false
    end
    -- Entries that were removed before the group read them are reported by the script `claim`.
    local first = redis.call('XRANGE', T, '-', '+', 'COUNT', 1)[1]
    return first and (not is_before(after, first[1]) or redis.call('GET', P .. 'first') == first[1])
end

local function register()
    local before, first, last, count = ARGV[8], ARGV[9], ARGV[10], ARGV[11]
    local range = before ~= '' and redis.call('HGET', claim .. before, '*')
    if range and string.sub(range, 1, 1) == '(' then
        redis.call('HSET', claim .. before, '*', table.concat({ first, last, count, consumer }, ' '))
    end
    redis.call('HSET', claim .. token, '*', '(' .. after .. ' + - ' .. consumer)
    redis.call('HSET', P .. 'members', token, member .. ' ' .. text(now))
    redis.call('ZADD', LEASES, text(now + tonumber(lease)), token)
end

if #redis.call('XPENDING', T, G, '(' .. after, '+', 1, consumer) == 0 then
    return 0
end
-- A server without free memory rejects the first write.
if is_usual() and pcall(register) then
    return 1
end

local claims, ids = redis.call('ZRANGE', LEASES, 0, -1), {}
for _, line in ipairs(redis.call('XPENDING', T, G, '(' .. after, '+', 10000, consumer)) do
    local is_claimed = false
    for _, other in ipairs(claims) do
        is_claimed = is_claimed or redis.call('HEXISTS', claim .. other, line[1]) == 1
    end
    if not is_claimed then
        ids[#ids + 1] = line[1]
    end
end
if #ids == 0 then
    return 0
end
local previous = redis.call('XREVRANGE', T, '(' .. ids[1], '-', 'COUNT', 1)[1]
local undo = { 'XGROUP', 'SETID', T, G, previous and previous[1] or '0-0' }
for _, group in ipairs(redis.call('XINFO', 'GROUPS', T)) do
    local info = {}
    for at = 1, #group, 2 do
        info[group[at]] = group[at + 1]
    end
    if info.name == G and info['entries-read'] then
        undo[6], undo[7] = 'ENTRIESREAD', text(info['entries-read'] - #ids)
    end
end
redis.call('XACK', T, G, unpack(ids))
redis.call('DEL', claim .. token)
redis.call(unpack(undo))
return -1
