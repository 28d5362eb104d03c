"""Fitting decoded JSON values to a schema: lossless conversions, and the bounds of the schema.

M2.5 writes every tool argument as the text of an XML element (its tool calling guide), and other models write JSON text
inside JSON, `null` for a default, or one item for a list. Knows no Python type.
"""

from __future__ import annotations

import json
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from typing import Any

from .json_schema import accepted_types, alternatives_of, constants_of, json_type, resolved

Path = tuple[str | int, ...]
Schema = Mapping[str, Any]

_WORDS = {"True": True, "False": False, "None": None}
_NOT_TEXT = {"format", "contentEncoding"}
"""Keywords of text in a notation of its own, which no number is."""


def fitted(value: Any, schema: Schema, root: Schema | None = None) -> Any:
    """Convert the value to the schema without loss.

    Parts that do not fit are kept unchanged, and so is a value that nests too deeply.
    """
    try:
        return _fitted(value, schema, schema if root is None else root)
    except RecursionError:
        return value


def _fitted(value: Any, schema: Schema, root: Schema) -> Any:
    node = resolved(schema, root)
    if alternatives := alternatives_of(node):
        return _fitted_to_one(value, alternatives, root)
    if (constants := constants_of(node)) is not None:
        return _one_of(value, constants)
    accepted = accepted_types(node, root)
    if json_type(value) not in accepted:
        value = _converted(value, accepted, node, root)
    if isinstance(value, dict):
        return _fitted_object(value, node, root)
    if isinstance(value, list):
        return [_fitted(item, each, root) for _, item, each in _children(value, node)]
    return value


def fits(value: Any, schema: Schema, root: Schema) -> bool:
    """Return True if the types, constants, required properties and bounds of the schema hold."""
    node = resolved(schema, root)
    if alternatives := alternatives_of(node):
        return any(fits(value, each, root) for each in alternatives)
    if (constants := constants_of(node)) is not None:
        return any(value == each and json_type(value) == json_type(each) for each in constants)
    if json_type(value) not in accepted_types(node, root) or next(_own_problems(value, node), None) is not None:
        return False
    if isinstance(value, dict):
        if set(node.get("required", ())) - value.keys():
            return False
        if node.get("additionalProperties") is False and value.keys() - node.get("properties", {}).keys():
            return False
    return all(fits(item, each, root) for _, item, each in _children(value, node))


def broken_bounds(value: Any, schema: Schema, root: Schema, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield (path, problem) for every value outside the bounds of its schema. Types are not checked."""
    node = resolved(schema, root)
    for problem in _own_problems(value, node):
        yield path, problem
    alternatives = [each for each in alternatives_of(node) if _accepts(value, each, root)]
    if alternatives and not any(next(broken_bounds(value, each, root), None) is None for each in alternatives):
        yield from broken_bounds(value, alternatives[0], root, path)
    for key, item, each in _children(value, node):
        yield from broken_bounds(item, each, root, (*path, key))


def _accepts(value: Any, schema: Schema, root: Schema) -> bool:
    return json_type(value) in accepted_types(schema, root)


def _fitted_to_one(value: Any, alternatives: Sequence[Schema], root: Schema) -> Any:
    """Fit to the first alternative that accepts the value unchanged, else to the first to which it can be converted."""
    for each in alternatives:
        if fits(value, each, root):
            return value
    same_type_first = sorted(alternatives, key=lambda each: not _accepts(value, each, root))
    for each in same_type_first:
        candidate = _fitted(value, each, root)
        if fits(candidate, each, root):
            return candidate
    return _fitted(value, same_type_first[0], root) if _accepts(value, same_type_first[0], root) else value


def _one_of(value: Any, constants: Sequence[Any]) -> Any:
    """Return the constant that the value means: itself, its JSON text, or a string in another case."""
    if value in constants or not isinstance(value, str):
        return value
    decoded = _decoded(value)
    if decoded in constants:
        return decoded
    alike = [each for each in constants if isinstance(each, str) and each.casefold() == value.strip().casefold()]
    return alike[0] if len(alike) == 1 else value


def _converted(value: Any, accepted: frozenset[str], node: Schema, root: Schema) -> Any:
    """Convert a value of a type that is not accepted: JSON text, numbers for text, one item for a list."""
    decoded = _decoded(value) if isinstance(value, str) else value
    if json_type(decoded) in accepted:
        return decoded
    if "integer" in accepted and isinstance(decoded, float) and decoded.is_integer():
        return int(decoded)
    if "string" in accepted and isinstance(value, bool | int | float) and not node.keys() & _NOT_TEXT:
        return json.dumps(value)
    if "array" in accepted and value is not None:
        return _as_items(value, node, root)
    return value


def _decoded(text: str) -> Any:
    """Return the value that a text is in JSON or, for the three constants, in Python; else the text itself."""
    stripped = text.strip()
    try:
        return _WORDS[stripped] if stripped in _WORDS else json.loads(stripped, strict=False)
    except (ValueError, RecursionError):
        return text


def _as_items(value: Any, node: Schema, root: Schema) -> Any:
    """Return a list for an object that holds one, as M3 writes `{"item": ...}`, or for a single item."""
    if isinstance(value, dict):
        names = [each.get("title") for each in node.get("prefixItems", ())]
        if names and set(value) == set(names):  # a named tuple
            return [value[name] for name in names]
        if set(value) == {"item"}:
            return value["item"] if isinstance(value["item"], list) else [value["item"]]
    (item,) = _item_schemas(node, 1)
    return [value] if fits(_fitted(value, item, root), item, root) else value


def _fitted_object(value: dict[str, Any], node: Schema, root: Schema) -> dict[str, Any]:
    """Fit the properties. `null` that is not accepted counts as left out; a required property gets its default."""
    properties, required = node.get("properties", {}), node.get("required", ())
    found = {}
    for key, item, each in _children(value, node):
        is_optional = key in properties and (key not in required or "default" in each)
        if not (is_optional and is_null(item, each, root)):
            found[key] = _fitted(item, each, root)
    missing = [key for key in required if key not in found and "default" in properties.get(key, {})]
    return {**found, **{key: properties[key]["default"] for key in missing}}


def is_null(value: Any, schema: Schema, root: Schema | None = None) -> bool:
    """Return True for `null`, or its text, where the schema accepts neither."""
    accepted = accepted_types(schema, root)
    if value is None:
        return "null" not in accepted
    return isinstance(value, str) and not accepted & {"string", "null"} and value.strip() in ("null", "None", "")


def _children(value: object, node: Schema) -> Iterator[tuple[Any, Any, Schema]]:
    """Yield the key or position, the value and the schema of each property or item."""
    if isinstance(value, dict):
        others = node.get("additionalProperties")
        for key, item in value.items():
            each = node.get("properties", {}).get(key, others)
            yield key, item, each if isinstance(each, Mapping) else {}
    elif isinstance(value, list):
        yield from zip(range(len(value)), value, _item_schemas(node, len(value)), strict=True)


def _item_schemas(node: Schema, count: int) -> list[Schema]:
    first = list(node.get("prefixItems", ()))
    others = node.get("items")
    return (first + [others if isinstance(others, Mapping) else {}] * count)[:count]


def _matches(text: str, pattern: str) -> bool:
    try:
        return re.search(pattern, text) is not None
    except re.error:  # a pattern of another dialect, such as pydantic's, which checks it itself
        return True


def _is_multiple(value: float, step: float) -> bool:
    if isinstance(value, int) and isinstance(step, int):
        return step != 0 and value % step == 0
    try:
        return math.isclose(value / step, round(value / step), abs_tol=1e-9)
    except (OverflowError, ZeroDivisionError):
        return False


def _is_longer(value: Sized, bound: int) -> bool:
    return len(value) >= bound


def _is_shorter(value: Sized, bound: int) -> bool:
    return len(value) <= bound


_BOUNDS: dict[str, tuple[tuple[str, ...], Callable[[Any, Any], bool], str]] = {
    "minimum": (("integer", "number"), operator.ge, "must be at least {}"),
    "maximum": (("integer", "number"), operator.le, "must be at most {}"),
    "exclusiveMinimum": (("integer", "number"), operator.gt, "must be greater than {}"),
    "exclusiveMaximum": (("integer", "number"), operator.lt, "must be less than {}"),
    "multipleOf": (("integer", "number"), _is_multiple, "must be a multiple of {}"),
    "pattern": (("string",), _matches, "must match {}"),
    "minLength": (("string",), _is_longer, "must have at least {} characters"),
    "maxLength": (("string",), _is_shorter, "must have at most {} characters"),
    "minItems": (("array",), _is_longer, "must have at least {} items"),
    "maxItems": (("array",), _is_shorter, "must have at most {} items"),
    "minProperties": (("object",), _is_longer, "must have at least {} entries"),
    "maxProperties": (("object",), _is_shorter, "must have at most {} entries"),
}
"""Keyword -> (the JSON types it applies to, the test, the problem)."""


def _own_problems(value: Any, node: Schema) -> Iterator[str]:
    for keyword in node.keys() & _BOUNDS.keys():
        types, holds, problem = _BOUNDS[keyword]
        if json_type(value) in types and not holds(value, node[keyword]):
            yield problem.format(node[keyword])
