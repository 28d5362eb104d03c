"""The command line as a test calls it: the result of a command, and an image to send."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Result(NamedTuple):
    """The exit status of a command and its output."""

    status: int
    out: str
    err: str


Run = Callable[..., Result]

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
