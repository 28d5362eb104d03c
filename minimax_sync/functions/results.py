"""What a tool returned, as the text that the model reads. Knows nothing of calls."""

from __future__ import annotations

from typing import Any

import msgspec


def as_text(result: object) -> str:
    """Return a tool's result as text: a string as it is, any other value as JSON, else its `str()`."""
    if isinstance(result, str):
        return escaped_surrogates(result)
    try:
        return msgspec.json.encode(result, enc_hook=_plain).decode()
    except (TypeError, ValueError, RecursionError):
        return escaped_surrogates(str(result))


def escaped_surrogates(text: str) -> str:
    """Escape lone surrogates, which file names may hold and JSON may not."""
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(value: Any) -> Any:
    """Convert what msgspec does not know: pydantic models to dicts, any other object to text."""
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)
