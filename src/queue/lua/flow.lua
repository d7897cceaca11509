-- SPDX-License-Identifier: MIT
-- Takes tokens from the fleet's limits, puts unused ones back, and learns from the provider's
-- answers. A limit refills on Redis' clock at its present rate.
-- An account is throttled when two different calls were, without an answer let through between
-- them: then it rests, for as long as the provider said; where it said nothing, for a quarter of a
-- second at most, twice as long from one rest to the next that nothing got through between, up to
-- two seconds. The rate falls to what was let through lately and climbs by a fiftieth of that per
-- second for ten seconds, then by steps that double every five; time in which nobody wanted more
-- does not count. A rest that nothing got through before says nothing of the rate. Nor does one
-- while eight of nine calls get through: then some calls are refused for reasons of their own.
-- KEYS: flow control
-- ARGV: , name rate burst want back through throttled first last hint age … (limits: ≤ 32)
-- rate: as configured, per s (0: none); want, back: tokens wanted and given back; through,
-- throttled: answers; first, last: of the calls that were throttled (numbers, 0: none); hint: the
-- longest wait in ms that the provider asked for ('': none); age: ms since the last was sent.
-- REPLY: now version, granted wait rest passed turns who … (at last how many values were repaired)
-- wait: ms until more are worth asking for; rest: ms that it rests; passed: answers let through so
-- far; turns: how often another call was throttled than the one before it; who: the last of them.
-- A limit is kept as "tokens stamp rate until strikes limit burst" and "base climbed cut passed
-- turns who row since fresh before refused", times in ms: rate after the last cut and seconds that
-- it has climbed; when it was cut; the reply's counts; row 1: nothing got through since who was
-- throttled; then what was let through in this period, per s in the one before (-1: none), and
-- what was throttled.
local call, max, min, floor = redis.call, math.max, math.min, math.floor
local HOUR = 3600000
local REST_MS, REST_MAX_MS, TOGETHER_MS, TELL_MS = 250, 2000, 250, 100
local RATE_MIN = 0.25
local names = {}
for i = 1, #ARGV.name do
    names[i] = ARGV.name[i]
end
local seen = call('HGET', KEYS.control, 'v') or '0'
local old = call('HMGET', KEYS.flow, unpack(names))
local count = call('HLEN', KEYS.flow)
local t = call('TIME')
local now = t[1] * 1000 + t[2] / 1000

-- A first write that a full memory cannot refuse lets those after it pass.
call('HDEL', KEYS.flow, '')
local repaired = 0
local version = #seen < 16 and string.match(seen, '^%d+$') and tonumber(seen)
if not version then
    -- It could not grow: it begins anew, where nobody has seen it.
    version, repaired = floor(now), 1
    call('HSET', KEYS.control, 'v', string.format('%.0f', now))
end

local HEAD = '^(%S+) (%S+) (%S+) (%S+) (%S+) (%S+) %S+()'
local TAIL = '^' .. string.rep(' (%S+)', 11) .. '$'
local HEAD_FORMAT = '%.4f %.3f %.4f %.0f %d %.4f %.4f'
local TAIL_FORMAT = ' %.4f %.3f %.3f %.0f %.0f %.0f %d %.3f %.3f %.3f %.3f'

local NAMES = {'tokens', 'stamp', 'rate', 'till', 'strikes', 'base', 'climbed', 'cut', 'passed',
    'turns', 'who', 'row', 'since', 'fresh', 'before', 'refused'}
local EVER = 2 ^ 53
local LEAST = {stamp = -EVER, till = -EVER, cut = -EVER, since = -EVER, before = -1}
local MOST = {till = now + HOUR, cut = now + HOUR, strikes = 10, row = 1}

local function is_sound(b, was)
    for _, name in ipairs(NAMES) do
        local x = b[name]
        if not (x and x >= (LEAST[name] or 0) and x <= (MOST[name] or EVER)) then
            return false -- no number is neither
        end
    end
    return was and was >= 0 and was <= EVER
end

local function new(limit, burst)
    return {tokens = burst, stamp = now, rate = limit, till = 0, strikes = 0, base = 0,
        climbed = 0, cut = 0, passed = 0, turns = 0, who = 0, row = 0, since = now, fresh = 0,
        before = -1, refused = 0}
end

-- A version before this one, and a limit of which nothing has been reported, has the head only.
-- One whose numbers are none, or out of all reason, is as new: it might never grant a token again.
local function load(text, limit, burst)
    local b = new(limit, burst)
    local tokens, stamp, rate, till, strikes, was, tail = string.match(text or '', HEAD)
    if not was then
        repaired = repaired + (text and 1 or 0)
        return b
    end
    b.tokens, b.stamp, b.rate = tonumber(tokens), tonumber(stamp), tonumber(rate)
    b.till, b.strikes = tonumber(till), tonumber(strikes)
    local base, climbed, cut, passed, turns, who, row, since, fresh, before, refused =
        string.match(text, TAIL, tail)
    if refused then
        b.base, b.climbed, b.cut = tonumber(base), tonumber(climbed), tonumber(cut)
        b.passed, b.turns, b.who = tonumber(passed), tonumber(turns), tonumber(who)
        b.row, b.since, b.fresh = tonumber(row), tonumber(since), tonumber(fresh)
        b.before, b.refused = tonumber(before), tonumber(refused)
    end
    was = tonumber(was)
    if not is_sound(b, was) then
        repaired = repaired + 1
        return new(limit, burst)
    end
    if was ~= limit then
        b.rate = was > 0 and b.rate * limit / was or limit
        b.base = was > 0 and b.base * limit / was or 0
    end
    b.rate = max(b.rate, min(limit, RATE_MIN)) -- nothing is let through at a rate of 0
    return b
end

-- Nobody knows yet whether the account is open again: a few calls are to tell.
local function pace(b)
    return b.strikes > 1 and min(b.rate, max(2, min(20, b.rate / 20))) or b.rate
end

local function climb(b, limit, s)
    if b.base <= 0 then
        b.base, b.climbed = b.rate, 0
    end
    local step = min(0.5, 0.02 * 2 ^ max(0, (b.climbed - 5) / 3))
    b.rate = min(limit, b.rate + b.base * step * s)
    b.climbed = b.climbed + s
    if b.rate == limit then
        b.base = 0
    end
end

-- A clock that went back (another server) refills nothing.
local function refill(b, limit, burst, back)
    local s = max(0, now - max(b.stamp, b.till)) / 1000
    local room = limit > 0 and max(1, min(2, burst), burst * b.rate / limit) or 0
    local rate = pace(b)
    b.tokens = min(room, b.tokens + back)
    local wanted_s = rate > 0 and min(s, (room - b.tokens) / rate) or 0
    b.tokens = min(room, b.tokens + rate * s)
    if b.rate < limit and b.strikes < 2 then
        climb(b, limit, wanted_s)
    end
    b.rate = min(b.rate, limit)
    b.stamp = now
    return room
end

-- Ten calls' worth, a second at least, ten at most.
local function period(b)
    return min(10000, max(1000, 10000 / max(b.rate, 1)))
end

local function turn_period(b)
    local age, long = now - b.since, period(b)
    if age >= long and age < 2 * long then
        b.before = b.fresh / age * 1000
    elseif age > -long and age < long then
        return
    else
        b.before = -1
    end
    b.since, b.fresh, b.refused = now, 0, b.refused / 2
end

-- What the provider may have let through per second: few calls say little, so a standard deviation
-- is added.
local function lately(b)
    local age, long = now - b.since, period(b)
    local ms = max(b.before < 0 and TOGETHER_MS or long, age)
    local n = b.fresh + max(0, b.before) * max(0, long - age) / 1000
    return (n + math.sqrt(n)) / ms * 1000, n
end

-- part: so many calls must have been throttled for one that got through.
local function learn(b, part)
    local through, n = lately(b)
    if b.strikes > 0 or b.rate <= 0 or n < 1 or b.refused < n * part then
        return
    end
    b.rate = min(b.rate, max(RATE_MIN, min(b.rate * 0.95, through)))
    b.base, b.climbed, b.cut, b.refused = b.rate, 0, now, 0
end

local function tell(b, name)
    call('HSET', KEYS.control, 'cool:' .. name, string.format('%.0f', b.till))
    version = call('HINCRBY', KEYS.control, 'v', 1)
end

-- Calls that were out together are throttled together, and so is what was sent until all heard of
-- it: one fall of the rate for all of them.
local function rest(b, name, hint, age)
    local fresh = now - age >= max(b.till, b.cut + TOGETHER_MS)
    local till = hint and now + min(hint, HOUR) or 0
    if fresh then
        local most = min(REST_MAX_MS, REST_MS * 2 ^ b.strikes)
        if not hint then
            till = now + most / 2 + most / 2 * (t[2] % 997) / 996
        end
        learn(b, 1 / 8)
        b.strikes, b.cut = min(b.strikes + 1, 10), now
        b.tokens = b.strikes > 1 and 2 or 0
    end
    if till > b.till then
        b.till = till
        if till - now >= TELL_MS then
            tell(b, name)
        end
    end
end

-- What the asker's calls were answered. True when the account is throttled.
local function note(b, through, throttled, first, last)
    if through > 0 and b.strikes > 1 then
        b.since, b.fresh, b.before, b.refused = now, 0, -1, 0
    end
    if through > 0 then
        b.passed, b.fresh = b.passed + through, b.fresh + through
        b.row, b.strikes = 0, 0
    end
    if throttled == 0 then
        return false
    end
    local others = first ~= last or (b.row == 1 and b.who ~= first)
    if first ~= last or b.who ~= first then
        b.refused = b.refused + throttled
    end
    b.turns = b.turns + (b.who ~= first and 1 or 0) + (first ~= last and 1 or 0)
    b.who, b.row = last, 1
    return others
end

-- Enough for a fiftieth of a second: a smaller grant costs as much. A twentieth at most, so that
-- the others get something too.
local function grant(b, room, want)
    local rate = pace(b)
    local least = min(want, max(1, min(rate / 50, room)))
    if want <= 0 then
        return 0, 0
    end
    local n = 0
    if now >= b.till and b.tokens >= least then
        n = floor(min(want, b.tokens, b.base > 0 and max(1, rate / 20) or want))
        b.tokens = b.tokens - n
    end
    if n >= want then
        return n, 0
    end
    local ms = rate > 0 and max(n / 2, least - b.tokens) / rate * 1000 or 0
    return n, math.ceil(max(1, b.till - now + ms, ms))
end

local function save(b, name, limit, burst)
    local text = string.format(HEAD_FORMAT, b.tokens, b.stamp, b.rate, b.till, b.strikes, limit,
        burst)
    if b.passed > 0 or b.turns > 0 or b.base > 0 then
        text = text .. string.format(TAIL_FORMAT, b.base, b.climbed, b.cut, b.passed, b.turns,
            b.who, b.row, b.since, b.fresh, b.before, b.refused)
    end
    call('HSET', KEYS.flow, name, text)
end

-- Labels of hosts that are gone: dropped when there are many.
local function prune()
    local all = call('HGETALL', KEYS.flow)
    for i = 1, #all, 2 do
        local stamp = tonumber(string.match(all[i + 1], '^%S+ (%S+)') or 0)
        if stamp < now - HOUR then
            call('HDEL', KEYS.flow, all[i])
        end
    end
end

local reply = {floor(now), version}
for i, name in ipairs(names) do
    local limit, burst = tonumber(ARGV.rate[i]), tonumber(ARGV.burst[i])
    local want, back = tonumber(ARGV.want[i]), tonumber(ARGV.back[i])
    local through, throttled = tonumber(ARGV.through[i]), tonumber(ARGV.throttled[i])
    local age = tonumber(ARGV.age[i])
    local b = load(old[i], limit, burst)
    turn_period(b)
    local room = refill(b, limit, burst, back)
    if note(b, through, throttled, tonumber(ARGV.first[i]), tonumber(ARGV.last[i])) then
        rest(b, name, tonumber(ARGV.hint[i]), age)
    elseif throttled > 0 and b.refused >= 3 and now - age >= b.cut + TOGETHER_MS then
        learn(b, 1 / 2)
    end
    reply[REPLY.granted[i]], reply[REPLY.wait[i]] = grant(b, room, want)
    reply[REPLY.rest[i]] = math.ceil(max(0, b.till - now))
    reply[REPLY.passed[i]], reply[REPLY.turns[i]], reply[REPLY.who[i]] = b.passed, b.turns, b.who
    save(b, name, limit, burst)
    if not old[i] and count >= 256 then
        prune()
        count = 0
    end
end
reply[REPLY.version] = version
reply[#reply + 1] = repaired
return reply
