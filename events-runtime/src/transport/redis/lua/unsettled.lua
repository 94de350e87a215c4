-- What a group has not settled, without taking any of it. ARGV: group, the id behind which to begin, most
-- entries, most bytes. Gives the entries, packed, each a list of an id and the fields, and the id behind
-- which to go on, or an empty text where there are no more.
local after, most, most_bytes = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local info = group_info()
local last = info and info['last-delivered-id'] or '0-0'
local out, bytes = {}, 0

local function give(entry)
    out[#out + 1] = { entry[1], entry[2] }
    for at = 2, #entry[2], 2 do
        bytes = bytes + #entry[2][at]
    end
end

local function answer(from)
    return { #out > 0 and cmsgpack.pack(out) or '', from }
end

-- All that is pending stands before what is unread.
if info and info.pending > 0 then
    local pending = redis.call('XPENDING', T, G, '(' .. after, '+', most)
    for _, line in ipairs(pending) do
        after = line[1]
        -- One that is gone from the stream is passed over.
        local entry = redis.call('XRANGE', T, after, after)[1]
        if entry then
            give(entry)
        end
        if bytes >= most_bytes then
            return answer(after)
        end
    end
    if #pending == most then
        return answer(after)
    end
end
if before(after, last) then
    after = last
end
while #out < most and bytes < most_bytes do
    -- A few at once, for they may be large.
    local entries = redis.call('XRANGE', T, '(' .. after, '+', 'COUNT', math.min(most - #out, 16))
    if #entries == 0 then
        return answer('')
    end
    for _, entry in ipairs(entries) do
        after = entry[1]
        give(entry)
    end
end
return answer(after)
