"""Values that methods other than `chat` return: the outcome of one input of `map`."""

from __future__ import annotations

from typing import Any

import msgspec

from ..errors import LlmError
from .response import ChatResponse, answer_html
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
        outcome = f"response={self.response!r}" if self.error is None else f"error={self.error!r}"
        return f"MapResult(index={self.index}, input={shortened(self._shown_input)}, {outcome})"

    def _repr_html_(self) -> str:
        """Return the input and its outcome as HTML for a notebook."""
        from html import escape

        from .rendering import ALARM, note, preformatted, python_value, spent

        response, spending = self.response, ""
        if response is not None:
            model = response.model or "unknown model"
            spending = f"{model}, {spent(response.usage.total_tokens, lambda: response.cost)}"
        if self.error is not None:
            kind = escape(type(self.error).__name__)
            outcome = f'<strong style="color: {ALARM}">{kind}</strong>{preformatted(str(self.error))}'
        elif self.value is not None or response is None:
            outcome = python_value(self.value)
        else:
            outcome = answer_html(response)
        return f"<div><strong>#{self.index}</strong>{preformatted(self._shown_input)}{outcome}{note(spending)}</div>"

    @property
    def _shown_input(self) -> str:
        return self.input if isinstance(self.input, str) else repr(self.input)
