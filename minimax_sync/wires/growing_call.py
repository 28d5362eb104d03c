"""A tool call whose arguments are still arriving. Pure: it must not know a wire's field names."""

from __future__ import annotations

import re

from ..values.messages import ToolCall

_BACKSLASH, _QUOTE = b'\\"'


class GrowingCall:
    """A tool call whose arguments are still coming. `sent_id` is the service's, `id` one that is never empty."""

    def __init__(self, index: int, sent_id: str, id: str, name: str) -> None:
        self.index, self.sent_id, self.id, self.name = index, sent_id, id, name
        self.arguments = bytearray()
        self.ended = False
        self._looked_at = self._depth = 0
        self._in_string = self._escaped = False

    def whole(self) -> ToolCall:
        """Return the call as far as it has come."""
        return ToolCall(self.id, self.name, arguments_json=self.arguments.decode())

    def is_whole(self) -> bool:
        """Tell whether the arguments are an object whose last brace has come; looks at every byte once only."""
        for byte in self.arguments[self._looked_at :]:
            if self._escaped:
                self._escaped = False
            elif byte == _BACKSLASH:
                self._escaped = self._in_string
            elif byte == _QUOTE:
                self._in_string = not self._in_string
            elif not self._in_string:
                self._depth += (byte in b"{[") - (byte in b"}]")
        self._looked_at = len(self.arguments)
        return self._depth == 0 and not self._in_string and re.match(rb"\s*\{", self.arguments) is not None
