-- Creates a group, and the stream, if they do not exist. ARGV: group, the ID after which it starts.
-- Returns 1 if it was created.
local made = redis.pcall('XGROUP', 'CREATE', T, G, ARGV[2], 'MKSTREAM')
if type(made) == 'table' and made.err then
    if string.find(made.err, 'BUSYGROUP', 1, true) then
        return 0
    end
    return made
end
reset_group()
-- Entries removed before the group was created do not count as missed.
if ARGV[2] == '0-0' then
    count_as_read(G, '0-0')
end
return 1
