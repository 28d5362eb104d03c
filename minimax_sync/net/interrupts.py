"""The longest single wait for a lock that Ctrl-C can end: on Windows a signal is handled only between two waits."""

from __future__ import annotations

import sys
import threading

WAIT_SLICE = 0.5 if sys.platform == "win32" else threading.TIMEOUT_MAX
"""Seconds. Longer waits for a lock, a queue or an event are split into several."""
