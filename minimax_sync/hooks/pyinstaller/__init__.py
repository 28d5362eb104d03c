"""The hook of PyInstaller: `hook-minimax_sync.py`, found by the entry point `pyinstaller40`. Imports no PyInstaller."""

from __future__ import annotations

from pathlib import Path


def hook_directories() -> list[str]:
    """Return the directory in which PyInstaller finds the hook."""
    return [str(Path(__file__).parent)]
