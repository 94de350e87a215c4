-- Finds out why a group does not exist, and recreates it if requested. ARGV: group, `end`, `recover` or
-- `recover-topic`, the newest ID that the member knows. Returns the cause, and 1 if the group was recreated.
-- Causes: `there`, the group exists; `removed`, by an operation of ours; `emptied`, the topic was lost with
-- all its state; `deleted`, only the stream was deleted; `destroyed`, only the group was.
local stream = redis.call('TYPE', T).ok == 'stream' and pairs_of(redis.call('XINFO', 'STREAM', T))
if stream and group_info() then
    return { 'there', 0 }
elseif redis.call('EXISTS', P .. 'removed') == 1 then
    return { 'removed', 0 }
end
local beside = redis.call('EXISTS', SOLE, WAKE, MEMBERS, LEASES, P .. 'first') > 0
local state = beside and 'deleted' or 'emptied'
if stream then
    -- A recreated stream has only entries that the member does not know, and none was removed from it.
    local first, added = stream['first-entry'], stream['entries-added']
    if (added and added ~= stream.length) or (first and not before(ARGV[3], first[1])) then
        state = 'destroyed'
    end
end
if ARGV[2] == 'end' or (state == 'destroyed' and ARGV[2] ~= 'recover') then
    return { state, 0 }
end
redis.call('XGROUP', 'CREATE', T, G, '0-0', 'MKSTREAM')
count_as_read(G, '0-0')
reset_group()
return { state, 1 }
