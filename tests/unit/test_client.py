"""The client against the emulator, on both wires: every kind of input, every service, and its life."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.eventually import together

from minimax_sync import (
    BundleError,
    ChatMessage,
    ChatRequest,
    ConfigError,
    MiniMaxClient,
    RequestError,
    RetryPolicy,
    TextDelta,
    ToolDef,
)
from minimax_sync.emulator import Emulator

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
Open = Callable[..., MiniMaxClient]


@pytest.fixture
def open_client(emulator: Emulator, base_url: str) -> Iterator[Open]:
    """Give a maker of clients of the emulator on the wire; all are closed at the end."""
    opened: list[MiniMaxClient] = []

    def make(**arguments: Any) -> MiniMaxClient:
        arguments = {"base_url": base_url, "requests_per_second": None, **arguments}
        if "auth" not in arguments:
            arguments.setdefault("api_key", emulator.api_key)
        opened.append(MiniMaxClient(**arguments))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


@pytest.mark.parametrize(
    "input",
    [
        "hello",
        ChatMessage.user("hello"),
        [ChatMessage.system("be kind"), ChatMessage.user("hello")],
        ChatRequest((ChatMessage.user("hello"),), max_tokens=5),
        {"role": "user", "content": "hello"},
        [{"role": "developer", "content": "be kind"}, {"role": "user", "content": "hello"}],
        {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 5},
    ],
)
def test_every_kind_of_input_is_taken(open_client: Open, emulator: Emulator, input: object) -> None:
    emulator.answer("hi", reasoning="hm")
    response = open_client().chat(input)
    assert (response.text, response.reasoning, response.finish_reason) == ("hi", "hm", "stop")
    assert response.usage.total_tokens == response.usage.prompt_tokens + response.usage.completion_tokens > 0
    assert response.request_id
    assert response.raw is not None
    assert emulator.journal[-1].body["messages"][-1]["role"] == "user"


def test_a_stream_gives_what_a_chat_gives(open_client: Open, emulator: Emulator) -> None:
    client = open_client()
    for _ in range(2):
        emulator.answer("The Loire, the Rhine.", reasoning="Rivers.", tool_calls=[("look_up", {"river": "Loire"})])
    tools = [ToolDef("look_up")]
    whole = client.chat("Rivers?", tools=tools)
    with client.stream("Rivers?", tools=tools) as stream:
        text = "".join(chunk.text for chunk in stream if isinstance(chunk, TextDelta))
    streamed = stream.response
    assert text == whole.text == streamed.text
    assert streamed.reasoning == whole.reasoning
    assert [call.arguments for call in streamed.tool_calls] == [call.arguments for call in whole.tool_calls]
    assert streamed.finish_reason == whole.finish_reason == "tool_calls"
    assert streamed.usage.total_tokens == whole.usage.total_tokens


def test_a_tool_round_replays_the_thinking_whole(open_client: Open, emulator: Emulator) -> None:
    client = open_client()
    emulator.answer(
        reasoning="I must look.", tool_calls=[("look_up", {"river": "Loire"}), ("look_up", {"river": "Rhine"})]
    )
    question = ChatMessage.user("How long are they?")
    asked = client.chat([question], tools=[ToolDef("look_up")])
    results = [ChatMessage.tool_result(call.id, {"km": 1}) for call in reversed(asked.tool_calls)]
    emulator.answer("Done.")
    assert client.chat([question, asked.message, *results], tools=[ToolDef("look_up")]).text == "Done."
    assert "I must look." in str(emulator.journal[-1].body)


def test_images_are_sent(open_client: Open, emulator: Emulator, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)
    emulator.answer("A picture.")
    message = ChatMessage.user("What is it?", images=[path, PNG, "https://example.invalid/a.png"])
    assert open_client().chat(message, model="MiniMax-M3").text == "A picture."
    content = emulator.journal[-1].body["messages"][-1]["content"]
    assert sum(part["type"] in ("image", "image_url") for part in content) == 3


def test_json_mode_finds_the_value_in_prose(open_client: Open, emulator: Emulator) -> None:
    emulator.answer('Here you are:\n```json\n{"km": 1006}\n```')
    assert open_client().chat("How long?", response_format="json").json() == {"km": 1006}


def test_a_bad_request_is_refused_before_anything_is_sent(open_client: Open, emulator: Emulator) -> None:
    client = open_client()
    refused: list[tuple[object, dict[str, Any]]] = [
        ([], {}),
        ("hi", {"max_tokens": 0}),
        ("hi", {"temperature": -1}),
        ("hi", {"tool_choice": "required"}),
        ("hi", {"no_such_option": 1}),
        ([ChatMessage.tool_result("x", "y")], {}),
        (42, {}),
    ]
    for bad, options in refused:
        with pytest.raises(RequestError):
            client.chat(bad, **options)
        with pytest.raises(RequestError):
            client.stream(bad, **options)
    assert emulator.journal == []


def test_a_group_id_goes_with_every_request(open_client: Open, emulator: Emulator) -> None:
    client = open_client(group_id="12 34".replace(" ", "&"))
    client.chat("hi")
    received = emulator.journal[-1]
    assert received.headers["x-minimax-group-id"] == "12&34"
    assert received.path.endswith("?GroupId=12%2634") == ("chatcompletion" in received.path)


def test_siblings_share_the_channel_and_leave_it_open(open_client: Open, emulator: Emulator) -> None:
    client = open_client()
    with client.with_options(model="MiniMax-M2.7", timeout=5.0, retry=RetryPolicy(server_attempts=1)) as sibling:
        sibling.chat("hi")
    assert emulator.journal[-1].body["model"] == "MiniMax-M2.7"
    client.chat("hi")
    assert emulator.journal[-1].body["model"] == "MiniMax-M2.5"
    with pytest.raises(RequestError, match="closed"):
        sibling.chat("hi")
    with pytest.raises(ConfigError, match="base_url"):
        client.with_options(base_url="https://api.minimax.io")  # type: ignore[call-arg]


def test_copies_are_working_siblings(open_client: Open) -> None:
    client = open_client()
    for twin in (copy.copy(client), copy.deepcopy(client)):
        assert twin.chat("hi").text


def test_A51_a_client_with_a_key_in_the_code_is_not_pickled(open_client: Open) -> None:
    with pytest.raises(ConfigError, match="environment"):
        pickle.dumps(open_client())


def test_A51_a_client_pickles_by_reference(
    open_client: Open, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", emulator.api_key)
    client = open_client(api_key=None, timeout=7.0).with_options(model="MiniMax-M2.7")
    pickled = pickle.dumps(client)
    assert emulator.api_key.encode() not in pickled
    with pickle.loads(pickled) as rebuilt:
        assert rebuilt.chat("hi").text
    assert emulator.journal[-1].body["model"] == "MiniMax-M2.7"


def test_settings_of_the_call_are_checked_when_the_client_is_made(open_client: Open) -> None:
    for arguments in ({"timeout": 0}, {"idle_timeout": float("nan")}, {"hooks": [1]}, {"retry": 3}, {"limiter": 3}):
        with pytest.raises(ConfigError):
            open_client(**arguments)


def test_a_dropped_client_is_freed_without_its_being_closed(open_client: Open, emulator: Emulator) -> None:
    client = MiniMaxClient(emulator.api_key, base_url=emulator.base_url, requests_per_second=None)
    client.chat("hi")
    reference = weakref.ref(client)
    del client
    gc.collect()
    assert reference() is None


def test_one_client_serves_many_threads(open_client: Open, emulator: Emulator) -> None:
    client = open_client()
    answers = together([functools.partial(client.chat, f"number {number}") for number in range(32)])
    assert [answer.text for answer in answers] == [f'You said: "number {number}".' for number in range(32)]


def test_the_repr_shows_where_it_goes_and_no_key(open_client: Open, emulator: Emulator) -> None:
    shown = repr(open_client())
    assert emulator.url in shown
    assert emulator.api_key not in shown


def test_from_config_reads_the_file_and_takes_overrides(emulator: Emulator, own_world: Path) -> None:
    path = own_world / "llm.yaml"
    path.write_text(
        f"providers:\n  minimax:\n    api_key: {emulator.api_key}\n    base_url: {emulator.base_url}\n"
        "    model: MiniMax-M2.7\n    rate_limit: {requests_per_second: 500}\n"
    )
    with MiniMaxClient.from_config(path) as client:
        client.chat("hi")
    with MiniMaxClient.from_config(path, model="MiniMax-M2", timeout=5.0) as client:
        client.chat("hi")
    assert [received.body["model"] for received in emulator.journal] == ["MiniMax-M2.7", "MiniMax-M2"]
    with pytest.raises(ConfigError, match="modle"):
        MiniMaxClient.from_config(path, modle="MiniMax-M2")  # type: ignore[call-arg]


def test_A39_an_unreadable_bundle_is_an_error_and_never_a_switch_to_the_key(
    emulator: Emulator, own_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", emulator.api_key)
    bundle = own_world / "secrets" / "minimax_token_plan.json"
    bundle.parent.mkdir(mode=0o700)
    bundle.write_text('{"access_token": "half')
    bundle.chmod(0o600)
    with pytest.raises(BundleError, match="minimax_token_plan"):
        MiniMaxClient(base_url=emulator.anthropic_base_url)
    assert bundle.read_text() == '{"access_token": "half'
    assert emulator.journal == []


def test_a_bundle_is_used_instead_of_the_key_of_the_environment(
    emulator: Emulator, own_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", "sk-not-this-one")
    (own_world / "secrets").mkdir(mode=0o700)
    emulator.portal.bundle(own_world / "secrets" / "minimax_token_plan.json")
    with MiniMaxClient(base_url=emulator.anthropic_base_url, requests_per_second=None) as client:
        assert client.chat("hi").text
        emulator.portal.expire_access()
        assert client.chat("hi again").text
    assert emulator.portal.posts == 1
