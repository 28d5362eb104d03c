"""The interface of a Python function for a model: its definition, and the conversion of the model's arguments.

Reads signatures, annotations and docstrings. Knows nothing of calls over the wire.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from ..errors import RequestError, ToolArgumentsError
from ..values.json_fit import is_null
from ..values.json_schema import inlined
from ..values.tooldef import ToolDef
from .annotations import MISSING, default_of, description_of, hints_of, is_field
from .docstrings import read_docstring
from .json_types import JsonType, Misfit

_NOTHING = inspect.Parameter.empty


class Parameter(msgspec.Struct, frozen=True):
    """One parameter that the model may give, under its alias if it has one.

    `field` is pydantic's `Field(...)` where that holds the default.
    """

    name: str
    type: JsonType
    default: Any
    text: str = ""
    is_positional: bool = False
    field: Any = None
    alias: str = ""

    @property
    def shown(self) -> str:
        """The name that the model uses."""
        return self.alias or self.name

    def schema(self) -> dict[str, Any]:
        """Return its JSON schema, with text and default."""
        schema = dict(self.type.schema)
        if self.text:
            schema["description"] = self.text
        if self.default is not _NOTHING:
            with suppress(TypeError, ValueError, RecursionError):  # a default that is not JSON, such as a sentinel
                schema["default"] = msgspec.to_builtins(self.default, str_keys=True)
        return schema


class Interface(msgspec.Struct, frozen=True):
    """A function as a model sees it.

    `extra` is the type of the values of `**kwargs`, or None. `is_unbound` marks a method that lacks its object.
    """

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    extra: JsonType | None
    is_unbound: bool

    def definition(self) -> ToolDef:
        """Return the definition that is sent to the model."""
        properties = {parameter.shown: parameter.schema() for parameter in self.parameters}
        required = [parameter.shown for parameter in self.parameters if parameter.default is _NOTHING]
        others = self.extra is not None and (self.extra.schema or True)
        schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": others}
        if required:
            schema["required"] = required
        return ToolDef(self.name, self.description, inlined(schema))

    def arguments(self, given: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Convert the model's arguments to those of the function. Raises `ToolArgumentsError` with all problems. An
        argument that is missing or `null` is omitted if the function has a default for it.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        known = {parameter.shown: parameter for parameter in self.parameters}
        for name, value in given.items():
            parameter = known.get(name)
            kind = self.extra if parameter is None else parameter.type
            if kind is None:
                problems.append(f"{name}: there is no such parameter")
                continue
            if parameter is not None and parameter.default is not _NOTHING and is_null(value, kind.schema):
                continue
            try:
                values[name if parameter is None else parameter.name] = kind.value(value)
            except Misfit as exc:
                problems += [f"{name}{place[1:]}: {text}" for place, text in exc.problems]
        for name, parameter in known.items():
            if name not in given and parameter.default is _NOTHING:
                problems.append(f"{name}: is missing")
            if parameter.name not in values and parameter.field is not None:
                values[parameter.name] = default_of(parameter.field)
        if problems:
            raise ToolArgumentsError("; ".join(problems))
        positional = [parameter for parameter in self.parameters if parameter.is_positional]
        return [values.pop(parameter.name, parameter.default) for parameter in positional], values


def interface_of(function: Callable[..., Any]) -> Interface:
    """Read a function, a method, a class, an object with `__call__`, or a `functools.partial` of one.

    Arguments that a partial fixes are hidden from the model. Raises `RequestError`, with the reason, for a callable
    that a model cannot call.
    """
    if isinstance(function, staticmethod | classmethod):
        raise RequestError(f"put @tool below @{type(function).__name__}, next to the function")
    plain: Any = function
    while isinstance(plain, functools.partial):
        plain = plain.func
    is_object = not inspect.isroutine(plain) and not isinstance(plain, type) and callable(plain)
    name = getattr(plain, "__name__", type(plain).__name__)
    called = plain.__call__ if is_object and not hasattr(plain, "__wrapped__") else plain
    if inspect.iscoroutinefunction(called) or inspect.isasyncgenfunction(called):
        raise RequestError(f"tool {name} is async, but this client is blocking; wrap it in a function that runs it")
    signature, hints = _read(function, called, name)
    description, texts = read_docstring(_docstring(called, plain))
    fixed = function.keywords if isinstance(function, functools.partial) else {}
    seen = [parameter for parameter in signature.parameters.values() if parameter.name not in fixed]
    is_unbound = bool(seen) and seen[0].name in ("self", "cls") and seen[0].name not in hints
    extra: JsonType | None = None
    parameters: list[Parameter] = []
    for parameter in seen[is_unbound:]:
        hint = hints.get(parameter.name, Any)
        if parameter.kind is parameter.VAR_POSITIONAL:
            raise RequestError(f"tool {name}: *{parameter.name} is not supported; take a list instead")
        if parameter.kind is not parameter.VAR_KEYWORD:
            parameters.append(_parameter(name, parameter, hint, texts.get(parameter.name, "")))
        elif getattr(get_origin(hint), "_name", "") == "Unpack":
            parameters += _unpacked(name, get_args(hint)[0], texts)
        else:
            extra = _json_type(name, "**", hint)
    return Interface(name, description, tuple(parameters), extra, is_unbound)


def _parameter(tool: str, parameter: inspect.Parameter, hint: Any, text: str) -> Parameter:
    default: Any = parameter.default
    field = next(filter(is_field, (default, *getattr(hint, "__metadata__", ()))), None)
    if is_field(default):
        hint, default = Annotated[hint, default], _NOTHING
    in_field = MISSING if default is not _NOTHING else default_of(field)
    if default is None and hint is not Any:
        hint = hint | None
    return Parameter(
        parameter.name,
        _json_type(tool, parameter.name, hint),
        default if in_field is MISSING else in_field,
        text=description_of(hint) or text,
        is_positional=parameter.kind is parameter.POSITIONAL_ONLY,
        field=None if in_field is MISSING else field,
        alias=getattr(field, "alias", None) or "",
    )


def _unpacked(tool: str, kind: Any, texts: Mapping[str, str]) -> Iterator[Parameter]:
    """Yield the parameters of `**kwargs: Unpack[SomeTypedDict]`."""
    required = _json_type(tool, "**", kind).schema["required"]
    for name, hint in hints_of(kind).items():
        default = _NOTHING if name in required else MISSING
        yield Parameter(name, _json_type(tool, name, hint), default, description_of(hint) or texts.get(name, ""))


def _json_type(tool: str, parameter: str, hint: Any) -> JsonType:
    try:
        return JsonType(hint)
    except TypeError as exc:
        problem = str(exc)
    raise RequestError(f"tool {tool}: the type of {parameter} has no JSON schema: {problem}")


def _docstring(called: Any, plain: Any) -> str:
    """Return the docstring of a function, else of its class, without the one that dataclasses generate."""
    for source in (called, type(plain)) if called is not plain else (plain,):
        doc = inspect.getdoc(source) or ""
        if doc and not doc.startswith(f"{getattr(source, '__name__', '')}("):
            return doc
    return ""


def _read(function: Any, called: Any, name: str) -> tuple[inspect.Signature, dict[str, Any]]:
    try:
        hints = get_type_hints(called, include_extras=True)
        if isinstance(called, type):
            hints |= get_type_hints(inspect.getattr_static(called, "__init__"), include_extras=True)
        return inspect.signature(function), hints
    except NameError as exc:
        problem = f"its annotations name {exc.name!r}, which is not defined in its scope"
    except (AttributeError, SyntaxError, TypeError, ValueError) as exc:
        problem = f"its signature cannot be read: {exc}"
    raise RequestError(f"tool {name}: {problem}")
