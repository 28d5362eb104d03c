"""A tool call whose arguments are still arriving. Pure: it must not know a wire's field names."""

from __future__ import annotations

import json
import re

from ..values.messages import ToolCall

_BACKSLASH, _QUOTE = b'\\"'
_DECODER = json.JSONDecoder()
_OBJECT_START = r"\s*\{"


class GrowingCall:
    """A growing tool call. `sent_id` is the service's own id, `id` is never empty and unique in the answer.

    `index` counts the calls that have a name; it is -1 before the name is known.
    """

    def __init__(self, sent_id: str, id: str, name: str) -> None:
        self.index = -1
        self.sent_id, self.id, self.name = sent_id, id, name
        self.arguments = bytearray()
        self.ended = False
        self._first_size = self._last_start = 0
        self._looked_at = self._depth = 0
        self._in_string = self._escaped = False

    def add(self, piece: str) -> None:
        """Append to the arguments."""
        self._last_start = len(self.arguments)
        self.arguments += piece.encode()
        self._first_size = self._first_size or len(self.arguments)

    def whole(self) -> ToolCall:
        """Return the call received so far; a complete one is without repetitions by the server."""
        text = self.arguments.decode()
        return ToolCall(self.id, self.name, arguments_json=self._once(text) if self.ended else text)

    def is_whole(self) -> bool:
        """Return whether the arguments' object is closed; every byte is read only once."""
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

    def _once(self, text: str) -> str:
        """Return arguments that a server sent more than once only once.

        Seen: the whole object again at the end, `{}` before the object, all so far in every piece
        (anomalyco/opencode#17339, NousResearch/hermes-agent#35718). Anything else is kept as sent.
        """
        objects, end = _objects_in(text)
        if len(objects) == 1 and end == len(text):
            return text
        if len(objects) > 1 and end == len(text) and all(each in ("{}", objects[-1]) for each in objects):
            return objects[-1]
        last = self.arguments[self._last_start :]
        is_cumulative = self._last_start > 0 and last.startswith(self.arguments[: self._first_size])
        if is_cumulative and len(_objects_in(last.decode())[0]) == 1:
            return last.decode()
        return text


def _objects_in(text: str) -> tuple[list[str], int]:
    """Return the texts of the JSON objects that `text` begins with, and where they end."""
    objects: list[str] = []
    end, begins = 0, re.compile(_OBJECT_START).match
    while found := begins(text, end):
        try:
            _, end = _DECODER.raw_decode(text, found.end() - 1)
        except (ValueError, RecursionError):
            break
        objects.append(text[found.end() - 1 : end])
    return objects, len(text) if not text[end:].strip() else end
