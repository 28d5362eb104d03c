"""The Anthropic wire's answers: block events, or a whole message, into one growing answer.

Parts keep the order of the blocks' indexes, interleaved or not, because that is the order in which they are replayed.
Optional fields are `Any`, so that an unexpected value never fails the response.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from ..errors import ResponseFormatError
from ..values.chunks import ReasoningDelta
from ..values.json_text import UNREADABLE
from ..values.messages import Part
from ..values.request import ChatRequest
from ..values.tooldef import ToolDef
from .accumulator import Accumulator, callable_tools
from .content_blocks import Block, raw_block
from .decoding import as_text, count, json_text, not_an_answer, parsed
from .failures import raise_failure, raise_failure_in
from .growing_call import GrowingCall
from .sse import Event
from .usage_counts import ANTHROPIC_COUNTS, anthropic_usage

# No annotations from the future here: msgspec would compile and evaluate each of the Structs' own, 0.3 ms of a start.

MAX_BLOCKS = 4096

_KNOWN_KINDS = ("text", "thinking", "redacted_thinking", "tool_use")


class _Content(msgspec.Struct, gc=False):
    """A content block, or a delta to one: the names of their fields do not collide."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    reasoning_content: str | None = None
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


class AnthropicAccumulator(Accumulator):
    """Accumulates one answer of the Anthropic wire."""

    finish_reasons = {
        "end_turn": "stop",
        "stop_sequence": "stop",
        "tool_use": "tool_calls",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "refusal": "content_filter",
    }

    def __init__(self, stops: tuple[str, ...] = (), tools: tuple[ToolDef, ...] = ()) -> None:
        super().__init__(stops, tools)
        self._blocks: list[Block] = []
        self._open: dict[int, Block] = {}
        self._last_index = -1
        self._usage: dict[str, int] = {}

    def take_event(self, event: Event) -> None:
        """Take one event; its kind is the `type` in the JSON, or the `event:` line if that is missing."""
        data = event.data
        try:
            decoded = _decode(data)
        except UNREADABLE:
            if self.is_no_json(event):
                return
            data = self._halves.joined(data)
            decoded = parsed(_decode, data)
        if decoded.error is not None or decoded.base_resp is not None:
            raise_failure(decoded.base_resp, decoded.error, decoded.request_id, decoded.id)
        kind = decoded.type or (event.type if event.type != "message" else "")
        if kind == "content_block_delta":
            if decoded.delta is not None:
                self._take_delta(decoded.index, decoded.delta)
        elif kind in _EVENTS:
            _EVENTS[kind](self, decoded, data)
        else:
            raise_failure_in(data, is_error=event.type == "error")

    def take_body(self, body: bytes) -> None:
        """Take a whole message."""
        message = parsed(_decode, body)
        raise_failure(message.base_resp, message.error, message.request_id, message.id)
        if message.content is None:
            raise_failure_in(body, is_error=False)
            raise not_an_answer("it holds no content", body)
        self._message(message, body)
        self.finish_reason = self.finish_reason or "end_turn"
        self.complete = True

    def _message_start(self, data: _Event, source: bytes) -> None:
        """Take the head of a stream; a stop reason in it is ignored, because the answer has not ended yet."""
        if isinstance(data.message, _Message):
            data.message.stop_reason = None
            self._message(data.message, source)

    def _message(self, message: _Message, source: bytes) -> None:
        """Take a whole message, but its content only if it has no blocks yet: gateways repeat it at the end."""
        self.id = as_text(message.id) or self.id
        self.model = as_text(message.model) or self.model
        if not self._blocks and message.content:
            content = message.content if isinstance(message.content, list) else [_Content("text", message.content)]
            for index, block in enumerate(content):
                if self.stopped:
                    break
                self._finish_block(self._start_block(index, block, source))
        self._take_usage(message.usage)
        self._take_stop_reason(message.stop_reason)

    def _take_stop_reason(self, reason: Any) -> None:
        if reason:
            self.finish_reason = as_text(reason) or "end_turn"

    def _content_block_start(self, data: _Event, source: bytes) -> None:
        if data.content_block is not None:
            index = data.index if isinstance(data.index, int) else self._last_index + 1
            self._start_block(index, data.content_block, source)

    def _start_block(self, index: int, content: _Content, source: bytes) -> Block:
        kind = content.type or ("text" if content.text is not None else "thinking")
        call = self.start_call(as_text(content.id), as_text(content.name)) if kind == "tool_use" else None
        block = self._open_block(Block(index, kind, call))
        if kind not in _KNOWN_KINDS:
            block.raw = raw_block(source, index)
        elif call is not None and content.input:
            block.initial = content.input if isinstance(content.input, str) else json_text(content.input)
        elif kind == "redacted_thinking":
            block.extra["data"] = as_text(content.data)
        elif call is None:
            block.initial = content.text or content.thinking or ""
            block.signature = as_text(content.signature)
        return block

    def _open_block(self, block: Block) -> Block:
        if len(self._blocks) >= MAX_BLOCKS:
            raise ResponseFormatError(f"the answer holds more than {MAX_BLOCKS} content blocks")
        if block.kind in ("thinking", "redacted_thinking"):
            self._splitter.must_close = True
        self._blocks.append(block)
        self._open[block.index] = block
        self._last_index = block.index
        return block

    def _take_delta(self, index: Any, delta: _Content) -> None:
        thinking = delta.thinking if delta.thinking is not None else delta.reasoning_content
        if delta.text is not None:
            block = self._block_for("text", index)
            if block.initial:
                self._grow_started(block, delta.text)
            elif delta.text:
                self.add_text(block.text, delta.text)
        elif thinking is not None:
            self._grow_started(self._block_for("thinking", index), thinking)
        elif delta.partial_json is not None:
            self._grow_started(self._block_for("tool_use", index), delta.partial_json)
        signature = as_text(delta.signature) if delta.signature else ""
        if signature:
            block = self._block_for("thinking", index)
            block.signature += signature if signature != block.signature else ""

    def _block_for(self, kind: str, index: Any) -> Block:
        """Return the block that a delta continues, or a new one if its start was never sent."""
        if index.__class__ is not int:
            index = max(self._last_index, 0)
        block = self._open.get(index)
        if block is not None and kind == "tool_use" and block.raw is not None:
            return block
        if block is None or block.kind != kind:
            call = self.start_call("", "") if kind == "tool_use" else None
            block = self._open_block(Block(index, kind, call))
        return block

    def _grow_started(self, block: Block, piece: str) -> None:
        """Grow a block whose start may have had content: text that the delta repeats, or a call's whole input."""
        if block.initial and piece:
            initial, block.initial = block.initial, ""
            if block.call is None and not piece.startswith(initial):
                self._grow(block, initial)
        self._grow(block, piece)

    def _grow(self, block: Block, piece: str) -> None:
        if not piece:
            return
        if block.kind == "text":
            self.add_text(block.text, piece)
        elif block.call is not None:
            self.grow_call(block.call, piece)
        elif block.kind != "redacted_thinking":
            if self.finish_reason:
                self.goes_on()
            block.text += piece.encode()
            if block.kind == "thinking":
                self._chunks.append(ReasoningDelta(piece))

    def think_in(self, sink: bytearray, text: str) -> None:
        """Add thinking that was found between tags in the text of a block, as a separate block in front of it."""
        block = self._block_of(sink)
        if block.thought is None:
            block.thought = Block(block.index, "thinking")
            block.thought.is_inline = True
            self._blocks.insert(self._blocks.index(block), block.thought)
        self._grow(block.thought, text)

    def place_call(self, sink: bytearray, call: GrowingCall) -> None:
        """Place a call that was found in the text of a block after that block."""
        block = self._block_of(sink)
        last = max(at for at, each in enumerate(self._blocks) if each.index == block.index)
        self._blocks.insert(last + 1, Block(block.index, "tool_use", call))

    def _block_of(self, sink: bytearray) -> Block:
        return next(block for block in self._blocks if block.text is sink)

    def native_thinking(self) -> str:
        """Return the thinking from separate blocks."""
        own = [block for block in self._blocks if block.kind == "thinking" and not block.is_inline]
        return "".join(block.text.decode() for block in own)

    def _content_block_stop(self, data: _Event, _: bytes) -> None:
        index = data.index if isinstance(data.index, int) else self._last_index
        if index in self._open:
            self._finish_block(self._open[index])

    def _finish_block(self, block: Block) -> None:
        if block.initial:
            initial, block.initial = block.initial, ""
            self._grow(block, initial)
        if block.kind == "text":
            self.close_text(block.text)
        if block.call is not None and (not block.call.arguments or block.call.is_whole()):
            self.end_call(block.call)

    def flush_text(self) -> None:
        """Show the text that was held back, also in blocks that were never stopped."""
        for block in tuple(self._blocks):
            self._finish_block(block)
        super().flush_text()

    def _message_delta(self, data: _Event, _: bytes) -> None:
        self._take_usage(data.usage)
        if data.delta is not None:
            self._take_stop_reason(data.delta.stop_reason)

    def _message_stop(self, data: _Event, _: bytes) -> None:
        self._take_usage(data.usage)
        self.complete = True

    def _take_usage(self, usage: Any) -> None:
        """Merge usage by the last count per field: it arrives in pieces, with nulls and zeros, first as an estimate."""
        if isinstance(usage, dict):
            for name in ANTHROPIC_COUNTS:
                self._usage[name] = count(usage.get(name)) or self._usage.get(name, 0)
            self.usage = anthropic_usage(self._usage)

    @property
    def awaits_only_usage(self) -> bool:
        """Never: `message_stop` marks the end, and usage comes before it."""
        return False

    def parts(self) -> Iterator[Part]:
        """Return the blocks in the order of their indexes."""
        for block in sorted(self._blocks, key=lambda block: block.index):
            part = block.part()
            if part is not None:
                yield part


_EVENTS: dict[str, Callable[[AnthropicAccumulator, _Event, bytes], None]] = {
    "message_start": AnthropicAccumulator._message_start,
    "content_block_start": AnthropicAccumulator._content_block_start,
    "content_block_stop": AnthropicAccumulator._content_block_stop,
    "message_delta": AnthropicAccumulator._message_delta,
    "message_stop": AnthropicAccumulator._message_stop,
    "message": AnthropicAccumulator._message,
}


def accumulator(request: ChatRequest) -> AnthropicAccumulator:
    """Return an accumulator for the answer to a request."""
    return AnthropicAccumulator(request.stop, callable_tools(request))
