"""The reprs of values: the shape and at most 60 characters of any text, so that logs stay short and safe."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

import msgspec

LIMIT = 60


def shortened(text: str) -> str:
    """Return the repr of `text`, cut to 60 characters with the full length behind it."""
    return repr(text) if len(text) <= LIMIT else f"{text[:LIMIT]!r}… ({len(text)} chars)"


def fields_shown(value: msgspec.Struct) -> str:
    """Return a repr with the fields that differ from their defaults, text shortened and collections counted."""
    fields = ((name, getattr(value, name)) for name in value.__struct_fields__ if name[0] != "_")
    shown = [
        f"{name}={_shown(field)}" for name, field in fields if field not in (None, "", (), {}) and field is not False
    ]
    return f"{type(value).__name__}({', '.join(shown)})"


def _shown(field: Any) -> str:
    if isinstance(field, str):
        return shortened(field)
    return f"<{len(field)}>" if isinstance(field, Sized) and not isinstance(field, msgspec.Struct) else repr(field)
