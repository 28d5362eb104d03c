"""What the emulator received: one immutable value per request, safe to print.

Owns the decoding of a request's body. Knows nothing of what the request means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

FORM = "application/x-www-form-urlencoded"
IMAGE_BLOCKS = ("image_url", "image")


class Headers(Mapping[str, str]):
    """Header fields by name, in any case. A field sent several times is joined with commas; no value is printed."""

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, str] = {}
        for name, value in fields:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Headers {', '.join(self._values)}>"


@dataclass(frozen=True, repr=False)
class Received:
    """One request as it came in.

    `path` has its query; `body` is decoded: JSON as it is, a form as a dict, other bytes as they came, None when
    empty. `monotonic` is the `time.monotonic()` at which it was complete, to measure a client's pace with.
    """

    method: str
    path: str
    headers: Headers
    body: Any = None
    monotonic: float = 0.0

    @property
    def route(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's fields."""
        return dict(parse_qsl(self.path.partition("?")[2], keep_blank_values=True))

    @property
    def images(self) -> int:
        """How many images the messages carry, on either wire, inside tool results too."""
        return count_images(self.body.get("messages")) if isinstance(self.body, dict) else 0

    def __repr__(self) -> str:
        shape = f"fields {', '.join(map(str, self.body))}" if isinstance(self.body, dict) else type(self.body).__name__
        return f"<Received {self.method} {self.route} body: {shape[:200]}>"


def count_images(content: Any) -> int:
    """Count the image blocks anywhere in `content`."""
    if isinstance(content, list):
        return sum(map(count_images, content))
    if isinstance(content, dict):
        return 1 if content.get("type") in IMAGE_BLOCKS else count_images(content.get("content"))
    return 0


def decode_body(raw: bytes, content_type: str) -> Any:
    """Decode a request's body: JSON whatever it calls itself, as curl calls all a form; else a form; else the bytes."""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        is_form = content_type.partition(";")[0].strip().lower() == FORM
    return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)) if is_form else raw
