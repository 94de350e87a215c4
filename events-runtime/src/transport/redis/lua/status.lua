-- How far a group is. ARGV: group. Gives what is pending, what of it is parked, and what is unread.
local info = group_info()
if not info then
    return { 0, 0, 0 }
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
return { info.pending, redis.call('HLEN', PARKED), unread }
