"""A service's JSON: damaged bytes are repaired, odd values coerced, and errors quote nothing."""

from __future__ import annotations

import msgspec
import pytest

from minimax_sync.errors import ResponseFormatError
from minimax_sync.wires.decoding import as_text, count, json_text, parsed


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'"\xff"', "\ufffd"),
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\ud83d\ude00"', "😀"),
        (rb'"\\ud83d"', r"\ud83d"),
    ],
)
def test_damaged_text_is_repaired(data: bytes, value: object) -> None:
    assert parsed(msgspec.json.decode, data) == value


@pytest.mark.parametrize("data", [b"", b"<html>secret", b'{"secret": ', b"[" * 100_000])
def test_data_that_is_not_json_is_an_error_with_its_size_and_without_its_text(data: bytes) -> None:
    with pytest.raises(ResponseFormatError, match=f"sent {len(data)} bytes") as caught:
        parsed(msgspec.json.decode, data)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "counted"),
    [(7, 7), (7.9, 7), ("7", 7), (True, 1), (-1, 0), ("-1", 0), (1e300, 0), (None, 0), ("9" * 20, 0), ([], 0)],
)
def test_a_count_that_is_not_valid_is_0(value: object, counted: int) -> None:
    assert count(value) == counted


def test_text_and_json_of_odd_values() -> None:
    assert (as_text("x"), as_text(5), as_text(None)) == ("x", "", "")
    assert json_text({"a": [1]}) == '{"a":[1]}'
