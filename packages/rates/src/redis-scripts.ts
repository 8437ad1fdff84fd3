import { createHash } from "node:crypto";

const script = (text: string) => ({ text, sha1: createHash("sha1").update(text).digest("hex") });

/**
 * `rate-formula.ts`, in Lua. KEYS: the counter (a hash), the names of the present period (a Bloom filter as a bitmap).
 * ARGV: period in seconds, limit, count, update, then the positions of the name's bits. Gives the rate as text: a number
 * would lose its fraction.
 */
export const RATE_SCRIPT = script(`
local period, limit, count, update = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local before = redis.call('HMGET', KEYS[1], 'rate', 'at')
local is_new = nil
if update == 'readonly' then
  count = 0
elseif #ARGV > 4 then
  is_new = false
  for i = 5, #ARGV do
    if redis.call('SETBIT', KEYS[2], ARGV[i], 1) == 0 then is_new = true end
  end
  if redis.call('PTTL', KEYS[2]) < 0 then redis.call('PEXPIRE', KEYS[2], math.ceil(period * 1000)) end
  if not is_new then count = 0 end
end
local rate = count
if before[1] then
  local age = math.max(now - tonumber(before[2]), 1e-9) / period
  local fresh = 1
  if age > 1e-5 then fresh = (1 - math.exp(-age)) / age else fresh = 1 - age / 2 end
  rate = math.max(fresh * count + math.exp(-age) * tonumber(before[1]), count)
end
if update == 'strict' or (update == 'leaky' and rate < limit) then
  redis.call('HSET', KEYS[1], 'rate', string.format('%.17g', rate), 'at', string.format('%.6f', now))
  local kept = (10 + math.log(math.max(rate, 1))) * period * 1000
  redis.call('PEXPIRE', KEYS[1], math.min(math.ceil(kept), 366 * 86400000))
end
return string.format('%.17g', rate)
`);

/** KEYS: the time of the record. ARGV: update, age in seconds for a refresh, milliseconds to keep it. Gives the age, or nothing. */
export const SEEN_SCRIPT = script(`
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local at = redis.call('GET', KEYS[1])
local age = nil
if at then age = math.max(now - tonumber(at), 0) end
if ARGV[1] == 'always' or (ARGV[1] == 'refresh' and (age == nil or age >= tonumber(ARGV[2]))) then
  redis.call('SET', KEYS[1], string.format('%.6f', now), 'PX', ARGV[3])
end
if age == nil then return '' end
return string.format('%.6f', age)
`);
