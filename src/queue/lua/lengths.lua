-- SPDX-License-Identifier: MIT
-- How many elements lists have together.
-- KEYS: , list … (≤ 1000)
-- REPLY: now elements
local t, sum = redis.call('TIME'), 0
for i = 1, #KEYS.list do
    sum = sum + redis.call('LLEN', KEYS.list[i])
end
return {t[1] * 1000 + math.floor(t[2] / 1000), sum}
