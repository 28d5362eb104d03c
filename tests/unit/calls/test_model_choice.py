"""The default model and its one change, against every way in which a retired name may be refused, on both wires."""

from __future__ import annotations

import logging
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
from support.eventually import together
from support.wire_server import ask

from minimax_sync import AttemptFailed, MiniMaxClient, RequestError, RetryPolicy, TokenBucket
from minimax_sync.calls.model_choice import refuses_model
from minimax_sync.emulator import Emulator

OLD, NEW = "MiniMax-M2.5", "MiniMax-M3.1-Flash"

REFUSALS = [
    "invalid params, unknown model 'MiniMax-M2.5' (2013)",
    "invalid params, model MiniMax-M2.5 is retired (2013)",
    "invalid params, unsupported model: minimax-m2.5 (2013)",
    "The model `MiniMax-M2.5` does not exist. (2013)",
    "The model MiniMax-M2.5 has been retired, use MiniMax-M3.1-Flash (2013)",
    "model MiniMax-M2.5 is no longer available (2013)",
    "invalid params, 模型 MiniMax-M2.5 不存在 (2013)",
    "invalid params, 模型「MiniMax-M2.5」已下线 (2013)",
    "invalid params, 不支持的模型：MiniMax-M2.5 (2013)",
]
OTHER_ERRORS = [
    "invalid params, MiniMax-M2.5 does not support images (2013)",
    "invalid params, unknown model 'MiniMax-M2.5-highspeed' (2013)",
    "invalid params, tool_choice is not supported (2013)",
    "invalid params, model MiniMax-M2.5: max_tokens must be positive (2013)",
]


def error_of(message: str, status: int = 400, code: int | None = 2013) -> RequestError:
    return RequestError(message, status=status, code=code)


@pytest.mark.parametrize("message", REFUSALS)
def test_wordings_that_name_the_model_as_refused(message: str) -> None:
    for status in (200, 400, 422, 500):
        assert refuses_model(error_of(message, status), OLD)
    assert not refuses_model(error_of(message, code=2061), OLD)


def test_a_404_that_names_the_model_is_a_refusal_and_one_for_the_path_is_not() -> None:
    assert refuses_model(error_of("model: MiniMax-M2.5", 404, None), OLD)
    assert not refuses_model(error_of("404 page not found", 404, None), OLD)


@pytest.mark.parametrize("message", OTHER_ERRORS)
def test_wordings_that_refuse_something_else(message: str) -> None:
    assert not refuses_model(error_of(message), OLD)


WAYS = ["unknown", "unsupported", "retired", "not_found", "base_resp", "in_stream"]
"""How the emulator refuses a retired model."""


def default_client(emulator: Emulator, base_url: str, **options: Any) -> MiniMaxClient:
    return MiniMaxClient(emulator.api_key, base_url=base_url, requests_per_second=None, **options)


def models_asked(emulator: Emulator) -> list[str]:
    return [request.body["model"] for request in emulator.journal]


def notes(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if (record.name, record.levelno) == ("minimax_sync.models", level)
    ]


@pytest.mark.parametrize("way", WAYS)
def test_a_refused_default_is_changed_once_and_kept(
    emulator: Emulator, base_url: str, how: str, way: Any, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.retired = way
    with default_client(emulator, base_url, retry=RetryPolicy(rate_limit_attempts=1)) as client:
        assert ask(client, how)
        assert ask(client, how)
        sibling = client.with_options(timeout=60.0)
        assert ask(sibling, how)
    assert models_asked(emulator) == [OLD, NEW, NEW, NEW]
    (warning,) = notes(caplog, logging.WARNING)
    assert OLD in warning
    assert NEW in warning


@pytest.mark.parametrize("message", REFUSALS)
def test_every_wording_leads_to_the_successor(emulator: Emulator, base_url: str, message: str) -> None:
    emulator.fault(status=400, code=2013, message=message.partition(" (2013)")[0])
    with default_client(emulator, base_url) as client:
        assert client.chat("hi").text
    assert models_asked(emulator) == [OLD, NEW]


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_was_chosen_is_never_replaced(
    emulator: Emulator, base_url: str, how: str, way: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.retired = way
    with default_client(emulator, base_url, model=OLD) as client, pytest.raises(RequestError) as caught:
        ask(client, how)
    assert f'choose its successor with model="{NEW}"' in str(caught.value)
    monkeypatch.setenv("MINIMAX_MODEL", OLD)
    with default_client(emulator, base_url) as client:
        with pytest.raises(RequestError):
            ask(client, how)
        with pytest.raises(RequestError):
            ask(client.with_options(model=OLD), how)
    monkeypatch.delenv("MINIMAX_MODEL")
    with default_client(emulator, base_url) as client, pytest.raises(RequestError):
        client.chat("hi", model=OLD)
    assert set(models_asked(emulator)) == {OLD}


def test_threads_make_one_change(emulator: Emulator, base_url: str, caplog: pytest.LogCaptureFixture) -> None:
    emulator.retired = "unknown"
    with default_client(emulator, base_url) as client:
        start = threading.Barrier(16)

        def ask_with_others() -> None:
            start.wait()
            assert client.chat("hi").text

        together([ask_with_others] * 16)
    assert len(notes(caplog, logging.WARNING)) == 1
    assert models_asked(emulator).count(NEW) == 16


def test_the_change_takes_a_slot_and_no_backoff(emulator: Emulator, base_url: str) -> None:
    class Slots(TokenBucket):
        taken = 0

        def acquire(self, timeout: float | None = None) -> float:
            self.taken += 1
            return super().acquire(timeout)

    emulator.retired = "retired"
    bucket = Slots(1000)
    events: list[object] = []
    options: dict[str, Any] = {"retry": RetryPolicy(initial_backoff_ms=60_000), "timeout": 30.0}
    options |= {"limiter": bucket, "hooks": [events.append]}
    with MiniMaxClient(emulator.api_key, base_url=base_url, **options) as client:
        assert client.chat("hi").text
    assert bucket.taken == 2
    assert [event.retry_in for event in events if isinstance(event, AttemptFailed)] == [0.0]


def test_a_pickle_keeps_the_change_and_an_unchanged_default_stays_one(
    configured_emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    configured_emulator.retired = "unknown"
    with MiniMaxClient() as client:
        unchanged = pickle.dumps(client)
        assert client.chat("hi").text
        changed = pickle.dumps(client)
    with pickle.loads(changed) as copy:
        assert copy.chat("hi").text
    assert models_asked(configured_emulator) == [OLD, NEW, NEW]
    with pickle.loads(unchanged) as copy:
        assert copy.chat("hi").text
    assert models_asked(configured_emulator)[3:] == [OLD, NEW]


def test_map_and_its_checkpoint_work_across_the_change(emulator: Emulator, base_url: str, tmp_path: Path) -> None:
    emulator.retired = "not_found"
    checkpoint = tmp_path / "answers.jsonl"
    for _ in range(2):  # the second run finds the answers, although the client begins with the old name again
        with default_client(emulator, base_url) as client:
            assert all(result.response for result in client.map(["one", "two", "three"], checkpoint=checkpoint))
    assert models_asked(emulator).count(NEW) == 3


def test_an_answer_by_another_model_is_logged_once_per_client(
    emulator: Emulator, base_url: str, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "minimax_sync.models")
    emulator.retired = "successor"
    with default_client(emulator, base_url) as client:
        for _ in range(2):
            assert ask(client, how).model == NEW
            assert ask(client.with_options(), how).model == NEW
            assert notes(caplog, logging.INFO) == [f"{OLD} was requested, but {NEW} answered"]


def test_another_spelling_of_the_model_is_the_same_model(
    emulator: Emulator, base_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "minimax_sync.models")
    with default_client(emulator, base_url) as client:
        assert client.chat("hi", model="MiniMax-M2.5").model == OLD
    assert not notes(caplog, logging.INFO)
