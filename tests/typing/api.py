"""The typing contract: never run, only checked, by mypy and pyright in strict mode, for Linux, macOS and Windows.

A line with an ignore comment must be an error: both checkers report an ignore comment that is not needed.
"""

# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minimax_sync import (
    Balance,
    ChatMessage,
    ChatResponse,
    ChatStream,
    Conversation,
    Embeddings,
    Emulator,
    LlmError,
    MapResult,
    MiniMaxClient,
    Model,
    Parsed,
    Quota,
    RetryPolicy,
    StreamInterruptedError,
    TextDelta,
    TokenPlan,
    TokenUsage,
    ToolCall,
    ToolResult,
    ToolRun,
    logging_hook,
    testing,
    tool,
)

if TYPE_CHECKING:
    from typing_extensions import assert_type


@dataclass
class City:
    name: str
    population: int


@tool
def weather(city: str) -> str:
    """Return the weather."""
    return city


@tool(name="double")
def twice(number: int) -> int:
    return 2 * number


def opening() -> MiniMaxClient:
    client = MiniMaxClient("key", model="MiniMax-M3", timeout=60.0, retry=RetryPolicy(), hooks=[logging_hook])
    assert_type(MiniMaxClient.from_config("llm.yaml", agent="ana", timeout=5.0), MiniMaxClient)
    assert_type(client.with_options(timeout=5.0, hooks=()), MiniMaxClient)
    with client as same:
        assert_type(same, MiniMaxClient)
    MiniMaxClient(modle="MiniMax-M3")  # type: ignore[call-arg]
    MiniMaxClient.from_config(timout=5.0)  # type: ignore[call-arg]
    client.with_options(timeout="soon")  # type: ignore[arg-type]
    client.with_options(api_key="other")  # type: ignore[call-arg]
    return client


def asking(client: MiniMaxClient) -> None:
    answer = client.chat("Hello", system="Be brief.", max_tokens=10, temperature=0.5, stop=["\n"])
    assert_type(answer, ChatResponse)
    assert_type(answer.text, str)
    assert_type(answer.usage, TokenUsage)
    assert_type(answer.tool_calls, tuple[ToolCall, ...])
    client.chat([ChatMessage.user("Hello"), {"role": "user", "content": "again"}])
    client.chat("Hello", max_token=10)  # type: ignore[call-arg]
    client.chat("Hello", max_tokens="10")  # type: ignore[arg-type]
    assert_type(client.parse("The largest city?", City), City)
    assert_type(client.parse("How many?", {"type": "integer"}), Any)
    assert_type(client.parse("The largest city?", City, full=True), Parsed[City])
    assert_type(client.balance(), Balance)
    assert_type(client.embed(["one", "two"]), Embeddings)
    assert_type(client.models(), tuple[Model, ...])
    assert_type(client.quota(), Quota)
    assert_type(client.count_tokens("Hello"), int)


def streaming(client: MiniMaxClient) -> None:
    with client.stream("Hello", max_tokens=10) as stream:
        assert_type(stream, ChatStream)
        for chunk in stream:
            if isinstance(chunk, TextDelta):
                assert_type(chunk.text, str)
    assert_type(stream.text_deltas(), Iterator[str])
    assert_type(stream.response, ChatResponse)
    try:
        assert_type(stream.partial, ChatResponse)
    except StreamInterruptedError as error:
        assert_type(error.partial, ChatResponse)
    except LlmError as error:
        assert_type(error.partial, ChatResponse | None)
        assert_type(error.status, int | None)


def calling_tools(client: MiniMaxClient) -> None:
    assert_type(weather("Bern"), str)
    assert_type(twice(2), int)
    assert_type(client.run_tools("Weather?", [weather], max_rounds=3, approve=lambda call: True), ChatResponse)
    with client.tool_run("Weather?", [weather], parallel=2, temperature=0.1) as run:
        assert_type(run, ToolRun)
        for chunk in run:
            if isinstance(chunk, ToolResult):
                assert_type(chunk.error, str | None)
    assert_type(run.messages, tuple[ChatMessage, ...])
    client.run_tools("Weather?", [weather], max_round=3)  # type: ignore[call-arg]


def talking(client: MiniMaxClient) -> None:
    talk = client.conversation("Be brief.", max_tokens=10)
    assert_type(talk, Conversation)
    assert_type(talk.say("Hello"), ChatResponse)
    assert_type(talk.stream("Hello"), ChatStream)
    assert_type(talk.messages, tuple[ChatMessage, ...])
    client.conversation(max_token=10)  # type: ignore[call-arg]
    talk.say("Hello", temprature=0.5)  # type: ignore[call-arg]
    talk.stream("Hello", max_rounds="many")  # type: ignore[arg-type]


def mapping(client: MiniMaxClient) -> None:
    results = client.map(["one", "two"], workers=2, max_tokens=10)
    assert_type(results, Iterator[MapResult])
    for result in results:
        assert_type(result.response, ChatResponse | None)
        assert_type(result.error, LlmError | None)
    client.map(["one"], worker=2)  # type: ignore[call-arg]


def surroundings() -> None:
    with testing(), Emulator() as emulator:
        assert_type(emulator.base_url, str)
    assert_type(TokenPlan("bundle.json").bearer(), str)
