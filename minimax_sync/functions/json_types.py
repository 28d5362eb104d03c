"""Python types as JSON: the schema that a model gets, and the value that is made of what it wrote.

Contains what msgspec and pydantic do for `tool` and `parse`. Pydantic is recognised by its attributes and never
imported.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ..values.json_fit import broken_bounds, fitted
from ..values.json_schema import inlined, place_of, property_names
from .annotations import annotate, parts_of

_Engine = tuple[dict[str, Any], Callable[[Any], Any]]
"""A schema, and what makes an instance of a decoded value or raises `Misfit`."""

_MSGSPEC_ERROR = re.compile(r"(?P<text>.*?)(?: - at `(?:key` in `)?(?P<place>\$.*)`)?", re.DOTALL)


class Misfit(Exception):
    """A value that does not fit its type. `problems` are (place, problem there), a place being like "$.age".

    A problem may quote the value and is meant for the model alone; a place never does.
    """

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{place}: {text}" for place, text in self.problems))


class JsonType:
    """A type with its JSON `schema`, without references but for recursive parts. Raises TypeError if it has none."""

    def __init__(self, kind: Any) -> None:
        try:
            parts = list(parts_of(kind)) if "pydantic" in sys.modules else []
            needs_pydantic = any(map(_has_pydantic_rules, parts)) or is_pydantic(kind)
            self._has_bounds = False
            schema, self._convert = _by_pydantic(kind) if needs_pydantic else _by_msgspec(kind)
        except NameError as exc:
            raise TypeError(f"its annotations name {exc.name!r}, which is not known where it is defined") from exc
        except TypeError:
            if needs_pydantic or not any(map(is_pydantic, parts)):
                raise
            schema, self._convert = _by_pydantic(kind)  # such as a union of several models, which msgspec refuses
        else:
            self._has_bounds = not needs_pydantic and annotate(schema, kind)
        self.schema = inlined(schema)

    def value(self, given: Any) -> Any:
        """Return an instance made of a decoded JSON value, converted where nothing is lost; raises `Misfit`."""
        try:
            return self._value(self._fitted(given) if self._has_bounds else given)
        except Misfit as exc:
            misfit = exc
        if not self._has_bounds and (converted := self._fitted(given)) != given:
            return self._value(converted)
        raise misfit

    def _fitted(self, given: Any) -> Any:
        try:
            return fitted(given, self.schema)
        except RecursionError:
            return given

    def _value(self, given: Any) -> Any:
        made = self._convert(given)
        if self._has_bounds and (broken := list(broken_bounds(given, self.schema, self.schema))):
            known = property_names(self.schema)
            raise Misfit((place_of(path, known), problem) for path, problem in broken)
        return made


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the JSON schema of a type; raises TypeError for one that has none."""
    return JsonType(kind).schema


def from_json(value: Any, kind: Any) -> Any:
    """Return a `kind` made of a decoded JSON value; raises `Misfit`."""
    return JsonType(kind).value(value)


def _by_msgspec(kind: Any) -> _Engine:
    try:
        schema = msgspec.json.schema(kind, schema_hook=_schema_hook)
    except TypeError as exc:
        raise TypeError(str(exc).splitlines()[-1]) from exc  # the lines above it are advice on msgspec
    return schema, functools.partial(_from_msgspec, kind)


def _from_msgspec(kind: Any, value: Any) -> Any:
    problem = ""
    for strict in (True, False):  # lenient alone, msgspec takes "1" for a number in Literal["1", 2]
        try:
            return msgspec.convert(value, kind, strict=strict, dec_hook=_dec_hook)
        except (msgspec.ValidationError, UnicodeError) as exc:
            problem = problem or str(exc)
        except SystemError:  # msgspec 0.19 to 0.23, for an integer that is too large for a float
            problem = "the number is too large"
    found = _MSGSPEC_ERROR.fullmatch(problem)
    raise Misfit([(found["place"] or "$", found["text"])] if found else [("$", problem)])


def _schema_hook(kind: Any) -> dict[str, Any]:
    if not is_pydantic(kind):
        raise NotImplementedError  # msgspec then raises its own error
    return _by_pydantic(kind)[0]


def _dec_hook(kind: Any, value: Any) -> Any:
    if not is_pydantic(kind):
        raise NotImplementedError  # as above
    try:
        return _by_pydantic(kind)[1](value)
    except Misfit as exc:
        problem = str(exc)
    raise ValueError(problem)  # msgspec adds the place of this value


def is_pydantic(kind: Any) -> bool:
    """Return True for a model or dataclass of pydantic (v2)."""
    return isinstance(kind, type) and hasattr(kind, "__pydantic_validator__")


def _has_pydantic_rules(part: Any) -> bool:
    """Return True for what msgspec does not know or follow: pydantic's dataclasses, its own types, validators."""
    if is_pydantic(part):
        return hasattr(part, "__is_pydantic_dataclass__")
    return hasattr(part, "__get_pydantic_core_schema__")


@functools.lru_cache(maxsize=256)
def _adapter(kind: Any) -> Any:
    try:
        return sys.modules["pydantic"].TypeAdapter(kind)
    except (RuntimeError, NameError) as exc:  # "Unable to generate pydantic-core schema for ..."
        raise TypeError(str(exc).partition("\n")[0]) from exc


def _by_pydantic(kind: Any) -> _Engine:
    adapter = _adapter(kind)
    try:
        schema = adapter.json_schema()
    except RuntimeError as exc:  # "Cannot generate a JsonSchema for ..."
        raise TypeError(str(exc).partition("\n")[0]) from exc
    return schema, functools.partial(_from_pydantic, adapter, property_names(schema))


def _from_pydantic(adapter: Any, known: set[str], value: Any) -> Any:
    try:
        return adapter.validate_json(json.dumps(value))
    except ValueError as exc:
        invalid: Any = exc
    raise Misfit((place_of(detail["loc"], known), detail["msg"]) for detail in invalid.errors())
