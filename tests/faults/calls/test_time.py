"""B7, B12: how long a call may take: Retry-After, and one deadline over retries, waits and refreshes."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from support.canary import TOKEN
from support.raw_server import Peer, RawServer, answer
from support.wire_server import JSON, TEXT, Wire, ask, failing, failure, replies, whole

from minimax_sync import (
    AttemptFailed,
    CallTimeoutError,
    CredentialInvalidError,
    RateLimitError,
    RetryPolicy,
    ServerError,
)

# B7


def _date(**ago: float) -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(**ago), usegmt=True)


NOT_A_WAIT = ("-5", "nan", "inf", "1e3", "soon", "", "0x10", "١", "9" * 400, "5,5", "Fri, 32 Foo 2026 99:99:99 GMT")


@pytest.mark.parametrize("status", ["429 Slow", "503 Busy"])
def test_B7_an_invalid_retry_after_leaves_the_backoff(wire: Wire, how: str, status: str) -> None:
    for value in NOT_A_WAIT:
        steps = [failing(status, headers=[f"Retry-After: {value}".encode().decode("latin-1")]), whole(wire, how)]
        with RawServer(replies(*steps)) as server, wire.client(server) as client:
            began = time.monotonic()
            assert ask(client, how).text == TEXT
            assert time.monotonic() - began < 1, value


@pytest.mark.parametrize("status", ["429 Slow", "503 Busy", "200 OK"])
def test_B7_a_wait_beyond_the_timeout_is_not_begun(wire: Wire, how: str, status: str) -> None:
    body = b'{"base_resp": {"status_code": 1002, "status_msg": "slow"}}'
    for value, at_least, at_most in (
        ("20", 20_000, 20_000),
        ("999999", 999_999_000, 999_999_000),
        ("30.5", 30_500, 30_500),
        (_date(hours=1), 3_590_000, 3_600_000),
    ):
        with RawServer(replies(failing(status, body, [f"Retry-After: {value}"]))) as server:
            began = time.monotonic()
            error = failure(wire.client(server, timeout=5.0), how)
        assert time.monotonic() - began < 1
        assert error.retry_after_ms is not None
        assert at_least <= error.retry_after_ms <= at_most, value
        assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["0", "0.0", "past"])
def test_B7_a_retry_after_in_the_past_is_not_waited_for(wire: Wire, how: str, value: str) -> None:
    asked = _date(hours=-1) if value == "past" else value
    steps = [failing("429 Slow", headers=[f"Retry-After: {asked}"]), whole(wire, how)]
    with RawServer(replies(*steps)) as server, wire.client(server) as client:
        assert ask(client, how).text == TEXT
    assert len(server.requests) == 2


def test_B7_a_retry_after_is_waited_for_with_some_spread(wire: Wire, how: str) -> None:
    steps = [failing("429 Slow", headers=["Retry-After: 0.2"]), whole(wire, how)]
    with RawServer(replies(*steps)) as server, wire.client(server) as client:
        began = time.monotonic()
        ask(client, how)
        assert 0.2 <= time.monotonic() - began < 2.0


# B12


class Rotating:
    """Credentials whose tokens change with every refresh, slowly; records the timeouts that it was given."""

    def __init__(self, seconds: float = 0.1) -> None:
        self._seconds = seconds
        self.refreshes = 0
        self.given: list[float] = []

    def bearer(self, timeout: float | None = None) -> str:
        """Return the current token."""
        assert timeout is not None
        self.given.append(timeout)
        return f"{TOKEN}-{self.refreshes}"

    def force_refresh(self, rejected: str, timeout: float | None = None) -> str:
        """Change the token."""
        assert timeout is not None
        self.given.append(timeout)
        time.sleep(self._seconds)
        self.refreshes += 1
        return f"{TOKEN}-{self.refreshes}"


def test_B12_one_deadline_covers_retries_waits_and_refreshes(wire: Wire, how: str) -> None:
    auth = Rotating()
    steps = [
        failing("429 Slow", headers=["Retry-After: 0.2"]),
        failing("401 No"),
        failing("503 Busy", headers=["Retry-After: 0.2"]),
        failing("429 Slow", headers=["Retry-After: 5.8"]),
    ]
    with RawServer(replies(*steps)) as server, wire.client(server, auth=auth, timeout=6.0) as client:
        began = time.monotonic()
        with pytest.raises(RateLimitError):
            ask(client, how)
        took = time.monotonic() - began
    assert 0.5 <= took < 5.0
    assert auth.refreshes == 1
    assert len(server.requests) == 4
    assert all(0 < later < earlier <= 6.0 for earlier, later in zip(auth.given, auth.given[1:], strict=False))


def test_B12_the_deadline_of_the_call_ends_a_later_attempt(wire: Wire, how: str) -> None:
    waited: list[float] = []

    def busy(peer: Peer) -> None:
        peer.wait(0.8)
        peer.send(failing("503 Busy", headers=["Connection: close"]))

    def stall(peer: Peer) -> None:
        began = time.monotonic()
        peer.gone()
        waited.append(time.monotonic() - began)

    with RawServer(replies(busy, stall)) as server:
        error = failure(wire.client(server, timeout=1.2), how)
        assert server.wait_until(lambda: bool(waited))
    assert isinstance(error, CallTimeoutError)
    assert waited[0] < 1.0  # 0.4 s are left for the second attempt


def test_B12_a_server_that_always_asks_for_more_time_ends_with_the_timeout(wire: Wire, how: str) -> None:
    patient = RetryPolicy(rate_limit_attempts=1000, server_attempts=1000, initial_backoff_ms=1, max_backoff_ms=5)
    steps = [failing("429 Slow", headers=["Retry-After: 0.05"]), failing("503 Busy")] * 100
    with RawServer(replies(*steps)) as server, wire.client(server, retry=patient, timeout=0.5) as client:
        began = time.monotonic()
        with pytest.raises((RateLimitError, ServerError, CallTimeoutError)):  # the last within an attempt
            ask(client, how)
        assert 0.3 < time.monotonic() - began < 5
    assert 2 < len(server.requests) < 100


def _with_code(code: int) -> bytes:
    return answer(b'{"base_resp": {"status_code": %d, "status_msg": "no"}}' % code, headers=[JSON])


@pytest.mark.parametrize(
    ("refused", "refreshes"),
    [(failing("401 No"), 1), (_with_code(1004), 1), (_with_code(2049), 1), (failing("403 No"), 0)],
    ids=["401", "code 1004", "code 2049", "403"],
)
def test_B12_a_token_is_refreshed_once_when_it_is_refused_but_not_when_access_is(
    wire: Wire, how: str, refused: bytes, refreshes: int
) -> None:
    auth, events = Rotating(0.0), list[Any]()
    with RawServer(replies(refused)) as server:
        error = failure(wire.client(server, auth=auth, hooks=[events.append]), how)
    assert type(error) is CredentialInvalidError
    assert (auth.refreshes, len(server.requests)) == (refreshes, 1 + refreshes)
    failures = [event for event in events if isinstance(event, AttemptFailed)]
    assert [event.retry_in for event in failures] == [*[0.0] * refreshes, None]


def test_B12_a_refused_token_costs_none_of_the_attempts(wire: Wire, how: str) -> None:
    auth, twice = Rotating(), RetryPolicy(rate_limit_attempts=2, initial_backoff_ms=1, max_backoff_ms=1)
    steps = [failing("401 No"), failing("503 Busy"), whole(wire, how)]
    with RawServer(replies(*steps)) as server, wire.client(server, auth=auth, retry=twice) as client:
        assert ask(client, how).text == TEXT
    assert auth.refreshes == 1


def test_B12_a_refresh_that_outlasts_the_timeout_leaves_the_error_of_the_refused_token(wire: Wire, how: str) -> None:
    with RawServer(replies(failing("401 No"))) as server:
        error = failure(wire.client(server, auth=Rotating(1.1), timeout=1.0), how)
    assert type(error) is CredentialInvalidError
    assert len(server.requests) == 1


def test_B12_a_second_401_ends_the_call(wire: Wire, how: str) -> None:
    auth = Rotating()
    with RawServer(replies(failing("503 Busy"), failing("401 No"))) as server:
        error = failure(wire.client(server, auth=auth), how)
    assert type(error) is CredentialInvalidError
    assert auth.refreshes == 1
    assert [request.headers["authorization"][-1] for request in server.requests] == ["0", "0", "1"]
