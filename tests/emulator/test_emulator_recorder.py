"""Recording a server and replaying it: another emulator stands for the real service."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from support.emulator_calls import ANTHROPIC, BODIES, OPENAI, Answer, anthropic, bearer, get, openai, opened, post, send
from support.eventually import eventually

from minimax_sync import ChatMessage, MiniMaxClient, tool
from minimax_sync.emulator import Emulator

KEY = "sk-api-a-key-that-must-stay-secret"
EXCHANGES = pytest.mark.parametrize(
    ("path", "stream"), [(OPENAI, False), (OPENAI, True), (ANTHROPIC, False), (ANTHROPIC, True)]
)


@pytest.fixture
def upstream() -> Iterator[Emulator]:
    with Emulator(api_key=KEY) as emulator:
        yield emulator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recorded"


def _record(folder: Path, upstream: Emulator, *calls: tuple[str, Any]) -> list[Answer]:
    with Emulator(record=folder, upstream=upstream.url) as recorder:
        return [post(recorder, path, body, key=KEY) for path, body in calls]


@EXCHANGES
def test_a_recorded_exchange_is_replayed_byte_for_byte(
    upstream: Emulator, folder: Path, path: str, stream: bool
) -> None:
    upstream.answer("Grüße!\u2028", reasoning="A greeting.", tool_calls=[("look", {"path": "a"})])
    body = BODIES[path](stream=stream)
    [recorded] = _record(folder, upstream, (path, body))
    assert len(upstream.journal) == 1
    with Emulator(replay=folder) as replay:
        replayed = post(replay, path, body)
        other_key = post(replay, path, body, key="another-key")
    assert recorded.status == replayed.status == 200
    assert recorded.body == replayed.body == other_key.body
    assert recorded.headers["content-type"] == replayed.headers["content-type"]
    assert recorded.headers["minimax-request-id"] == replayed.headers["minimax-request-id"]
    assert len(upstream.journal) == 1


@EXCHANGES
def test_what_was_not_recorded_is_a_404_that_names_it(
    upstream: Emulator, folder: Path, path: str, stream: bool
) -> None:
    _record(folder, upstream, (path, BODIES[path](stream=stream)))
    with Emulator(replay=folder) as replay:
        for body in (BODIES[path](stream=stream, max_tokens=7), BODIES[path](stream=not stream)):
            answer = post(replay, path, body)
            message = answer.value["error"]["message"]
            assert answer.status == 404
            assert message.startswith(f"not recorded: POST {path} with this body")
            assert str(folder) in message


def test_no_file_holds_a_key_a_token_or_a_group_id(upstream: Emulator, folder: Path) -> None:
    token = "at-a-token-that-is-secret"
    secrets = (KEY, token, "sk-cp-0123456789abcdef", "eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl", "1234567")
    said = f"My keys: {secrets[0]} and {secrets[2]}; Authorization: Bearer {token}; {secrets[3]}"
    upstream.answer(said)
    request = openai([{"role": "user", "content": said}])
    with Emulator(record=folder, upstream=upstream.url) as recorder:
        headers = {**bearer(KEY), "X-MiniMax-Group-Id": secrets[4]}
        answer = send(recorder, "POST", f"{OPENAI}?GroupId={secrets[4]}", json.dumps(request), headers)
    assert KEY in answer.text, "the client sees what the server sent"
    [file] = folder.iterdir()
    text = file.read_text()
    assert [secret for secret in secrets if secret in text] == []
    assert "My keys: REMOVED and REMOVED; Authorization: Bearer REMOVED; REMOVED" in text
    with Emulator(replay=folder) as replay:
        assert post(replay, OPENAI, request).status == 200


@pytest.mark.parametrize("wire", ["base_url", "anthropic_base_url"])
@pytest.mark.parametrize("split", ["fragments", "characters", "interleaved", "whole"])
@pytest.mark.parametrize("secret", [KEY, "an-opaque-token-of-a-plan", "sk-cp-0123456789abcdefghijkl"])
def test_no_file_holds_the_pieces_of_a_key(folder: Path, wire: str, split: Any, secret: str) -> None:
    own = secret if secret.startswith("an-") else KEY
    arguments: list[dict[str, Any]] = [{"key": f"my {secret}", "n": 1}, {"key": "b"}]
    text = f"Grüße! Your key is {secret}, as you know."
    calls = [("look", each) for each in arguments]
    with Emulator(api_key=own) as upstream, Emulator(record=folder, upstream=upstream.url) as recorder:
        upstream.answer(text, tool_calls=calls, split=split)
        with MiniMaxClient(own, base_url=getattr(recorder, wire)) as client:
            seen = client.stream("hi").response
    with Emulator(replay=folder) as replay, MiniMaxClient(replay.api_key, base_url=getattr(replay, wire)) as client:
        replayed = client.stream("hi").response
    assert (seen.text, [call.arguments for call in seen.tool_calls]) == (text, arguments)
    assert replayed.text == text.replace(secret, "REMOVED")
    assert [call.arguments for call in replayed.tool_calls] == [{"key": "my REMOVED", "n": 1}, {"key": "b"}]


@pytest.mark.parametrize("separator", [":", ": "])
@pytest.mark.parametrize("is_json", [True, False])
def test_no_file_holds_the_tokens_of_an_answer(upstream: Emulator, folder: Path, separator: str, is_json: bool) -> None:
    pair = json.dumps(
        {"access_token": "at-secret", "refresh_token": "rt-secret", "ttl": 7200}, separators=(",", separator)
    )
    upstream.fault(body=pair if is_json else f"A log line: {pair}")
    [answer] = _record(folder, upstream, (OPENAI, openai()))
    assert b"at-secret" in answer.body
    [file] = folder.iterdir()
    assert "-secret" not in file.read_text()
    assert "ttl" in file.read_text()


def test_a_path_of_any_length_has_a_file(upstream: Emulator, folder: Path) -> None:
    path = "/v1/" + "long/" * 100
    _record(folder, upstream, (path, {}))
    with Emulator(replay=folder) as replay:
        assert post(replay, path, {}).body == b"404 page not found"


def test_the_files_can_be_read_and_edited(upstream: Emulator, folder: Path) -> None:
    upstream.answer("Hello!")
    _record(folder, upstream, (OPENAI, openai()), (ANTHROPIC, anthropic(stream=True)))
    stream, whole = sorted(folder.iterdir())
    document = json.loads(whole.read_text())
    assert document["request"] == {"method": "POST", "path": OPENAI, "body": openai()}
    assert json.loads(stream.read_text())["response"]["events"][0].startswith("event: message_start\n")
    document["response"]["json"]["choices"][0]["message"]["content"] = "Edited"
    whole.write_text(json.dumps(document))
    with Emulator(replay=folder) as replay:
        assert post(replay, OPENAI, openai()).text == "Edited"


def test_answers_to_a_repeated_request_come_in_order_and_the_last_one_again(upstream: Emulator, folder: Path) -> None:
    for text in ("one", "two"):
        upstream.answer(text)
    _record(folder, upstream, (OPENAI, openai()), (OPENAI, openai()))
    with Emulator(replay=folder) as replay:
        texts = [post(replay, OPENAI, openai()).text for _ in range(3)]
    assert texts == ["one", "two", "two"]


def test_recording_again_replaces_what_is_asked_again_and_keeps_the_rest(upstream: Emulator, folder: Path) -> None:
    _record(folder, upstream, (OPENAI, openai()), (OPENAI, openai()), (ANTHROPIC, anthropic()))
    upstream.answer("newer")
    _record(folder, upstream, (OPENAI, openai()))
    assert len(list(folder.iterdir())) == 2
    with Emulator(replay=folder) as replay:
        assert b"newer" in post(replay, OPENAI, openai()).body
        assert post(replay, ANTHROPIC, anthropic()).status == 200


def test_errors_quota_and_models_are_recorded_too(upstream: Emulator, folder: Path) -> None:
    with Emulator(record=folder, upstream=upstream.url) as recorder:
        upstream.fault(429, retry_after=3)
        post(recorder, OPENAI, openai(), key=KEY)
        upstream.fault("html")
        get(recorder, "/v1/token_plan/remains", key=KEY)
        models = get(recorder, "/v1/models", key=KEY)
    with Emulator(replay=folder) as replay:
        limited = post(replay, OPENAI, openai())
        page = get(replay, "/v1/token_plan/remains")
        assert get(replay, "/v1/models").body == models.body
    assert (limited.status, limited.headers["retry-after"]) == (429, "3")
    assert (page.headers["content-type"], page.body[:9]) == ("text/html; charset=utf-8", b"<!DOCTYPE")


def test_a_stream_is_forwarded_as_it_comes(upstream: Emulator, folder: Path) -> None:
    upstream.answer("A few words of text.", delay=0.03)
    with (
        Emulator(record=folder, upstream=upstream.url) as recorder,
        opened(recorder, ANTHROPIC, anthropic(stream=True), key=KEY) as (_, response),
    ):
        first = response.readline()
        assert list(folder.iterdir()) == [], "the exchange is written at its end"
        whole = first + response.read()
    assert whole.endswith(b'data: {"type":"message_stop"}\n\n')


def test_a_stream_that_the_client_leaves_is_recorded_to_its_end(upstream: Emulator, folder: Path) -> None:
    upstream.answer("word " * 4000, delay=0.0001)
    with Emulator(record=folder, upstream=upstream.url) as recorder:
        with opened(recorder, ANTHROPIC, anthropic(stream=True), key=KEY) as (_, response):
            response.readline()
        eventually(lambda: any(file.suffix == ".json" for file in folder.iterdir()))
    with Emulator(replay=folder) as replay:
        assert post(replay, ANTHROPIC, anthropic(stream=True)).body.endswith(b'"message_stop"}\n\n')


@pytest.mark.parametrize("stream", [False, True])
def test_an_exchange_that_broke_off_is_not_written(upstream: Emulator, folder: Path, stream: bool) -> None:
    upstream.fault("reset")
    with Emulator(record=folder, upstream=upstream.url) as recorder:
        if stream:
            with pytest.raises(HTTPException):
                post(recorder, OPENAI, openai(stream=True), key=KEY)
        else:
            answer = post(recorder, OPENAI, openai(), key=KEY)
            assert answer.status == 502
            assert "the recorder cannot reach 127.0.0.1: ConnectionResetError" in answer.value["error"]["message"]
    assert list(folder.iterdir()) == []


def test_a_server_that_is_away_is_named(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with Emulator(record=folder, upstream=f"http://127.0.0.1:{port}") as recorder:
        answer = post(recorder, OPENAI, openai())
    assert (answer.status, answer.value["error"]["http_code"]) == (502, "502")
    assert "the recorder cannot reach 127.0.0.1: ConnectionRefusedError" in answer.value["error"]["message"]


@pytest.mark.parametrize("suffix", ["/v1", "/anthropic/", "/"])
def test_a_base_url_serves_as_upstream(upstream: Emulator, folder: Path, suffix: str) -> None:
    with Emulator(record=folder, upstream=upstream.url + suffix) as recorder:
        assert post(recorder, OPENAI, openai(), key=KEY).status == 200


def test_faults_come_before_the_recorded_answer(upstream: Emulator, folder: Path) -> None:
    _record(folder, upstream, (OPENAI, openai(stream=True)))
    with Emulator(replay=folder) as replay:
        replay.fault(503)
        assert post(replay, OPENAI, openai(stream=True)).status == 503
        assert post(replay, OPENAI, openai(stream=True)).status == 200


def test_a_file_that_is_not_an_exchange_is_named(upstream: Emulator, folder: Path) -> None:
    _record(folder, upstream, (OPENAI, openai()))
    [file] = folder.iterdir()
    file.write_text("{")
    with Emulator(replay=folder) as replay:
        answer = post(replay, OPENAI, openai())
    assert answer.status == 500
    assert f"{file} is not a recorded exchange" in answer.value["error"]["message"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"record": "x"}, "record= and upstream= must be given together"),
        ({"upstream": "http://127.0.0.1"}, "record= and upstream= must be given together"),
        ({"record": "x", "upstream": "http://127.0.0.1", "replay": "x"}, "record= and replay= are mutually exclusive"),
        ({"record": "x", "upstream": "api.minimax.io"}, "is not a URL like https://api.minimax.io"),
        ({"replay": "no-such-folder"}, "replay: there is no folder 'no-such-folder'"),
    ],
)
def test_options_that_exclude_each_other_are_an_error(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Emulator(**options)


@tool
def get_weather(city: str) -> str:
    """Return the weather of a city."""
    return f"21 degrees in {city}"


@pytest.mark.parametrize("flavor", ["openai_compat", "anthropic_messages"])
def test_a_program_with_tools_and_streams_runs_again_without_the_server(
    upstream: Emulator, folder: Path, flavor: str
) -> None:
    def program(emulator: Emulator, key: str) -> tuple[str, str, int]:
        base_url = emulator.base_url if flavor == "openai_compat" else emulator.anthropic_base_url
        with MiniMaxClient(key, base_url=base_url, requests_per_second=None) as client:
            answer = client.run_tools("Weather in Bern?", [get_weather])
            with client.stream([*answer.messages, ChatMessage.user("And tomorrow?")]) as stream:
                text = "".join(stream.text_deltas())
        return answer.text, text, stream.response.usage.total_tokens

    upstream.answer(reasoning="I ask.", tool_calls=[("get_weather", {"city": "Bern"})])
    with Emulator(record=folder, upstream=upstream.url) as recorder:
        recorded = program(recorder, KEY)
    asked = len(upstream.journal)
    with Emulator(replay=folder) as replay:
        assert program(replay, "another-key-than-the-real-one") == recorded
    assert recorded[0] == "The tool answered: 21 degrees in Bern"
    assert len(upstream.journal) == asked == 3
