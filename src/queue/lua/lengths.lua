-- SPDX-License-Identifier: MIT
-- How many elements lists have together.
-- KEYS the lists (≤ 1000)
-- Reply: now, elements
local t, sum = redis.call('TIME'), 0
for _, key in ipairs(KEYS) do
    sum = sum + redis.call('LLEN', key)
end
return {t[1] * 1000 + math.floor(t[2] / 1000), sum}
