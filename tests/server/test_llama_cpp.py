"""The client on a server of another project: the real llama.cpp, on both of its wires."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.llama_server import open_client

from minimax_sync import (
    ChatMessage,
    ChatStream,
    ContextLengthError,
    CredentialInvalidError,
    MiniMaxClient,
    ReasoningDelta,
    StreamEnd,
    TextDelta,
    ToolCallEnd,
    ToolDef,
    UsageUpdate,
)
from minimax_sync.emulator import Emulator

SAID = "Hello from a real llama.cpp server: 12 tokens, both wires."
WEATHER = ToolDef(
    "get_weather",
    "Return the weather.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
)


def test_a_chat_gives_text_usage_and_finish_reason(client: MiniMaxClient) -> None:
    response = client.chat("Say hello.")
    assert response.text == SAID
    assert response.finish_reason == "stop"
    assert response.usage.completion_tokens == 11
    assert response.usage.prompt_tokens > 0


def test_a_stream_comes_in_pieces_and_ends_in_the_same_answer(client: MiniMaxClient) -> None:
    with client.stream("Say hello.") as stream:
        chunks = list(stream)
    pieces = [chunk.text for chunk in chunks if isinstance(chunk, TextDelta)]
    assert len(pieces) > 5
    assert "".join(pieces) == SAID == stream.response.text
    assert isinstance(chunks[-1], StreamEnd)
    assert isinstance(chunks[-2], UsageUpdate)
    assert stream.response.usage.completion_tokens == 11


def test_thinking_comes_apart_from_the_text(client: MiniMaxClient) -> None:
    with client.stream("Please think: two plus two?") as stream:
        chunks = list(stream)
    assert "".join(c.text for c in chunks if isinstance(c, ReasoningDelta)) == stream.response.reasoning
    for response in (client.chat("Please think: two plus two?"), stream.response):
        assert response.reasoning.strip() == "Two plus two makes four"
        assert response.text == "The answer is 4."


@pytest.mark.parametrize("form", ["deepseek", "none"])
@pytest.mark.parametrize("stream", [False, True])
def test_thinking_is_read_as_a_field_and_as_tags_in_the_text(
    proxy: Emulator, tmp_path: Path, form: str, stream: bool
) -> None:
    with open_client(proxy.url, "openai_compat") as client:
        ask = client.stream if stream else client.chat
        asked = ask("Please think: two plus two?", extra_body={"reasoning_format": form})
        response = asked.response if isinstance(asked, ChatStream) else asked
    assert response.reasoning.strip() == "Two plus two makes four"
    assert response.text == "The answer is 4."
    raw = "".join(file.read_text() for file in (tmp_path / "recorded").iterdir())
    assert ("reasoning_content" in raw) == (form == "deepseek")
    assert ("think>" in raw) == (form == "none")


def test_thinking_goes_back_under_the_name_by_which_it_came(
    observed: MiniMaxClient, proxy: Emulator, flavor: str
) -> None:
    question, following = ChatMessage.user("Please think: two plus two?"), ChatMessage.user("Say hello.")
    thought = observed.chat([question])
    whole = observed.chat([question, thought.message, following])
    sent = proxy.journal[-1].body["messages"][1]
    without = observed.chat([question, ChatMessage.assistant(thought.text), following])
    assert whole.usage.prompt_tokens > without.usage.prompt_tokens + 20, "the server renders the thinking"
    if flavor == "openai_compat":
        assert (sent["reasoning_content"], sent["content"]) == (thought.reasoning, thought.text)
        assert "reasoning_details" not in sent
    else:
        assert sent["content"][0]["thinking"] == thought.reasoning


def test_thinking_of_the_openai_wire_goes_on_over_the_other(llama_url: str) -> None:
    question, following = ChatMessage.user("Please think: two plus two?"), ChatMessage.user("Say hello.")
    with open_client(llama_url, "openai_compat") as client, open_client(llama_url, "anthropic_messages") as other:
        thought = client.chat([question])
        whole = other.chat([question, thought.message, following])
        without = other.chat([question, ChatMessage.assistant(thought.text), following])
    assert whole.text == SAID
    assert whole.usage.prompt_tokens > without.usage.prompt_tokens + 20


@pytest.mark.parametrize("stream", [False, True])
def test_a_server_that_is_not_minimaxs_gets_no_field_that_it_need_not_know(
    observed: MiniMaxClient, proxy: Emulator, flavor: str, stream: bool
) -> None:
    text = "".join(observed.stream("Say hello.").text_deltas()) if stream else observed.chat("Say hello.").text
    assert text == SAID
    body = proxy.journal[-1].body
    needed = {"max_tokens"} if flavor == "anthropic_messages" else set()
    streamed = {"stream"} | ({"stream_options"} if flavor == "openai_compat" else set())
    assert set(body) == {"model", "messages", *needed, *(streamed if stream else ())}


def test_a_tool_call_and_its_result(client: MiniMaxClient) -> None:
    question = ChatMessage.user("What is the weather in Paris?")
    asked = client.chat([question], tools=[WEATHER])
    (call,) = asked.tool_calls
    assert (call.name, call.arguments) == ("get_weather", {"city": "Paris"})
    assert asked.finish_reason == "tool_calls"
    result = ChatMessage.tool_result(call.id, {"degrees": 21}, call.name)
    answer = client.chat([question, asked.message, result], tools=[WEATHER])
    assert answer.text == "It is 21 degrees in Paris!"


def test_a_tool_call_is_streamed(client: MiniMaxClient) -> None:
    with client.stream("What is the weather in Paris?", tools=[WEATHER]) as stream:
        (end,) = (chunk for chunk in stream if isinstance(chunk, ToolCallEnd))
    assert (end.index, end.call.name, end.call.arguments) == (0, "get_weather", {"city": "Paris"})
    assert stream.response.tool_calls == (end.call,)


def test_a_conversation_goes_on_over_the_other_wire(client: MiniMaxClient, llama_url: str, flavor: str) -> None:
    question = ChatMessage.user("What is the weather in Paris?")
    asked = client.chat([question], tools=[WEATHER])
    result = ChatMessage.tool_result(asked.tool_calls[0].id, "21 degrees")
    other = "anthropic_messages" if flavor == "openai_compat" else "openai_compat"
    with open_client(llama_url, other) as switched:
        answer = switched.chat([question, asked.message, result], tools=[WEATHER])
    assert answer.text == "It is 21 degrees in Paris!"


def test_an_answer_under_a_json_schema(client: MiniMaxClient) -> None:
    schema = {
        "type": "object",
        "properties": {"river": {"type": "string"}, "km": {"type": "integer"}},
        "required": ["river", "km"],
    }
    assert client.chat("Name a river.", response_format=schema).json() == {"river": "Loire", "km": 1006}


def test_a_stop_sequence_ends_the_text_before_it(client: MiniMaxClient) -> None:
    assert client.chat("Say hello.", stop=" real").text == "Hello from a"
    assert "".join(client.stream("Say hello.", stop=" real").text_deltas()) == "Hello from a"


def test_a_short_limit_is_reported(client: MiniMaxClient) -> None:
    response = client.chat("Say hello.", max_tokens=3)
    assert (response.text, response.finish_reason) == ("Hello from a", "length")


def test_a_wrong_key_is_refused(llama_url: str, flavor: str) -> None:
    with open_client(llama_url, flavor, key="wrong-key") as client, pytest.raises(CredentialInvalidError) as caught:
        client.chat("Say hello.")
    assert caught.value.status == 401
    assert "wrong-key" not in f"{caught.value!r} {caught.value.body}"


def test_a_prompt_beyond_the_context_is_an_error(client: MiniMaxClient) -> None:
    with pytest.raises(ContextLengthError):
        client.chat("x" * 20_000)


def test_sixteen_threads_with_four_hundred_streams(llama_url: str, flavor: str) -> None:
    with open_client(llama_url, flavor) as client, ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(lambda _: "".join(client.stream("Say hello.").text_deltas()), range(200)))
    assert texts == [SAID] * 200
