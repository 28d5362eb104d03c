"""One call: what is retried and what is not, how long, and what is reported."""

from __future__ import annotations

import io
import logging
import time
from typing import Any

import pytest
import requests
import urllib3
from support.wire_server import QUICK, ask

from minimax_sync import (
    AttemptFailed,
    CallEnded,
    CallStarted,
    CallTimeoutError,
    CredentialInvalidError,
    FirstToken,
    InsufficientBalanceError,
    MiniMaxClient,
    QuotaLow,
    RateLimited,
    RateLimitError,
    RequestError,
    RetryPolicy,
    ServerError,
    TokenBucket,
)
from minimax_sync.emulator import Emulator


def client_of(emulator: Emulator, base_url: str, **arguments: Any) -> MiniMaxClient:
    defaults = {"api_key": emulator.api_key, "requests_per_second": None, "retry": QUICK, "timeout": 10.0}
    return MiniMaxClient(base_url=base_url, **{**defaults, **arguments})


def test_a_wrong_key_is_reported_with_its_likely_cause_and_never_shown(
    emulator: Emulator, base_url: str, how: str
) -> None:
    client = MiniMaxClient("sk-wrong-key-123", base_url=base_url, requests_per_second=None)
    with client, pytest.raises(CredentialInvalidError, match="api_key") as caught:
        ask(client, how)
    assert caught.value.status == 401
    for cause in ("of the other region", "group id is missing or does not match"):
        assert cause in str(caught.value)
    assert ("a regular key was sent to /anthropic" in str(caught.value)) == base_url.endswith("/anthropic")
    assert "sk-wrong-key-123" not in f"{caught.value!r}{caught.value.body}"
    assert len(emulator.journal) == 1


def test_every_attempt_takes_a_slot_then_fetches_the_bearer_then_sends(
    emulator: Emulator, base_url: str, how: str
) -> None:
    order: list[str] = []

    class Recording(TokenBucket):
        def acquire(self, timeout: float | None = None) -> float:
            order.append("slot")
            return super().acquire(timeout)

    def key() -> str:
        order.append(f"bearer after {len(emulator.journal)} requests")
        return emulator.api_key

    emulator.fault(status=500)
    with client_of(emulator, base_url, api_key=key, limiter=Recording(1000)) as client:
        ask(client, how)
    assert order == ["slot", "bearer after 0 requests", "slot", "bearer after 1 requests"]


def test_a_limiter_without_a_slot_in_time_does_not_hide_why_it_waits(
    emulator: Emulator, base_url: str, how: str
) -> None:
    emulator.fault(status=500)
    with client_of(emulator, base_url, limiter=TokenBucket(0.01), timeout=1.0) as client, pytest.raises(ServerError):
        ask(client, how)


def test_a_429_pauses_the_limiter_before_the_wait(emulator: Emulator, base_url: str, how: str) -> None:
    instants: dict[str, float] = {}

    class Recording(TokenBucket):
        def acquire(self, timeout: float | None = None) -> float:
            instants["slot"] = time.monotonic()
            return super().acquire(timeout)

        def pause(self, seconds: float) -> None:
            instants["pause"] = time.monotonic()
            super().pause(seconds)

    emulator.fault(status=429)
    slow = RetryPolicy(initial_backoff_ms=200, max_backoff_ms=200)
    with client_of(emulator, base_url, limiter=Recording(1000), retry=slow) as client:
        ask(client, how)
    assert instants["slot"] - instants["pause"] >= 0.2


def test_a_429_of_one_client_pauses_the_bucket_that_another_shares(emulator: Emulator, base_url: str, how: str) -> None:
    emulator.fault(status=429, retry_after=1)
    one = client_of(emulator, base_url, requests_per_second=500.0, timeout=0.5)
    two = client_of(emulator, base_url, requests_per_second=500.0, timeout=0.2)
    with one, two:
        with pytest.raises(RateLimitError):
            ask(one, how)
        with pytest.raises(CallTimeoutError):
            ask(two, how)
    assert len(emulator.journal) == 1


def test_the_hooks_get_the_events_of_a_call_in_order(emulator: Emulator, base_url: str, how: str) -> None:
    events: list[Any] = []
    emulator.fault(status=429)
    emulator.answer("fine", reasoning="hm")
    with client_of(emulator, base_url, hooks=[events.append]) as client:
        ask(client, how)
    kinds = [type(event) for event in events]
    expected: list[type] = [CallStarted, AttemptFailed, RateLimited]
    expected += [FirstToken, CallEnded] if how == "stream" else [CallEnded]
    assert kinds == expected
    assert len({event.call_id for event in events}) == 1
    ended = events[-1]
    assert (ended.attempts, ended.error_type, ended.finish_reason) == (2, None, "stop")
    assert ended.completion_tokens > 0
    assert events[1].status == 429
    assert "fine" not in str(events)


def test_the_hooks_get_the_end_of_a_failed_call_once(emulator: Emulator, base_url: str, how: str) -> None:
    events: list[Any] = []
    emulator.fault(code=1008)
    with client_of(emulator, base_url, hooks=[events.append]) as client, pytest.raises(InsufficientBalanceError):
        ask(client, how)
    assert [event.error_type for event in events if isinstance(event, CallEnded)] == ["InsufficientBalanceError"]


class Interrupted(TokenBucket):
    """A limiter in whose line Ctrl-C is pressed."""

    def acquire(self, timeout: float | None = None) -> float:
        raise KeyboardInterrupt


class InterruptedBody(io.BytesIO):
    """A body during whose reading Ctrl-C is pressed."""

    def read1(self, size: int | None = -1) -> bytes:
        raise KeyboardInterrupt


class Canned(requests.adapters.BaseAdapter):
    """Answers every request with the head of an answer and a body that is interrupted."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        response = requests.Response()
        response.status_code = 200
        response.raw = urllib3.HTTPResponse(InterruptedBody(), status=200, preload_content=False)
        return response

    def close(self) -> None:
        """Do nothing: there is no connection."""


@pytest.mark.parametrize("where", ["limiter", "body"])
def test_the_hooks_get_the_end_of_an_interrupted_call(emulator: Emulator, base_url: str, how: str, where: str) -> None:
    events: list[Any] = []
    with requests.Session() as session:
        session.mount("http://", Canned())
        arguments = {"limiter": Interrupted(1)} if where == "limiter" else {"session": session}
        client = client_of(emulator, base_url, hooks=[events.append], **arguments)
        with client, pytest.raises(KeyboardInterrupt):
            ask(client, how)
    assert [type(event) for event in events] == [CallStarted, CallEnded]
    assert events[-1].error_type == "KeyboardInterrupt"


def test_the_quota_alert_reads_the_headers_of_every_answer(emulator: Emulator, base_url: str, how: str) -> None:
    events: list[Any] = []
    emulator.answer("fine", headers={"x-ratelimit-remaining-tokens": "12"})
    with client_of(emulator, base_url, quota_alert_threshold=100, hooks=[events.append]) as client:
        ask(client, how)
    (low,) = [event for event in events if isinstance(event, QuotaLow)]
    assert (low.remaining, low.threshold, low.unit, low.provider) == (12, 100, "tokens", "minimax")
    assert (events[-1].quota_remaining, events[-1].quota_unit) == (12, "tokens")


def test_the_quota_alert_warns_when_the_budget_runs_low(
    emulator: Emulator, base_url: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Any] = []
    client = client_of(emulator, base_url, quota_budget=1000, quota_alert_threshold=999, hooks=[events.append])
    with client, caplog.at_level(logging.WARNING, "minimax_sync.quota"):
        ask(client, how)
        ask(client, how)
    (record,) = caplog.records
    assert (record.__dict__["provider"], record.__dict__["unit"]) == ("minimax", "tokens")
    assert [type(event) for event in events].count(QuotaLow) == 1


@pytest.mark.parametrize("shown", ["{}", "your message was '{}' (2013)", "first\n{:.60}"])
def test_an_error_that_quotes_the_prompt_does_not_show_it(
    emulator: Emulator, base_url: str, how: str, shown: str
) -> None:
    prompt = "the canary sings at noon,\n  and nobody else may hear what it has to say about it"
    emulator.fault(status=400, message=shown.format(prompt))
    client = client_of(emulator, base_url)
    with client, pytest.raises(RequestError) as caught:
        ask(client, how, prompt)
    assert "canary" not in f"{caught.value!r}{caught.value}"
    assert "HTTP 400" in str(caught.value)
