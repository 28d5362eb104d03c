"""Run every Python process whose PYTHONPATH names this folder under the rules of Windows. See `support.windows`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))

from support import windows

windows.install()
