"""A history that grows by whole turns only, against the emulator on both wires."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from minimax_sync import (
    ChatMessage,
    Conversation,
    LlmError,
    MiniMaxClient,
    RequestError,
    StreamEnd,
    StreamInterruptedError,
    TextDelta,
    TokenUsage,
    ToolDef,
    ToolResult,
    tool,
)
from minimax_sync.emulator import Emulator

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


@pytest.fixture
def conversation(any_client: MiniMaxClient) -> Conversation:
    return any_client.conversation("Be kind.", max_tokens=100)


def texts(conversation: Conversation) -> list[str]:
    return [message.text for message in conversation.messages]


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def test_a_conversation_remembers(emulator: Emulator, conversation: Conversation) -> None:
    assert not conversation.messages
    assert (conversation.usage, conversation.last) == (TokenUsage(), None)
    emulator.answer("Hello, Ada.", reasoning="She is Ada.")
    first = conversation.say("I am Ada.")
    second = conversation.say("Who am I?", temperature=0.5)
    assert texts(conversation) == ["I am Ada.", "Hello, Ada.", "Who am I?", second.text]
    assert conversation.usage == first.usage + second.usage
    assert conversation.last is second
    body = emulator.journal[-1].body
    assert "She is Ada." in str(body)
    assert "Be kind." in str(body)
    assert (body["max_tokens"], body["temperature"]) == (100, 0.5)
    assert "temperature" not in emulator.journal[0].body
    assert repr(conversation).startswith("<Conversation of 4 messages, TokenUsage(")


def test_images_are_part_of_a_turn(emulator: Emulator, conversation: Conversation) -> None:
    conversation.say("What is it?", images=[PNG], model="MiniMax-M3")
    conversation.say(images=PNG, model="MiniMax-M3")
    assert emulator.journal[-1].images == 2


def test_a_stream_is_kept_once_it_is_read_to_its_end(emulator: Emulator, conversation: Conversation) -> None:
    emulator.answer("Once upon a time.", reasoning="A tale.")
    stream = conversation.stream("Tell me a story")
    assert next(stream)
    assert texts(conversation) == []
    assert "".join(chunk.text for chunk in stream if isinstance(chunk, TextDelta)) == "Once upon a time."
    assert texts(conversation) == ["Tell me a story", "Once upon a time."]
    assert conversation.messages[-1].reasoning == "A tale."
    assert conversation.last == stream.response
    assert conversation.usage == stream.response.usage
    assert len(conversation.messages) == 2


@pytest.mark.parametrize("way", ["response", "text_deltas", "display", "up to StreamEnd"])
def test_every_way_to_the_end_keeps_the_turn(emulator: Emulator, conversation: Conversation, way: str) -> None:
    emulator.answer("Once upon a time.")
    with conversation.stream("Tell me a story") as stream:
        if way == "response":
            assert stream.response.text == "Once upon a time."
        elif way == "text_deltas":
            assert "".join(stream.text_deltas()) == "Once upon a time."
        elif way == "display":
            assert stream.display().text == "Once upon a time."
        else:
            assert next(chunk for chunk in stream if isinstance(chunk, StreamEnd)).finish_reason == "stop"
    assert texts(conversation) == ["Tell me a story", "Once upon a time."]


def test_a_stream_that_is_left_or_breaks_leaves_no_trace(emulator: Emulator, conversation: Conversation) -> None:
    conversation.say("Hello")
    before = (conversation.messages, conversation.usage, conversation.last)
    with conversation.stream("Tell me a story") as stream:
        assert next(stream)
    with pytest.raises(StreamInterruptedError):
        list(stream)
    del stream
    assert next(conversation.stream("Another"))
    emulator.fault("truncate")
    with pytest.raises(StreamInterruptedError):
        _ = conversation.stream("A third").response
    assert (conversation.messages, conversation.usage, conversation.last) == before
    assert conversation.say("And now?").text == 'You said: "And now?".'


def test_a_turn_that_fails_leaves_no_trace(emulator: Emulator, conversation: Conversation) -> None:
    conversation.say("Hello")
    before = (conversation.messages, conversation.usage, conversation.last)
    attempts: list[tuple[dict[str, Any], type[LlmError]]] = [
        ({"max_tokens": 0}, RequestError),
        ({"colour": "red"}, RequestError),
        ({"images": [b"no image"]}, RequestError),
        ({"text": ChatMessage.user("Again")}, RequestError),
    ]
    for options, error in attempts:
        for method in (conversation.say, conversation.stream):
            with pytest.raises(error):
                method(**{"text": "Again", **options})
    emulator.fault(code=1008)
    with pytest.raises(LlmError, match="1008"):
        conversation.say("Again")
    assert (conversation.messages, conversation.usage, conversation.last) == before
    assert conversation.say("Again").text


def test_ctrl_c_in_a_turn_leaves_no_trace(emulator: Emulator, any_client: MiniMaxClient) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    conversation = any_client.conversation(tools=[interrupt])
    emulator.answer(tool_calls=[("interrupt", {})])
    with pytest.raises(KeyboardInterrupt):
        conversation.say("Stop")
    assert conversation.messages == ()
    assert conversation.say("Go on").text == 'You said: "Go on".'


def test_tools_are_run_and_the_whole_exchange_is_kept(emulator: Emulator, any_client: MiniMaxClient) -> None:
    conversation = any_client.conversation(tools=[add], max_rounds=3)
    emulator.answer(tool_calls=[("add", {"a": 1, "b": 2})])
    emulator.answer("Three.")
    response = conversation.say("1 + 2?")
    assert response.text == "Three."
    assert [message.role for message in conversation.messages] == ["user", "assistant", "tool", "assistant"]
    assert conversation.usage == response.usage
    conversation.say("Thank you.")
    assert len(conversation.messages) == 6


@pytest.mark.parametrize("streamed", [False, True])
def test_the_callers_own_results_are_added(emulator: Emulator, any_client: MiniMaxClient, streamed: bool) -> None:
    conversation = any_client.conversation(tools=[ToolDef("ask")])
    emulator.answer(tool_calls=[("ask", {"what": "colour"})])
    response = conversation.stream("Paint it").response if streamed else conversation.say("Paint it")
    (call,) = response.tool_calls
    with pytest.raises(RequestError, match="tool calls without a result"):
        conversation.say("Well?")
    conversation.add(ChatMessage.tool_result(call.id, "black"))
    answer = conversation.stream().response if streamed else conversation.say()
    assert answer.text == "The tool answered: black"
    assert [message.role for message in conversation.messages] == ["user", "assistant", "tool", "assistant"]


def test_a_turn_without_text_is_refused_if_no_message_waits_for_an_answer(conversation: Conversation) -> None:
    for _ in range(2):
        with pytest.raises(RequestError, match="there is nothing to send"):
            conversation.say()
        conversation.say("Hello")


def test_a_saved_history_goes_on_over_the_other_wire(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer("Hello, Ada.", reasoning="She is Ada.", tool_calls=[("add", {"a": 1, "b": 2})])
    conversation = any_client.conversation("Be kind.", tools=[add])
    conversation.say("I am Ada.")
    saved = pickle.dumps(conversation.messages)
    for base_url in (emulator.base_url, emulator.anthropic_base_url):
        with MiniMaxClient(emulator.api_key, base_url=base_url, requests_per_second=None) as other:
            resumed = other.conversation("Be kind.", messages=pickle.loads(saved))
            assert resumed.say("Who am I?").text == 'You said: "Who am I?".'
            assert len(resumed.messages) == 6


def test_a_history_may_come_as_dicts(emulator: Emulator, any_client: MiniMaxClient) -> None:
    history = [{"role": "user", "content": "I am Ada."}, {"role": "assistant", "content": "Hello."}]
    conversation = any_client.conversation(messages=history)
    conversation.add({"role": "user", "content": "Who am I?"})
    assert conversation.say().text == 'You said: "Who am I?".'
    with pytest.raises(RequestError, match="must be a ChatMessage or a dict"):
        conversation.add(5)


def test_a_second_turn_during_one_is_refused(emulator: Emulator, any_client: MiniMaxClient) -> None:
    asking, answer = threading.Event(), threading.Event()

    def wait() -> str:
        asking.set()
        answer.wait(5)
        return "done"

    conversation = any_client.conversation()
    emulator.answer(tool_calls=[("wait", {})])
    turn = threading.Thread(target=conversation.say, args=("Wait",), kwargs={"tools": [wait]})
    turn.start()
    assert asking.wait(5)
    for method in (conversation.say, conversation.stream, conversation.add):
        with pytest.raises(RequestError, match="another turn of this conversation is in progress"):
            method("Hello")
    answer.set()
    turn.join()
    assert len(conversation.messages) == 4
    assert conversation.say("Hello").text


def test_a_stream_raises_at_its_end_if_another_turn_changed_the_history(conversation: Conversation) -> None:
    stream = conversation.stream("Slowly")
    conversation.say("Quickly")
    with pytest.raises(RequestError, match="the history was changed during this turn"):
        list(stream)
    assert texts(conversation)[0] == "Quickly"
    assert len(conversation.messages) == 2
    assert stream.response.text == 'You said: "Slowly".'


@pytest.mark.parametrize("streamed", [False, True])
def test_calls_that_were_not_asked_for_or_not_run_do_not_block_the_next_turn(
    emulator: Emulator, any_client: MiniMaxClient, streamed: bool
) -> None:
    for conversation in (any_client.conversation(), any_client.conversation(tools=[add], max_rounds=1)):
        emulator.answer("One more look.", tool_calls=[("add", {"a": 1, "b": 2})])
        conversation.say("Sum it up.")
        emulator.answer("Fine.")
        answer = conversation.stream("Go on.").response if streamed else conversation.say("Go on.")
        assert answer.text == "Fine."
        assert [message.role for message in conversation.messages] == ["user", "assistant", "tool", "user", "assistant"]
        assert conversation.messages[2].is_error


def test_a_stream_runs_tools_as_say_does(emulator: Emulator, any_client: MiniMaxClient) -> None:
    conversation = any_client.conversation(tools=[add])
    emulator.answer("Let me add.", tool_calls=[("add", {"a": 1, "b": 2})])
    emulator.answer("Three.")
    chunks = list(conversation.stream("1 + 2?"))
    assert [chunk.text for chunk in chunks if isinstance(chunk, ToolResult)] == ["3"]
    assert [message.role for message in conversation.messages] == ["user", "assistant", "tool", "assistant"]
    assert conversation.last is not None
    assert (conversation.last.text, conversation.usage) == ("Three.", conversation.last.usage)


def test_a_stream_that_is_left_between_two_rounds_leaves_no_trace(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    conversation = any_client.conversation(tools=[add])
    emulator.answer("Let me add.", tool_calls=[("add", {"a": 1, "b": 2})])
    with conversation.stream("1 + 2?") as stream:
        for chunk in stream:
            if isinstance(chunk, ToolResult):
                break
    assert not conversation.messages


def test_a_saved_conversation_is_private_and_goes_on_with_any_client(
    emulator: Emulator, any_client: MiniMaxClient, tmp_path: Path
) -> None:
    emulator.answer("Hello, Ada.", reasoning="She is Ada.", tool_calls=[("add", {"a": 1, "b": 2})])
    conversation = any_client.conversation("Be kind.", tools=[add])
    conversation.say("I am Ada.")
    path = tmp_path / "talk.json"
    conversation.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    for base_url in (emulator.base_url, emulator.anthropic_base_url):
        with MiniMaxClient(emulator.api_key, base_url=base_url, requests_per_second=None) as other:
            resumed = Conversation.load(other, path, tools=[add])
            assert (resumed.messages, resumed.usage) == (conversation.messages, conversation.usage)
            assert resumed.to_dict() == conversation.to_dict()
            resumed.say("Who am I?")
            sent = str(emulator.journal[-1].body)
            assert "Be kind." in sent
            assert "She is Ada." in sent


def test_the_cost_adds_up_at_the_rates_of_each_model(emulator: Emulator, any_client: MiniMaxClient) -> None:
    conversation = any_client.conversation()
    answers = [conversation.say("one"), conversation.say("two", model="MiniMax-M3")]
    assert conversation.cost == pytest.approx(sum(answer.cost for answer in answers))


def test_a_typed_turn_is_kept_without_its_repairs(emulator: Emulator, any_client: MiniMaxClient) -> None:
    for text in ("no", "4"):
        emulator.answer(text)
    conversation = any_client.conversation()
    assert conversation.parse("2 + 2?", int) == 4
    assert texts(conversation) == ["2 + 2?", "4"]
    emulator.answer("5")
    assert conversation.parse("2 + 3?", int, full=True).repairs == 0
    assert len(conversation.messages) == 4


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_goes_on_by_itself(
    emulator: Emulator, any_client: MiniMaxClient, duplicate: Callable[[Conversation], Conversation]
) -> None:
    conversation = any_client.conversation("Be kind.", tools=[add])
    conversation.say("one")
    twin = duplicate(conversation)
    assert twin.to_dict() == conversation.to_dict()
    twin.say("two")
    assert "Be kind." in str(emulator.journal[-1].body)
    assert "add" in str(emulator.journal[-1].body)
    assert (texts(conversation)[::2], texts(twin)[::2]) == (["one"], ["one", "two"])
    assert twin.usage.total_tokens > conversation.usage.total_tokens


def test_a_conversation_is_pickled_with_its_client(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMAX_API_KEY", emulator.api_key)
    monkeypatch.setenv("MINIMAX_BASE_URL", emulator.base_url)
    with MiniMaxClient() as client:
        conversation = client.conversation("Be kind.", temperature=0.5)
        conversation.say("one")
        stored = pickle.dumps(conversation)
    assert emulator.api_key.encode() not in stored
    twin = pickle.loads(stored)
    assert twin.say("two").text == 'You said: "two".'
    assert twin.to_dict()["messages"][:2] == conversation.to_dict()["messages"]
