"""How long one wait for a lock may last so that Ctrl-C ends it: on Windows a signal is seen only between two waits."""

from __future__ import annotations

import sys
import threading

WAIT_SLICE = 0.5 if sys.platform == "win32" else threading.TIMEOUT_MAX
"""Seconds. Longer waits for a lock, a queue or an event are made of several."""
