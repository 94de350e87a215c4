-- The progress of a group. ARGV: group. Returns the numbers of pending, parked and unread entries, and the
-- ID of the first unsettled entry or an empty string. Parked entries are also pending.
local info = group_info()
if not info then
    return { 0, 0, 0, '' }
end
local stream = pairs_of(redis.call('XINFO', 'STREAM', T))
local last, unread = info['last-delivered-id'], 0
local first = stream['first-entry']
if not first or not before(last, stream['last-generated-id']) then
    unread = 0
elseif before(last, first[1]) then
    unread = stream.length
elseif info.lag then
    unread = info.lag
else
    local from = '(' .. last
    repeat
        local entries = redis.call('XRANGE', T, from, '+', 'COUNT', 1000)
        unread = unread + #entries
        from = #entries > 0 and '(' .. entries[#entries][1]
    until #entries < 1000
end
local next_one = info.pending > 0 and redis.call('XPENDING', T, G)[2] or ''
if next_one == '' and unread > 0 then
    local entry = redis.call('XRANGE', T, '(' .. last, '+', 'COUNT', 1)[1]
    next_one = entry and entry[1] or ''
end
return { info.pending, redis.call('HLEN', PARKED), unread, next_one }
