"""Which tokens of the portal are valid, by the strict rules of RFC 9700 for rotating refresh tokens.

A refresh token is valid for one use. A second use revokes its whole family, because one of the two users stole it; only
within the reuse interval, if one is set, the same successor is given again. One lock guards all of it, so any number of
threads may ask at once. Must not know HTTP, and never waits.
"""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TypedDict


class Pair(TypedDict):
    """What a login or a refresh grants; `expires_at` is an aware datetime in UTC."""

    access_token: str
    refresh_token: str
    expires_at: datetime


@dataclass
class Family:
    """All pairs that descend from one login."""

    number: int
    current: Pair
    generation: int = 0
    revoked: bool = False


@dataclass(frozen=True)
class Spent:
    """A used refresh token and its successor."""

    family: Family
    at: float
    successor: Pair


class InvalidGrantError(Exception):
    """The refresh token is unknown, was used before, or its family is revoked."""


class Grants:
    """The families and their tokens. The counters are plain attributes and can be read at any time."""

    def __init__(self) -> None:
        self.granted = 0
        self.reused = 0
        self.latest: Family | None = None
        self._lock = threading.Lock()
        self._families = 0
        self._refresh: dict[str, Family] = {}
        self._spent: dict[str, Spent] = {}
        self._access: dict[str, tuple[Family, float]] = {}

    def login(self, ttl: float) -> Pair:
        """Begin a family whose access token is valid for `ttl` seconds."""
        with self._lock:
            self._families += 1
            pair = self._make(self._families, 0, ttl)
            self.latest = Family(self._families, pair)
            self._enter(self.latest, pair)
            return pair

    def rotate(self, refresh_token: str, ttl: float, *, reuse_interval: float, keep: bool = False) -> Pair:
        """Use `refresh_token` for the next pair. With `keep` it stays valid and only the access token is new."""
        with self._lock:
            spent = self._spent.get(refresh_token)
            if spent:
                return self._again(spent, reuse_interval)
            family = self._refresh.get(refresh_token)
            if family is None or family.revoked:
                raise InvalidGrantError
            pair = self._make(family.number, family.generation + (not keep), ttl)
            if keep:
                pair["refresh_token"] = refresh_token
            else:
                family.generation += 1
                del self._refresh[refresh_token]
                self._spent[refresh_token] = Spent(family, time.monotonic(), pair)
            self._enter(family, pair)
            self.granted += 1
            return pair

    def is_live(self, access_token: str) -> bool:
        """Return True if API calls with this token are served."""
        family, deadline = self._access.get(access_token, (None, 0.0))
        return family is not None and not family.revoked and time.time() < deadline

    def knows(self, access_token: str) -> bool:
        """Return True if this token was ever issued."""
        return access_token in self._access

    def end(self, access_token: str | None = None) -> None:
        """Refuse one access token, or all, from now on. Their refresh tokens stay valid."""
        with self._lock:
            for token in [access_token] if access_token is not None else list(self._access):
                if token in self._access:
                    self._access[token] = (self._access[token][0], 0.0)

    def _again(self, spent: Spent, reuse_interval: float) -> Pair:
        """Handle a second use: return the same successor if it is prompt and unused, else revoke the family."""
        family = spent.family
        prompt = time.monotonic() - spent.at < reuse_interval
        if prompt and not family.revoked and spent.successor["refresh_token"] in self._refresh:
            return spent.successor
        self.reused += 1
        family.revoked = True
        raise InvalidGrantError

    def _make(self, family: int, generation: int, ttl: float) -> Pair:
        name = f"{family}-{generation}-{secrets.token_hex(16)}"
        expires_at = datetime.fromtimestamp(time.time() + ttl, timezone.utc)
        return {"access_token": f"at-{name}", "refresh_token": f"rt-{name}", "expires_at": expires_at}

    def _enter(self, family: Family, pair: Pair) -> None:
        family.current = pair
        self._refresh[pair["refresh_token"]] = family
        self._access[pair["access_token"]] = (family, pair["expires_at"].timestamp())
