"""Loads msgspec without `typing_extensions`: a tenth of what a script's start costs, and msgspec does as well without.

msgspec asks for `typing_extensions` first, which many programs have installed, and for `typing` where that fails. Since
Python 3.11 it takes the same from either: `Required` and `NotRequired` are one object, and `get_type_hints`, as it is
called there, hands on what typing's own returns (typing_extensions 4.16, msgspec 0.19 to 0.22).
"""

from __future__ import annotations

import sys


def import_msgspec() -> None:
    """Load msgspec, unless that is done, with `typing_extensions` out of its sight for as long as that takes.

    That would be seen by every thread, so it is done only where no other one runs; and only where nothing has loaded
    `typing_extensions` before, which leaves nothing to win.
    """
    loaded = "msgspec" in sys.modules or "typing_extensions" in sys.modules
    if loaded or sys.version_info < (3, 11) or len(sys._current_frames()) > 1:
        return
    sys.modules["typing_extensions"] = None  # its import fails
    try:
        import msgspec as msgspec
    finally:
        del sys.modules["typing_extensions"]
