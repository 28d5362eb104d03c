"""Show a stream as it comes: one Markdown output that grows in a notebook, plain text elsewhere.

IPython is never imported where it is not already running.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .values.chunks import TextDelta
from .values.response import ChatResponse, as_markdown

if TYPE_CHECKING:
    from .chat_stream import ChatStream

_REDRAW_EVERY = 0.1  # seconds; a page that is redrawn for every token flickers and lags behind


def display_stream(stream: ChatStream) -> ChatResponse:
    """Show the stream to its end and return the answer; what came before an error or an interrupt stays shown."""
    show = _notebook_output()
    if show is None:
        for text in stream.text_deltas():
            print(text, end="", flush=True)
        print()
    else:
        _grow(stream, show)
    return stream.response


def _notebook_output() -> Callable[[str], None] | None:
    """Return what redraws one output of the running notebook cell, or None outside of a notebook."""
    ipython = sys.modules.get("IPython")
    shell: Any = ipython.get_ipython() if ipython is not None else None
    if shell is None or not hasattr(shell, "kernel"):
        return None
    from IPython.display import Markdown, display

    handle: Any = display(Markdown(""), display_id=True)
    return lambda text: handle.update(Markdown(text))


def _grow(stream: ChatStream, show: Callable[[str], None]) -> None:
    drawn_at = 0.0
    try:
        for chunk in stream:
            if time.monotonic() - drawn_at >= _REDRAW_EVERY:
                partial = stream.partial
                # Only once the text has begun is the thinking folded away, so that there is something to watch.
                show(
                    as_markdown(partial.text, partial.reasoning) if isinstance(chunk, TextDelta) else partial.reasoning
                )
                drawn_at = time.monotonic()
    finally:
        partial = stream.partial
        show(as_markdown(partial.text, partial.reasoning, partial.tool_calls))
