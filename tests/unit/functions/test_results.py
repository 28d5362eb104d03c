"""Results of tools as text: JSON for every kind of value, and an error with a cure for a coroutine."""

from __future__ import annotations

import collections
import enum
import itertools
import json
import types
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy
import pydantic
import pytest

from minimax_sync import Image, RequestError
from minimax_sync.functions.results import as_content, as_text


@dataclass
class Place:
    city: str
    since: date


class Person(pydantic.BaseModel):
    born: date


class Renamed(pydantic.BaseModel):
    user_name: str = pydantic.Field(serialization_alias="userName")


class Point(msgspec.Struct):
    x: float


class Mode(enum.Enum):
    FAST = "fast"


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not what it holds"


class Whole(int):
    pass


class Fraction(float):
    pass


class Moment(datetime):
    pass


class Index:
    def __index__(self) -> int:
        return 5


class Table:
    def __str__(self) -> str:
        return "   a\n0  1"


RECURSIVE: list[Any] = []
RECURSIVE.append(RECURSIVE)


def words() -> Iterator[str]:
    yield from ("one", "two")


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ("as it is", "as it is"),
        ("", ""),
        (None, "null"),
        ({"a": [1, 2.5, True]}, '{"a":[1,2.5,true]}'),
        (2**70, str(2**70)),
        ([float("nan"), float("inf")], "[null,null]"),
        (Place("Kiel", date(2026, 1, 2)), '{"city":"Kiel","since":"2026-01-02"}'),
        ([Person(born=date(1815, 12, 10))], '[{"born":"1815-12-10"}]'),
        (Renamed(user_name="Ada"), '{"userName":"Ada"}'),
        (Point(1.5), '{"x":1.5}'),
        ([Decimal("1.50"), Mode.FAST], '["1.50","fast"]'),
        (Path("a/b"), '"a/b"'),
        ({1: "a"}, '{"1":"a"}'),
        ({(1, 2): 3}, "{(1, 2): 3}"),
        (RECURSIVE, "[[...]]"),
        ("file\udcff", "file\\udcff"),
        (["file\udcff"], "['file\\udcff']"),
        (words(), '["one","two"]'),
        ({"found": map(str, [1, 2])}, '{"found":["1","2"]}'),
        ([{"a": 1}.keys(), {"a": 1}.values(), {"a": 1}.items()], '[["a"],[1],[["a",1]]]'),
        (range(3), "[0,1,2]"),
        ([collections.deque([1]), types.MappingProxyType({"a": 1})], '[[1],{"a":1}]'),
        ([Text("a"), Whole(3), Fraction(1.5), Moment(2026, 1, 2)], '["a",3,1.5,"2026-01-02T00:00:00"]'),
        ([numpy.int64(3), numpy.float32(0.5), numpy.bool_(True), numpy.array([[1, 2]])], "[3,0.5,true,[[1,2]]]"),
        (Index(), "5"),
        ({"table": Table()}, json.dumps({"table": "   a\n0  1"}, separators=(",", ":"))),
        ([ValueError("no such city")], '["no such city"]'),
    ],
)
def test_a_result_is_text_or_json(result: Any, text: str) -> None:
    assert as_text(result) == text


async def later() -> str:
    return "done"


async def endless_later() -> AsyncIterator[int]:
    yield 1


def test_a_coroutine_is_an_error_with_a_cure_and_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for result in (later(), [later()], endless_later()):
            with pytest.raises(RequestError, match=r"later, which must be awaited; .*asyncio\.run"):
                as_text(result)


def test_a_generator_without_end_is_an_error() -> None:
    with pytest.raises(RequestError, match="count of more than 100,000 items"):
        as_text({"numbers": itertools.count()})


PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


class Figure:
    """Has what Matplotlib's figures have."""

    def __init__(self, drawn: bytes = PNG) -> None:
        self._drawn = drawn

    def savefig(self, file: BinaryIO, *, format: str) -> None:
        assert format == "png"
        file.write(self._drawn)

    def _repr_html_(self) -> str:
        return "<p>a figure</p>"


class Undrawn(Figure):
    """Offers the method of notebooks, but draws nothing with it."""

    def _repr_png_(self) -> None:
        return None


class Drawn:
    def _repr_png_(self) -> bytes:
        return PNG


@pytest.mark.parametrize(
    ("result", "text", "images"),
    [
        (Image.from_bytes(PNG), "1 image", 1),
        (PNG, "1 image", 1),
        (Drawn(), "1 image", 1),
        (("the plot", Drawn()), "the plot", 1),
        ([PNG, {"points": 3}, Drawn(), 7], '[{"points":3},7]', 2),
        (b"hello", '"aGVsbG8="', 0),
    ],
    ids=["Image", "bytes", "figure", "text and figure", "list", "bytes of no image"],
)
def test_images_are_taken_out_of_a_result(result: object, text: str, images: int) -> None:
    assert as_content(result) == (text, (Image.from_bytes(PNG),) * images)


@pytest.mark.parametrize("figure", [Figure(), Undrawn()])
def test_a_figure_that_can_only_be_saved_becomes_an_image(figure: Figure) -> None:
    assert as_content(figure) == ("1 image", (Image.from_bytes(PNG),))
    assert as_content(["a plot", figure]) == ("a plot", (Image.from_bytes(PNG),))


def test_the_class_of_figures_is_text_and_a_figure_that_saves_no_image_an_error() -> None:
    assert as_content(Figure)[1] == ()
    with pytest.raises(RequestError, match="not a PNG"):
        as_content(Figure(b""))


def test_a_figure_of_matplotlib_becomes_an_image() -> None:
    figures = pytest.importorskip("matplotlib.figure", reason="not among the lowest versions that are tested")
    _, (image,) = as_content(figures.Figure())
    assert image.media_type == "image/png"
