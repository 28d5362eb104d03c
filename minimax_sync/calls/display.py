"""Show an answer as it comes, one Markdown output that grows in a notebook and plain text elsewhere; the turns of a
conversation as HTML.

IPython is never imported where it is not already running.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import msgspec

from ..values.chunks import ReasoningDelta, StreamChunk, StreamEnd, TextDelta, ToolCallEnd, ToolResult
from ..values.messages import ChatMessage, ToolCall
from ..values.rendering import ACCENT, LINE, answer_parts, counted, folded, note, preformatted, prose, tool_call
from ..values.response import ChatResponse

_REDRAW_EVERY = 0.1
"""Seconds. A page that is redrawn for every token flickers, and falls behind the stream."""


@runtime_checkable
class Stream(Protocol):
    """What is shown: the chunks of an answer, or of all rounds of a tool run."""

    def __iter__(self) -> Iterator[StreamChunk]: ...
    @property
    def partial(self) -> ChatResponse: ...


class ShownResponse(ChatResponse, frozen=True):
    """An answer that the notebook's cell number `cell` has shown: as the value of that cell it is not shown again."""

    cell: int = 0

    def _ipython_display_(self) -> None:
        shell = notebook_shell()
        if shell is None:
            print(repr(self))
        elif shell.execution_count != self.cell:
            _new_output()(self._repr_markdown_())


def display_stream(stream: Stream) -> ChatResponse:
    """Show the stream to its end and return the answer; what came before an error or an interrupt stays shown."""
    shell = notebook_shell()
    if shell is None:
        return _print(stream)
    response = _Growth(stream, _new_output()).run()
    return ShownResponse(**msgspec.structs.asdict(response), cell=shell.execution_count)


def notebook_shell() -> Any:
    """Return the IPython shell of the notebook that this runs in, None outside of one."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    return shell if hasattr(shell, "kernel") else None


def _new_output() -> Callable[[str], None]:
    """Add an output to the running cell; return the function that replaces its Markdown."""
    from IPython.display import Markdown, display

    handle: Any = display(Markdown(""), display_id=True)
    return lambda text: handle.update(Markdown(text))


def _print(stream: Stream) -> ChatResponse:
    """Print the text; each round of a tool run ends its line."""
    in_line = False
    try:
        for chunk in stream:
            if type(chunk) is TextDelta:
                print(chunk.text, end="", flush=True)
                in_line = True
            elif type(chunk) is StreamEnd and in_line:
                print(flush=True)
                in_line = False
    finally:
        if in_line:
            print(flush=True)
    return stream.partial


class _Growth:
    """The Markdown of a stream so far: the rounds that have ended, their calls, and the round that still grows."""

    def __init__(self, stream: Stream, show: Callable[[str], None]) -> None:
        self._stream, self._show = stream, show
        self._ended: list[str] = []
        self._calls: dict[str, int] = {}
        self._in_round = True
        self._drawn, self._drawn_at = "", 0.0

    def run(self) -> ChatResponse:
        try:
            for chunk in self._stream:
                self._take(chunk)
        finally:
            self._draw(self._growing())
        return self._stream.partial

    def _take(self, chunk: StreamChunk) -> None:
        """Add a chunk. The ends of rounds, calls and results are drawn at once: what follows them may take long."""
        kind = type(chunk)
        if kind is StreamEnd:
            self._end_round()
        elif isinstance(chunk, ToolResult):
            self._add_result(chunk)
        else:
            self._in_round = True
            if kind is not ToolCallEnd and time.monotonic() - self._drawn_at < _REDRAW_EVERY:
                return
        # Thinking is folded only once what follows it has begun, so that there is something to watch.
        self._draw(self._growing(thinks=kind is ReasoningDelta))

    def _end_round(self) -> None:
        answer = self._stream.partial
        self._ended += answer_parts(answer.reasoning, answer.text, ())
        for call in answer.tool_calls:
            self._calls[call.id] = len(self._ended)
            self._ended.append(tool_call(call.name, call.arguments_json))
        self._in_round = False

    def _add_result(self, result: ToolResult) -> None:
        block = _call_with_result(result.call, result.text, is_error=result.error is not None)
        place = self._calls.pop(result.call.id, None)
        if place is None:  # a call at the end of the history that the run takes up
            self._ended.append(block)
        else:
            self._ended[place] = block
        self._in_round = False

    def _growing(self, *, thinks: bool = False) -> str:
        if not self._in_round:
            return "\n\n".join(self._ended)
        grows = self._stream.partial._repr_markdown_()
        if thinks:
            grows = grows.replace("<details>", "<details open>", 1)
        return "\n\n".join(filter(None, [*self._ended, grows]))

    def _draw(self, text: str) -> None:
        if text != self._drawn:
            self._show(text)
            self._drawn = text
        self._drawn_at = time.monotonic()


def _call_with_result(call: ToolCall, result: str, *, is_error: bool) -> str:
    return tool_call(call.name, call.arguments_json, result, state="failed" if is_error else "")


def turns(system: str | None, messages: Sequence[ChatMessage]) -> Iterator[str]:
    """Return the turns of a conversation as HTML; thinking and tool calls with their results are folded."""
    results = {message.tool_call_id: message for message in messages if message.role == "tool"}
    if system:
        yield folded("System prompt", preformatted(system))
    for message in messages:
        if message.role == "system":
            yield folded("System prompt", preformatted(message.text))
        elif message.role != "tool":
            yield _turn(message, results)


def _turn(message: ChatMessage, results: dict[str, ChatMessage]) -> str:
    speaker, edge, as_html = ("You", LINE, preformatted) if message.role == "user" else ("Model", ACCENT, prose)
    text = as_html(message.text) if message.text else ""
    if message.images:
        text += note(counted(len(message.images), "image"))
    calls = []
    for call in message.tool_calls:
        result = results.get(call.id)
        if result is None:
            calls.append(tool_call(call.name, call.arguments_json, state="without a result"))
        else:
            calls.append(_call_with_result(call, result.text, is_error=result.is_error))
    style = f"border-left: 3px solid {edge}; padding: 0.1em 0.8em; margin: 0.6em 0"
    parts = "".join(answer_parts(message.reasoning, text, calls))
    return f'<div style="{style}"><strong>{speaker}</strong>{parts}</div>'
