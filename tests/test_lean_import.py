"""msgspec is loaded without `typing_extensions` where nobody can notice, and does the same without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="3.10 needs typing_extensions itself")

DECODES = """
import sys
if sys.argv[1] == "hidden":
    from minimax_sync import ChatMessage
    assert "typing_extensions" not in sys.modules
import msgspec, typing, typing_extensions
from typing import Annotated, Generic, TypeVar

T = TypeVar("T")

class Fields(typing_extensions.TypedDict):
    needed: typing_extensions.Required[Annotated[int, msgspec.Meta(ge=0)]]
    other: typing_extensions.NotRequired["list[str]"]

class Few(typing.TypedDict, total=False):
    needed: typing.Required[int]
    other: int

class Box(msgspec.Struct, Generic[T]):
    content: T
    next: "Box[T] | None" = None

for data in ('{"needed": 1}', '{"needed": -1}', '{"other": ["a"]}', '{"needed": 1, "other": [2]}', '{"content": 1}'):
    for wanted in (Fields, Few, Box[int], Box[str]):
        try:
            print(msgspec.json.decode(data, type=wanted))
        except msgspec.ValidationError as error:
            print(error)
print(msgspec.json.schema(Fields), msgspec.json.schema(Few), msgspec.json.schema(Box[int]))
print(msgspec.inspect.type_info(Fields))
"""

THREADED = """
import sys, threading
stop = threading.Event()
threading.Thread(target=stop.wait).start()
from minimax_sync import ChatMessage
stop.set()
print("typing_extensions" in sys.modules)
"""

BROKEN = """
import sys
class Refuse:
    def find_spec(self, name, *rest):
        if name == "msgspec._core":
            raise ImportError("a broken build")
sys.meta_path.insert(0, Refuse())
try:
    from minimax_sync import ChatMessage
except ImportError as error:
    print(error)
import typing_extensions
print(typing_extensions.__name__)
"""


def printed(folder: Path, code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout


def test_msgspec_does_the_same_with_and_without_it(tmp_path: Path) -> None:
    without, with_it = (printed(tmp_path, DECODES, before) for before in ("hidden", "seen"))
    assert without == with_it
    assert without.count("\n") == 22


def test_it_is_not_hidden_while_another_thread_could_want_it(tmp_path: Path) -> None:
    assert printed(tmp_path, THREADED) == "True\n"


def test_it_is_there_again_when_msgspec_cannot_be_loaded(tmp_path: Path) -> None:
    assert printed(tmp_path, BROKEN).splitlines() == ["a broken build", "typing_extensions"]
