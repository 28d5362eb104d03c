"""PyInstaller finds its hook by an entry point."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path


def test_the_entry_point_leads_to_the_directory_of_the_hook() -> None:
    (found,) = (each for each in entry_points(group="pyinstaller40") if each.module.startswith("minimax_sync"))
    (directory,) = found.load()()
    assert (Path(directory) / "hook-minimax_sync.py").is_file()
