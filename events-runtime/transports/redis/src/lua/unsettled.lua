-- Reads unsettled entries of a group without claiming them. ARGV: group, the ID after which to start, maximum
-- of entries, maximum of bytes. Returns the entries as MessagePack, each an array of an ID and the fields,
-- and the ID after which to continue, or an empty string if there are no more.
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

-- Pending entries precede unread ones.
if info and info.pending > 0 then
    local pending = redis.call('XPENDING', T, G, '(' .. after, '+', most)
    for _, line in ipairs(pending) do
        after = line[1]
        -- Skips entries that were removed from the stream.
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
    -- A few at a time, since they may be large.
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
