"""The client against `llmock`, an independent server of faults: every one of them ends in recovery or
in the right exception, and its own verdict on the client's behaviour is clean.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support import wire_server

from minimax_sync import (
    CallTimeoutError,
    ChatResponse,
    ContextLengthError,
    CredentialInvalidError,
    LlmError,
    MiniMaxClient,
    RequestError,
    ResponseFormatError,
    ServerError,
    StreamInterruptedError,
    TextDelta,
    ToolArgumentsError,
    ToolDef,
    TransportError,
)

_numbers = itertools.count()


def question() -> str:
    """Return a new question: llmock counts two requests with the same body as one that was repeated."""
    return f"question {next(_numbers)}"


def ask(client: MiniMaxClient, how: str, **options: Any) -> ChatResponse:
    """Ask by `chat`, or by `stream` read to its end."""
    return wire_server.ask(client, how, question(), **options)


CHILD = """
import json, sys
from dataclasses import asdict
from llmock.chaos import ChaosSettings, StreamChaos
from llmock.pytest_plugin import LLMock
from llmock.testing import LLMockServer

with LLMockServer() as server:
    handle = LLMock(server)
    print(json.dumps(server.url), flush=True)
    for line in sys.stdin:
        name, arguments = json.loads(line)
        result = None
        if name == "requests":
            result = [(record.status, record.fault, record.stream, record.completed) for record in handle.requests]
        elif name == "findings":
            result = [finding.code for finding in handle.verdict().findings]
        elif name == "chaos":
            chaos = ChaosSettings(error_rates={int(status): rate for status, rate in arguments["errors"].items()})
            server.state.chaos = server.app.state.chaos_settings = chaos
            rates = tuple(arguments["streams"].items())
            server.state.stream_chaos = StreamChaos(rates, stall_seconds=0.5, max_after_chunks=3)
        else:
            getattr(handle, name)(**arguments)
        print(json.dumps(result), flush=True)
"""


class FaultServer:
    """The server in a process of its own; `call` runs a method of llmock's fixture there."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.url: str = self._answer()

    def call(self, name: str, /, **arguments: Any) -> Any:
        """Set a fault, or return what the server saw."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, arguments]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "llmock ended"
        return json.loads(line)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[FaultServer]:
    server = FaultServer()
    yield server
    server.close()


@pytest.fixture
def server(shared_server: FaultServer) -> FaultServer:
    shared_server.call("reset")
    return shared_server


@pytest.fixture(params=["openai_compat", "anthropic_messages"])
def flavor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def client_of(server: FaultServer, flavor: str, **arguments: Any) -> MiniMaxClient:
    if flavor == "openai_compat":
        arguments["chat_path"] = "/chat/completions"
    wire = wire_server.OPENAI if flavor == "openai_compat" else wire_server.ANTHROPIC
    return wire.client(server.url + ("/v1" if flavor == "openai_compat" else "/anthropic"), **arguments)


def test_llmock_without_a_fault_both_wires_are_answered(server: FaultServer, flavor: str, how: str) -> None:
    server.call("reply", text="It works.")
    with client_of(server, flavor) as client:
        response = ask(client, how)
    assert (response.text, response.finish_reason) == ("It works.", "stop")
    assert response.usage.total_tokens > 0


RETRIED = {408, 429, *range(500, 600)}
OTHERS: dict[int, type[LlmError]] = {401: CredentialInvalidError, 403: CredentialInvalidError}


def test_llmock_every_status_is_recovered_from_or_raised_as_what_it_is(
    server: FaultServer, flavor: str, how: str
) -> None:
    with client_of(server, flavor) as client:
        for status in range(400, 600):
            server.call("fail", status=status, retry_after=0)
            if status in RETRIED:
                assert ask(client, how).text, status
            else:
                with pytest.raises(OTHERS.get(status, RequestError)) as caught:
                    ask(client, how)
                assert caught.value.status == status
    statuses = [status for status, *_ in server.call("requests")]
    assert len(statuses) == 200 + len(RETRIED)
    assert not set(server.call("findings")) & {"retried_non_retryable", "retry_storm", "retry_after_ignored"}


def test_llmock_a_prompt_that_is_too_long_has_its_own_error(server: FaultServer, flavor: str, how: str) -> None:
    server.call("context_overflow")
    with client_of(server, flavor) as client:
        with pytest.raises(ContextLengthError):
            ask(client, how)
        if flavor == "openai_compat":
            server.call("limits", context_window=1)
            with pytest.raises(ContextLengthError):
                ask(client, how)


def stream(client: MiniMaxClient) -> tuple[str, LlmError | None]:
    """Stream; return the text that was handed out and the error that ended it."""
    text = ""
    try:
        with client.stream(question()) as stream:
            for chunk in stream:
                text += chunk.text if isinstance(chunk, TextDelta) else ""
    except LlmError as error:
        return text, error
    return text, None


TEXT = "Of all the rivers of Europe the Volga is the longest."

STREAM_FAULTS: dict[str, tuple[type[LlmError], ...]] = {
    "disconnect": (StreamInterruptedError,),
    "truncate": (StreamInterruptedError, ResponseFormatError),  # the latter of a stream without any byte
    "corrupt": (ResponseFormatError,),
    "stall": (CallTimeoutError,),
}


@pytest.mark.parametrize("fault", STREAM_FAULTS)
def test_llmock_a_stream_fault_at_any_chunk_is_an_error_with_the_part_received(
    server: FaultServer, flavor: str, fault: str
) -> None:
    with client_of(server, flavor, idle_timeout=0.15) as client:
        faults = 0
        for after in range(20):
            server.call("reset")
            server.call("reply", text=TEXT)
            server.call(fault, after_chunks=after, **({"seconds": 1.0} if fault == "stall" else {}))
            text, error = stream(client)
            if error is None:
                assert text == TEXT
                continue
            faults += 1
            assert isinstance(error, STREAM_FAULTS[fault]), (after, error)
            assert TEXT.startswith(text)
            assert error.partial is not None
            assert TEXT.startswith(error.partial.text)
            assert len(server.call("requests")) == 1
    assert faults >= 5


def weather(city: str) -> str:
    """Return the weather."""
    return f"21 degrees in {city}"


def test_llmock_tools_are_called(server: FaultServer, flavor: str, how: str) -> None:
    server.call("call_tool", name="weather", arguments={"city": "Paris"})
    with client_of(server, flavor) as client:
        (call,) = ask(client, how, tools=[ToolDef("weather")]).tool_calls
        assert (call.name, call.arguments) == ("weather", {"city": "Paris"})
        server.call("call_tool", name="weather", arguments={"city": "Paris"})
        done = client.run_tools(question(), [weather])
    assert "21 degrees in Paris" in str([message.text for message in done.messages])


def test_llmock_broken_tool_calls_are_reported_and_a_loop_continues(server: FaultServer, flavor: str, how: str) -> None:
    server.call("break_tool_call", kind="malformed_arguments")
    with client_of(server, flavor) as client:
        (call,) = ask(client, how, tools=[ToolDef("weather")]).tool_calls
        if flavor == "openai_compat":
            with pytest.raises(ToolArgumentsError):
                assert call.arguments
        for kind in ("malformed_arguments", "unknown_tool"):
            server.call("break_tool_call", kind=kind)
            assert client.run_tools(question(), [weather]).finish_reason == "stop"


def test_llmock_in_a_storm_of_everything_each_call_ends_in_an_answer_or_an_error(
    server: FaultServer, flavor: str
) -> None:
    server.call("reply", text=TEXT, times=None)
    errors = {"500": 0.15, "502": 0.1, "400": 0.05}
    streams = {"disconnect": 0.15, "truncate": 0.15, "stall": 0.1, "malformed": 0.15}
    server.call("chaos", errors=errors, streams=streams)
    with client_of(server, flavor, idle_timeout=0.1) as client:

        def call(number: int) -> str:
            text, error = stream(client) if number % 3 else (TEXT, None)
            if not number % 3:
                try:
                    text = client.chat(question()).text
                except LlmError as found:
                    error = found
            assert text == TEXT if error is None else TEXT.startswith(text)
            return type(error).__name__

        with ThreadPoolExecutor(8) as pool:
            kinds = list(pool.map(call, range(120)))
    assert {"NoneType", "StreamInterruptedError", "ResponseFormatError"} <= set(kinds)
    known: tuple[type[LlmError], ...] = (RequestError, ServerError, TransportError, *sum(STREAM_FAULTS.values(), ()))
    assert set(kinds) <= {"NoneType", *(kind.__name__ for kind in known)}
    assert not set(server.call("findings")) & {"retried_non_retryable", "retry_storm", "retry_after_ignored"}
