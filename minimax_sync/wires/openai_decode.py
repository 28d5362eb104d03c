"""The OpenAI wire's answers: chunks, or a whole body, into one growing answer.

The message's parts stand in one order, thinking, text, tool calls, whatever the order of the deltas, so that a stream
gives the same response as a plain call. Fields that an answer can do without are `Any`, lest an odd one costs it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import ResponseFormatError
from ..values.chunks import ReasoningDelta
from ..values.messages import Part, Reasoning, Text
from ..values.usage import TokenUsage
from .accumulator import Accumulator
from .decoding import UNREADABLE, as_text, count, json_text, not_an_answer, parsed
from .failures import raise_failure, raise_failure_in
from .growing_call import GrowingCall
from .think_tags import Run, ThinkSplitter
from .thinking_snapshots import GrowingThought

if TYPE_CHECKING:
    from ..values.request import ChatRequest
    from .sse import Event

# No annotations from the future here: msgspec would compile and evaluate each of the Structs' own, 0.3 ms of a start.

MAX_RUNS = 1024
"""Of thinking; captures have one."""

_LABELS = {"type", "id", "format", "index"}
"""The fields of a `reasoning_details` entry that say nothing by themselves."""


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
    """A run of thinking with what it needs to go back: its shape, and the fields that stood beside the text."""

    def __init__(self, shape: str) -> None:
        super().__init__()
        self.shape = shape
        self.extra: dict[str, Any] = {}


class OpenAIAccumulator(Accumulator):
    """Folds one answer of the OpenAI wire."""

    finish_reasons = {
        "tool_call": "tool_calls",
        "function_call": "tool_calls",
        # gateways hand the other wire's words through
        "tool_use": "tool_calls",
        "end_turn": "stop",
        "max_tokens": "length",
    }

    def __init__(self, stops: tuple[str, ...] = ()) -> None:
        super().__init__(stops)
        self._text = bytearray()
        self._thoughts: dict[object, _Thought] = {}
        self._splitter: ThinkSplitter | None = ThinkSplitter()
        self._open_calls: dict[object, GrowingCall] = {}
        self._saw_content = False

    def take_event(self, event: "Event") -> None:
        """Take one chunk; raises the error that it carries."""
        try:
            answer = _decode(event.data)
        except UNREADABLE:
            if self.passes_over(event):
                return
            answer = parsed(_decode, event.data)
        self._take(answer)
        if not answer.choices and not answer.usage:
            raise_failure_in(event.data, is_error=event.type == "error")

    def take_body(self, body: bytes) -> None:
        """Take a whole answer; a finish reason is taken for granted."""
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
        for choice in answer.choices or ():
            if choice.index.__class__ is int and choice.index > 0:
                continue  # an alternative answer, asked for with `n` of another server
            if choice.delta is not None:
                self._take_delta(choice.delta)
            if choice.message is not None:
                self._take_message(choice.message)
            if choice.finish_reason:
                self.finish_reason = as_text(choice.finish_reason) or "stop"
        if answer.usage:
            self._take_usage(answer.usage)

    def _take_message(self, message: _Delta) -> None:
        """Take of a whole message only what no delta brought: gateways, Text-01 and M3 repeat it behind the deltas.

        It is an end in itself, with or without a finish reason.
        """
        self.finish_reason = self.finish_reason or "stop"
        if self._thoughts:
            message.reasoning_content = message.reasoning_details = message.reasoning = None
        if self._saw_content:
            message.content = None
        calls, message.tool_calls = message.tool_calls, None
        self._take_delta(message)
        if calls and not self._calls and not self.stopped:
            for call in calls:
                self._open_calls.clear()
                self._take_call(call, is_whole=True)

    def _take_delta(self, delta: _Delta) -> None:
        if delta.reasoning_details or delta.reasoning_content or delta.reasoning:
            self._take_reasoning(delta)
        content = delta.content
        if content:
            self._saw_content = True
            if not isinstance(content, str):
                content = _joined(content)
            splitter = self._splitter
            if splitter is None or (splitter.is_idle and "<" not in content):
                self.say(self._text, content)
            else:
                self._take_runs(splitter.feed(content))
        if delta.tool_calls and not self.stopped:
            for call in delta.tool_calls:
                self._take_call(call)

    def _take_reasoning(self, delta: _Delta) -> None:
        """Take one of the fields that say the same; native thinking also ends the search for think tags."""
        if self._splitter is not None:
            splitter, self._splitter = self._splitter, None
            self._take_runs(splitter.flush())
        details = delta.reasoning_details
        entries = [entry for entry in details if isinstance(entry, dict)] if isinstance(details, list) else []
        told = ""
        for entry in entries:
            text = as_text(entry.pop("text", None))
            told += text
            thought = self._thought(_key(entry), "reasoning_details")
            if entry != thought.extra:
                thought.extra.update(entry)
            self._think(thought, text)
        if not told:
            text = as_text(delta.reasoning_content) or as_text(delta.reasoning)
            if text:
                self._think(self._thought("content", "reasoning_content"), text)

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

    def _take_runs(self, runs: list[Run]) -> None:
        for is_thinking, text in runs:
            if is_thinking:
                self._think(self._thought("tag", "think_tag"), text)
            else:
                self.say(self._text, text)

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
        call.name = call.name or name
        arguments = function.arguments
        if arguments:
            self.grow_call(call, arguments if isinstance(arguments, str) else json_text(arguments))

    def _take_usage(self, usage: Any) -> None:
        """Keep the last usage that is not zero: chunks before the end carry null or zeros."""
        found = _usage(usage)
        if found.total_tokens:
            self.usage = found
            self.complete = bool(self.finish_reason)

    def flush_text(self) -> None:
        """Say what is held back: the beginning of a tag or of a stop sequence, thinking of an unknown kind."""
        if self._splitter is not None:
            self._take_runs(self._splitter.flush())
        for thought in self._thoughts.values():
            rest = thought.rest()
            if rest:
                self._chunks.append(ReasoningDelta(rest))
        super().flush_text()

    def parts(self) -> Iterator[Part]:
        """Return thinking, text, tool calls; from any thread, so the runs are taken at a stroke."""
        for thought in tuple(self._thoughts.values()):
            if thought.text or thought.extra.keys() - _LABELS:
                yield Reasoning(thought.text, thought.shape, extra=dict(thought.extra))
        text = self._text.decode()
        if text:
            yield Text(text)
        for call in self._calls:
            yield call.whole()


def _begins_another(call: GrowingCall, index: object, sent_id: str, name: str) -> bool:
    """Judge a fragment that could go on with `call`: parallel calls may share an index, or have none."""
    if sent_id:
        return sent_id != call.sent_id
    return bool(name) and index is None and (name != call.name or call.is_whole())


def _key(entry: dict[str, Any]) -> object:
    key = entry.get("index", entry.get("id"))
    return key if isinstance(key, int | str) else None


def _usage(usage: Any) -> TokenUsage:
    if not isinstance(usage, dict):
        return TokenUsage()
    prompt, completion = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    return TokenUsage(
        prompt,
        completion,
        count(usage.get("total_tokens")) or prompt + completion,
        count(_inside(usage, "completion_tokens_details", "reasoning_tokens")),
        count(_inside(usage, "prompt_tokens_details", "cached_tokens")),
        count(_inside(usage, "prompt_tokens_details", "cache_creation_tokens")),
    )


def _inside(usage: dict[str, Any], outer: str, inner: str) -> object:
    details = usage.get(outer)
    return details.get(inner) if isinstance(details, dict) else None


def _joined(content: list[Any]) -> str:
    return "".join(as_text(part.get("text")) for part in content if isinstance(part, dict))


def accumulator(request: "ChatRequest") -> OpenAIAccumulator:
    """Return an accumulator for the answer to a request."""
    return OpenAIAccumulator(request.stop)
