"""JSON schemas as plain data: their references, the types they accept, the names in them, and whether they are strict.

Knows no Python type and validates nothing.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

_REFERENCE = "#/$defs/"

_NOT_STRICT = {
    *("allOf", "oneOf", "not", "if", "then", "else", "default", "contains", "patternProperties", "propertyNames"),
    *("dependentRequired", "dependentSchemas", "unevaluatedProperties"),
}
"""Keywords that structured output with `strict` refuses (platform.openai.com/docs/guides/structured-outputs)."""


def is_strict(schema: Mapping[str, Any]) -> bool:
    """Return True if a server takes `"strict": true` with this schema.

    The root is an object; every object at any depth requires all its properties and allows no others.
    """
    return schema.get("type") == "object" and _is_strict(schema)


def _is_strict(node: object) -> bool:
    if not isinstance(node, Mapping) or not node.keys() & {"type", "anyOf", "enum", "const", "$ref"}:
        return False
    if node.keys() & _NOT_STRICT:
        return False
    if "object" in _types(node):
        properties = node.get("properties")
        if not isinstance(properties, Mapping) or node.get("additionalProperties") is not False:
            return False
        if set(properties) != set(node.get("required", ())):
            return False
    return all(map(_is_strict, _subschemas(node)))


ALL_TYPES = frozenset(("null", "boolean", "integer", "number", "string", "array", "object"))


def json_type(value: object) -> str:
    """Return the JSON type of a decoded value; "integer" for an int, "number" for a float."""
    return _JSON_TYPES.get(type(value), "object")


_JSON_TYPES = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    tuple: "array",
}


def accepted_types(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> frozenset[str]:
    """Return the JSON types of the values that a schema accepts, "integer" always together with "number"."""
    root = schema if root is None else root
    node = resolved(schema, root)
    accepted = ALL_TYPES
    if (constants := constants_of(node)) is not None:
        accepted = frozenset(map(json_type, constants))
    elif "type" in node:
        accepted = frozenset(_types(node))
    elif alternatives := alternatives_of(node):
        accepted = frozenset().union(*(accepted_types(each, root) for each in alternatives))
    return accepted | {"integer"} if "number" in accepted else accepted


def alternatives_of(node: Mapping[str, Any]) -> Sequence[Any]:
    """Return the schemas of which a value must fit one."""
    found: Sequence[Any] = node.get("anyOf") or node.get("oneOf") or ()
    return found


def constants_of(node: Mapping[str, Any]) -> Sequence[Any] | None:
    """Return the values that a schema lists; None if it lists none."""
    if "enum" in node:
        return list(node["enum"])
    return [node["const"]] if "const" in node else None


def resolved(node: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a node with the keywords of what it refers to in the `$defs` of its root, and of its `allOf`."""
    for _ in range(_MOST_REFERENCES):
        if not isinstance(node, Mapping) or not node.keys() & {"$ref", "allOf"}:
            break
        targets = [root.get("$defs", {}).get(_referred(node), {}), *node.get("allOf", ())]
        own = {key: value for key, value in node.items() if key not in ("$ref", "allOf")}
        node = {**{key: value for target in targets for key, value in target.items()}, **own}
    return node if isinstance(node, Mapping) else {}


_MOST_REFERENCES = 20
"""Limit on consecutive references, which may form a cycle."""


def _types(node: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the JSON types that `type` names; () where the schema does not restrict them."""
    types = node.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)


def _subschemas(node: Mapping[str, Any]) -> Iterator[Any]:
    for keyword in ("properties", "$defs", "definitions"):
        yield from node.get(keyword, {}).values()
    for keyword in ("anyOf", "prefixItems"):
        yield from node.get(keyword, ())
    if "items" in node and node["items"] is not False:  # False closes a tuple
        yield node["items"]


def place_of(path: Iterable[str | int], known: Container[str]) -> str:
    """Return a path like "$.tags[0]"; a key that is not `known` from the schema is the model's text: "[...]"."""
    return "$" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" if step in known else "[...]" for step in path
    )


def property_names(schema: Any) -> set[str]:
    """Collect the names of all properties in a schema, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(property_names, schema))
    if not isinstance(schema, Mapping):
        return set()
    own = schema.get("properties")
    return set(own if isinstance(own, Mapping) else ()).union(*map(property_names, schema.values()))


def inlined(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Replace references by their definitions, because models follow references badly.

    Recursive definitions stay in `$defs`.
    """
    kept: dict[str, Any] = {}
    whole: dict[str, Any] = _inline(schema, {}, kept)
    return {**whole, "$defs": kept} if kept else whole


def _inline(node: Any, defs: Mapping[str, Any], kept: dict[str, Any]) -> Any:
    if isinstance(node, list):
        return [_inline(item, defs, kept) for item in node]
    if not isinstance(node, Mapping):
        return node
    defs = {**defs, **node.get("$defs", {})}
    rest = {
        key: _inline(value, defs, kept)
        for key, value in node.items()
        if key not in ("$ref", "$defs") and not _is_discriminator(key, value)
    }
    name = _referred(node)
    if name not in defs:
        return {"$ref": node["$ref"], **rest} if "$ref" in node else rest
    if not _is_recursive(name, defs):
        return {**_inline(defs[name], defs, kept), **rest}
    if name not in kept:
        kept[name] = {}
        kept[name] = _inline(defs[name], defs, kept)
    return {"$ref": _REFERENCE + name, **rest}


def _is_discriminator(key: str, value: Any) -> bool:
    """Return True for OpenAPI's `discriminator`, whose mapping would point to definitions that are gone."""
    return key == "discriminator" and isinstance(value, Mapping) and isinstance(value.get("propertyName"), str)


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
