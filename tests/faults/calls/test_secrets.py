"""B10: no key, token or prompt gets out, whatever goes wrong. The watch finds leaks; every error path goes under it."""

from __future__ import annotations

import copy
import http.client
import logging
import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from support.canary import KEY, PROMPT, SECRETS, TOKEN, Leak, Watch, leaks_of, secrets_in
from support.ports import unused_port
from support.raw_server import Peer, RawServer, answer
from support.wire_server import JSON, Wire, ask, failing, framed, replies, sse, whole

from minimax_sync import (
    ChatMessage,
    ChatRequest,
    ConfigError,
    CredentialInvalidError,
    LlmError,
    MiniMaxClient,
    RequestError,
    RetryPolicy,
    StaticKey,
    TokenPlan,
)
from minimax_sync.emulator import Emulator

# the watch itself


def _raised_in_a_library(local: object) -> Exception:
    """Raise an exception from a frame that is not a test's, with `local` among its locals."""
    code = compile("def fail(held):\n    raise ValueError('no')", "library.py", "exec")
    names: dict[str, Any] = {}
    exec(code, names)  # a frame of another file is what is wanted
    try:
        names["fail"](local)
    except ValueError as error:
        return error
    raise AssertionError


class _Shows:
    def __repr__(self) -> str:
        return f"<{KEY}>"


@pytest.mark.parametrize("local", [KEY, {"a": [PROMPT]}, TOKEN.encode(), _Shows(), (b"x" + KEY.encode(),)])
def test_B10_the_watch_finds_a_local_of_a_frame(local: object) -> None:
    assert any("library.py:2 fail: held" in place for place in leaks_of(_raised_in_a_library(local)))
    assert not leaks_of(_raised_in_a_library("harmless"))


def test_B10_the_watch_finds_text_attributes_causes_and_pickles() -> None:
    quoting = LlmError("fine")
    quoting.__cause__ = ValueError(f"Authorization: Bearer {KEY}")
    assert any(place.startswith("ValueError.") for place in leaks_of(quoting))
    assert any(".body" in place for place in leaks_of(LlmError("fine", body=f"you said {PROMPT}")))
    assert any("pickle" in place for place in leaks_of(LlmError(f"the token {TOKEN}")))
    assert secrets_in({"a": (PROMPT,)}) == [PROMPT]
    for secret in SECRETS:
        assert secrets_in(secret)


def test_B10_the_watch_fails_a_test_that_leaks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    """Plant one leak of every kind, see it found, and take it back so that this test passes."""
    logging.getLogger("urllib3.connectionpool").debug("sent %s", KEY)
    caplog.clear()
    assert watch.found == ["a log record of urllib3.connectionpool"]
    watch.found.clear()
    with pytest.raises(LlmError):
        watch.guard(_Leaky, "fail")(_Leaky())
    assert any("LlmError.text" in place for place in watch.found)
    watch.found.clear()
    watch.guard(_Leaky, "name")(_Leaky())
    assert watch.found
    watch.found.clear()
    assert issubclass(Leak, AssertionError)


class _Leaky:
    def fail(self) -> None:
        raise LlmError(KEY)

    def name(self) -> str:
        return PROMPT


# every error path


def _cut(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


def _in_stream(wire: Wire) -> bytes:
    event = sse({"error": {"message": f"not with {KEY}", "type": "x"}}, "error")
    return b"".join(framed([*wire.events[:-2], event], "chunked"))


PATHS: dict[str, Callable[[Wire, str], Any]] = {
    "success": whole,
    "400": lambda *_: failing("400 No"),
    "401": lambda *_: failing("401 No"),
    "403 page": lambda *_: answer(b"<html>", "403 No"),
    "429": lambda *_: failing("429 Slow"),
    "500": lambda *_: failing("500 Oops"),
    "redirect": lambda *_: failing("307 Elsewhere", headers=["Location: http://127.0.0.1:1/"]),
    "code": lambda *_: answer(b'{"base_resp": {"status_code": 1004, "status_msg": "login fail"}}', headers=[JSON]),
    "not JSON": lambda *_: answer(b'{"a": ', headers=[JSON]),
    "page": lambda *_: answer(b"<html>", headers=["Content-Type: text/html"]),
    "empty": lambda *_: answer(b""),
    "not HTTP": lambda *_: b"SSH-2.0\r\n\r\n",
    "header flood": lambda *_: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300 + b"\r\n",
    "bad gzip": lambda *_: answer(b"not gzip", headers=["Content-Encoding: gzip"]),
    "bad chunk": lambda *_: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "cut": lambda *_: _cut,
    "FIN": lambda *_: Peer.finish,
    "RST": lambda *_: Peer.reset,
    "silence": lambda *_: Peer.stall,
    "in the stream": lambda wire, _: _in_stream(wire),
    "broken event": lambda wire, _: b"".join(framed([*wire.events[:-2], sse("{")], "chunked")),
    "early end": lambda wire, _: b"".join(framed(wire.events[:-2], "chunked")),
}


@pytest.mark.parametrize("session", [False, True], ids=["own session", "user's session"])
@pytest.mark.parametrize("path", PATHS)
def test_B10_no_path_shows_a_secret(wire: Wire, how: str, path: str, session: bool) -> None:
    if how == "chat" and path in ("in the stream", "broken event", "early end"):
        how = "stream"
    with requests.Session() as users, RawServer(replies(PATHS[path](wire, how))) as server:
        if session:
            http.client.HTTPConnection.debuglevel = 0  # the user may print what is sent on his own connections
        options = {"session": users} if session else {}
        with wire.client(server, group_id="g1", idle_timeout=0.2, timeout=1.0, **options) as client:
            try:
                ask(client, how)
            except LlmError as error:
                assert path != "success"
                printed = "".join(traceback.TracebackException.from_exception(error).format())
                assert KEY not in printed
            else:
                assert path == "success"
            repr(client)


def test_B10_no_connection_shows_no_secret(wire: Wire, how: str) -> None:
    port = unused_port()
    for url in (f"http://127.0.0.1:{port}", f"https://127.0.0.1:{port}"):
        with wire.client(url, connect_timeout=0.3) as client, pytest.raises(LlmError):
            ask(client, how)


@pytest.mark.parametrize("input", [[PROMPT, 3], {"messages": [PROMPT, 3]}, {"prompt": PROMPT}, 7, [], object])
def test_B10_an_invalid_request_shows_no_secret(wire: Wire, how: str, input: Any) -> None:
    with wire.client("http://127.0.0.1:1") as client, pytest.raises((RequestError, ConfigError)) as caught:
        ask(client, how, input)
    if isinstance(input, list):
        assert not leaks_of(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"max_tokens": 0},
        {"temperature": float("nan")},
        {"tools": [PROMPT]},
        {"response_format": PROMPT},
        {"extra_body": {"a": object()}},
        {"stop": [PROMPT, ""]},
        {"system": [PROMPT]},
    ],
)
def test_B10_bad_options_show_no_prompt(wire: Wire, how: str, options: dict[str, Any]) -> None:
    with wire.client("http://127.0.0.1:1") as client, pytest.raises((RequestError, ConfigError)):
        ask(client, how, PROMPT, **options)


@pytest.mark.parametrize(
    "echo", ["{}", "x" * 490 + " {}", "x" * 65_520 + "{}", '{{"error": {{"message": "{} is not it"}}}}']
)
@pytest.mark.parametrize("status", ["401 No", "400 No", "200 OK"])
def test_B10_a_key_that_the_service_echoes_is_hidden_even_where_it_is_cut(
    wire: Wire, how: str, echo: str, status: str
) -> None:
    server = RawServer(replies(answer(echo.format(KEY).encode(), status)))
    with server, wire.client(server) as client, pytest.raises(LlmError) as caught:
        ask(client, how)
    assert KEY[:9] not in f"{caught.value}{caught.value.body}"


def test_B9_space_around_a_key_is_stripped(wire: Wire, how: str) -> None:
    with RawServer(replies(whole(wire, how))) as server, wire.client(server, api_key=f" {KEY}\r\n") as client:
        ask(client, how)
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


# the token of a plan


def test_B10_neither_token_of_a_plan_is_shown(wire: Wire, how: str, tmp_path: Path) -> None:
    path = tmp_path / "minimax_token_plan.json"
    with Emulator() as emulator:
        emulator.portal.bundle(path, ttl=3600)
        text = path.read_text().replace('"access_token": "', f'"access_token": "{TOKEN}-a')
        path.write_text(text.replace('"refresh_token": "', f'"refresh_token": "{TOKEN}-r'))
        plan = TokenPlan(path, base_url=emulator.url)
        repr(plan)
        base_url = emulator.base_url if wire.flavor == "openai_compat" else emulator.anthropic_base_url
        client = MiniMaxClient(bundle=path, base_url=base_url, requests_per_second=None, background_refresh=False)
        with client, pytest.raises(CredentialInvalidError):
            ask(client, how)
        assert TOKEN.encode() not in pickle.dumps(client)
    with pytest.raises(LlmError):
        plan.force_refresh(f"{TOKEN}-a")


# what is pickled, copied, printed


def test_B10_values_show_no_more_than_60_characters_of_a_prompt_and_a_client_none() -> None:
    long = "x" * 61 + PROMPT
    for value in (ChatMessage.user(long), ChatRequest((ChatMessage.user(long),), system=long)):
        assert not secrets_in(repr(value))
    client = MiniMaxClient(KEY, base_url="http://127.0.0.1:1", requests_per_second=None)
    for shown in (client, copy.copy(client), copy.deepcopy(client), StaticKey(KEY)):
        assert not secrets_in(repr(shown))
        with pytest.raises(ConfigError):
            pickle.dumps(shown)
    client.close()


def test_B10_hooks_and_their_log_show_no_secret(wire: Wire, how: str, caplog: pytest.LogCaptureFixture) -> None:
    from minimax_sync.hooks import logging_hook

    events: list[Any] = []
    steps = [failing("503 Busy"), failing("429 Slow"), whole(wire, how)]
    server = RawServer(replies(*steps))
    with server, wire.client(server, hooks=[events.append, logging_hook], quota_budget=10) as client:
        ask(client, how)
    assert len(events) >= 5
    assert not secrets_in(events)
    assert not secrets_in([record.getMessage() for record in caplog.records])


def test_B10_an_error_does_not_touch_the_locals_of_the_callers_own_exception(wire: Wire) -> None:
    def of_the_caller() -> None:
        precious = "what a debugger wants to see"
        raise KeyError(len(precious))

    client = wire.client("http://127.0.0.1:1", retry=RetryPolicy(server_attempts=1))
    with client, pytest.raises(LlmError) as caught:
        try:
            of_the_caller()
        except KeyError:
            client.chat(PROMPT)
    own = caught.value.__context__
    while own is not None and not isinstance(own, KeyError):
        own = own.__context__
    assert own is not None
    frames = [frame for frame, _ in traceback.walk_tb(own.__traceback__)]
    assert frames[-1].f_locals["precious"]
