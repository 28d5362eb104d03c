"""The rate limit of many processes and hosts: one bucket in Redis.

Why not a library: `limits`, `pyrate-limiter` and `throttled-py` answer "not yet" and leave the waiting to polling, so
the order is random, and none of them lets a 429 delay requests that are already waiting; the first two use the clients'
clocks. Here every `acquire` reserves the next slot by the clock of Redis (GCRA) and sleeps until then: first come,
first served over all hosts. The slots are instants of a clock that stops during a pause, so that a pause delays all of
them and keeps their order; a thread that wakes up checks once more whether there was a pause.

The cost: the slot of a killed waiter is lost, and so is that of one that is interrupted or times out, unless it is the
last. A waiter notices a pause only when its slot is due. Without Redis every process uses a local bucket.
"""

from __future__ import annotations

import hashlib
import logging
import time
import weakref
from typing import Any

from ..errors import CallTimeoutError, ConfigError
from ..net.redis_link import RedisFailureError, RedisLink, split_store_url
from ..secret import StoreUrl
from .token_bucket import TokenBucket

_log = logging.getLogger("minimax_sync.pacing.token_bucket")

RETRY_REDIS = 5.0  # seconds between two attempts to reach a Redis that was unavailable
_PREFIX = "minimax-sync:limit:"
_LONGEST = 1e9  # seconds: "no timeout" for a script

# All times are microseconds. `lost` is how long the slots' clock has stood still since `epoch`, when the key was made;
# `full_at`, on that clock, is when the bucket will have all its slots again. It outlives the last slot by a minute.
_HEAD = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local state = redis.call('HMGET', KEYS[1], 'epoch', 'full_at', 'lost', 'until')
local epoch = state[1] or string.format('%.0f', now)
local full_at, lost = tonumber(state[2] or 0), tonumber(state[3] or 0)
local paused_until = tonumber(state[4] or 0)
local interval, allowance = tonumber(ARGV[1]), tonumber(ARGV[2])
local standstill = math.max(paused_until - now, 0)
local slot_now = math.max(now, paused_until) - lost
local function exact(number) return string.format('%.17g', number) end
local function store()
    redis.call('HSET', KEYS[1], 'epoch', epoch, 'full_at', exact(full_at), 'lost', exact(lost),
        'until', exact(paused_until))
    redis.call('PEXPIRE', KEYS[1], math.ceil((math.max(full_at - slot_now, 0) + standstill) / 1000) + 60000)
end
"""

# A waiter's slot is identified by the `full_at` that it set. One that is late by more than a second, because its
# process was stopped, gets another slot; otherwise a resumed process would send all its waiting requests in one burst.
_TAKE = (
    _HEAD
    + """
local longest, held_epoch, held = tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local due = held - interval - allowance
local holds = held_epoch == epoch and slot_now - due <= math.max(interval, 1000000)
if not holds then due = full_at - allowance end
local wait = math.max(due - slot_now, 0) + standstill
if wait > longest then
    if holds and full_at == held then full_at = full_at - interval; store() end
    return {0, math.ceil(wait), epoch, exact(held)}
end
if not holds then
    full_at = math.max(full_at, slot_now) + interval
    held = full_at
    store()
end
return {1, math.ceil(wait), epoch, exact(held)}
"""
)

_GIVE_BACK = (
    _HEAD
    + """
if ARGV[3] == epoch and tonumber(ARGV[4]) == full_at then full_at = full_at - interval; store() end
"""
)

_PAUSE = (
    _HEAD
    + """
local before = math.max(now, paused_until)
local after = math.max(before, now + tonumber(ARGV[3]))
lost = lost + after - before
paused_until = after
full_at = math.max(full_at, slot_now + allowance)
standstill = paused_until - now
store()
"""
)


class RedisTokenBucket:
    """A `TokenBucket` that all processes and hosts with the same Redis and `name` share. Thread-safe, fork-safe.

    `url` is like redis://host:6379/0. Users of one name may ask for different rates: each slot has the length that its
    user's rate implies. While Redis is unavailable each process keeps to the rate by itself (`degraded` is true, and
    one WARNING is logged) and tries to reach Redis every 5 s. A pickle contains the URL, and is refused if that has a
    password.

    >>> bucket = RedisTokenBucket("redis://redis.example:6379/0", 50)  # doctest: +SKIP
    >>> client = MiniMaxClient(limiter=bucket)  # doctest: +SKIP
    """

    def __init__(
        self, url: str, requests_per_second: float, burst: int | None = None, *, name: str = "default"
    ) -> None:
        self._local = TokenBucket(requests_per_second, burst)
        link, rest = split_store_url(url, "limiter")
        del url
        if rest:
            raise ConfigError(
                "limiter: the URL of a limiter ends with the number of a database, as redis://host:6379/0"
            )
        if not isinstance(name, str) or not name.isprintable() or not name:
            raise ConfigError("name must be a line of text, the same for all processes that share the bucket")
        self.name = name
        self.requests_per_second, self.burst = self._local.requests_per_second, self._local.burst
        self._away: dict[str, RedisFailureError] = {}
        self._failed_at = self._retry_at = 0.0
        self._link = RedisLink(link, "limiter")
        self._key = _PREFIX + name
        interval = 1e6 / self.requests_per_second
        self._pace = interval, (self.burst - 1) * interval

    @property
    def degraded(self) -> bool:
        """Whether Redis is unavailable, so that this process keeps to the rate by itself."""
        return bool(self._away)

    def acquire(self, timeout: float | None = None) -> float:
        """Wait for a slot and return the seconds waited.

        Raises `CallTimeoutError` immediately, and takes no slot, if the wait would last longer than `timeout` seconds.
        If a later pause makes it last longer, raises when the slot would have been due.
        """
        began = time.monotonic()
        deadline = began + (_LONGEST if timeout is None else timeout)
        if self._may_ask():
            try:
                self._acquire(deadline)
            except RedisFailureError as failure:
                self._degrade(failure)
            else:
                return time.monotonic() - began
        self._local.acquire(None if timeout is None else deadline - time.monotonic())
        return time.monotonic() - began

    def pause(self, seconds: float) -> None:
        """Give out no slot for `seconds`, on any host; afterwards one per interval, no burst."""
        self._local.pause(seconds)  # in case Redis becomes unavailable; also checks the argument
        if self._may_ask():
            try:
                self._run(_PAUSE, seconds * 1e6)
            except RedisFailureError as failure:
                self._degrade(failure)

    def _acquire(self, deadline: float) -> None:
        epoch, held = b"", b"0"
        while True:
            left = deadline - time.monotonic()
            granted, wait, epoch, held = self._run(_TAKE, left * 1e6, epoch, held)
            if not granted:
                raise CallTimeoutError(
                    f"the shared rate limit leaves no slot in time: the wait would be {wait / 1e6:.1f} s, "
                    f"{max(left, 0):.1f} s are left. Raise timeout= or requests_per_second="
                )
            if not wait:
                return
            try:
                time.sleep(wait / 1e6)
            except BaseException:
                self._give_back(epoch, held)
                raise

    def _give_back(self, epoch: bytes, held: bytes) -> None:
        try:
            self._run(_GIVE_BACK, epoch, held)
        except RedisFailureError as failure:
            self._degrade(failure)

    def _run(self, script: str, *arguments: bytes | float) -> Any:
        answer = self._link.run(script, [self._key], [*self._pace, *arguments])
        # A success that began before another thread's failure does not show that Redis is available now.
        looked = time.monotonic() >= self._failed_at + RETRY_REDIS
        if looked and self._away.pop("reason", None) is not None:
            _log.warning("the shared rate limit at %s is available again", self._link.url.masked())
        return answer

    def _may_ask(self) -> bool:
        now = time.monotonic()
        if self.degraded and now < self._retry_at:
            return False
        self._retry_at = now + RETRY_REDIS  # one thread tries, the others use the local bucket until then
        return True

    def _degrade(self, failure: RedisFailureError) -> None:
        self._failed_at = time.monotonic()
        self._retry_at = self._failed_at + RETRY_REDIS
        if self._away.setdefault("reason", failure) is failure:  # atomic: only one thread logs
            _log.warning(
                "the shared rate limit at %s is unavailable: %s. Until it is available again, each process limits "
                "itself to %g requests per second",
                self._link.url.masked(),
                failure,
                self.requests_per_second,
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._link.url, self.requests_per_second, self.burst, self.name)

    def __repr__(self) -> str:
        degraded = ", degraded" if self.degraded else ""
        return f"<RedisTokenBucket {self.name} at {self._link.url.masked()}, {self._local!r}{degraded}>"


def _rebuild(url: StoreUrl, requests_per_second: float, burst: int, name: str) -> RedisTokenBucket:
    return RedisTokenBucket(url, requests_per_second, burst, name=name)


_shared: weakref.WeakValueDictionary[tuple[str, float, int | None, str], RedisTokenBucket]
_shared = weakref.WeakValueDictionary()


def shared_redis_bucket(
    url: str, origin: str, credential: str, requests_per_second: float, burst: int | None
) -> RedisTokenBucket:
    """Return this process's handle on the bucket for an origin and a credential; its name is the same on every host.

    The name is a hash, which does not reveal the credential.
    """
    name = hashlib.sha256(f"{origin} {credential}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
    del credential
    bucket = RedisTokenBucket(url, requests_per_second, burst, name=name)
    return _shared.setdefault((str(bucket._link.url), bucket.requests_per_second, burst, name), bucket)
