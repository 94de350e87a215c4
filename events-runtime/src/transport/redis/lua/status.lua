-- How far a group is. ARGV: group. Gives what is pending, what of it is parked, what is unread, and the
-- id of the earliest that is not settled, or an empty text.
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
