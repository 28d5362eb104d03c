"""Tests of what the package does on Windows alone; `scripts/test windows` runs them, and much else, under its rules."""

from __future__ import annotations

from support import windows

collect_ignore_glob = [] if windows.installed() else ["test_*.py"]
