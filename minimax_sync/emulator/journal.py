"""What the emulator received: one immutable value per request, safe to print.

Decodes the body of a request. Must not know what the request means.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

FORM = "application/x-www-form-urlencoded"
IMAGE_BLOCKS = ("image_url", "image")
MEDIA_BLOCKS = (*IMAGE_BLOCKS, "video_url", "video")


class Headers(Mapping[str, str]):
    """Header fields by name, case-insensitive. Repeated fields are joined with commas. The repr shows no values."""

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
    """One received request.

    `path` includes the query. `body` is decoded: JSON to its value, a form to a dict, other bodies stay bytes, an
    empty one is None. `monotonic` is the `time.monotonic()` at which the request was complete, to measure a client's
    pace.

    >>> answer = client.chat("Hello")
    >>> received = emulator.journal[-1]
    >>> received.method, received.path, received.body["messages"][0]["content"]
    ('POST', '/v1/text/chatcompletion_v2', 'Hello')
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
        """The number of images in the messages, including those in tool results. Works for both wires."""
        return count_images(self.body.get("messages")) if isinstance(self.body, dict) else 0

    def __repr__(self) -> str:
        shape = f"fields {', '.join(map(str, self.body))}" if isinstance(self.body, dict) else type(self.body).__name__
        return f"<Received {self.method} {self.route} body: {shape[:200]}>"


def count_images(content: Any, kinds: tuple[str, ...] = IMAGE_BLOCKS) -> int:
    """Count the blocks of `kinds`, by default images, at any depth of `content`."""
    if isinstance(content, list):
        return sum(count_images(block, kinds) for block in content)
    if isinstance(content, dict):
        return 1 if content.get("type") in kinds else count_images(content.get("content"), kinds)
    return 0


def decode_body(raw: bytes, content_type: str) -> Any:
    """Decode a body: JSON under any content type, because curl sends all as a form; else a form; else the bytes."""
    if not raw:
        return None
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        is_form = content_type.partition(";")[0].strip().lower() == FORM
    return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True)) if is_form else raw
