"""The longest and the shortest single wait for a lock or a queue. Knows nothing of what is waited for."""

from __future__ import annotations

import sys
import threading

WAIT_SLICE = 0.5 if sys.platform == "win32" else threading.TIMEOUT_MAX
"""Seconds. Longer waits are split into several: on Windows Ctrl-C is handled only between two waits."""

SHORTEST_WAIT = 0.01
"""Seconds. `SimpleQueue.get` waits for ever if its timeout ends before it looks at the clock (CPython 3.10 to 3.14)."""
