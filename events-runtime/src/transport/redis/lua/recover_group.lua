-- Tells why a group is not there, and makes it anew where that is asked for. ARGV: group, `end`, `recover` or
-- `recover-topic`, the newest id that the member knows of. Gives one word, and 1 where it was made: `there`;
-- `removed`, by somebody who said so here; `emptied`, nothing of the topic is left or was when others made it
-- anew; `deleted`, only the stream was; `destroyed`, only the group.
local stream = redis.call('TYPE', T).ok == 'stream' and pairs_of(redis.call('XINFO', 'STREAM', T))
if stream and group_info() then
    return { 'there', 0 }
elseif redis.call('EXISTS', P .. 'removed') == 1 then
    return { 'removed', 0 }
end
local beside = redis.call('EXISTS', SOLE, WAKE, MEMBERS, LEASES, P .. 'first') > 0
local state = beside and 'deleted' or 'emptied'
if stream then
    -- One that was made anew has nothing that the member knew of, and nothing was ever taken from it.
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
begin_anew()
return { state, 1 }
