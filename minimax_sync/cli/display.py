"""An answer as it arrives: the text on stdout, the thinking dimmed on stderr, so that a pipe gets only the answer.

Plain text, flushed as it arrives; on a terminal, if rich (the extra `cli`) is installed, Markdown. The complete blocks
of an answer are printed once; only the last one, which still grows, is redrawn, and no more of it than fits on the
screen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from .terminal import complain, dim, is_styled, is_terminal, printable

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from ..calls.stream import ChatStream
    from ..values.response import ChatResponse

_REMARKS = {
    "length": "the answer was cut: it reached the limit of tokens",
    "content_filter": "the answer was cut by the service's content filter",
}


def show_stream(ask: Callable[[], ChatStream], show_thinking: bool) -> ChatResponse:
    """Show the answer as it arrives, and return it; after an error the part received stays on the screen."""
    from ..values.chunks import ReasoningDelta, TextDelta

    with open_display(show_thinking) as display, ask() as stream:
        for chunk in stream:
            if isinstance(chunk, TextDelta):
                display.text(chunk.text)
            elif isinstance(chunk, ReasoningDelta):
                display.thinking(chunk.text)
        response = stream.partial
    _comment(response)
    return response


def show_whole(ask: Callable[[], ChatResponse], show_thinking: bool) -> ChatResponse:
    """Call `ask`, show the answer when it is complete, and return it."""
    with open_display(show_thinking) as display:
        response = ask()
        display.thinking(response.reasoning)
        display.text(response.text)
    _comment(response)
    return response


def _comment(response: ChatResponse) -> None:
    if response.finish_reason in _REMARKS:
        complain(_REMARKS[response.finish_reason])


class PlainDisplay:
    """Writes text and thinking as they arrive."""

    def __init__(self, show_thinking: bool) -> None:
        self._shows_thinking = show_thinking
        self._clean = printable if is_terminal(sys.stdout) else str
        self._open: Any = None

    def thinking(self, text: str) -> None:
        if self._shows_thinking and text:
            self._turn_to(sys.stderr)
            text = printable(text) if is_terminal(sys.stderr) else text
            print(dim(text, sys.stderr), end="", file=sys.stderr, flush=True)

    def text(self, text: str) -> None:
        if text:
            self._turn_to(sys.stdout)
            print(self._clean(text), end="", flush=True)

    def _turn_to(self, stream: Any) -> None:
        """End the line, and the paragraph, on the other stream before this one is written to."""
        if self._open is not None and self._open is not stream:
            print("\n" if is_terminal(self._open) else "", file=self._open, flush=True)
        self._open = stream

    def begin(self) -> None:
        """Show that an answer is awaited, where there is a place for it."""

    def end(self) -> None:
        """Complete what was shown."""
        if self._open is not None:
            print(file=self._open, flush=True)


class MarkdownDisplay(PlainDisplay):
    """Draws the answer as Markdown while it grows, below a spinner until it begins."""

    def __init__(self, show_thinking: bool) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        super().__init__(show_thinking)
        self._tail = ""
        self._console = Console(highlight=False)
        self._spinner = Spinner("dots", "thinking")
        self._live = Live(console=self._console, transient=True, refresh_per_second=10, get_renderable=self._growing)

    def text(self, text: str) -> None:
        if self._open is not sys.stdout and text:
            self._turn_to(sys.stdout)
            self._live.start()
        self._tail += printable(text)
        if "\n" in text:
            self._settle()

    def _turn_to(self, stream: Any) -> None:
        if stream is not sys.stdout:
            self._finish()
        super()._turn_to(stream)

    def _settle(self) -> None:
        """Print the blocks that are followed by another one; they will not change."""
        start = _last_block(self._tail)
        if start:
            lines = self._tail.split("\n")
            self._tail = "\n".join(lines[start:])
            self._live.refresh()  # so that the text printed now is not drawn again below
            self._console.print(_markdown("\n".join(lines[:start])))
            self._console.print()

    def _finish(self) -> None:
        self._live.stop()
        if self._tail.strip():
            self._console.print(_markdown(self._tail))
        self._tail = ""

    def _growing(self) -> Any:
        if self._tail:
            return _Bottom(_markdown(self._tail))
        return "" if self._open is sys.stdout else self._spinner

    def begin(self) -> None:
        if not self._shows_thinking:
            self._live.start()

    def end(self) -> None:
        self._finish()
        if self._open is sys.stderr:
            print(file=sys.stderr, flush=True)


class _Bottom:
    """The last lines of a renderable, as many as fit on the screen."""

    def __init__(self, content: Any) -> None:
        self._content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment

        lines = console.render_lines(self._content, options.update(height=None), pad=False)
        for line in lines[-max(1, console.height - 1) :]:
            yield from line
            yield Segment.line()


def _markdown(text: str) -> Any:
    from rich.markdown import Markdown

    return Markdown(text, hyperlinks=False)  # a link shows where it leads


def _last_block(text: str) -> int:
    """Return the line on which the last block of a Markdown text begins."""
    from markdown_it import MarkdownIt

    starts = [token.map[0] for token in MarkdownIt().parse(text) if token.level == 0 and token.map]
    return max(starts, default=0)


@contextmanager
def open_display(show_thinking: bool) -> Iterator[PlainDisplay]:
    """Choose how an answer is shown here, and complete it also after an error."""
    rich = is_styled(sys.stdout) and find_spec("rich") is not None
    display = MarkdownDisplay(show_thinking) if rich else PlainDisplay(show_thinking)
    display.begin()
    try:
        yield display
    finally:
        display.end()
