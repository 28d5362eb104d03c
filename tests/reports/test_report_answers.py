"""Reports of answers in odd orders and shapes, end to end over loopback on both wires, whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.anthropic_events import STOP, grown, opened, reason
from support.canary import PROMPT
from support.openai_events import DONE, delta
from support.raw_server import RawServer, answer
from support.replay import stream_of
from support.wire_server import ANTHROPIC, EVENTS, JSON, OPENAI, Wire, framed, replies, sse

from minimax_sync import ChatResponse, ContextLengthError, LlmError, RequestError, ServerError, StreamInterruptedError

USAGE = {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}


def chunk(fields: Any = None, finish: Any = None, **more: Any) -> dict[str, Any]:
    """Make a chunk of the OpenAI wire."""
    return {**delta(finish=finish, **fields or {}), **more}


def call(index: int | None = None, id: str | None = None, name: str | None = None, arguments: str = "") -> Any:
    """Make a fragment of a tool call."""
    place = {key: value for key, value in (("index", index), ("id", id)) if value is not None}
    return chunk({"tool_calls": [{**place, "function": {"name": name, "arguments": arguments}}]})


def event(type: str, **fields: Any) -> dict[str, Any]:
    """Make an event of the Anthropic wire."""
    return {"type": type, **fields}


LAST_USAGE = {"choices": [], "usage": USAGE}


def streamed(wire: Wire, *events: Any, kind: str = EVENTS) -> ChatResponse:
    """Return the response of a stream of these events."""
    step = b"".join(framed([stream_of(event) for event in events], "chunked", kind=kind))
    with RawServer(replies(step)) as server, wire.client(server) as client, client.stream(PROMPT) as stream:
        return stream.response


def whole(wire: Wire, body: Any, **options: Any) -> ChatResponse:
    """Return the response to a call that is not streamed."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with RawServer(replies(answer(data, headers=[JSON]))) as server, wire.client(server) as client:
        return client.chat(PROMPT, **options)


def text(piece: str, finish: Any = None, **more: Any) -> dict[str, Any]:
    return chunk({"content": piece}, finish, **more)


ENDS = {
    "text behind a finish chunk with usage": (text("Hello"), chunk(finish="stop", usage=USAGE), text(" world"), DONE),
    "a finish reason in every chunk": (text("Hello", "stop"), text(" world", "stop"), DONE),
    "usage in every chunk": (text("Hello", "stop", usage=USAGE), text(" world", "stop", usage=USAGE), DONE),
    "finish reasons that are none": (text("Hello", "null"), text(" world", ""), chunk(finish="stop"), LAST_USAGE),
    "choices that count up": (
        {"choices": [{"index": 0, "delta": {"content": "Hello"}}]},
        {"choices": [{"index": 1, "delta": {"content": " world"}, "finish_reason": "stop"}]},
        LAST_USAGE,
    ),
    "a sole choice with another index": (
        {"choices": [{"index": 3, "delta": {"content": "Hello world"}, "finish_reason": "stop"}]},
        LAST_USAGE,
    ),
    "a message in every chunk": (
        {"choices": [{"message": {"content": "Hello"}}]},
        {"choices": [{"message": {"content": " world"}, "finish_reason": "stop"}]},
        DONE,
    ),
    "all so far in every message": (
        {"choices": [{"message": {"content": "Hello wo"}}]},
        {"choices": [{"message": {"content": "Hello world"}, "finish_reason": "stop"}]},
        DONE,
    ),
    "keep-alives of every kind": (
        b"data: null\n\n",
        text("Hello"),
        b'data: []\n\n: x\n\ndata: ""\n\ndata:\n\ndata: {}\n\n',
        text(" world", "stop"),
        LAST_USAGE,
    ),
    "no blank line at the end": (text("Hello"), stream_of(text(" world", "stop", usage=USAGE)).rstrip()),
}


@pytest.mark.parametrize("events", ENDS.values(), ids=ENDS)
def test_nothing_of_an_answer_is_lost_on_the_openai_wire(events: tuple[Any, ...]) -> None:
    response = streamed(OPENAI, *events)
    assert (response.text, response.finish_reason) == ("Hello world", "stop")


HELLO = (opened(0, "text", text=""), grown(0, type="text_delta", text="Hello"))
WORLD = grown(0, type="text_delta", text=" world")
ANTHROPIC_ENDS = {
    "a stop reason in the start": (event("message_start", message={"stop_reason": "end_turn"}), *HELLO, WORLD, STOP),
    "usage in the middle": (*HELLO, reason(None, usage={"output_tokens": 1}), WORLD, reason("end_turn"), STOP),
    "no message_stop": (*HELLO, WORLD, reason("end_turn")),
    "text behind the stop reason": (*HELLO, reason("end_turn"), WORLD, STOP),
    "keep-alives of every kind": (b"data: null\n\n", *HELLO, b"data: []\n\nevent: ping\ndata: {}\n\n", WORLD, STOP),
    "no blank line at the end": (*HELLO, WORLD, stream_of(reason("end_turn")).rstrip()),
    "an event that is not known": (*HELLO, event("later", delta={}), WORLD, STOP),
}


@pytest.mark.parametrize("events", ANTHROPIC_ENDS.values(), ids=ANTHROPIC_ENDS)
def test_nothing_of_an_answer_is_lost_on_the_anthropic_wire(events: tuple[Any, ...]) -> None:
    response = streamed(ANTHROPIC, *events)
    assert (response.text, response.finish_reason) == ("Hello world", "stop")


@pytest.mark.parametrize(
    ("wire", "events"),
    [
        (OPENAI, (text("Hello"), chunk(finish="stop"), text(" wor"), b'data: {"cho')),
        (OPENAI, (text("Hello"), DONE)),
        (ANTHROPIC, (event("message_start", message={"stop_reason": "end_turn"}), *HELLO)),
    ],
    ids=["cut behind an early finish reason", "done without a finish reason", "cut behind an early stop reason"],
)
def test_a_stream_without_its_end_is_an_interruption(wire: Wire, events: tuple[Any, ...]) -> None:
    with pytest.raises(StreamInterruptedError) as caught:
        streamed(wire, *events)
    assert caught.value.partial is not None
    assert caught.value.partial.text.startswith("Hello")


@pytest.mark.parametrize("kind", ["application/json", "text/html", "application/x-ndjson", "text/plain", ""])
def test_events_are_read_under_any_content_type(wire: Wire, kind: str) -> None:
    assert streamed(wire, *wire.events, kind=f"Content-Type: {kind}" if kind else "X: y").text == "Héllo"


def test_events_in_answer_to_a_plain_call_are_its_answer(wire: Wire) -> None:
    assert whole(wire, wire.stream).text == "Héllo"


CUT = '{"path": "notes.md", "text": "The first of ma'
REASONS = [("length", "max_tokens", "length"), ("content_filter", "refusal", "content_filter")]


@pytest.mark.parametrize(("openai", "anthropic", "given"), REASONS)
@pytest.mark.parametrize("arguments", ["", "{}", CUT])
def test_a_cut_answer_has_its_finish_reason_whatever_calls_it_holds(
    openai: str, anthropic: str, given: str, arguments: str
) -> None:
    asked = {"id": "a", "type": "function", "function": {"name": "write", "arguments": arguments}}
    body = {"choices": [{"message": {"content": "", "tool_calls": [asked]}, "finish_reason": openai}]}
    found = [
        whole(OPENAI, body),
        streamed(OPENAI, call(0, "a", "write", arguments), chunk(finish=openai), LAST_USAGE),
        streamed(
            ANTHROPIC,
            opened(0, "tool_use", id="a", name="write", input={}),
            grown(0, type="input_json_delta", partial_json=arguments),
            reason(anthropic),
            STOP,
        ),
    ]
    assert {response.finish_reason for response in found} == {given}


A, B = '{"q": "Emma"}', '{"q": "Virginia"}'
PARALLEL = {
    "one index, two names, no ids": (call(0, None, "find", A), call(0, None, "seek", B)),
    "one index, one name, no ids": (call(0, None, "find", A), call(0, None, "find", B)),
    "one id, two names": (call(0, "a", "find", A), call(0, "a", "seek", B)),
    "ids and names again on every fragment": (
        call(0, "a", "find", A[:4]),
        call(0, "a", "find", A[4:]),
        call(1, "b", "find", B),
    ),
    "interleaved": (
        call(0, "a", "find"),
        call(1, "b", "find"),
        call(1, arguments=B[:3]),
        call(0, arguments=A),
        call(1, arguments=B[3:]),
    ),
    "behind a finish reason": (call(0, "a", "find", A), chunk(finish="tool_calls", usage=USAGE), call(1, "b", "x", B)),
}


@pytest.mark.parametrize("events", PARALLEL.values(), ids=PARALLEL)
def test_parallel_calls_are_kept_apart(events: tuple[Any, ...]) -> None:
    response = streamed(OPENAI, *events, chunk(finish="tool_calls"), LAST_USAGE)
    assert [call.arguments["q"] for call in response.tool_calls] == ["Emma", "Virginia"]


def test_arguments_behind_the_end_of_their_block_are_a_repetition() -> None:
    started = opened(0, "tool_use", id="a", name="f", input={})
    again = grown(0, type="input_json_delta", partial_json=A)
    ended = event("content_block_stop", index=0)
    response = streamed(ANTHROPIC, started, again, ended, again, ended, reason("tool_use"), STOP)
    assert [call.arguments_json for call in response.tool_calls] == [A]


REFUSED = "the request exceeds the available context size"
FAILURES: dict[str, tuple[Wire, tuple[Any, ...], type[LlmError]]] = {
    "in a choice": (
        OPENAI,
        (text("Half"), {"choices": [{"error": {"message": "no", "code": 502}, "finish_reason": "error"}]}),
        ServerError,
    ),
    "in a field of llama.cpp's": (
        OPENAI,
        (text("Half"), b'error: {"code": 400, "message": "%s"}\n\n' % REFUSED.encode(), DONE),
        ContextLengthError,
    ),
    "in a line of bare JSON": (OPENAI, (text("Half"), b'{"error": {"code": 400, "message": "no"}}\n\n'), RequestError),
    "as a finish reason alone": (OPENAI, (chunk(finish="error"), DONE), ServerError),
    "as an event of Anthropic's": (
        ANTHROPIC,
        (*HELLO, event("error", error={"type": "overloaded_error", "message": "busy"})),
        ServerError,
    ),
}


@pytest.mark.parametrize(("wire", "events", "kind"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_not_an_answer(wire: Wire, events: tuple[Any, ...], kind: type[LlmError]) -> None:
    with pytest.raises(kind):
        streamed(wire, *events)


def test_a_failure_in_the_choice_of_a_whole_answer_is_raised() -> None:
    choice = {"error": {"message": "no", "code": 502}, "finish_reason": "error", "message": {"content": "half"}}
    with pytest.raises(ServerError, match="no"):
        whole(OPENAI, {"choices": [choice]})


def test_an_answer_that_ends_in_an_error_keeps_what_it_has_and_the_word() -> None:
    response = streamed(OPENAI, text("Half", "error"), DONE)
    assert (response.text, response.finish_reason) == ("Half", "error")


SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "rivers"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}


def test_blocks_of_a_tool_that_the_server_runs_are_carried_and_are_no_calls() -> None:
    content = [SEARCH, FOUND, {"type": "text", "text": "The Loire."}]
    body = {"content": content, "stop_reason": "end_turn"}
    found = [
        whole(ANTHROPIC, body),
        streamed(
            ANTHROPIC,
            event("content_block_start", index=0, content_block={**SEARCH, "input": {}}),
            grown(0, type="input_json_delta", partial_json='{"query": '),
            grown(0, type="input_json_delta", partial_json='"rivers"}'),
            event("content_block_start", index=1, content_block=FOUND),
            opened(2, "text", text="The Loire."),
            reason("end_turn"),
            STOP,
        ),
    ]
    for response in found:
        assert (response.text, response.tool_calls, response.finish_reason) == ("The Loire.", (), "stop")
    with RawServer(replies(answer(json.dumps(body).encode(), headers=[JSON]))) as server:
        with ANTHROPIC.client(server) as client:
            client.chat([PROMPT, found[1].message, "And?"])
        assert json.loads(server.requests[0].body)["messages"][1]["content"] == content


@pytest.mark.parametrize("field", ["content", "reasoning_content"])
def test_a_character_split_over_two_deltas_is_one(field: str) -> None:
    half = '{"choices":[{"index":0,"delta":{"%s":"Hi %s"}}]}'
    response = streamed(
        OPENAI, sse(half % (field, "\\ud83d")), sse(half.replace("Hi ", "") % (field, "\\ude00!")), text("", "stop")
    )
    assert (response.text or response.reasoning) == "Hi \U0001f600!"


def test_the_last_usage_replaces_the_estimate() -> None:
    start = event("message_start", message={"usage": {"input_tokens": 500, "output_tokens": 1}})
    response = streamed(
        ANTHROPIC, start, *HELLO, reason("end_turn", usage={"input_tokens": 7, "output_tokens": 5}), STOP
    )
    assert (response.usage.prompt_tokens, response.usage.completion_tokens) == (7, 5)


def test_thinking_beside_its_repetition_in_tags_counts_once() -> None:
    said = "<think>\nHm.\n</think>\n\nHi"
    body = {"choices": [{"message": {"content": said, "reasoning": "Hm."}, "finish_reason": "stop"}]}
    for response in (
        whole(OPENAI, body),
        streamed(OPENAI, chunk({"reasoning": "Hm."}), text(said[:9]), text(said[9:], "stop"), LAST_USAGE),
    ):
        assert (response.text, response.reasoning) == ("Hi", "Hm.")
    other = streamed(OPENAI, chunk({"reasoning": "First."}), text(said, "stop"), LAST_USAGE)
    assert (other.text, other.reasoning) == ("Hi", "First.Hm.")


def test_details_of_several_types_at_one_index_go_back_whole() -> None:
    details = [
        {"type": "reasoning.summary", "index": 0, "summary": "S."},
        {"type": "reasoning.encrypted", "index": 0, "data": "x"},
        {"type": "reasoning.text", "index": 0, "text": "T.", "signature": "s"},
    ]
    body = {"choices": [{"message": {"content": "Hi", "reasoning_details": details}, "finish_reason": "stop"}]}
    pieces = [chunk({"reasoning_details": [detail]}) for detail in details]
    for response in (whole(OPENAI, body), streamed(OPENAI, *pieces, text("Hi", "stop"), LAST_USAGE)):
        with RawServer(replies(answer(OPENAI.body, headers=[JSON]))) as server:
            with OPENAI.client(server) as client:
                client.chat([PROMPT, response.message, "And?"])
            sent = json.loads(server.requests[0].body)["messages"][1]["reasoning_details"]
        assert [{key: each[key] for key in sorted(each)} for each in sent] == [
            {key: each[key] for key in sorted(each)} for each in details
        ]


def test_an_error_has_the_headers_of_the_answer(wire: Wire) -> None:
    refusal = answer(b'{"error": {"message": "no"}}', "400 No", [JSON, "X-Note: here"])
    with RawServer(replies(refusal)) as server, wire.client(server) as client, pytest.raises(RequestError) as caught:
        client.chat(PROMPT)
    assert {name.lower(): value for name, value in caught.value.headers.items()}["x-note"] == "here"


def test_a_call_in_place_of_json_is_asked_again() -> None:
    asked = {"id": "a", "type": "function", "function": {"name": "search", "arguments": "{}"}}
    first = {"choices": [{"message": {"content": "One look.", "tool_calls": [asked]}, "finish_reason": "tool_calls"}]}
    steps = [answer(json.dumps(first).encode(), headers=[JSON]), answer(OPENAI.whole('{"n": 1}'), headers=[JSON])]
    with RawServer(replies(*steps)) as server, OPENAI.client(server) as client:
        assert client.parse(PROMPT, dict[str, int]) == {"n": 1}
