-- Makes a group where it is missing, and the stream too. ARGV: group, the id behind which it begins.
-- Gives 1 where it was made.
local made = redis.pcall('XGROUP', 'CREATE', T, G, ARGV[2], 'MKSTREAM')
if type(made) == 'table' and made.err then
    if string.find(made.err, 'BUSYGROUP', 1, true) then
        return 0
    end
    return made
end
begin_anew()
-- What went before the group was made is nothing that it missed.
if ARGV[2] == '0-0' then
    count_as_read(G, '0-0')
end
return 1
