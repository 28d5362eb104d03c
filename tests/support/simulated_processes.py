"""A small deterministic world for the refresh protocol: one store, one strict portal, clocks that are set by hand.

The code under test is `Refresh` itself. Every effect it has on the world is a point where the world may let somebody
else go on, kill the process, lose an answer, move the clocks or let a person log in; nothing else decides the order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from support.simulated_portal import LIFE, Endpoint, Portal

from minimax_sync.auth.bundle import Bundle, Snapshot, parse_snapshot
from minimax_sync.auth.intent import Intent
from minimax_sync.auth.protocol import Refresh
from minimax_sync.errors import BundleError, LlmError

START = 1_800_000_000.0


class KilledError(BaseException):
    """This process was killed: whatever it still does while it unwinds has no effect."""


class World:
    """What all processes share."""

    def __init__(self, *, reuse_interval: float = 0.0) -> None:
        self.wall = START
        self.steady = 0.0
        self.portal = Portal(reuse_interval)
        self.holder: Process | None = None
        self.posting: list[Process] = []
        self.disk_full = False
        self.renames_fail = False
        self.intent: Intent | None = None
        self.temp: tuple[str, bytes] | None = None
        self.rescue: bytes | None = None
        self.text: bytes | None = None
        self.log_in()
        self.control = threading.Semaphore(0)

    def log_in(self) -> None:
        self.text = self.portal.login(self.wall).to_json()
        self.newest_login = self.portal.logins

    def log_out(self) -> None:
        self.text = None
        self.newest_login = self.portal.logins + 1  # nothing that exists now may come back

    def monotonic(self) -> float:
        return self.steady

    def advance(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    def snapshot(self) -> Snapshot | None:
        if self.text is None:
            return None
        found = parse_snapshot(self.text)
        assert isinstance(found, Snapshot), "the store holds half a bundle"
        return found

    def process(self) -> Process:
        return Process(self)

    def expired_process(self) -> Process:
        """Return a process whose token has just expired."""
        process = self.process()
        process.bearer()
        self.advance(LIFE + 1)
        return process


class Process:
    """One process: a `Refresh` whose every effect passes through `pause`. It is its own store, lock and clock."""

    name = "the world's bundle"

    def __init__(self, world: World) -> None:
        self.world = world
        self.alive = True
        self.busy = False
        self.errors: list[BaseException] = []
        self.failures: list[LlmError] = []
        self.refresh = Refresh(self, Endpoint(self), self)
        self.sent = ""
        self._go = threading.Semaphore(0)
        self._stepped = False

    # Being scheduled

    def begin(self, work: Callable[[], object]) -> None:
        """Start `work` in small steps; it does nothing until it is stepped."""
        self.busy = self._stepped = True

        def run() -> None:
            self._go.acquire()
            try:
                if self.alive:
                    work()
            except KilledError:
                return
            except LlmError as error:
                self.failures.append(error)
            except BaseException as error:
                self.errors.append(error)
            finally:
                self.busy = False
                self.world.control.release()

        self._thread = threading.Thread(target=run, daemon=True)
        self._thread.start()

    def step(self) -> None:
        """Let the work go on until its next effect."""
        assert self.busy, "this process has nothing to do"
        self._go.release()
        self.world.control.acquire()
        if not self.busy:
            self._thread.join()
            self._stepped = False

    def finish(self) -> None:
        """Let the work go on to its end, which must not be a fault of the program."""
        while self.busy:
            self.step()
        assert self.errors == []

    def kill(self) -> None:
        """End the process where it stands, as `kill -9` does: the kernel frees its lock, and nothing else happens."""
        self.alive = False
        if self.world.holder is self:
            self.world.holder = None
        if self in self.world.posting:
            self.world.posting.remove(self)
        if self.sent:
            self.world.portal.lost.add(self.sent)
        while self.busy:
            self.step()

    def pause(self) -> None:
        if self._stepped:
            self.world.control.release()
            self._go.acquire()
        if not self.alive:
            raise KilledError

    # What it does

    def bearer(self) -> str | None:
        """Do what `TokenPlan.bearer` does, in one thread."""
        refresh = self.refresh
        with suppress(LlmError):
            refresh.reload()
            if refresh.due():
                refresh.raise_if_blocked()
                refresh.run()
        return refresh.current.token if refresh.current else None

    def be_rejected(self) -> None:
        """Do what a 401 on the current token leads to."""
        current = self.refresh.current
        if current is not None:
            self.refresh.reload()
            self.refresh.reject(current.bundle.access_token)
            if self.refresh.due():
                self.refresh.raise_if_blocked()
                self.refresh.run()

    def tick(self) -> None:
        """Do what the background thread does."""
        self.refresh.reload()
        self.refresh.store_unsaved()
        if self.refresh.due(5.0):
            self.refresh.raise_if_blocked()
            self.refresh.run(5.0)

    # The clock

    def time(self) -> float:
        return self.world.wall

    def monotonic(self) -> float:
        return self.world.steady

    def sleep(self, seconds: float) -> None:
        self.pause()
        self.world.advance(seconds)

    # The store

    def read(self) -> Snapshot | None:
        self.pause()
        return self.world.snapshot()

    def modified_at(self) -> float | None:
        return None

    def try_lock(self) -> Process | None:
        self.pause()
        if self.world.holder is not None:
            return None
        self.world.holder = self
        return self

    def release(self) -> None:
        if self.alive:
            self.pause()
            assert self.world.holder is self
            self.world.holder = None

    def recover(self, snapshot: Snapshot | None) -> Snapshot | None:
        self.pause()
        world = self.world
        intent, world_now = world.intent, world.snapshot()
        if intent and world_now and world_now.bundle.fingerprint == intent.fingerprint:
            found = world.rescue or (world.temp[1] if world.temp and world.temp[0] == intent.temp else None)
            if found:
                world.text, world.rescue, world.temp, world.intent = found, None, None, None
                return world.snapshot()
        elif intent or world.rescue:
            world.intent = world.rescue = None
        return snapshot

    def _intent(self, snapshot: Snapshot) -> Intent | None:
        intent = self.world.intent
        return intent if intent and intent.fingerprint == snapshot.bundle.fingerprint else None

    def intent(self, snapshot: Snapshot) -> Intent | None:
        self.pause()
        return self._intent(snapshot)

    def prepare(self, snapshot: Snapshot, intent: Intent | None) -> Writing:
        self.pause()
        if self.world.disk_full:
            raise BundleError("no space")
        return Writing(self, snapshot, intent)


class Writing:
    """A rewrite under way."""

    def __init__(self, process: Process, seen: Snapshot, earlier: Intent | None) -> None:
        self._process, self._world, self._seen, self._noted = process, process.world, seen, earlier is None
        self._name = f"temp-{id(self)}"
        self.rescued = False
        self._world.temp = (self._name, b"")
        if earlier is None:
            self._world.intent = Intent(seen.bundle.fingerprint, 1, self._world.wall, self._name)

    def close(self) -> None:
        if self._process.alive and self._world.temp and self._world.temp[0] == self._name:
            self._world.temp = None

    def discard_intent(self) -> None:
        self._process.pause()
        if self._noted:
            self._world.intent = None

    def commit(self, bundle: Bundle) -> Snapshot | None:
        world = self._world
        self._process.pause()
        if world.disk_full:
            raise BundleError("no space")
        world.temp = (self._name, bundle.to_json())
        self._process.pause()
        found = world.snapshot()
        if found is None or found.bundle.fingerprint != self._seen.bundle.fingerprint:
            world.intent = None
            return found
        if world.renames_fail:
            world.rescue, world.temp, self.rescued = bundle.to_json(), None, True
            self._process.sent = ""
            raise BundleError("no renames")
        world.text, world.temp = bundle.to_json(), None
        self._process.sent = ""
        self._process.pause()
        world.intent = world.rescue = None
        return world.snapshot()
