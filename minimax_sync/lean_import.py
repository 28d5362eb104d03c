"""The first import of the client's modules, at a tenth less of what a script's start costs.

msgspec asks for `typing_extensions` first, which many programs have installed, and for `typing` where that fails. Since
Python 3.11 it takes the same from either: `Required` and `NotRequired` are one object, and `get_type_hints`, as it is
called there, hands on what typing's own returns (typing_extensions 4.16, msgspec 0.19 to 0.22).

And the garbage collector looks again and again at what is being loaded, which is no garbage, and stays.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from types import ModuleType

LIGHT = {".auth.static_key", ".emulator", ".errors", ".pacing.token_bucket", ".pacing.redis_token_bucket"}
"""Homes of public names that need no msgspec."""


def load(module: str) -> ModuleType:
    """Import a module of this package; the first that needs msgspec lean, where no other thread could notice."""
    if module in LIGHT or "msgspec" in sys.modules or len(sys._current_frames()) > 1:
        return import_module(module, __package__)
    can_pause = gc.isenabled() and gc.get_freeze_count() == 0
    if can_pause:
        gc.disable()
    try:
        _import_msgspec()
        return import_module(module, __package__)
    finally:
        if can_pause:
            gc.freeze()
            gc.unfreeze()  # puts it all with the oldest objects, unlooked at
            gc.enable()


def _import_msgspec() -> None:
    if sys.version_info < (3, 11) or "typing_extensions" in sys.modules:
        return
    sys.modules["typing_extensions"] = None  # its import fails
    try:
        import msgspec as msgspec
    finally:
        del sys.modules["typing_extensions"]
