"""Python types as JSON: the schema for the model, and the conversion of the model's JSON to a value.

Contains what msgspec and pydantic do for `tool` and `parse`. Pydantic is recognised by its attributes, and imported
only for a type that needs it.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from ..errors import LlmError
from ..values.json_fit import broken_bounds, fitted
from ..values.json_schema import inlined, place_of, property_names
from .annotations import annotate, parts_of
from .results import described

_Engine = tuple[dict[str, Any], Callable[[Any], Any]]
"""A schema, and the function that converts a decoded value to an instance or raises `Misfit`."""

_CORE_SCHEMA = "__get_pydantic_core_schema__"
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
            parts = list(parts_of(kind))
            needs_pydantic = is_pydantic(kind) or any(map(_has_pydantic_rules, parts))
            self._has_bounds = False
            self._has_dataclass = any(map(dataclasses.is_dataclass, parts))
            schema, self._convert = _by_pydantic(kind) if needs_pydantic else _by_msgspec(kind)
        except NameError as exc:
            raise TypeError(f"its annotations name {exc.name!r}, which is not defined in its scope") from exc
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
            return self._value(fitted(given, self.schema) if self._has_bounds else given)
        except Misfit as exc:
            misfit = exc
        if not self._has_bounds and (converted := fitted(given, self.schema)) != given:
            return self._value(converted)
        raise misfit

    def _value(self, given: Any) -> Any:
        try:
            made = self._convert(given)
        except (Misfit, LlmError):
            raise
        except Exception as exc:  # a validator is the user's code: msgspec and pydantic report only some exceptions
            raise Misfit([("$", described(exc))]) from exc
        if self._has_dataclass:
            _complete(made)
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
        raise TypeError(str(exc).splitlines()[-1]) from exc  # the lines before it are advice on msgspec
    return schema, functools.partial(_from_msgspec, kind)


def _from_msgspec(kind: Any, value: Any) -> Any:
    problem = ""
    for strict in (True, False):  # in lenient mode only, msgspec reads "1" as a number in Literal["1", 2]
        try:
            return msgspec.convert(value, kind, strict=strict, dec_hook=_dec_hook)
        except (msgspec.ValidationError, UnicodeError) as exc:
            problem = problem or str(exc)
        except SystemError:  # msgspec 0.19 to 0.23, for an integer that is too large for a float
            problem = "the number is too large"
    found = _MSGSPEC_ERROR.fullmatch(problem)
    raise Misfit([(found["place"] or "$", found["text"])] if found else [("$", problem)])


def _complete(made: Any) -> None:
    """Set the defaults of dataclasses that msgspec leaves to the class, where `vars()` and encoders miss them."""
    pending = [made]
    while pending:
        each = pending.pop()
        if isinstance(each, list | tuple | set | frozenset):
            pending += each
        elif isinstance(each, dict):
            pending += each.values()
        elif isinstance(each, msgspec.Struct):
            pending += [getattr(each, name) for name in each.__struct_fields__]
        elif dataclasses.is_dataclass(each):
            held = {
                field.name: getattr(each, field.name) for field in dataclasses.fields(each) if hasattr(each, field.name)
            }
            pending += held.values()
            getattr(each, "__dict__", {}).update(held)


def _schema_hook(kind: Any) -> dict[str, Any]:
    if not is_pydantic(kind):
        raise NotImplementedError  # how a hook of msgspec declines a type: msgspec then raises its own error
    return dict(_by_pydantic(kind)[0])


def _dec_hook(kind: Any, value: Any) -> Any:
    if not is_pydantic(kind):
        raise NotImplementedError  # declined, as above
    try:
        return _by_pydantic(kind)[1](value)
    except Misfit as exc:
        problem = str(exc)
    raise ValueError(problem)  # msgspec adds the place of this value


def is_pydantic(kind: Any) -> bool:
    """Return True for a model or dataclass of pydantic (v2)."""
    return isinstance(kind, type) and hasattr(kind, "__pydantic_validator__")


def _has_pydantic_rules(part: Any) -> bool:
    """Return True for what msgspec does not know or follow and a JSON schema cannot express.

    These are pydantic's dataclasses, types, validators and conversions, predicates, and bounds that are not numbers.
    """
    if isinstance(part, type):
        is_own = is_pydantic(part)
        return hasattr(part, "__is_pydantic_dataclass__") or (hasattr(part, _CORE_SCHEMA) and not is_own)
    if hasattr(part, _CORE_SCHEMA) or type(part).__name__ in ("Predicate", "Not"):
        return True
    if any(getattr(part, name, None) is True for name in ("strip_whitespace", "to_upper", "to_lower")):
        return True
    bounds = (getattr(part, name, None) for name in ("ge", "gt", "le", "lt"))
    return any(not isinstance(bound, int | float | None) for bound in bounds)


def _by_pydantic(kind: Any) -> _Engine:
    return _of_class(kind) if isinstance(kind, type) else _of_any(kind)


def _of_any(kind: Any) -> _Engine:
    try:
        from pydantic import TypeAdapter
    except ImportError as exc:
        raise TypeError(f"{kind} needs pydantic, which is not installed") from exc
    try:
        adapter: Any = TypeAdapter(kind)
        schema = adapter.json_schema()
    except (RuntimeError, NameError) as exc:  # such as "Unable to generate pydantic-core schema for ..."
        raise TypeError(str(exc).partition("\n")[0]) from exc
    return schema, functools.partial(_from_pydantic, adapter, property_names(schema))


_of_class = functools.lru_cache(maxsize=256)(_of_any)


def _from_pydantic(adapter: Any, known: set[str], value: Any) -> Any:
    try:
        made = adapter.validate_json(json.dumps(value))
    except ValueError as exc:
        invalid: Any = exc
    else:
        if misnamed := list(_misnamed(made, value, "$")):
            raise Misfit(misnamed)
        return made
    raise Misfit((place_of(detail["loc"], known), detail["msg"]) for detail in invalid.errors())


def _misnamed(made: Any, given: Any, place: str) -> Iterator[tuple[str, str]]:
    """Yield the fields that were given by name where pydantic takes the alias alone, and so would drop them."""
    if isinstance(made, list) and isinstance(given, list):
        for position, (item, each) in enumerate(zip(made, given, strict=False)):
            yield from _misnamed(item, each, f"{place}[{position}]")
    elif isinstance(given, dict):
        for name, field in getattr(type(made), "model_fields", {}).items():
            alias = field.validation_alias if isinstance(field.validation_alias, str) else name
            if name in given and name not in made.model_fields_set:
                yield f"{place}.{name}", f"this field is named {alias!r}"
            yield from _misnamed(getattr(made, name), given.get(alias), f"{place}.{alias}")
