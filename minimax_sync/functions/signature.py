"""How a model calls a Python function: what it is told of it, and what is made of the arguments that it writes.

Reads signatures, annotations and docstrings. Knows nothing of calls over the wire.
"""

from __future__ import annotations

import functools
import inspect
import re
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from ..errors import RequestError, ToolArgumentsError
from ..values.json_schema import inlined
from ..values.tooldef import ToolDef
from .json_types import Misfit, from_json, schema_of

_NOTHING = inspect.Parameter.empty


class Parameter(msgspec.Struct, frozen=True):
    """One parameter that the model may give: its annotated type, its default (or "there is none"), what it is for."""

    name: str
    hint: Any
    default: Any
    text: str
    is_positional: bool

    def schema(self) -> dict[str, Any]:
        """Return its JSON schema; raises TypeError for a type that has none."""
        schema = schema_of(self.hint)
        if self.text:
            schema["description"] = self.text
        if self.default is not _NOTHING:
            with suppress(TypeError, ValueError, RecursionError):  # a default that is no JSON, such as a sentinel
                schema["default"] = msgspec.to_builtins(self.default, str_keys=True)
        return schema


class Interface(msgspec.Struct, frozen=True):
    """A function as a model sees it.

    `extra` is the type of what `**kwargs` takes, or "nothing". `is_unbound` marks a method that lacks its object.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    extra: Any
    is_unbound: bool

    def definition(self) -> ToolDef:
        """Write it down for the model; raises `RequestError` naming the parameter whose type has no JSON schema."""
        properties = {parameter.name: self._schema(parameter.name, parameter.schema) for parameter in self.parameters}
        required = [parameter.name for parameter in self.parameters if parameter.default is _NOTHING]
        others: Any = self.extra is not _NOTHING and (self._schema("**", lambda: schema_of(self.extra)) or True)
        schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": others}
        if required:
            schema["required"] = required
        return ToolDef(self.name, self.description, inlined(schema))

    def _schema(self, parameter: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return make()
        except TypeError as exc:
            problem = str(exc).partition("\n")[0]
        raise RequestError(f"tool {self.name}: the type of {parameter} cannot be told to a model: {problem}")

    def arguments(self, given: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Convert what the model gave to what the function takes; raises `ToolArgumentsError` that tells all problems.

        A default that was not overridden is left to the function.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        known = {parameter.name: parameter for parameter in self.parameters}
        for name, value in given.items():
            hint = known[name].hint if name in known else self.extra
            if hint is _NOTHING:
                problems.append(f"{name}: there is no such parameter")
                continue
            try:
                values[name] = from_json(value, hint)
            except Misfit as exc:
                problems += [f"{name}{place[1:]}: {text}" for place, text in exc.problems]
        for name, parameter in known.items():
            if name not in given and parameter.default is _NOTHING:
                problems.append(f"{name}: is missing")
        if problems:
            raise ToolArgumentsError("; ".join(problems))
        positional = [parameter for parameter in self.parameters if parameter.is_positional]
        return [values.pop(parameter.name, parameter.default) for parameter in positional], values


def interface_of(function: Callable[..., Any]) -> Interface:
    """Read a function, a method or a `functools.partial` of one, whose fixed arguments the model does not see.

    Raises `RequestError` for what a model cannot call, with the reason.
    """
    if isinstance(function, staticmethod | classmethod):
        raise RequestError(f"put @tool below @{type(function).__name__}, next to the function")
    plain: Any = function
    while isinstance(plain, functools.partial):
        plain = plain.func
    if not inspect.isroutine(plain):
        raise RequestError(f"a tool is a function, a method or a functools.partial, not {type(plain).__name__}")
    name = plain.__name__
    if inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain):
        raise RequestError(f"tool {name} is async, and this client blocks; give it a function that runs it")
    signature, hints = _read(function, plain, name)
    description, texts = read_docstring(inspect.getdoc(plain) or "")
    fixed = function.keywords if isinstance(function, functools.partial) else {}
    seen = [parameter for parameter in signature.parameters.values() if parameter.name not in fixed]
    is_unbound = bool(seen) and seen[0].name in ("self", "cls") and seen[0].name not in hints
    extra: Any = _NOTHING
    parameters = []
    for parameter in seen[is_unbound:]:
        hint = hints.get(parameter.name, Any)
        if parameter.kind is parameter.VAR_POSITIONAL:
            raise RequestError(f"tool {name}: a model cannot give *{parameter.name}; take a list instead")
        if parameter.kind is parameter.VAR_KEYWORD:
            extra = hint
            continue
        if parameter.default is None and hint is not Any:
            hint = hint | None
        text = _annotated_text(hint) or texts.get(parameter.name, "")
        is_positional = parameter.kind is parameter.POSITIONAL_ONLY
        parameters.append(Parameter(parameter.name, hint, parameter.default, text, is_positional))
    return Interface(name, description, tuple(parameters), extra, is_unbound)


def _read(function: Any, plain: Any, name: str) -> tuple[inspect.Signature, dict[str, Any]]:
    try:
        return inspect.signature(function), get_type_hints(plain, include_extras=True)
    except NameError as exc:
        problem = f"its annotations name {exc.name!r}, which is not known where it is defined"
    except (AttributeError, SyntaxError, TypeError, ValueError) as exc:
        problem = f"its signature cannot be read: {exc}"
    raise RequestError(f"tool {name}: {problem}")


def _annotated_text(hint: Any) -> str:
    """Return the "text" of Annotated[T, "text"], also where that is one side of a union."""
    if get_origin(hint) is Annotated:
        return next((extra for extra in hint.__metadata__ if isinstance(extra, str)), "")
    if get_origin(hint) in (Union, types.UnionType):
        return next(filter(None, map(_annotated_text, get_args(hint))), "")
    return ""


_SECTION = re.compile(r"(Args|Arguments|Parameters):")
_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\(.*?\))?\s*:\s*(.*)")
_FIELD = re.compile(r":param\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)")


def read_docstring(doc: str) -> tuple[str, dict[str, str]]:
    """Split a cleaned docstring into its first paragraph and the texts of its parameters.

    These come from a Google section ("Args:", one "name (type): text" each) or from ":param type name: text" fields;
    both may go on over lines that are indented deeper.
    """
    texts: dict[str, list[str]] = {}
    current: list[str] | None = None
    section = entry = -1  # the indentation of the section's title and of its entries; -1 outside
    for line in doc.splitlines():
        stripped = line.strip()
        indent = len(line) - len(line.lstrip())
        if stripped and indent <= section:
            section, current = -1, None
        if not stripped:
            current = None
        elif _SECTION.fullmatch(stripped):
            section, entry, current = indent, -1, None
        elif found := _FIELD.match(stripped) or (section >= 0 and entry in (-1, indent) and _ENTRY.match(stripped)):
            entry, current = indent, texts.setdefault(found[1], [found[2]])
        elif current is not None and indent > entry and not stripped.startswith(":"):
            current.append(stripped)
        else:
            current = None
    return _first_paragraph(doc), {name: " ".join(filter(None, lines)) for name, lines in texts.items()}


def _first_paragraph(doc: str) -> str:
    lines = []
    for line in map(str.strip, doc.splitlines()):
        if not line or _SECTION.fullmatch(line) or line.startswith(":"):
            break
        lines.append(line)
    return " ".join(lines)
