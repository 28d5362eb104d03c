"""Mocks and recorders of requests meet every request, and none of these passes them to the network."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import requests_cache
import requests_mock
import responses
import vcr
from support.run_python import run_python

from minimax_sync import MiniMaxClient
from minimax_sync.emulator import Emulator
from minimax_sync.errors import TransportError

Ask = Callable[[MiniMaxClient], str]

CHUNK = {"choices": [{"index": 0, "delta": {"content": "the mock"}, "finish_reason": "stop"}]}
ANSWERS: dict[tuple[str, str], str] = {
    ("openai", "chat"): json.dumps({"choices": [{"message": {"role": "assistant", "content": "the mock"}}]}),
    ("openai", "stream"): f"data: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n",
    ("anthropic", "chat"): json.dumps({"type": "message", "content": [{"type": "text", "text": "the mock"}]}),
    ("anthropic", "stream"): "".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
        for event in (
            {"type": "message_start", "message": {"id": "m", "content": []}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "the mock"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            {"type": "message_stop"},
        )
    ),
}


@pytest.fixture
def mocked(request: pytest.FixtureRequest, flavor: str) -> tuple[str, str]:
    """Return body and content type of the answer to this kind of call on this wire."""
    kind = request.node.callspec.params["ask"]
    return ANSWERS[flavor, kind], "text/event-stream" if kind == "stream" else "application/json"


def test_requests_mock_answers_every_request(
    any_client: MiniMaxClient, ask: Ask, emulator: Emulator, mocked: tuple[str, str]
) -> None:
    with requests_mock.Mocker() as mock:
        mock.post(requests_mock.ANY, text=mocked[0], headers={"Content-Type": mocked[1]})
        assert ask(any_client) == "the mock"
        assert mock.call_count == 1
    assert not emulator.journal
    assert ask(any_client) == 'You said: "hi".'


def test_responses_answers_every_request(
    any_client: MiniMaxClient, ask: Ask, emulator: Emulator, mocked: tuple[str, str]
) -> None:
    with responses.RequestsMock() as mock:
        mock.post(url_of(any_client), body=mocked[0], content_type=mocked[1])
        assert ask(any_client) == "the mock"
    assert not emulator.journal
    assert ask(any_client) == 'You said: "hi".'


def url_of(client: MiniMaxClient) -> str:
    return repr(client).partition(" at ")[2].partition(",")[0]


@pytest.mark.parametrize("used_before", [False, True])
def test_vcr_records_and_replays(
    client: MiniMaxClient, ask: Ask, emulator: Emulator, tmp_path: Path, used_before: bool
) -> None:
    if used_before:
        ask(client)
    recorder = vcr.VCR(cassette_library_dir=str(tmp_path), filter_headers=["authorization"])
    with recorder.use_cassette("one.yaml") as cassette:
        recorded = ask(client)
        assert len(cassette) == 1
    sent = len(emulator.journal)
    with recorder.use_cassette("one.yaml", record_mode="none") as cassette:
        assert ask(client) == recorded == 'You said: "hi".'
        assert cassette.all_played
    assert len(emulator.journal) == sent
    ask(client)
    assert len(emulator.journal) == sent + 1


def test_vcr_lets_no_request_out_that_was_not_recorded(
    any_client: MiniMaxClient, ask: Ask, emulator: Emulator, tmp_path: Path
) -> None:
    refused = vcr.errors.CannotOverwriteExistingCassetteException
    recorded = vcr.use_cassette(str(tmp_path / "none.yaml"), record_mode="none")
    with recorded, pytest.raises(refused, match="record_mode"):
        ask(any_client)
    assert not emulator.journal


def test_a_cached_session_answers_the_second_time(emulator: Emulator) -> None:
    session = requests_cache.CachedSession(backend="memory")
    with session, MiniMaxClient(emulator.api_key, base_url=emulator.base_url, session=session) as client:
        assert client.models() == client.models()
    assert len(emulator.journal) == 1


def test_a_cache_installed_for_the_process_answers_the_second_time(emulator: Emulator) -> None:
    code = """
        import sys
        import requests_cache
        from minimax_sync import MiniMaxClient
        from minimax_sync.emulator import Emulator

        requests_cache.install_cache(backend="memory")
        with Emulator() as emulator, MiniMaxClient(emulator.api_key, base_url=emulator.base_url) as client:
            assert client.models() == client.models()
            print(len(emulator.journal))
    """
    assert run_python(code, flags=()) == "1"


def test_a_mismatch_of_a_mock_keeps_its_words() -> None:
    with MiniMaxClient("a-long-enough-key", base_url="https://api.minimax.io", requests_per_second=None) as client:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
            mock.post("https://api.minimax.io/v1/chat/completions", json={})
            with pytest.raises(TransportError, match=r"(?s)doesn't match any registered.*chatcompletion_v2") as caught:
                client.chat("hi")
            assert len(mock.calls) == 1
        assert not isinstance(caught.value.__cause__, requests.RequestException)
        with requests_mock.Mocker() as other:
            other.post("https://api.minimax.io/v1/chat/completions", json={})
            words = r"No mock address: POST https://api\.minimax\.io/v1/text"
            with pytest.raises((TransportError, requests_mock.NoMockAddress), match=words):
                client.chat("hi")


def test_a_patched_session_is_seen(client: MiniMaxClient, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    send = requests.Session.send

    def spying(self: requests.Session, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        seen.append(str(request.url))
        return send(self, request, **options)

    client.chat("before")
    monkeypatch.setattr(requests.Session, "send", spying)
    client.chat("hi")
    assert seen == [url_of(client)]
    monkeypatch.undo()
    client.chat("after")
    assert len(seen) == 1
