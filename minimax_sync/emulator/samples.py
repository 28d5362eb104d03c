"""JSON answers: the schema that a request asks for, and a value that fits it.

Pure and deterministic. Knows schemas and prompts as plain data; must not know wires. These keywords are ignored:
`pattern`, `not`, `if`, `contains`, `dependentRequired` and `dependentSchemas`.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_MENTION = re.compile(r"json[ _-]?schema", re.IGNORECASE)
_OBJECT_WANTED = re.compile(r"\bjson object\b", re.IGNORECASE)
_DECODER = json.JSONDecoder()

_MEMBERS = {
    **dict.fromkeys(("properties", "required", "additionalProperties", "minProperties", "propertyNames"), "object"),
    **dict.fromkeys(("items", "prefixItems", "minItems", "maxItems", "uniqueItems"), "array"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
}
"""The type that a keyword implies where `type` is missing."""

_FORMATS = {
    "date-time": "2026-01-31T12:00:00Z",
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "duration": "PT1H",
    "email": "ana@example.com",
    "idn-email": "ana@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com",
    "url": "https://example.com",
    "uri-reference": "https://example.com",
    "uuid": "6f9619ff-8b86-4d01-b42d-00c04fc964ff",
    "json-pointer": "/example",
    "regex": "example",
    "decimal": "1.5",
    "binary": "ZXhhbXBsZQ==",
    "byte": "ZXhhbXBsZQ==",
}


_FAR = 2**53


class NoSample(ValueError):
    """No finite value was found that fits a schema."""


def schema_asked_for(response_format: Any, system: str) -> Schema | None:
    """Return the schema of the JSON value that a request asks for; None if it asks for text.

    It is the `response_format` of the OpenAI wire, else the first JSON object behind the words "JSON schema" in the
    system prompt. "JSON object" in either place, without a schema, is the schema of an object with one text.
    """
    kind = response_format.get("type") if isinstance(response_format, dict) else None
    if kind == "json_schema":
        wrapped = response_format.get("json_schema")
        schema = wrapped.get("schema") if isinstance(wrapped, dict) else None
        return schema if isinstance(schema, dict) else {}
    if mention := _MENTION.search(system):
        for brace in re.finditer(r"\{", system[mention.end() :]):
            try:
                return _DECODER.raw_decode(system, mention.end() + brace.start())[0]  # type: ignore[no-any-return]
            except (ValueError, RecursionError):
                continue
    if kind == "json_object" or _OBJECT_WANTED.search(system):
        return {"required": ["answer"]}
    return None


def sample(schema: Any) -> Any:
    """Return a value that fits a JSON schema: its default, its first choice, or a plain value of its type.

    Optional properties are left out unless all are optional. Raises `NoSample` if no value is found, also because it is
    not a valid schema.
    """
    try:
        return _Sampler(schema).value(schema, ("#",), 0)
    except (TypeError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
        raise NoSample(f"not a JSON schema: {type(error).__name__}") from error


class _Sampler:
    """Finds the value of one schema. `nth` varies the values of a list; `inside` are the references being followed."""

    def __init__(self, root: Any) -> None:
        self._root = root

    def value(self, schema: Any, inside: tuple[str, ...], nth: int) -> Any:
        if schema is False:
            raise NoSample("the schema false fits no value")
        if not isinstance(schema, Mapping):
            return _text({}, nth)
        if "$ref" in schema:
            reference = str(schema["$ref"])
            if reference in inside:
                raise NoSample(f"{reference} contains itself")
            target = _merged(_without(schema, "$ref"), self._referred(reference))
            return self.value(target, (*inside, reference), nth)
        for keyword in ("const", "default"):
            if keyword in schema:
                return schema[keyword]
        for keyword in ("enum", "examples"):
            if schema.get(keyword):
                return schema[keyword][nth % len(schema[keyword])]
        if schema.get("allOf"):
            first, *others = schema["allOf"]
            return self.value(_merged({**schema, "allOf": others}, first), inside, nth)
        for keyword in ("anyOf", "oneOf"):
            if schema.get(keyword):
                common = _without(schema, keyword)
                return self._first((_merged(common, each) for each in schema[keyword]), inside, nth)
        types = schema.get("type") or next((kind for name, kind in _MEMBERS.items() if name in schema), "string")
        if isinstance(types, list):
            kinds = sorted(types, key=lambda kind: kind == "null")
            return self._first(({**schema, "type": kind} for kind in kinds), inside, nth)
        if types == "object":
            return self._object(schema, inside)
        if types == "array":
            return self._array(schema, inside)
        if types in ("integer", "number"):
            return _number(schema, nth, is_whole=types == "integer")
        return {"boolean": nth % 2 == 0, "null": None}.get(types, _text(schema, nth))

    def _first(self, alternatives: Iterator[Schema], inside: tuple[str, ...], nth: int) -> Any:
        """Return the value of the first alternative that has one."""
        for alternative in alternatives:
            try:
                return self.value(alternative, inside, nth)
            except NoSample as exc:
                problem = exc
        raise problem

    def _object(self, schema: Schema, inside: tuple[str, ...]) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        others = schema.get("additionalProperties", True)
        required = schema.get("required") or ()
        made = {name: self.value(properties.get(name, others), inside, 0) for name in required}
        fewest = schema.get("minProperties", 0)
        for name in properties:
            if name not in made and (not required or len(made) < fewest):
                try:
                    made[name] = self.value(properties[name], inside, 0)
                except NoSample:
                    continue  # an optional property that leads back here
        for nth in range(fewest - len(made)):
            made[self.value(schema.get("propertyNames", True), inside, nth)] = self.value(others, inside, nth)
        return made

    def _array(self, schema: Schema, inside: tuple[str, ...]) -> list[Any]:
        first = schema.get("prefixItems") or []
        items = schema.get("items", True)
        fewest = schema.get("minItems", 0)
        try:
            made = [self.value(each, inside, 0) for each in first]
            wanted = max(fewest, min(1, schema.get("maxItems", 1))) if items is not False and not first else fewest
            return made + [self.value(items, inside, nth) for nth in range(wanted - len(made))]
        except NoSample:
            if fewest:
                raise
            return []

    def _referred(self, reference: str) -> Any:
        """Resolve a local reference such as "#/$defs/City"; raises `NoSample` for any other."""
        found = self._root
        for name in reference.removeprefix("#").split("/")[1:]:
            found = found.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        if found is None or not reference.startswith("#"):
            raise NoSample(f"{reference} is not in the schema")
        return found


def _without(schema: Schema, keyword: str) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != keyword}


def _merged(own: dict[str, Any], other: Any) -> Any:
    """Return the keywords of two schemas together; `own` wins where a keyword cannot be joined."""
    if not isinstance(other, Mapping):
        return own if other is not False else False
    merged = {**other, **own}
    if own.get("properties") and other.get("properties"):
        merged["properties"] = {**other["properties"], **own["properties"]}
    for name in ("required", "allOf"):
        if name in own and name in other:
            merged[name] = [*own[name], *other[name]]
    return merged


def _number(schema: Schema, nth: int, *, is_whole: bool) -> int | float:
    """Return 1 (a whole number) or 1.5 if the bounds allow it, else the nearest number that they do."""
    step = schema.get("multipleOf") or (1 if is_whole else 0)
    if step:
        first = max(
            math.ceil(schema.get("minimum", -_FAR) / step), math.floor(schema.get("exclusiveMinimum", -_FAR) / step) + 1
        )
        last = min(
            math.floor(schema.get("maximum", _FAR) / step), math.ceil(schema.get("exclusiveMaximum", _FAR) / step) - 1
        )
        nearest = min(max(1, first), last)
        multiple = nearest + nth if nearest + nth <= last else nearest - nth
        if not first <= multiple <= last:
            raise NoSample("no number is between the bounds")
        return int(multiple * step) if is_whole else multiple * step
    low, above = (schema.get(name, -math.inf) for name in ("minimum", "exclusiveMinimum"))
    high, below = (schema.get(name, math.inf) for name in ("maximum", "exclusiveMaximum"))
    gap = min(1.0, (min(high, below) - max(low, above)) / 4)  # to an exclusive bound
    low, high = max(low, above + gap), min(high, below - gap)
    value: float = min(max(1.5, low), high)
    if not low <= value <= high:
        raise NoSample("no number is between the bounds")
    return value + nth if value + nth <= high else value


def _text(schema: Schema, nth: int) -> str:
    text = _FORMATS.get(schema.get("format", ""))
    if schema.get("contentEncoding") == "base64":
        text = _FORMATS["byte"]
    if text is None:
        text = f"example {nth + 1}" if nth else "example"
        text = text.ljust(schema.get("minLength", 0), ".")
    return text[: schema.get("maxLength")]
