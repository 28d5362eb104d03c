"""Values that methods other than `chat` return: the outcome of one input of `map`."""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import LlmError
from .response import ChatResponse
from .shortened import shortened


class MapResult(msgspec.Struct, frozen=True):
    """The outcome of one input: a `response` or an `error`. `index` counts inputs from 0.

    `value` is the answer as an instance of the `schema`, where `map` was given one.

    >>> for result in client.map(["one", "two"]):
    ...     print(result.index, result.input, result.error or result.response.text)
    0 one You said: "one".
    1 two You said: "two".
    """

    index: int
    input: Any
    response: ChatResponse | None = None
    error: LlmError | None = None
    value: Any = None

    def __repr__(self) -> str:
        shown = self.input if isinstance(self.input, str) else repr(self.input)
        outcome = f"response={self.response!r}" if self.error is None else f"error={self.error!r}"
        return f"MapResult(index={self.index}, input={shortened(shown)}, {outcome})"

    def _repr_html_(self) -> str:
        """Return the input and its outcome as HTML for a notebook."""
        from .rendering import outcome

        return outcome(self.index, self.input, self.response, self.error, getattr(self, "value", None))
