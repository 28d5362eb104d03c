"""The OpenAI wire's streams, in every form in which MiniMax and the gateways before it were seen to send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from minimax_sync.errors import (
    ContextLengthError,
    InsufficientBalanceError,
    LlmError,
    RateLimitError,
    RequestError,
    ResponseFormatError,
    ServerError,
    StreamInterruptedError,
)
from minimax_sync.sse import Event
from minimax_sync.values.chunks import (
    ReasoningDelta,
    StreamEnd,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from minimax_sync.values.messages import Reasoning, Text, ToolCall
from minimax_sync.values.response import ChatResponse
from minimax_sync.values.usage import TokenUsage
from minimax_sync.wires.openai_fold import OpenAIFold

from .replay import chunks_of, essence, plain, recorded, replay, stream_of

DETAIL = {"type": "reasoning.text", "id": "reasoning-text-1", "format": "MiniMax-response-v1", "index": 0}
USAGE = {"choices": [], "usage": {"total_tokens": 5, "prompt_tokens": 3, "completion_tokens": 2}}
DONE = "data: [DONE]\n\n"
COUNTED = TokenUsage(3, 2, 5)


def delta(content: Any = None, finish: Any = None, **fields: Any) -> dict[str, Any]:
    if content is not None:
        fields["content"] = content
    choice: dict[str, Any] = {"index": 0, "delta": fields}
    if finish is not None:
        choice["finish_reason"] = finish
    return {"id": "07", "model": "MiniMax-M2.5", "object": "chat.completion.chunk", "choices": [choice]}


def thought(text: str) -> dict[str, Any]:
    return delta("", reasoning_content=text, reasoning_details=[{**DETAIL, "text": text}])


def call(arguments: Any = None, **fields: Any) -> dict[str, Any]:
    function = {"name": fields.pop("name", None), "arguments": arguments}
    return delta(tool_calls=[{**fields, "function": {k: v for k, v in function.items() if v is not None}}])


def message(**fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **fields}}
    return {"id": "07", "object": "chat.completion", "choices": [choice]}


def answer(*events: Any) -> ChatResponse:
    return replay(OpenAIFold, stream_of(*events))


def test_the_capture_of_a_reasoned_answer() -> None:
    response = replay(OpenAIFold, recorded("openai_m27_reasoning.sse"))
    assert response.text == "**Proof.** $$2a + 2b + 2 = 2(a + b + 1)$$ ∎"
    assert response.reasoning == "The user wants a proof."
    assert response.message.parts[0] == Reasoning("The user wants a proof.", "reasoning_details", extra=DETAIL)
    assert (response.id, response.model) == ("07008f4a82fecea87b8c3822c4ed23c0", "MiniMax-M2.7")
    assert response.usage == TokenUsage(769, 116, 885, reasoning_tokens=37, cache_read_tokens=443)
    assert response.finish_reason == "stop"
    assert response.raw is None


def test_a_stream_and_a_whole_answer_give_the_same_response() -> None:
    streamed = replay(OpenAIFold, recorded("openai_m27_reasoning.sse"))
    body = message(
        content=streamed.text,
        reasoning_content=streamed.reasoning,
        reasoning_details=[{**DETAIL, "text": streamed.reasoning}],
    )
    body["usage"] = {
        "total_tokens": 885,
        "prompt_tokens": 769,
        "completion_tokens": 116,
        "completion_tokens_details": {"reasoning_tokens": 37},
        "prompt_tokens_details": {"cached_tokens": 443},
    }
    assert essence(plain(OpenAIFold, body)) == essence(streamed)


def test_the_two_real_forms_of_tool_calls() -> None:
    fold = OpenAIFold()
    chunks = chunks_of(fold, [recorded("openai_m27_tool_calls.sse")])
    first, second = (
        ToolCall("call_function_jpaq2z2bgfh7_1", "search", {"query": "|event::"}),
        ToolCall("call_function_jpaq2z2bgfh7_2", "read_file", {"paths": ["src/providers/minimax.rs"]}),
    )
    assert [(c.id, c.name, c.arguments) for c in fold.response().tool_calls] == [
        (c.id, c.name, c.arguments) for c in (first, second)
    ]
    assert [type(chunk) for chunk in chunks] == [
        ToolCallStart,
        ToolCallDelta,
        ToolCallDelta,
        ToolCallStart,
        ToolCallDelta,
        ToolCallEnd,
        ToolCallEnd,
        UsageUpdate,
        StreamEnd,
    ]
    assert chunks[0] == ToolCallStart(0, first.id, "search")
    assert chunks[4] == ToolCallDelta(1, '{"paths": ["src/providers/minimax.rs"]}')
    assert chunks[-1] == StreamEnd("tool_calls")
    assert replay(OpenAIFold, recorded("openai_m27_tool_calls.sse")) == fold.response()


END = (delta("", finish="stop"), USAGE)

ENDINGS = {
    "usage after the finish reason, no [DONE]": (delta("Hi"), *END),
    "[DONE] behind it": (delta("Hi"), *END, DONE),
    "[DONE] and no usage": (delta("Hi"), delta(finish="stop"), DONE),
    "the connection closes behind the finish reason": (delta("Hi"), delta(finish="stop")),
    "text in the finish chunk": (delta("H"), delta("i", finish="stop"), USAGE),
    "usage in the finish chunk": (delta("Hi"), {**delta(finish="stop"), "usage": USAGE["usage"]}),
    "usage before the finish reason": (delta("Hi"), USAGE, delta(finish="stop")),
    "zero usage in every chunk": (
        {**delta("Hi"), "usage": {"total_tokens": 0, "total_characters": 0}},
        {**delta(finish="stop"), "usage": {"total_tokens": 0}},
        USAGE,
        {"choices": [], "usage": None},
    ),
    "the finish chunk twice": (delta("Hi"), delta(finish="stop"), delta(finish="stop"), USAGE),
    "a role of ''": (delta("Hi", role=""), *END),
    "an empty role chunk first": (delta("", role="assistant"), delta("Hi"), *END),
    "base_resp 0 in every chunk": tuple({**e, "base_resp": {"status_code": 0}} for e in (delta("Hi"), *END)),
    "a warning with base_resp 0": (
        delta("Hi"),
        END[0],
        {**USAGE, "base_resp": {"status_code": 0, "status_msg": 'Invalid parameters detected, json: unknown field "user"'}},
    ),
    "no space behind data:": (f"data:{json.dumps(delta('Hi'))}\n\ndata:{json.dumps(END[0])}\n\n",),
    "pretty-printed over several data lines": (
        "".join(f"data: {line}\n" for line in json.dumps(delta("Hi"), indent=1).split("\n")) + "\n",
        *END,
    ),
    "CRLF and comments": (stream_of(": keep-alive\n\n", delta("Hi"), *END).replace(b"\n", b"\r\n"),),
    "blank keep-alives": ("data:\n\n", delta("Hi"), "data: \n\n", *END),
    "the whole message repeated at the end": (delta("H"), delta("i"), message(content="Hi"), USAGE),
    "the whole message in the finish chunk": (
        delta("Hi"),
        {"choices": [{"index": 0, "finish_reason": "stop", "delta": {}, "message": {"content": "Hi"}}]},
        USAGE,
    ),
    "a whole message and no delta": ({**message(content="Hi"), "usage": USAGE["usage"]},),
    "a whole message without a finish reason": ({"choices": [{"message": {"content": "Hi"}}]},),
    "a second choice of another server": (delta("Hi"), {"choices": [{"index": 1, "delta": {"content": "Ho"}}]}, *END),
    "content as a list": (delta([{"type": "text", "text": "H"}, {"type": "text", "text": "i"}, 5]), *END),
    "wrong types where it does not matter": (
        {**delta("Hi"), "created": "x", "id": 5, "model": ["M"], "usage": "none", "request_id": {}},
        {"choices": [{"index": "0", "finish_reason": 7, "delta": {"tool_calls": None, "reasoning_details": "no"}}]},
    ),
}


@pytest.mark.parametrize("events", ENDINGS.values(), ids=ENDINGS)
def test_an_answer_is_whole_with(events: tuple[Any, ...]) -> None:
    data = stream_of(*events)
    response = replay(OpenAIFold, data)
    assert response.message.parts == (Text("Hi"),)
    assert response.finish_reason == "stop"
    assert response.usage == (COUNTED if b'"total_tokens": 5' in data else TokenUsage())


def test_a_usage_that_is_counted_before_the_end_is_kept_past_null_and_zeros() -> None:
    zeros = {"choices": [], "usage": {"total_tokens": 0, "prompt_tokens": 0}}
    assert answer(delta("Hi"), USAGE, zeros, {**delta(finish="stop"), "usage": None}).usage == COUNTED


def test_usage_comes_right_before_the_end_which_is_last() -> None:
    chunks = chunks_of(OpenAIFold(), [stream_of(delta("Hi"), *END)])
    assert chunks == [TextDelta("Hi"), UsageUpdate(COUNTED), StreamEnd("stop")]


def test_counts_written_as_text_or_floats_are_read_and_nonsense_counts_as_zero() -> None:
    usage = {"prompt_tokens": "3", "completion_tokens": 2.0, "total_tokens": None, "prompt_tokens_details": [1]}
    assert answer(delta("Hi"), delta(finish="stop"), {"choices": [], "usage": usage}).usage == COUNTED
    odd = {"prompt_tokens": -3, "completion_tokens": 1e300, "total_tokens": 4, "completion_tokens_details": {"reasoning_tokens": {}}}
    assert answer(delta("Hi"), delta(finish="stop"), {"choices": [], "usage": odd}).usage == TokenUsage(0, 0, 4)


@pytest.mark.parametrize("end", range(1, 4))
def test_a_stream_without_its_finish_reason_is_interrupted_and_keeps_what_came(end: int) -> None:
    events = (thought("Let me see"), delta("Hel"), delta("lo"))[:end]
    fold = OpenAIFold()
    with pytest.raises(StreamInterruptedError) as caught:
        chunks_of(fold, [stream_of(*events)])
    partial = caught.value.partial
    assert partial is not None
    assert partial.text == ("", "Hel", "Hello")[end - 1]
    assert partial.reasoning == "Let me see"
    assert partial.finish_reason == ""


def test_an_early_done_is_no_end_of_an_answer() -> None:
    with pytest.raises(StreamInterruptedError):
        chunks_of(OpenAIFold(), [stream_of(delta("Hi"), DONE)])


def test_half_an_event_at_the_end_is_not_folded() -> None:
    data = stream_of(delta("Hi"), delta(" there"))[:-1]
    with pytest.raises(StreamInterruptedError) as caught:
        chunks_of(OpenAIFold(), [data])
    assert caught.value.partial is not None
    assert caught.value.partial.text == "Hi"


def test_only_usage_is_awaited_after_a_finish_reason() -> None:
    fold = OpenAIFold()
    seen = []
    for event in (delta("Hi"), delta(finish="stop"), USAGE):
        fold.feed(Event("message", json.dumps(event).encode()))
        seen.append((fold.awaits_only_usage, fold.complete))
    assert seen == [(False, False), (True, False), (False, True)]


def test_the_lists_of_chunks_that_were_handed_out_do_not_change_later() -> None:
    fold = OpenAIFold()
    empty = fold.feed(Event("message", b'{"choices": []}'))
    fold.feed(Event("message", json.dumps(delta("Hi")).encode()))
    assert empty == []


REASONS = {
    "stop": "stop",
    "length": "length",
    "content_filter": "content_filter",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "function_call": "tool_calls",
    "insufficient_system_resource": "insufficient_system_resource",
}


@pytest.mark.parametrize(("sent", "given"), REASONS.items())
def test_finish_reason(sent: str, given: str) -> None:
    assert answer(delta("Hi"), delta(finish=sent)).finish_reason == given


def test_with_tool_calls_the_finish_reason_is_tool_calls_whatever_it_says() -> None:
    assert answer(call("{}", index=0, id="a", name="f"), delta(finish="stop")).finish_reason == "tool_calls"


THOUGHTS = {
    "deltas": ["Let me", " think", " about it", "."],
    "snapshots": ["Let me", "Let me think", "Let me think about it", "Let me think about it."],
    "snapshots that begin with a word": ["Let", "Let me", "Let me t", "Let me think about it."],
    "snapshots, the last one twice": ["Let me think", "Let me think about it.", "Let me think about it."],
    "deltas, and all of it at the end": ["Let me think", " about", " it.", "Let me think about it."],
}


@pytest.mark.parametrize("pieces", THOUGHTS.values(), ids=THOUGHTS)
def test_thinking_is_counted_once_when_it_comes_as(pieces: list[str]) -> None:
    assert answer(*map(thought, pieces), *END).reasoning == "Let me think about it."


REPEATS = {
    "short repeats": ["a", "a", "aa", "a"],
    "growing numbers": ["1", "10", " is", " not 110"],
    "a laugh": ["ha", "haha", "!"],
    "a rule": ["--------", "--------", "-"],
    "a word twice": ["The ", "The ", "The answer"],
}


@pytest.mark.parametrize("pieces", REPEATS.values(), ids=REPEATS)
def test_real_repetitions_in_thinking_are_kept(pieces: list[str]) -> None:
    assert answer(*map(thought, pieces), *END).reasoning == "".join(pieces)


def test_pieces_that_never_became_clear_are_told_at_the_end() -> None:
    assert answer(thought("ha"), thought("haha"), delta("Hi"), *END).reasoning == "hahaha"


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thinking_in_a_field_of_other_servers(field: str) -> None:
    response = answer(delta(**{field: "Let me"}), delta("", **{field: " see"}), delta("Hi"), *END)
    assert response.message.parts == (Reasoning("Let me see", "reasoning_content"), Text("Hi"))


def test_runs_of_thinking_are_kept_apart_with_all_their_fields() -> None:
    entries = [
        [{"type": "reasoning.text", "index": 0, "text": "one"}],
        [{"type": "reasoning.text", "index": 0, "text": "!"}, {"type": "reasoning.text", "index": 1, "text": "two"}],
        [{"index": 0, "signature": "abc"}, {"type": "reasoning.encrypted", "index": 2, "data": "xyz"}, None],
        [{"type": "reasoning.text", "id": "empty", "index": 3, "text": ""}],
    ]
    events = [delta(reasoning_details=entry) for entry in entries]
    assert answer(*events, *END).message.parts == (
        Reasoning("one!", "reasoning_details", extra={"type": "reasoning.text", "index": 0, "signature": "abc"}),
        Reasoning("two", "reasoning_details", extra={"type": "reasoning.text", "index": 1}),
        Reasoning("", "reasoning_details", extra={"type": "reasoning.encrypted", "index": 2, "data": "xyz"}),
    )


@pytest.mark.parametrize("odd", [[5], [None], [[]], "text", 5, {"a": 1}, [{"index": [], "text": 5}]])
def test_odd_reasoning_details_cost_no_answer(odd: Any) -> None:
    assert answer(delta("Hi", reasoning_details=odd), *END).text == "Hi"


TAGGED = {
    "a tag": (["<think>\nLet me see\n</think>\n\nHi"], "Let me see", "Hi"),
    "tags in pieces": (["<", "think", ">\n", "Let ", "me see", "\n</th", "ink", ">", "\n", "\nH", "i"], "Let me see", "Hi"),
    "never closed": (["<think>Let me", " see"], "Let me see", ""),
    "an orphan at the end of the first delta": (["Let me see\n</think>\n\nHi"], "Let me see", "Hi"),
    "no tag": (["a < b", " and <thin", " ice"], "", "a < b and <thin ice"),
    "two of them": (["<think>Let me</think>H<think> see</think>i"], "Let mesee", "Hi"),
    "an empty one": (["<think>\n\n</think>\n\nHi"], "", "Hi"),
}


@pytest.mark.parametrize(("pieces", "reasoning", "text"), TAGGED.values(), ids=TAGGED)
def test_think_tags(pieces: list[str], reasoning: str, text: str) -> None:
    response = answer(*map(delta, pieces), *END)
    assert (response.reasoning, response.text) == (reasoning, text)
    assert essence(plain(OpenAIFold, {**message(content="".join(pieces)), "usage": USAGE["usage"]})) == essence(response)


def test_think_tags_in_the_text_of_an_answer_with_native_thinking_are_text() -> None:
    assert answer(thought("Let me see"), delta("The tag <think> opens it."), *END).text == "The tag <think> opens it."


def test_text_held_for_a_tag_is_not_lost_when_native_thinking_begins() -> None:
    response = answer(delta("<"), thought("Let me see"), delta("b"), *END)
    assert (response.text, response.reasoning) == ("<b", "Let me see")


CALLS = {
    "fragments": [call("", index=0, id="a", name="f"), call('{"x"', index=0), call(": 1}", index=0)],
    "one whole": [call('{"x": 1}', index=0, id="a", name="f")],
    "a repeated id and name": [call('{"x"', index=0, id="a", name="f"), call(": 1}", index=0, id="a", name="f")],
    "a repeated name": [call('{"x"', index=0, id="a", name="f"), call(": 1}", index=0, name="f")],
    "an empty id later": [call('{"x"', index=0, id="a", name="f"), call(": 1}", index=0, id="", name="")],
    "no index": [call('{"x"', id="a", name="f"), call(": 1}")],
    "an index as text": [call('{"x"', index="0", id="a", name="f"), call(": 1}", index="0")],
    "an odd index": [call('{"x"', index={}, id="a", name="f"), call(": 1}", index=[])],
    "arguments as an object": [call({"x": 1}, index=0, id="a", name="f")],
    "the name late": [call("", index=0, id="a"), call('{"x": 1}', index=0, name="f")],
    "repeated in a whole message": [
        call('{"x": 1}', index=0, id="a", name="f"),
        message(content="", tool_calls=[{"id": "a", "function": {"name": "f", "arguments": '{"x": 1}'}}]),
    ],
    "in a whole message alone": [
        delta("", role="assistant"),
        message(tool_calls=[{"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]),
    ],
}


@pytest.mark.parametrize("events", CALLS.values(), ids=CALLS)
def test_a_tool_call_in(events: list[dict[str, Any]]) -> None:
    (found,) = answer(*events, delta(finish="tool_calls")).tool_calls
    assert (found.id, found.name, found.arguments) == ("a", "f", {"x": 1})


PAIRS = {
    "two indexes": [call('{"x"', index=0, id="a", name="f"), call("{}", index=1, id="b", name="f"), call(":1}", index=0)],
    "one index": [call('{"x":', index=0, id="a", name="f"), call("1}", index=0), call("{}", index=0, id="b", name="f")],
    "no index": [call('{"x":1}', id="a", name="f"), call("{}", id="b", name="f")],
    "one chunk": [
        delta(tool_calls=[
            {"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"x":1}'}},
            {"index": 1, "id": "b", "function": {"name": "f", "arguments": "{}"}},
        ])
    ],
}  # fmt: skip


@pytest.mark.parametrize("events", PAIRS.values(), ids=PAIRS)
def test_two_tool_calls_with(events: list[dict[str, Any]]) -> None:
    found = answer(*events, delta(finish="tool_calls")).tool_calls
    assert found == (ToolCall("a", "f", arguments_json='{"x":1}'), ToolCall("b", "f", arguments_json="{}"))


@pytest.mark.parametrize("names", [("f", "g"), ("f", "f")])
def test_two_whole_calls_without_id_and_index_get_ids_of_their_own(names: tuple[str, str]) -> None:
    found = answer(*(call('{"x":1}', name=name) for name in names), delta(finish="tool_calls")).tool_calls
    assert [(c.name, c.arguments) for c in found] == [(name, {"x": 1}) for name in names]
    assert len({c.id for c in found}) == 2


def test_two_calls_with_one_id_get_ids_of_their_own_so_that_they_can_be_replayed() -> None:
    calls = [{"id": "a", "function": {"name": "f", "arguments": "{}"}}] * 2
    found = plain(OpenAIFold, message(content="", tool_calls=calls)).tool_calls
    assert [c.id for c in found] == ["a", "a_2"]
    streamed = [call("{", index=n, id="a", name="f") for n in (0, 1)] + [call("}", index=n, id="a") for n in (0, 1)]
    assert answer(*streamed, delta(finish="tool_calls")).tool_calls == found


def test_an_absurd_number_of_tool_calls_is_refused() -> None:
    many = [{"index": n, "id": f"c{n}", "function": {"name": "f", "arguments": "{}"}} for n in range(1000)]
    with pytest.raises(ResponseFormatError, match="256 tool calls"):
        chunks_of(OpenAIFold(), [stream_of(delta(tool_calls=many))])


def test_an_absurd_number_of_runs_of_thinking_is_refused() -> None:
    many = [{"index": n, "text": "x"} for n in range(2000)]
    with pytest.raises(ResponseFormatError, match="runs of thinking"):
        chunks_of(OpenAIFold(), [stream_of(delta(reasoning_details=many))])


ERRORS: dict[str, tuple[Any, type[LlmError], int | None]] = {
    "base_resp and choices null": (
        {"id": "07", "choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}},
        InsufficientBalanceError,
        1008,
    ),
    "base_resp as text": ({"choices": None, "base_resp": {"status_code": "1002", "status_msg": ""}}, RateLimitError, 1002),
    "an error with a code": (
        {"error": {"message": "invalid params (2013)", "type": "invalid_request_error", "code": "2013"}},
        RequestError,
        2013,
    ),
    "an envelope": (
        {"type": "error", "error": {"type": "overloaded_error", "message": "High traffic detected."}, "request_id": "r"},
        ServerError,
        None,
    ),
    "vLLM": ({"error": {"message": "boom", "type": "InternalServerError", "code": 500}}, ServerError, None),
    "vLLM, older": (
        {"object": "error", "message": "maximum context length is 4096", "type": "BadRequestError", "code": 400},
        ContextLengthError,
        None,
    ),
    "llama.cpp": (
        {
            "error": {
                "code": 400,
                "message": "the request exceeds the available context size",
                "type": "exceed_context_size_error",
            }
        },
        ContextLengthError,
        None,
    ),
    "event: error": ('event: error\ndata: {"message": "boom"}\n\n', ServerError, None),
    "event: error with text": ("event: error\ndata: {}\n\n", ServerError, None),
    "an error as text": ({"error": "boom"}, ServerError, None),
    "an error as a list": ({"error": [{"message": "boom"}]}, ServerError, None),
}


@pytest.mark.parametrize(("event", "kind", "code"), ERRORS.values(), ids=ERRORS)
@pytest.mark.parametrize("before", [(), (delta("Hel"),)], ids=["first", "later"])
def test_an_error_inside_the_stream(event: Any, kind: type[LlmError], code: int | None, before: tuple[Any, ...]) -> None:
    with pytest.raises(LlmError) as caught:
        chunks_of(OpenAIFold(), [stream_of(*before, event)])
    assert type(caught.value) is kind
    assert caught.value.code == code


def test_the_last_base_resp_wins_over_an_answer() -> None:
    bad = {"choices": [], "base_resp": {"status_code": 1027, "status_msg": "output new_sensitive"}}
    with pytest.raises(RequestError, match="1027"):
        chunks_of(OpenAIFold(), [stream_of(delta("Hi"), delta(finish="stop"), bad)])


def test_an_error_tells_the_id_to_quote() -> None:
    with pytest.raises(ServerError) as caught:
        chunks_of(OpenAIFold(), [stream_of({"error": {"message": "boom"}, "request_id": "r-1"})])
    assert caught.value.request_id == "r-1"


def test_sensitive_content_is_flagged() -> None:
    assert answer({**delta("Hi"), "input_sensitive": True}, *END).flagged
    assert not answer({**delta("Hi"), "input_sensitive": False}, *END).flagged


@pytest.mark.parametrize(
    "event",
    ["data: {\n\n", "data: [1]\n\n", 'data: "text"\n\n', "data: null\n\n", "data: <html>\n\n"]
    + [delta(5), delta({"a": 1}), {"choices": {}}, {"choices": [5]}, delta(tool_calls={}), delta(tool_calls=[5])],
)
def test_what_is_no_chunk_is_a_format_error_that_quotes_nothing(event: Any) -> None:
    with pytest.raises(ResponseFormatError) as caught:
        chunks_of(OpenAIFold(), [stream_of(event)])
    assert "html" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_invalid_utf8_and_half_surrogates_are_replaced() -> None:
    data = b'data: {"choices":[{"delta":{"content":"a\xffb \\ud83d\\ude00 \\ud83d \\\\ud83d"}}]}\n\n'
    assert replay(OpenAIFold, data + stream_of(*END)).text == "a\ufffdb \U0001f600 \ufffd \\ud83d"
