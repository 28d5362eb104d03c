"""The definition of a tool, as the model gets it. Knows no Python function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import RequestError
from .shortened import fields_shown


def _empty_object_schema() -> dict[str, Any]:
    return {"type": "object", "properties": {}}


class ToolDef(msgspec.Struct, frozen=True):
    """A tool: its name, what it is for, and the JSON schema of its arguments.

    `parameters` defaults to a schema without arguments, because the service refuses a tool that has none (2013).
    `extra` holds more fields of the tool's JSON, such as `cache_control`.

    >>> clock = ToolDef("clock", "Return the time.")
    >>> emulator.answer(tool_calls=[("clock", {})])
    >>> [call.name for call in client.chat("What time is it?", tools=[clock]).tool_calls]
    ['clock']
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = msgspec.field(default_factory=_empty_object_schema)
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.parameters:
            msgspec.structs.force_setattr(self, "parameters", _empty_object_schema())

    def __repr__(self) -> str:
        return fields_shown(self)


def as_tool(source: object) -> ToolDef:
    """Return a ToolDef, or the `.definition` of a function with the `tool` decorator; raises `RequestError`."""
    definition = getattr(source, "definition", source)
    if isinstance(definition, ToolDef):
        return definition
    raise RequestError(
        f"tools must hold ToolDefs, functions with the tool decorator, or dicts, not {type(source).__name__}"
    )
