"""The progress of a run, on one line of a terminal or as a widget of a notebook.

Contains the counts of a run: done, rate, time left, tokens, cost, failures. Knows no client.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable
from contextlib import suppress
from importlib.util import find_spec
from types import TracebackType
from typing import Any

from ..errors import ConfigError
from ..values.response import ChatResponse


class Progress:
    """The line or the widget; shown if stderr is a terminal, and in a notebook. Used by one thread.

    The total is known if `inputs` has a length. Raises `ConfigError` if tqdm is not installed.
    """

    def __init__(self, inputs: Iterable[object]) -> None:
        if find_spec("tqdm") is None:
            raise ConfigError("progress=True needs tqdm: pip install 'minimax-sync[cli]'")
        self._total = operator.length_hint(inputs) or None
        self._tokens = self._failures = 0
        self._cost = 0.0

    def __enter__(self) -> Progress:
        from ..calls.display import notebook_shell

        in_notebook = notebook_shell() is not None
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        bar = type("Bar", (_tqdm(in_notebook),), {"monitor_interval": 0})  # the monitor's thread would outlive the run
        # Without smoothing the rate is the average; `initial` excludes answers from a checkpoint from it.
        self._bar: Any = bar(
            total=self._total,
            unit="call",
            smoothing=0,
            disable=not (in_notebook or is_terminal),
            dynamic_ncols=True,
            file=sys.stdout if in_notebook else sys.stderr,  # a notebook shows stderr on a red background
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def count(self, response: ChatResponse | None, *, asked: bool) -> None:
        """Count one input as done. `asked` is False for an answer from a checkpoint."""
        if response is None:
            self._failures += 1
        elif asked:
            self._tokens += response.usage.total_tokens
            with suppress(ConfigError):  # a model without a known price
                self._cost += response.usage.cost(response.model)
        if not self._bar.disable:
            self._bar.initial += not asked
            self._bar.set_postfix_str(self.summary, refresh=False)
            self._bar.update()

    @property
    def summary(self) -> str:
        """Tokens, cost and failures of this run as text."""
        parts = [f"{self._tokens:,} tokens"]
        if self._cost:
            parts.append(f"${self._cost:.4f}" if self._cost < 1 else f"${self._cost:.2f}")
        if self._failures:
            parts.append(f"{self._failures} failed")
        return ", ".join(parts)


def _tqdm(in_notebook: bool) -> Any:
    """Return tqdm's widget in a notebook that has widgets, else its line. `tqdm.auto` warns without widgets."""
    if in_notebook and find_spec("ipywidgets") is not None:
        from tqdm.notebook import tqdm as widget

        return widget
    from tqdm.std import tqdm

    return tqdm
