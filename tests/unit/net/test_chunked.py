"""The chunks of a body, cut by the network at any point."""

from __future__ import annotations

import http.client
import io
from typing import Any, cast

import pytest

from minimax_sync.net.chunked import MAX_LINE, ChunkedBody

BODY = b"3\r\none\r\n4;ext=1\r\ntwo!\r\n0\r\nTrailer: x\r\n\r\n"


class Pieces(io.RawIOBase):
    """A file that gives one piece a read."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    def read1(self, size: int) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


class Answer:
    def __init__(self, *pieces: bytes) -> None:
        self.fp, self.is_closed = Pieces(*pieces), False

    def close(self) -> None:
        self.is_closed = True


def body_of(*pieces: bytes) -> tuple[bytes, Answer, ChunkedBody]:
    answer = Answer(*pieces)
    chunks = ChunkedBody(cast(Any, answer))
    return b"".join(iter(chunks.read1, b"")), answer, chunks


def test_the_body_is_the_same_wherever_it_is_cut() -> None:
    for first in range(len(BODY)):
        for second in range(first, len(BODY)):
            pieces = [piece for piece in (BODY[:first], BODY[first:second], BODY[second:]) if piece]
            text, answer, chunks = body_of(*pieces)
            assert (text, answer.is_closed, chunks.has_surplus) == (b"onetwo!", True, False)


def test_bytes_behind_the_end_are_noticed() -> None:
    assert body_of(BODY + b"HTTP/1.1 200 OK")[2].has_surplus


@pytest.mark.parametrize("size", [b"-1\r\n", b"x\r\n", b"\r\n", b"1" * (MAX_LINE + 1)])
def test_a_chunk_without_a_usable_size_is_an_error(size: bytes) -> None:
    with pytest.raises((http.client.HTTPException, ValueError)):
        body_of(size)


def test_an_end_before_the_last_chunk_is_an_error() -> None:
    for length in range(len(BODY) - 1):
        with pytest.raises(http.client.IncompleteRead):
            body_of(*([BODY[:length]] if length else []))
