"""Metadata of `Annotated` in a JSON schema: texts, bounds and defaults of pydantic, annotated_types and plain strings.

msgspec writes the schema and reads its own `Meta`; other metadata is added here. Imports none of these libraries.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, time
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from ..values.json_schema import accepted_types

_KEYWORDS: dict[str, tuple[str, type | tuple[type, ...]]] = {
    "description": ("description", str),
    "documentation": ("description", str),  # typing_extensions.Doc
    "title": ("title", str),
    "examples": ("examples", list),
    "pattern": ("pattern", str),
    "ge": ("minimum", (int, float)),
    "gt": ("exclusiveMinimum", (int, float)),
    "le": ("maximum", (int, float)),
    "lt": ("exclusiveMaximum", (int, float)),
    "multiple_of": ("multipleOf", (int, float)),
}
"""Attribute of a metadata object -> (keyword, the types of its values in a schema)."""

_FORMATS = ((datetime, "date-time"), (time, "time"))
"""Formats that msgspec leaves out, because it also accepts values without a time zone."""

_UNIONS = (Union, types.UnionType)
_LENGTHS = {"string": "Length", "array": "Items", "object": "Properties"}


def annotate(schema: dict[str, Any], kind: Any) -> bool:
    """Add the metadata in `kind`, at any depth, to the schema that msgspec made of it; return True if there was any."""
    return _annotate(schema, kind, schema, set())


def _annotate(node: dict[str, Any], kind: Any, root: dict[str, Any], seen: set[int]) -> bool:
    kind = _named(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        below = _annotate(node, arguments[0], root, seen)
        foreign = [each for each in arguments[1:] if not isinstance(each, msgspec.Meta)]
        own = dict(_keywords(foreign, accepted_types(node, root)))
        node.update(own)
        return bool(own) or below
    for timed, name in _FORMATS:
        if kind is timed:
            node.setdefault("format", name)
    target = root.get("$defs", {}).get(node.get("$ref", "").rpartition("/")[2], node)
    if id(target) in seen:
        return False
    seen.add(id(target))
    found = [_annotate(child, hint, root, seen) for child, hint in _children(target, kind, origin, arguments)]
    if origin in _UNIONS:
        _lift_description(target)
    for name, item in zip(getattr(kind, "_fields", ()), target.get("prefixItems", ()), strict=False):
        item.setdefault("title", name)  # of a named tuple
    return any(found)


def _lift_description(node: dict[str, Any]) -> None:
    """Describe `T | None` as a whole instead of T."""
    alternatives = [each for each in node.get("anyOf", ()) if each != {"type": "null"}]
    if len(alternatives) == 1 and "description" in alternatives[0]:
        node["description"] = alternatives[0].pop("description")


def description_of(kind: Any) -> str:
    """Return the text in the metadata of a type, or of one side of a union; "" without one."""
    if get_origin(kind) in _UNIONS:
        return next(filter(None, map(description_of, get_args(kind))), "")
    texts = (dict(_keywords([each], frozenset())).get("description", "") for each in getattr(kind, "__metadata__", ()))
    return next(filter(None, texts), "")


def _children(node: dict[str, Any], kind: Any, origin: Any, arguments: tuple[Any, ...]) -> Iterable[tuple[Any, Any]]:
    """Pair the schemas inside a node with the types that they were made of."""
    if origin in _UNIONS:
        hints = [each for each in arguments if each is not types.NoneType]
        alternatives = [each for each in node.get("anyOf", ()) if each != {"type": "null"}]
        return zip(alternatives, hints, strict=True) if len(alternatives) == len(hints) else ()
    if "prefixItems" in node:
        hints = list(arguments) or list(hints_of(kind).values())
        return zip(node["prefixItems"], hints, strict=False)
    if isinstance(node.get("items"), dict):
        return [(node["items"], arguments[0])] if arguments else ()
    if isinstance(node.get("additionalProperties"), dict):
        return [(node["additionalProperties"], arguments[1])] if len(arguments) == 2 else ()
    names = {field.name: field.encode_name for field in _struct_fields(kind)}
    properties = node.get("properties", {})
    named = ((names.get(name, name), hint) for name, hint in hints_of(origin or kind).items())
    return [(properties[name], hint) for name, hint in named if name in properties]


def parts_of(kind: Any) -> Iterator[Any]:
    """Yield a type, all types and metadata inside it, and those of its fields; a pydantic model is one part."""
    pending: list[Any] = [kind]
    seen: list[Any] = []
    while pending:
        part = _named(pending.pop())
        if not any(part is each for each in seen):
            seen.append(part)
            yield part
            pending += get_args(part)
            pending += getattr(part, "__metadata__", ())
            pending += () if isinstance(part, type) else _parts(part)
            pending += hints_of(part).values()


def _named(kind: Any) -> Any:
    """Return the type behind a `NewType` or a `type` alias."""
    while hasattr(kind, "__supertype__") or type(kind).__name__ == "TypeAliasType":
        kind = kind.__supertype__ if hasattr(kind, "__supertype__") else kind.__value__
    return kind


def hints_of(kind: Any) -> dict[str, Any]:
    """Return the fields of a dataclass, TypedDict, named tuple or Struct with their types; {} for another type."""
    marks = ("__dataclass_fields__", "__total__", "_fields", "__struct_fields__")
    has_fields = isinstance(kind, type) and any(hasattr(kind, mark) for mark in marks)
    hints = get_type_hints(kind, include_extras=True) if has_fields else {}
    return {name: _unqualified(hint) for name, hint in hints.items()}


def _unqualified(hint: Any) -> Any:
    while getattr(get_origin(hint), "_name", "") in ("Required", "NotRequired", "ReadOnly"):
        hint = get_args(hint)[0]
    return hint


def _struct_fields(kind: Any) -> tuple[Any, ...]:
    return msgspec.structs.fields(kind) if hasattr(kind, "__struct_fields__") else ()


def _keywords(metadata: Iterable[Any], accepted: frozenset[str]) -> Iterator[tuple[str, Any]]:
    for each in metadata:
        if isinstance(each, str):
            yield "description", each
        elif isinstance(each, msgspec.Meta):  # msgspec writes it
            yield "description", each.description or ""
        elif not isinstance(each, type):
            yield from _keywords(_parts(each), accepted)
            if is_field(each) and (default := default_of(each)) is not MISSING:
                with suppress(TypeError, ValueError):  # a default that is not JSON
                    yield "default", msgspec.to_builtins(default, str_keys=True)
            for attribute, (keyword, kinds) in _KEYWORDS.items():
                value = getattr(each, attribute, None)
                if isinstance(value, kinds):
                    yield keyword, value
            for attribute, prefix in (("min_length", "min"), ("max_length", "max")):
                length = getattr(each, attribute, None)
                if isinstance(length, int) and length > 0:
                    yield from ((prefix + noun, length) for kind, noun in _LENGTHS.items() if kind in accepted)


def _parts(metadata: Any) -> Iterable[Any]:
    """Return the content of grouped metadata: the `metadata` of pydantic's Field, annotated_types' Interval or Len."""
    parts = getattr(metadata, "metadata", None)
    if isinstance(parts, list | tuple):
        return parts
    return metadata if getattr(metadata, "__is_annotated_types_grouped_metadata__", False) else ()


def default_of(metadata: Any) -> Any:
    """Return the default in pydantic's `Field(default=...)` or `Field(default_factory=...)`, else `MISSING`."""
    if not is_field(metadata):
        return MISSING
    if metadata.default_factory is not None:
        return metadata.default_factory()
    is_undefined = type(metadata.default).__name__ == "PydanticUndefinedType"
    return MISSING if is_undefined else metadata.default


def is_field(value: Any) -> bool:
    """Return True for a result of pydantic's `Field(...)`."""
    return hasattr(value, "default_factory") and hasattr(value, "json_schema_extra")


MISSING: Any = object()
