"""How far a run is, on one line of a terminal or a notebook: done, rate, time left, tokens, cost, failures."""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..calls.display import notebook_shell
from ..errors import ConfigError
from ..values.response import ChatResponse

if TYPE_CHECKING:
    from typing_extensions import Self


class Progress:
    """The line; shown where stderr is a terminal or a notebook. Used by one thread.

    The total is known where `inputs` tells its length. Raises `ConfigError` when tqdm is not installed.
    """

    def __init__(self, inputs: Iterable[object]) -> None:
        try:
            from tqdm.std import tqdm
        except ImportError:
            tqdm = None
        if tqdm is None:
            raise ConfigError("progress=True needs tqdm: pip install 'minimax-sync[cli]'")
        self._tqdm: Any = tqdm
        self._total = operator.length_hint(inputs) or None
        self._tokens = self._failures = 0
        self._cost = 0.0

    def __enter__(self) -> Self:
        bar = type("Bar", (self._tqdm,), {"monitor_interval": 0})  # the monitor's thread would outlive the run
        is_shown = sys.stderr is not None and (sys.stderr.isatty() or notebook_shell() is not None)
        # Without smoothing the rate is the average, from which `initial` keeps out what was not asked for.
        self._bar: Any = bar(total=self._total, unit="call", smoothing=0, disable=not is_shown, dynamic_ncols=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def count(self, response: ChatResponse | None, *, asked: bool) -> None:
        """Count one input as done; `asked` tells that the answer is not from a checkpoint."""
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
        """Tokens, cost and failures of this run in words."""
        parts = [f"{self._tokens:,} tokens"]
        if self._cost:
            parts.append(f"${self._cost:.4f}" if self._cost < 1 else f"${self._cost:.2f}")
        if self._failures:
            parts.append(f"{self._failures} failed")
        return ", ".join(parts)
