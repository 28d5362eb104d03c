"""The OpenAI wire's answers: chunks, or a whole body, into one growing answer.

The message's parts have one order, thinking, text, tool calls, regardless of the order of the deltas, so that a stream
gives the same response as a plain call. Optional fields are `Any`, so that an unexpected value never fails the
response.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from ..errors import ResponseFormatError
from ..values.chunks import ReasoningDelta
from ..values.json_text import UNREADABLE
from ..values.messages import Part, Reasoning, Text
from ..values.request import ChatRequest
from ..values.tooldef import ToolDef
from .accumulator import Accumulator, callable_tools
from .decoding import as_text, json_text, not_an_answer, parsed
from .failures import raise_failure, raise_failure_in
from .growing_call import GrowingCall
from .sse import Event
from .thinking_snapshots import GrowingThought
from .usage_counts import openai_usage

# No annotations from the future here: msgspec would compile and evaluate each of the Structs' own, 0.3 ms of a start.

MAX_RUNS = 1024
"""Of thinking; captures have one."""

_LABELS = {"type", "id", "format", "index", "tag"}
"""The fields of a run of thinking that carry no information of their own."""

DETAIL_TEXT: dict[object, str] = {"reasoning.summary": "summary"}
"""The field that holds the text of an entry of `reasoning_details`, where it is not `text`."""


class _Function(msgspec.Struct, gc=False):
    name: Any = None
    arguments: Any = None


class _Call(msgspec.Struct, gc=False):
    index: Any = None
    id: Any = None
    function: _Function | None = None


class _Delta(msgspec.Struct, gc=False):
    content: str | list[Any] | None = None
    reasoning_content: Any = None
    reasoning_details: Any = None
    reasoning: Any = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct, gc=False):
    index: Any = 0
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: Any = None
    error: Any = None


class _Answer(msgspec.Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None
    id: Any = None
    model: Any = None
    base_resp: Any = None
    error: Any = None
    request_id: Any = None
    input_sensitive: Any = None
    output_sensitive: Any = None


_decode = msgspec.json.Decoder(_Answer).decode


class _Thought(GrowingThought):
    """A run of thinking with the data for sending it back: its shape, and the other fields."""

    def __init__(self, shape: str) -> None:
        super().__init__()
        self.shape = shape
        self.extra: dict[str, Any] = {}


class OpenAIAccumulator(Accumulator):
    """Accumulates one answer of the OpenAI wire."""

    finish_reasons = {
        "tool_call": "tool_calls",
        "function_call": "tool_calls",
        # gateways pass on the other wire's words
        "tool_use": "tool_calls",
        "end_turn": "stop",
        "max_tokens": "length",
    }

    def __init__(
        self, stops: tuple[str, ...] = (), tools: tuple[ToolDef, ...] = (), *, has_alternatives: bool = False
    ) -> None:
        super().__init__(stops, tools)
        self._text = bytearray()
        self._thoughts: dict[object, _Thought] = {}
        self._detail_types: dict[object, object] = {}
        self._open_calls: dict[object, GrowingCall] = {}
        self._has_alternatives = has_alternatives
        self._saw_delta = False
        self._saw_content = False
        self._messages = GrowingThought()

    def take_event(self, event: Event) -> None:
        """Take one chunk; raises the error that it carries."""
        try:
            answer = _decode(event.data)
        except UNREADABLE:
            if self.is_no_json(event):
                return
            answer = parsed(_decode, self._halves.joined(event.data))
        self._take(answer)
        if not answer.choices and not answer.usage:
            raise_failure_in(event.data, is_error=event.type == "error")

    def take_body(self, body: bytes) -> None:
        """Take a whole answer; without a finish reason it is "stop"."""
        answer = parsed(_decode, body)
        self._take(answer)
        if not any(choice.message or choice.delta for choice in answer.choices or ()):
            raise_failure_in(body, is_error=False)
            if not self.flagged:
                raise not_an_answer("it holds no message", body)
            self.finish_reason = "content_filter"
        self.finish_reason = self.finish_reason or "stop"
        self.complete = True

    def _take(self, answer: _Answer) -> None:
        if answer.base_resp is not None or answer.error is not None:
            raise_failure(answer.base_resp, answer.error, answer.request_id, answer.id)
        if answer.id and not self.id:
            self.id = as_text(answer.id)
        if answer.model and not self.model:
            self.model = as_text(answer.model)
        if answer.input_sensitive or answer.output_sensitive:
            self.flagged = True
        choices = answer.choices
        if choices and not (self._has_alternatives and choices[0].index):
            self._take_choice(choices[0])
        if answer.usage:
            self._take_usage(answer.usage, is_last=not choices)

    def _take_choice(self, choice: _Choice) -> None:
        """Take the one choice of a chunk, whatever its index: some servers count it up with every chunk."""
        if choice.error:
            raise_failure(None, choice.error)
        if choice.delta is not None:
            self._take_delta(choice.delta)
        if choice.message is not None:
            self._take_message(choice.message)
        if choice.finish_reason and choice.finish_reason != "null":
            self.finish_reason = as_text(choice.finish_reason) or "stop"

    def _take_message(self, message: _Delta) -> None:
        """Take the fields of a message that no delta has: gateways, Text-01 and M3 repeat it whole after the deltas.

        Without deltas it is the answer, or in a stream a piece of it, or all of it so far. A finish reason may be
        missing.
        """
        if self._saw_delta:
            if self._thoughts:
                message.reasoning_content = message.reasoning_details = message.reasoning = None
            if self._saw_content:
                message.content = None
        elif message.content:
            content = message.content if isinstance(message.content, str) else _joined(message.content)
            message.content = self._messages.feed(content)
        had_calls, calls, message.tool_calls = bool(self._calls), message.tool_calls, None
        saw_delta = self._saw_delta
        self._take_delta(message)
        self._saw_delta = saw_delta
        if calls and not had_calls and not self.stopped:
            for call in calls:
                self._open_calls.clear()
                self._take_call(call, is_whole=True)
        self._early_reason = self._early_reason or "stop"

    def _take_delta(self, delta: _Delta) -> None:
        if delta.reasoning_details or delta.reasoning_content or delta.reasoning:
            self._saw_delta = True
            self._take_reasoning(delta)
        content = delta.content
        if content:
            self._saw_delta = self._saw_content = True
            self.add_text(self._text, content if content.__class__ is str else _joined(content))
        if delta.tool_calls and not self.stopped:
            self._saw_delta = True
            for call in delta.tool_calls:
                self._take_call(call)

    def _take_reasoning(self, delta: _Delta) -> None:
        """Take thinking from the first of the fields that contain the same text."""
        if self.finish_reason:
            self.goes_on()
        self._splitter.must_close = True
        details = delta.reasoning_details
        has_text = False
        if isinstance(details, list):
            for entry in details:
                if isinstance(entry, dict):
                    has_text = self._take_detail(entry) or has_text
        if not has_text:
            text = as_text(delta.reasoning_content)
            shape = "reasoning_content" if text else "reasoning"
            text = text or as_text(delta.reasoning)
            if text:
                self._think(self._thought("content", shape), text)

    def _take_detail(self, entry: dict[str, Any]) -> bool:
        """Take an entry of `reasoning_details`, and return whether it has text. Entries of one type and index grow."""
        index = entry.get("index", entry.get("id"))
        index = index if isinstance(index, int | str) else None
        kind = as_text(entry.get("type")) or self._detail_types.get(index)
        self._detail_types[index] = kind
        thought = self._thought((kind, index), "reasoning_details")
        text = as_text(entry.pop(DETAIL_TEXT.get(kind, "text"), None))
        if entry != thought.extra:
            thought.extra.update(entry)
        self._think(thought, text)
        return bool(text)

    def _thought(self, key: object, shape: str) -> _Thought:
        thought = self._thoughts.get(key)
        if thought is None:
            if len(self._thoughts) >= MAX_RUNS:
                raise ResponseFormatError(f"the answer holds more than {MAX_RUNS} runs of thinking")
            thought = self._thoughts[key] = _Thought(shape)
        return thought

    def _think(self, thought: _Thought, text: str) -> None:
        news = thought.feed(text)
        if news:
            self._chunks.append(ReasoningDelta(news))

    def think_in(self, sink: bytearray, text: str) -> None:
        """Add thinking that was found between tags in the text."""
        thought = self._thought("tag", "think_tag")
        thought.extra["tag"] = self._splitter.tag
        self._think(thought, text)

    def place_call(self, sink: bytearray, call: GrowingCall) -> None:
        """Do nothing: all calls follow the text."""

    def native_thinking(self) -> str:
        """Return the thinking from separate fields."""
        return "".join(thought.text for key, thought in self._thoughts.items() if key != "tag")

    def _take_call(self, piece: _Call, *, is_whole: bool = False) -> None:
        """Add a fragment to its call, or begin one."""
        function = piece.function or _Function()
        sent_id, name = as_text(piece.id), as_text(function.name)
        index = piece.index if isinstance(piece.index, int | float | str) else None
        call = self._open_calls.get(index)
        if call is None and index is None and self._calls and not is_whole:
            call = self._calls[-1]
        if call is None or _begins_another(call, index, sent_id, name):
            call = self._open_calls[index] = self.start_call(sent_id, name)
        elif name and not call.name:
            self.name_call(call, name)
        arguments = function.arguments
        if arguments:
            self.grow_call(call, arguments if isinstance(arguments, str) else json_text(arguments))

    def _take_usage(self, usage: Any, *, is_last: bool) -> None:
        """Keep the last usage that is not zero: chunks before the end carry null, zeros or the count so far."""
        found = openai_usage(usage)
        if found.total_tokens:
            self.usage = found
            self.complete = is_last and bool(self.finish_reason or self._early_reason)

    def flush_text(self) -> None:
        """Show the held text: the beginning of a tag or of a stop sequence, thinking of an unknown kind."""
        content = self._messages.rest()
        if content:
            self.add_text(self._text, content)
        self.close_text(self._text)
        for thought in tuple(self._thoughts.values()):
            rest = thought.rest()
            if rest:
                self._chunks.append(ReasoningDelta(rest))
        super().flush_text()

    def parts(self) -> Iterator[Part]:
        """Return thinking, text, tool calls; another thread may add to them at the same time."""
        for thought in tuple(self._thoughts.values()):
            if thought.text or thought.extra.keys() - _LABELS:
                yield Reasoning(thought.text, thought.shape, extra=dict(thought.extra))
        text = self._text.decode()
        if text:
            yield Text(text)
        for call in tuple(self._calls):
            if call.name:
                yield call.whole()


def _begins_another(call: GrowingCall, index: object, sent_id: str, name: str) -> bool:
    """Return whether a fragment begins another call than `call`: parallel calls may share an index or id, or none."""
    if sent_id and sent_id != call.sent_id:
        return True
    if not name or not call.name:
        return False
    if index is None and not sent_id and name != call.name:
        return True
    return (not sent_id or name != call.name) and call.is_whole()


def _joined(content: Any) -> str:
    return "".join(as_text(part.get("text")) for part in content if isinstance(part, dict))


def accumulator(request: ChatRequest) -> OpenAIAccumulator:
    """Return an accumulator for the answer to a request."""
    alternatives = request.extra_body.get("n")
    return OpenAIAccumulator(
        request.stop,
        callable_tools(request),
        has_alternatives=isinstance(alternatives, int) and alternatives > 1,
    )
