"""Types as JSON: the schema that tells a model what to write, and the value that is made of what it wrote.

Owns what msgspec and pydantic do for `tool` and `parse`, and knows neither. Pydantic is recognised by its methods and
never imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import msgspec

_REFERENCE = "#/$defs/"
_MSGSPEC_ERROR = re.compile(r"(?P<text>.*?)(?: - at `(?:key` in `)?(?P<place>\$.*)`)?", re.DOTALL)


class Misfit(Exception):
    """A value that does not fit its type. `problems` are (place, what is wrong there), a place being like "$.age".

    What is wrong may quote the value and is for the model alone; places never do.
    """

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{place}: {text}" for place, text in self.problems))


def schema_of(kind: Any) -> dict[str, Any]:
    """Return the JSON schema of a type, references to `$defs` included; raises TypeError for one that has none."""
    if not is_pydantic(kind):
        return msgspec.json.schema(kind, schema_hook=_schema_hook)
    try:
        return dict(kind.model_json_schema())
    except RuntimeError as exc:  # pydantic's "cannot generate a JSON schema for ..."
        raise TypeError(str(exc)) from exc


def from_json(value: Any, kind: Any) -> Any:
    """Make a `kind` of a decoded JSON value; raises `Misfit`.

    Lenient where nothing is lost: M2.5 writes every tool argument as the text of an XML element (its tool calling
    guide), so that "3" may come where an integer is due, and "[1, 2]" where an array is.
    """
    if is_pydantic(kind):
        return _from_pydantic(value, kind)
    problem = ""
    for strict in (True, False):  # lenient alone, msgspec takes "1" for a number in Literal["1", 2]
        try:
            return msgspec.convert(value, kind, strict=strict, dec_hook=_dec_hook)
        except (msgspec.ValidationError, UnicodeError) as exc:
            problem = str(exc)
    if isinstance(value, str):
        with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
            return msgspec.json.decode(value, type=kind, strict=False, dec_hook=_dec_hook)
    found = _MSGSPEC_ERROR.fullmatch(problem)
    raise Misfit([(found["place"] or "$", found["text"])] if found else [("$", problem)])


def is_pydantic(kind: Any) -> bool:
    """Tell whether `kind` is a pydantic model class (v2)."""
    return isinstance(kind, type) and hasattr(kind, "model_validate_json") and hasattr(kind, "model_json_schema")


def _from_pydantic(value: Any, kind: Any) -> Any:
    try:
        return kind.model_validate_json(json.dumps(value))
    except ValueError as exc:
        invalid: Any = exc
    known = property_names(kind.model_json_schema())
    problems = [(place_of(detail["loc"], known), detail["msg"]) for detail in invalid.errors()]
    raise Misfit(problems)


def _schema_hook(kind: Any) -> dict[str, Any]:
    if not is_pydantic(kind):
        raise NotImplementedError  # msgspec's word for "not mine": it then says itself what it cannot do
    return schema_of(kind)


def _dec_hook(kind: Any, value: Any) -> Any:
    if not is_pydantic(kind):
        raise NotImplementedError  # as above
    try:
        return _from_pydantic(value, kind)
    except Misfit as exc:
        problem = str(exc)
    raise ValueError(problem)  # msgspec adds the place of this value


def place_of(path: Iterable[str | int], known: Container[str]) -> str:
    """Write a path like "$.tags[0]"; keys that are not `known` from the schema are the model's words: "[...]"."""
    return "$" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" if step in known else "[...]" for step in path
    )


def property_names(schema: Any) -> set[str]:
    """Collect the names of all properties that a schema speaks of, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(property_names, schema))
    if not isinstance(schema, Mapping):
        return set()
    own = schema.get("properties")
    return set(own if isinstance(own, Mapping) else ()).union(*map(property_names, schema.values()))


def inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Put definitions in the place of their references, which models follow badly; recursive ones stay in `$defs`."""
    kept: dict[str, Any] = {}
    whole: dict[str, Any] = _inline(schema, {}, kept)
    return {**whole, "$defs": kept} if kept else whole


def _inline(node: Any, defs: Mapping[str, Any], kept: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(item, defs, kept) for item in node]
    if not isinstance(node, Mapping):
        return node
    defs = {**defs, **node.get("$defs", {})}
    rest = {key: _inline(value, defs, kept) for key, value in node.items() if key not in ("$ref", "$defs")}
    name = _referred(node)
    if name not in defs:
        return {"$ref": node["$ref"], **rest} if "$ref" in node else rest
    if not _is_recursive(name, defs):
        return {**_inline(defs[name], defs, kept), **rest}
    if name not in kept:
        kept[name] = {}
        kept[name] = _inline(defs[name], defs, kept)
    return {"$ref": _REFERENCE + name, **rest}


def _is_recursive(name: str, defs: Mapping[str, Any]) -> bool:
    seen: set[str] = set()
    pending = [name]
    while pending:
        found = set(_references(defs.get(pending.pop()))) - seen
        seen |= found
        pending += found
    return name in seen


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        yield _referred(node)
    if isinstance(node, Mapping | list):
        for item in node.values() if isinstance(node, Mapping) else node:
            yield from _references(item)


def _referred(node: Mapping[str, Any]) -> str:
    reference = node.get("$ref")
    return reference.removeprefix(_REFERENCE) if isinstance(reference, str) else ""
