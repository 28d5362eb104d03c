"""The first import is lean where nobody can notice: msgspec without `typing_extensions`, and no garbage collection."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import minimax_sync
from minimax_sync.lean_import import LIGHT

FROZEN_AT_START = sys.version_info[:2] == (3, 12)  # objects of the interpreter's own
AS_EVER = "[1-9][0-9]* True True"

need_typing = pytest.mark.skipif(sys.version_info < (3, 11), reason="3.10 needs typing_extensions itself")

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


COLLECTED = """
import gc, sys, weakref
{before}
class Node: pass
node = Node()
node.itself, seen = node, weakref.ref(node)
passes = []
del node
gc.collect()
assert seen() is None
node = Node()
node.itself, seen = node, weakref.ref(node)
del node
gc.callbacks.append(lambda phase, info: passes.append(phase))
from minimax_sync import MiniMaxClient
gc.callbacks.clear()
print(len(passes), gc.isenabled(), gc.get_freeze_count() > 0)
gc.collect()
print(seen())
"""


def printed(folder: Path, code: str, *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder).stdout


@need_typing
def test_msgspec_does_the_same_with_and_without_it(tmp_path: Path) -> None:
    without, with_it = (printed(tmp_path, DECODES, before) for before in ("hidden", "seen"))
    assert without == with_it
    assert without.count("\n") == 22


def test_it_is_not_hidden_while_another_thread_could_want_it(tmp_path: Path) -> None:
    assert printed(tmp_path, THREADED) == "True\n"


def test_it_is_there_again_when_msgspec_cannot_be_loaded(tmp_path: Path) -> None:
    assert printed(tmp_path, BROKEN).splitlines() == ["a broken build", "typing_extensions"]


@pytest.mark.parametrize("home", sorted(LIGHT))
def test_what_needs_no_msgspec_loads_none(home: str, tmp_path: Path) -> None:
    module = home.removeprefix(".")
    names = [name for name, its_home in minimax_sync._MODULE_OF.items() if its_home == module] or [module]
    code = f"import sys\nfrom minimax_sync import {', '.join(names)}\nprint('msgspec' in sys.modules)"
    assert printed(tmp_path, code) == "False\n"


@pytest.mark.parametrize(
    ("before", "state"),
    [
        ("", AS_EVER if FROZEN_AT_START else "0 True False"),
        ("gc.disable()", "0 False .*"),
        ("gc.freeze()", AS_EVER),
    ],
)
def test_the_garbage_collector_pauses_and_goes_on_as_it_was(before: str, state: str, tmp_path: Path) -> None:
    assert re.fullmatch(f"{state}\nNone\n", printed(tmp_path, COLLECTED.format(before=before)))
