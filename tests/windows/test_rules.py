"""The simulation itself: the package meets the rules of Windows, its tests do not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TEXT_MODE = """
import os
descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
os.write(descriptor, b"a\\nb\\x1ac")
os.lseek(descriptor, 0, os.SEEK_SET)
found = os.read(descriptor, 99)
os.close(descriptor)
"""


def in_the_package(code: str, **names: Any) -> dict[str, Any]:
    """Run code as a module of the package would."""
    scope: dict[str, Any] = {"__name__": "minimax_sync.probe", **names}
    exec(code, scope)
    return scope


def test_the_package_finds_nothing_that_windows_lacks() -> None:
    ours = in_the_package("import os, sys")
    assert (ours["os"].name, ours["sys"].platform) == ("nt", "win32")
    for name in ("fork", "register_at_fork", "fchmod", "geteuid", "O_NOFOLLOW", "O_DIRECTORY", "O_NONBLOCK"):
        assert not hasattr(ours["os"], name), name
        assert hasattr(os, name), name
    with pytest.raises(ModuleNotFoundError):
        in_the_package("import fcntl")
    with pytest.raises(ModuleNotFoundError):
        in_the_package("import importlib; importlib.import_module('pwd')")


def test_every_program_that_a_test_starts_obeys_them_too() -> None:
    code = "from minimax_sync.auth import file_access; print(file_access.os.name)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "nt\n"


def test_a_descriptor_without_o_binary_is_in_text_mode(tmp_path: Path) -> None:
    file = tmp_path / "file"
    found = in_the_package(TEXT_MODE, path=str(file))["found"]
    assert (file.read_bytes(), found) == (b"a\r\nb\x1ac", b"a\nb")


def test_an_open_file_is_neither_replaced_nor_removed_nor_renamed(tmp_path: Path) -> None:
    held, other = tmp_path / "held", tmp_path / "other"
    other.write_text("other")
    with held.open("w"):
        for code in ("os.replace(other, held)", "os.replace(held, other)", "os.unlink(held)", "held.unlink()"):
            with pytest.raises(PermissionError):
                in_the_package(f"import os; {code}", held=held, other=other)
    in_the_package("import os; os.replace(other, held)", held=held, other=other)
    assert held.read_text() == "other"
