-- SPDX-License-Identifier: MIT
-- For scripts that have the key control, seen (its field v, or '0'), now and call.
local version = #seen < 16 and string.match(seen, '^%d+$') and tonumber(seen)
if not version then
    -- It could not grow: it begins anew, where nobody has seen it.
    version = now
    call('HDEL', KEYS.control, '', 'v')
    call('HSET', KEYS.control, 'v', string.format('%.0f', now))
end
