"""What a client does with its arguments: headers, credentials from functions, trust, proxies, silence."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from minimax_sync import (
    ChatMessage,
    ConfigError,
    Conversation,
    MiniMaxClient,
    RedisTokenBucket,
    RequestError,
    RetryPolicy,
    TokenPlan,
    login,
    logout,
)
from minimax_sync.emulator import Emulator
from minimax_sync.values.options import OPTIONS

QUICK = RetryPolicy(initial_backoff_ms=1, max_backoff_ms=1)


def client_of(emulator: Emulator, base_url: str, key: Any = None, **options: Any) -> MiniMaxClient:
    return MiniMaxClient(
        key or emulator.api_key, base_url=base_url, requests_per_second=None, **{"retry": QUICK, **options}
    )


def test_headers_of_the_client_and_of_a_call_are_sent(emulator: Emulator, base_url: str) -> None:
    with client_of(emulator, base_url, default_headers={"X-Team": "blue", "User-Agent": "mine/1"}) as client:
        client.chat("hi", extra_headers={"x-team": "red", "X-Trace": "7"})
        client.chat("hi")
    first, second = (request.headers for request in emulator.journal)
    assert (first["x-team"], first["x-trace"], first["user-agent"]) == ("red", "7", "mine/1")
    assert (second["x-team"], "x-trace" in second) == ("blue", False)


@pytest.mark.parametrize("name", ["Authorization", "content-length", "Transfer-Encoding"])
def test_the_credential_and_the_framing_cannot_be_set_as_headers(emulator: Emulator, base_url: str, name: str) -> None:
    with pytest.raises(ConfigError, match="default_headers"):
        client_of(emulator, base_url, default_headers={name: "x"})
    with client_of(emulator, base_url) as client, pytest.raises(RequestError, match="extra_headers"):
        client.chat("hi", extra_headers={name: "x"})
    assert not emulator.journal


@pytest.mark.parametrize("wrong", [{"verify": "missing.pem"}, {"proxy": "proxy.example"}, {"verify": 3}])
def test_impossible_trust_and_proxies_are_named(emulator: Emulator, base_url: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        client_of(emulator, base_url, **wrong)


def test_trust_and_proxy_belong_to_the_session_where_there_is_one(
    emulator: Emulator, base_url: str, tmp_path: Path
) -> None:
    for given in ({"verify": False}, {"proxy": "http://127.0.0.1:3128"}):
        with requests.Session() as session, pytest.raises(ConfigError, match="set it on the session"):
            client_of(emulator, base_url, session=session, **given)


@pytest.mark.parametrize("wrong", [3, "session", requests.Session, requests.adapters.HTTPAdapter()])
def test_a_session_that_is_not_one_of_requests_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"argument session: must be a requests\.Session, not \w+"):
        MiniMaxClient("sk-api-x", session=wrong)


def ways_to_ask(client: MiniMaxClient) -> dict[str, Any]:
    return {
        "chat": lambda: client.chat("4").text,
        "parse": lambda: client.parse("4", int),
        "run_tools": lambda: client.run_tools("4", [len]).text,
        "map": lambda: next(client.map(["4"])).response,
    }


@pytest.mark.parametrize("way", ["chat", "parse", "run_tools", "map"])
def test_an_answer_that_is_not_streamed_may_take_longer_than_the_idle_timeout_to_begin(
    emulator: Emulator, base_url: str, way: str
) -> None:
    emulator.answer("4", silence=0.5)
    with client_of(emulator, base_url, idle_timeout=0.1, timeout=30.0) as client:
        assert ways_to_ask(client)[way]()
    assert len(emulator.journal) == 1


@pytest.mark.parametrize("model", ["", " "])
def test_a_blank_model_is_an_error_and_not_the_default(emulator: Emulator, model: str) -> None:
    with pytest.raises(ConfigError, match=r"^argument model: "):
        MiniMaxClient(emulator.api_key, base_url=emulator.base_url, model=model)
    with MiniMaxClient(emulator.api_key, base_url=emulator.base_url) as client:
        with pytest.raises(ConfigError, match=r"^model: "):
            client.with_options(model=model)
        with pytest.raises(RequestError, match=r"^model must be"):
            client.chat("hi", model=model)


NO_PATHS = [b"x", float("nan"), 1, 0, True, [], "", "\0", "\ud800"]


@pytest.mark.parametrize("path", NO_PATHS)
def test_an_invalid_path_is_a_config_error_that_names_the_argument(
    client: MiniMaxClient, monkeypatch: pytest.MonkeyPatch, path: Any
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", "sk-api-0123456789")
    calls: dict[str, Callable[[], object]] = {
        "path": lambda: Conversation.load(client, path),
        "path:": lambda: client.conversation().save(path),
        "checkpoint": lambda: list(client.map(["x"], checkpoint=path)),
        "argument path": lambda: MiniMaxClient.from_config(path),
        "bundle": lambda: TokenPlan(path),
        "bundle:": lambda: logout(path),
        "argument verify": lambda: TokenPlan("plan.json", verify=path),
    }
    if path is True:
        del calls["argument verify"]
    for name, call in calls.items():
        with pytest.raises(ConfigError, match=f"^{name}"):
            call()


def test_a_number_is_not_taken_for_an_open_file(client: MiniMaxClient, tmp_path: Path) -> None:
    with open(tmp_path / "open", "wb") as file:
        with pytest.raises(ConfigError, match=r"^path: must be the path of a file"):
            Conversation.load(client, cast(Any, file.fileno()))
        file.write(b"still open")
        file.flush()


@pytest.mark.parametrize(
    "name",
    [
        *("timeout", "idle_timeout", "connect_timeout", "requests_per_second"),
        *("quota_budget", "quota_alert_threshold"),
    ],
)
@pytest.mark.parametrize("number", [10**400, Fraction(10**400), float("inf"), float("nan"), "5", True, []])
def test_an_invalid_number_is_a_config_error_that_names_the_argument(name: str, number: Any) -> None:
    with pytest.raises(ConfigError, match=f"{name}.* must be a"):
        MiniMaxClient("sk-api-0123456789", **{name: number})


@pytest.mark.parametrize("wrong", [b"x", float("nan"), [], 5, {}])
def test_an_invalid_text_is_an_error_that_names_the_argument(
    client: MiniMaxClient, monkeypatch: pytest.MonkeyPatch, wrong: Any
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", "sk-api-0123456789")
    calls: dict[str, Callable[[], object]] = {
        "region": lambda: login(wrong, bundle="plan.json"),
        "argument base_url": lambda: TokenPlan("plan.json", base_url=wrong),
        "argument agent": lambda: MiniMaxClient.from_config(agent=wrong),
        "argument provider": lambda: MiniMaxClient.from_config(provider=wrong),
        "limiter": lambda: RedisTokenBucket(wrong, 1),
        "texts": lambda: client.embed(wrong),
        "kind": lambda: client.embed("x", kind=wrong),
    }
    for name, call in calls.items():
        with pytest.raises((ConfigError, RequestError), match=f"^{name}"):
            call()


@pytest.mark.parametrize("wrong", [None, 5, float("nan")])
def test_texts_and_tool_calls_must_be_sequences(client: MiniMaxClient, wrong: Any) -> None:
    with pytest.raises(RequestError, match=r"^texts must be a non-empty string or a list"):
        client.embed(wrong)
    with pytest.raises(RequestError, match=r"^tool_calls must be ToolCalls"):
        ChatMessage.assistant("x", tool_calls=wrong)


@pytest.mark.parametrize("method", ["chat", "stream", "count_tokens", "run_tools", "tool_run", "parse", "map"])
def test_the_error_of_an_unknown_option_lists_every_option_of_its_method(client: MiniMaxClient, method: str) -> None:
    call = getattr(client, method)
    required: dict[str, list[Any]] = {"run_tools": [[]], "tool_run": [[]], "parse": [int]}
    with pytest.raises(RequestError, match="unknown option colour; known: ") as caught:
        call(["hi"], *required.get(method, []), colour="red")
    known = str(caught.value).partition("known: ")[2].split(", ")
    parameters = inspect.signature(call).parameters.values()
    own = {parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY}
    assert own <= set(known)
    assert set(known) - own == {*OPTIONS, "messages"}


def test_the_error_of_an_unknown_option_of_a_turn_with_tools_lists_those_of_a_run(client: MiniMaxClient) -> None:
    talk: Any = client.conversation(tools=[lambda: 1])
    for turn in (talk.say, talk.stream):
        with pytest.raises(RequestError, match=r"unknown option max_round; known: approve, .*max_rounds, .*parallel"):
            turn("hi", max_round=1)
    with pytest.raises(RequestError, match=r"unknown option max_repair; known: .*full, .*max_repairs"):
        talk.parse("hi", int, max_repair=1)
