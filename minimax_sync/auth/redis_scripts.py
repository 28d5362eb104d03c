"""The operations on a bundle in Redis, as Lua: each script is one atomic step that uses the clock of Redis.

Two keys: NAME, the bundle's text, the same as in a file; and NAME:state, a hash with the records that a file has beside
it: `stored_at`, `lease` and `lease_until`, `intent` and `intent_at`. Every write has a later `stored_at` than the one
before, so an earlier one than a process remembers shows that Redis has lost data: it was restarted without
`appendonly`, flushed, or failed over.
"""

from __future__ import annotations

LEASE = 30
"""Seconds that a lease lasts, renewed just before the POST: longer than a POST with its repetitions (25 s), so that no
other process gets it during one, and shorter than `LOCK_WAIT`."""

_GRACE = 6
"""Seconds that a lease which ended with an intent record is blocked for, once: its holder may live, have a new pair in
memory and store it as soon as it reaches Redis, which it tries every 5 s."""

_REMEMBERED = 30 * 86400
"""Seconds that NAME:state outlives a logout, so that no process takes it for a data loss and restores the login."""

_HEAD = """
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local name, state = KEYS[1], KEYS[2]
local text = redis.call('GET', name)
local stored_at = tonumber(redis.call('HGET', state, 'stored_at') or 0)
local function exact(number) return string.format('%.17g', number) end
local function holder()
    local lease = redis.call('HMGET', state, 'lease', 'lease_until')
    return lease[1] and tonumber(lease[2]) > now and lease[1]
end
local function lease_to(whom, seconds)
    redis.call('HSET', state, 'lease', whom, 'lease_until', exact(now + seconds))
end
local function stamp(remembered)
    stored_at = math.max(now, stored_at + 0.001, remembered + 0.001)
    redis.call('HSET', state, 'stored_at', exact(stored_at))
    redis.call('HDEL', state, 'intent', 'intent_at')
    redis.call('PERSIST', state)
end
"""

READ = (
    _HEAD
    + """
local note = redis.call('HMGET', state, 'intent', 'intent_at')
return {text, exact(stored_at), note[1], note[2] and exact(now - note[2])}
"""
)
"""() -> text, stored_at, intent, the intent's age."""

LOCK = (
    _HEAD
    + """
if stored_at < tonumber(ARGV[2]) then return -1 end
if holder() then return 0 end
local left = redis.call('HMGET', state, 'lease', 'intent')
if left[1] and left[1] ~= 'lost' and left[2] then lease_to('lost', GRACE) return 0 end
lease_to(ARGV[1], LEASE)
if text and stored_at == 0 then stamp(0) end
return 1
""".replace("GRACE", str(_GRACE)).replace("LEASE", str(LEASE))
)
"""(lease, remembered stored_at) -> 1; 0: held elsewhere; -1: the remembered text must be restored first. A text that
was set by hand counts as stored from now on."""

PUT_BACK = (
    _HEAD
    + """
if stored_at < tonumber(ARGV[2]) then
    redis.call('SET', name, ARGV[1])
    redis.call('HSET', state, 'stored_at', ARGV[2])
    if not holder() then lease_to('lost', LEASE) end
end
""".replace("LEASE", str(LEASE))
)
"""(text, remembered stored_at). After a data loss the lease is blocked for its length: a process that held it before
may still be sending."""

PREPARE = (
    _HEAD
    + """
if holder() ~= ARGV[1] then return 0 end
if text then redis.call('SET', name, text) end
lease_to(ARGV[1], LEASE)
if ARGV[2] ~= '' then redis.call('HSET', state, 'intent', ARGV[2], 'intent_at', exact(now)) end
return 1
""".replace("LEASE", str(LEASE))
)
"""(lease, intent or "") -> 1; 0: the lease has expired. Writes the text over itself, which fails if storing would."""

FORGET = _HEAD + "if holder() == ARGV[1] then redis.call('HDEL', state, 'intent', 'intent_at') end"
"""(lease)."""

RELEASE = _HEAD + "if holder() == ARGV[1] then redis.call('HDEL', state, 'lease', 'lease_until') end"
"""(lease)."""

COMMIT = (
    _HEAD
    + """
local remembered = tonumber(ARGV[3])
if stored_at < remembered or (text and redis.sha1hex(text) == ARGV[2]) then
    redis.call('SET', name, ARGV[1])
    stamp(remembered)
    return {exact(stored_at)}
end
return {false, text}
"""
)
"""(text, generation that it replaces, remembered stored_at) -> the new stored_at; or nil and the text that is there."""

SAVE = _HEAD + "redis.call('SET', name, ARGV[1]) stamp(0)"
"""(text)."""

REMOVE = _HEAD + f"redis.call('DEL', name) stamp(0) redis.call('EXPIRE', state, {_REMEMBERED})"
"""()."""

PROBE = _HEAD + "redis.call('SET', name, text or '') if not text then redis.call('DEL', name) end"
"""() Fails if nothing can be stored."""
