"""Show a stream as it comes: one Markdown output that grows in a notebook, plain text elsewhere.

IPython is never imported where it is not already running.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import msgspec

from ..values.chunks import StreamChunk, TextDelta
from ..values.response import ChatResponse, as_markdown

_REDRAW_EVERY = 0.1  # seconds; a page that is redrawn for every token flickers and lags behind


class Stream(Protocol):
    """What is shown: an answer as it comes."""

    def __iter__(self) -> Iterator[StreamChunk]: ...
    def text_deltas(self) -> Iterator[str]: ...
    @property
    def response(self) -> ChatResponse: ...
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
    response = _grow(stream, _new_output())
    return ShownResponse(**msgspec.structs.asdict(response), cell=shell.execution_count)


def notebook_shell() -> Any:
    """Return the IPython shell of the notebook that this runs in, None outside of one."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    return shell if hasattr(shell, "kernel") else None


def _new_output() -> Callable[[str], None]:
    """Add an output to the running cell; return what draws it anew."""
    from IPython.display import Markdown, display

    handle: Any = display(Markdown(""), display_id=True)
    return lambda text: handle.update(Markdown(text))


def _print(stream: Stream) -> ChatResponse:
    try:
        for text in stream.text_deltas():
            print(text, end="", flush=True)
    finally:
        print(flush=True)
    return stream.response


def _grow(stream: Stream, show: Callable[[str], None]) -> ChatResponse:
    drawn_at = 0.0
    try:
        for chunk in stream:
            if time.monotonic() - drawn_at >= _REDRAW_EVERY:
                partial = stream.partial
                shown = as_markdown(partial.text, partial.reasoning)
                # Only once the text has begun is the thinking folded away, so that there is something to watch.
                show(shown if isinstance(chunk, TextDelta) else shown.replace("<details>", "<details open>", 1))
                drawn_at = time.monotonic()
    finally:
        response = stream.partial
        show(response._repr_markdown_())
    return response
