"""The Anthropic wire's answers: block events, or a whole message, into one growing answer.

Parts keep the order of the blocks' indexes, interleaved or not, because that is the order in which they are replayed.
Fields that an answer can do without are `Any`, lest an odd one costs it.
"""

from collections.abc import Callable, Iterator
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

if TYPE_CHECKING:
    from ..values.request import ChatRequest
    from .sse import Event

# No annotations from the future here: msgspec would compile and evaluate each of the Structs' own, 0.3 ms of a start.

MAX_BLOCKS = 4096

_THINKING = ("thinking", "redacted_thinking")


class _Content(msgspec.Struct, gc=False):
    """A content block, or a delta to one: the names of their fields do not collide."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: Any = None
    data: Any = None
    id: Any = None
    name: Any = None
    input: Any = None
    partial_json: str | None = None
    stop_reason: Any = None


class _Message(msgspec.Struct, gc=False):
    id: Any = None
    model: Any = None
    content: list[_Content] | str | None = None
    usage: Any = None
    stop_reason: Any = None


class _Event(_Message, gc=False):
    type: str | None = None
    index: Any = None
    message: _Message | str | None = None
    content_block: _Content | None = None
    delta: _Content | None = None
    error: Any = None
    base_resp: Any = None
    request_id: Any = None


_decode = msgspec.json.Decoder(_Event).decode


class _Block:
    """One growing content block. `initial` is text that its start already held, which the first delta may repeat.

    `splitter` looks for think tags in text that no block of thinking came before, as gateways send it; what is between
    them is `thought`, a block of thinking in front of this one.
    """

    def __init__(self, index: int, kind: str, call: GrowingCall | None = None) -> None:
        self.index, self.kind, self.call = index, kind, call
        self.splitter: ThinkSplitter | None = None
        self.thought: _Block | None = None
        self.text = bytearray()
        self.initial = self.signature = ""
        self.extra: dict[str, Any] = {}


class AnthropicAccumulator(Accumulator):
    """Folds one answer of the Anthropic wire."""

    finish_reasons = {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "tool_use": "tool_calls",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "refusal": "content_filter",
    }

    def __init__(self, stops: tuple[str, ...] = ()) -> None:
        super().__init__(stops)
        self._blocks: list[_Block] = []
        self._open: dict[int, _Block] = {}
        self._last_index = -1
        self._saw_thinking = False
        self._usage: dict[str, int] = {}

    def take_event(self, event: "Event") -> None:
        """Take one event; its kind is the JSON's own `type`, the `event:` line only where that is missing."""
        try:
            data = _decode(event.data)
        except UNREADABLE:
            if self.passes_over(event):
                return
            data = parsed(_decode, event.data)
        if data.error is not None or data.base_resp is not None:
            raise_failure(data.base_resp, data.error, data.request_id, data.id)
        kind = data.type or (event.type if event.type != "message" else "")
        if kind == "content_block_delta":
            if data.delta is not None:
                self._take_delta(data.index, data.delta)
        elif kind in _EVENTS:
            _EVENTS[kind](self, data)
        else:
            raise_failure_in(event.data, is_error=event.type == "error")

    def take_body(self, body: bytes) -> None:
        """Take a whole message."""
        message = parsed(_decode, body)
        if message.error is not None or message.base_resp is not None:
            raise_failure(message.base_resp, message.error, message.request_id, message.id)
        if message.content is None:
            raise_failure_in(body, is_error=False)
            raise not_an_answer("it holds no content", body)
        self._take_message(message)
        self.finish_reason = self.finish_reason or "end_turn"
        self.complete = True

    def _message_start(self, data: _Event) -> None:
        if isinstance(data.message, _Message):
            self._take_message(data.message)

    def _take_message(self, message: _Message) -> None:
        """Take a whole message, but its content only where no block has come: gateways repeat it behind the deltas."""
        self.id = as_text(message.id) or self.id
        self.model = as_text(message.model) or self.model
        if not self._blocks and message.content:
            content = message.content if isinstance(message.content, list) else [_Content("text", message.content)]
            for index, block in enumerate(content):
                if self.stopped:
                    break
                self._finish_block(self._start_block(index, block))
        self._take_usage(message.usage)
        self._take_stop_reason(message.stop_reason)

    def _take_stop_reason(self, reason: Any) -> None:
        if reason:
            self.finish_reason = as_text(reason) or "end_turn"

    def _content_block_start(self, data: _Event) -> None:
        if data.content_block is not None:
            index = data.index if isinstance(data.index, int) else self._last_index + 1
            self._start_block(index, data.content_block)

    def _start_block(self, index: int, content: _Content) -> _Block:
        kind = content.type or ("text" if content.text is not None else "thinking")
        call = self.start_call(as_text(content.id), as_text(content.name)) if kind == "tool_use" else None
        block = self._open_block(_Block(index, kind, call))
        if call is not None and content.input:
            block.initial = content.input if isinstance(content.input, str) else json_text(content.input)
        elif kind == "redacted_thinking":
            block.extra["data"] = as_text(content.data)
        elif call is None:
            block.initial = content.text or content.thinking or ""
            block.signature = as_text(content.signature)
        return block

    def _open_block(self, block: _Block) -> _Block:
        if len(self._blocks) >= MAX_BLOCKS:
            raise ResponseFormatError(f"the answer holds more than {MAX_BLOCKS} content blocks")
        self._saw_thinking = self._saw_thinking or block.kind in _THINKING
        if block.kind == "text" and not self._saw_thinking:
            block.splitter = ThinkSplitter()
        self._blocks.append(block)
        self._open[block.index] = block
        self._last_index = block.index
        return block

    def _take_delta(self, index: Any, delta: _Content) -> None:
        if delta.text is not None:
            block = self._block_for("text", index)
            if block.initial:
                self._grow_started(block, delta.text)
            elif block.splitter is None or (block.splitter.is_idle and "<" not in delta.text):
                self.say(block.text, delta.text)
            else:
                self._take_runs(block, block.splitter.feed(delta.text))
        elif delta.thinking is not None:
            self._grow_started(self._block_for("thinking", index), delta.thinking)
        elif delta.partial_json is not None:
            self._grow_started(self._block_for("tool_use", index), delta.partial_json)
        signature = as_text(delta.signature) if delta.signature else ""
        if signature:
            block = self._block_for("thinking", index)
            block.signature += signature if signature != block.signature else ""

    def _block_for(self, kind: str, index: Any) -> _Block:
        """Find the block that a delta goes on with; begin one where its start was never sent."""
        if index.__class__ is not int:
            index = max(self._last_index, 0)
        block = self._open.get(index)
        if block is None or block.kind != kind:
            call = self.start_call("", "") if kind == "tool_use" else None
            block = self._open_block(_Block(index, kind, call))
        return block

    def _grow_started(self, block: _Block, piece: str) -> None:
        """Grow a block whose start may have held something: text that the delta repeats, or a call's whole input."""
        if block.initial and piece:
            initial, block.initial = block.initial, ""
            if block.call is None and not piece.startswith(initial):
                self._grow(block, initial)
        self._grow(block, piece)

    def _grow(self, block: _Block, piece: str) -> None:
        if block.splitter is not None:
            self._take_runs(block, block.splitter.feed(piece))
        elif block.kind == "text":
            self.say(block.text, piece)
        elif block.call is not None:
            self.grow_call(block.call, piece)
        elif block.kind == "thinking" and piece:
            block.text += piece.encode()
            self._chunks.append(ReasoningDelta(piece))

    def _take_runs(self, block: _Block, runs: list[Run]) -> None:
        for is_thinking, text in runs:
            if not is_thinking:
                self.say(block.text, text)
                continue
            if block.thought is None:
                block.thought = _Block(block.index, "thinking")
                self._blocks.insert(self._blocks.index(block), block.thought)
            self._grow(block.thought, text)

    def _content_block_stop(self, data: _Event) -> None:
        index = data.index if isinstance(data.index, int) else self._last_index
        if index in self._open:
            self._finish_block(self._open[index])

    def _finish_block(self, block: _Block) -> None:
        if block.initial:
            initial, block.initial = block.initial, ""
            self._grow(block, initial)
        if block.splitter is not None:
            self._take_runs(block, block.splitter.flush())
        if block.call is not None:
            self.end_call(block.call)

    def flush_text(self) -> None:
        """Say what is held back, in blocks that were never stopped too."""
        for block in tuple(self._blocks):
            self._finish_block(block)
        super().flush_text()

    def _message_delta(self, data: _Event) -> None:
        if data.delta is not None:
            self._take_stop_reason(data.delta.stop_reason)
        self._take_usage(data.usage)

    def _message_stop(self, data: _Event) -> None:
        self._take_usage(data.usage)
        self.complete = True

    def _take_usage(self, usage: Any) -> None:
        """Merge usage by the largest count per field: it comes in pieces, with nulls and zeros for what is left out."""
        if isinstance(usage, dict):
            for name in _COUNTS:
                self._usage[name] = max(self._usage.get(name, 0), count(usage.get(name)))
            self.usage = _token_usage(self._usage)

    @property
    def awaits_only_usage(self) -> bool:
        """Never: `message_stop` tells the end, and usage comes before it."""
        return False

    def parts(self) -> Iterator[Part]:
        """Return the blocks in the order of their indexes."""
        for block in sorted(self._blocks, key=lambda block: block.index):
            text = block.text.decode()
            if block.call is not None:
                yield block.call.whole()
            elif block.kind == "text":
                if text:
                    yield Text(text)
            elif block.kind == "redacted_thinking" or text or block.signature:
                yield Reasoning(text, block.kind, block.signature, dict(block.extra))


_EVENTS: dict[str, Callable[[AnthropicAccumulator, _Event], None]] = {
    "message_start": AnthropicAccumulator._message_start,
    "content_block_start": AnthropicAccumulator._content_block_start,
    "content_block_stop": AnthropicAccumulator._content_block_stop,
    "message_delta": AnthropicAccumulator._message_delta,
    "message_stop": AnthropicAccumulator._message_stop,
    "message": AnthropicAccumulator._take_message,
}

_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "prompt_tokens",
    "completion_tokens",
    "reasoning_tokens",
)


def _token_usage(merged: dict[str, int]) -> TokenUsage | None:
    """Count all input: `input_tokens` leaves the cached tokens out; `prompt_tokens`, as gateways send, does not."""
    read, written = merged["cache_read_input_tokens"], merged["cache_creation_input_tokens"]
    prompt = merged["prompt_tokens"] or merged["input_tokens"] + read + written
    completion = merged["output_tokens"] or merged["completion_tokens"]
    if not prompt and not completion:
        return None
    return TokenUsage(prompt, completion, prompt + completion, merged["reasoning_tokens"], read, written)


def accumulator(request: "ChatRequest") -> AnthropicAccumulator:
    """Return an accumulator for the answer to a request."""
    return AnthropicAccumulator(request.stop)
