-- SPDX-License-Identifier: MIT
-- Takes tokens from the fleet's buckets, puts unused ones back, and cools buckets down. A bucket
-- refills on Redis' clock at its present rate. Throttling halves that rate; it climbs back by a
-- twentieth of the configured one per second. Cool-downs double from one to the next (strikes);
-- each second without one, after the last, takes a doubling back.
-- KEYS flow control
-- ARGV per bucket (≤ 32): name, configured rate per s (0: none), burst, tokens wanted, tokens
-- given back, cool-down in ms ('': none)
-- Reply: now, control version, then per bucket tokens granted, ms until more are worth asking for
-- A bucket is kept as "tokens stamp rate until strikes limit burst", times in ms.
local flow, control = KEYS[1], KEYS[2]
local call, max, min = redis.call, math.max, math.min
local HOUR, STRIKE_MS = 3600000, 1000
local names = {}
for i = 1, #ARGV, 6 do
    names[#names + 1] = ARGV[i]
end
local version = tonumber(call('HGET', control, 'v') or 0)
local old = call('HMGET', flow, unpack(names))
local fields = call('HLEN', flow)
local t = call('TIME')
local now = t[1] * 1000 + t[2] / 1000

-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', flow, '')

local function load(text, limit, burst)
    local tokens, stamp, rate, till, strikes, was =
        string.match(text or '', '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+)')
    local b = {tokens = burst, stamp = now, rate = limit, till = 0, strikes = 0}
    if was then
        b = {tokens = tonumber(tokens), stamp = tonumber(stamp), rate = tonumber(rate),
            till = tonumber(till), strikes = tonumber(strikes)}
        was = tonumber(was)
        if was ~= limit then
            b.rate = was > 0 and b.rate * limit / was or limit
        end
    end
    return b
end

-- A clock that went back (another server) refills nothing.
local function refill(b, limit, burst, back)
    local s = max(0, now - max(b.stamp, b.till)) / 1000
    local room = limit > 0 and max(1, burst * b.rate / limit) or 0
    b.tokens = min(room, b.tokens + back + b.rate * s)
    b.rate = min(limit, b.rate + limit * s / 20)
    b.stamp = now
    return room
end

-- Calls that were out together are throttled together: one halving for all of them.
local function cool(b, name, limit, ms)
    local till = now + min(ms, HOUR)
    if now >= b.till then
        b.strikes = max(0, b.strikes - math.floor((now - b.till) / STRIKE_MS))
        local most = min(20000, 500 * 2 ^ b.strikes)
        till = max(till, now + most / 2 + most / 2 * (t[2] % 997) / 996)
        b.strikes = min(b.strikes + 1, 10)
        b.rate = min(limit, max(1, b.rate / 2))
    end
    b.tokens = 0
    if till > b.till then
        b.till = till
        call('HSET', control, 'cool:' .. name, string.format('%.0f', till))
        version = call('HINCRBY', control, 'v', 1)
    end
end

-- Enough for a fiftieth of a second: a smaller grant costs as much.
local function grant(b, room, want)
    local least = min(want, max(1, min(b.rate / 50, room)))
    if want <= 0 then
        return 0, 0
    end
    local n = 0
    if now >= b.till and b.tokens >= least then
        n = math.floor(min(want, b.tokens))
        b.tokens = b.tokens - n
    end
    if n >= want then
        return n, 0
    end
    local ms = b.rate > 0 and max(0, least - b.tokens) / b.rate * 1000 or 0
    return n, math.ceil(max(1, b.till - now + ms, ms))
end

-- Labels of hosts that are gone: dropped when there are many.
local function prune()
    local all = call('HGETALL', flow)
    for i = 1, #all, 2 do
        local stamp = tonumber(string.match(all[i + 1], '^%S+ (%S+)') or 0)
        if stamp < now - HOUR then
            call('HDEL', flow, all[i])
        end
    end
end

local reply = {math.floor(now), version}
for i, name in ipairs(names) do
    local limit, burst = tonumber(ARGV[6 * i - 4]), tonumber(ARGV[6 * i - 3])
    local want, back = tonumber(ARGV[6 * i - 2]), tonumber(ARGV[6 * i - 1])
    local ms = tonumber(ARGV[6 * i])
    local b = load(old[i], limit, burst)
    local room = refill(b, limit, burst, back)
    if ms then
        cool(b, name, limit, ms)
    end
    reply[2 * i + 1], reply[2 * i + 2] = grant(b, room, want)
    if ms then
        reply[2 * i + 2] = math.ceil(max(1, b.till - now))
    end
    call('HSET', flow, name, string.format('%.4f %.3f %.4f %.0f %d %.4f %.4f', b.tokens, b.stamp,
        b.rate, b.till, b.strikes, limit, burst))
    if not old[i] and fields >= 256 then
        prune()
        fields = 0
    end
end
reply[2] = version
return reply
