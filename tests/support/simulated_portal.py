"""The portal of the token world, strict as the real one, and a process's way to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from minimax_sync.auth.bundle import Bundle
from minimax_sync.auth.interfaces import AnswerLostError, Grant, RefusedError
from minimax_sync.errors import ServerError, TransportError
from minimax_sync.secret import Secret

if TYPE_CHECKING:
    from support.simulated_processes import Process

LIFE = 7200.0


@dataclass
class Portal:
    """A strict portal: a refresh token is good for one use, a second one revokes its whole family."""

    reuse_interval: float = 0.0
    posts: int = 0
    logins: int = 0
    faults: list[str] = field(default_factory=list)
    current: dict[int, Bundle] = field(default_factory=dict)
    spent: dict[str, tuple[int, float]] = field(default_factory=dict)
    revoked: set[int] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)
    _serial: int = 0

    def pair(self, family: int, now: float) -> Bundle:
        self._serial += 1
        expires_at = datetime.fromtimestamp(now + LIFE, timezone.utc)
        bundle = Bundle(Secret(f"at-{family}-{self._serial}"), Secret(f"rt-{family}-{self._serial}"), expires_at)
        self.current[family] = bundle
        return bundle

    def login(self, now: float) -> Bundle:
        self.logins += 1
        return self.pair(self.logins, now)

    def rotate(self, token: str, now: float) -> Bundle:
        family = family_of(token)
        if token in self.spent and token not in (kept.refresh_token.reveal() for kept in self.current.values()):
            prompt = now - self.spent[token][1] <= self.reuse_interval
            if prompt and family not in self.revoked:
                return self.current[family]
            self.revoked.add(family)
            if token not in self.lost:
                self.violations.append(f"{token} was spent twice")
            raise RefusedError("invalid_grant")
        if family in self.revoked or self.current[family].refresh_token.reveal() != token:
            raise RefusedError("invalid_grant")
        self.spent[token] = family, now
        return self.pair(family, now)


def family_of(token: str) -> int:
    return int(token.split("-")[1])


class Endpoint:
    """One process's way to the portal."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def refresh(self, bundle: Bundle, deadline: float) -> Grant:
        process, world = self._process, self._process.world
        process.pause()
        world.posting.append(process)
        world.portal.posts += 1
        assert len(world.posting) == 1, "two refreshes are in flight"
        fault = world.portal.faults.pop() if world.portal.faults else ""
        token = bundle.refresh_token.reveal()
        try:
            if fault == "refused":
                raise TransportError("no connection", budget="server")
            if fault == "busy":
                raise ServerError("busy", status=503)
            process.pause()  # it is on its way
            if fault == "lost before":
                raise AnswerLostError("lost")
            process.sent = token
            granted = world.portal.rotate(token, world.wall)
            process.pause()  # the answer is on its way
            if fault == "lost after":
                world.portal.lost.add(token)
                raise AnswerLostError("lost")
            return Grant(granted.access_token, granted.refresh_token, granted.expires_at)
        finally:
            if process in world.posting:
                world.posting.remove(process)
