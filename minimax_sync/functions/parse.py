"""Answers as values: ask for JSON of a schema, validate what comes, and send back what does not fit.

Knows no client: it is handed the function that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec

from ..errors import RequestError, ResponseFormatError
from ..values.json_schema import inlined, place_of, property_names
from ..values.messages import ChatMessage
from ..values.request import ChatRequest, as_request
from ..values.response import ChatResponse
from .json_types import Misfit, from_json, schema_of

Ask = Callable[[ChatRequest], ChatResponse]
Validate = Callable[[Any], Any]

MOST_PROBLEMS = 10
"""How many problems of one answer are told to the model."""


def parse(ask: Ask, input: object, schema: Any, *, max_repairs: int, options: Mapping[str, Any]) -> Any:
    """Ask with `ask` until the answer fits the schema; see `MiniMaxClient.parse`."""
    if not isinstance(max_repairs, int) or max_repairs < 0:
        raise RequestError("max_repairs must be a whole number from 0")
    if "response_format" in options:
        raise RequestError("parse() makes response_format of its schema; leave it out")
    json_schema, validate = _validation(schema)
    request = as_request(input, {**options, "response_format": json_schema})
    if request.tools:
        raise RequestError("parse() takes no tools, because a tool call is not an answer; use run_tools() first")
    for _ in range(max_repairs + 1):
        response = ask(request)
        try:
            return _value(response, validate)
        except Misfit as exc:
            misfit = exc.problems
        said = (response.message,) if response.text else ()
        repair = ChatMessage.user(_complaint(misfit))
        request = msgspec.structs.replace(request, messages=(*request.messages, *said, repair))
    where = ", ".join(dict.fromkeys(place for place, _ in misfit[:MOST_PROBLEMS]))
    raise ResponseFormatError(
        f"the answer does not fit the schema after {max_repairs} repairs: finish reason {response.finish_reason!r}, "
        f"wrong at {where}; the last answer is in .partial",
        request_id=response.request_id or None,
        partial=response,
    )


def _value(response: ChatResponse, validate: Validate) -> Any:
    if response.finish_reason == "length":
        raise Misfit([("$", "the answer was cut off at the token limit; write a shorter one")])
    try:
        return validate(response.json())
    except ResponseFormatError:
        misfit = Misfit([("$", "there is no JSON value in the answer")])
    except Misfit as exc:
        misfit = exc
    with suppress(Misfit):  # the text may be the value itself: the `b` of Literal["a", "b"], or prose for `str`
        return validate(response.text.strip())
    raise misfit


def _complaint(problems: tuple[tuple[str, str], ...]) -> str:
    lines = [f"- {place}: {text}" for place, text in problems[:MOST_PROBLEMS]]
    return "\n".join(
        ["That answer does not fit the JSON schema:", *lines, "Answer again with the whole corrected JSON value alone."]
    )


def _validation(schema: Any) -> tuple[Mapping[str, Any], Validate]:
    """Return the JSON schema to ask with, and what makes an instance of a decoded value or raises `Misfit`."""
    if isinstance(schema, Mapping):
        return schema, _schema_check(dict(schema))
    try:
        return inlined(schema_of(schema)), lambda value: from_json(value, schema)
    except TypeError as exc:
        problem = str(exc).partition("\n")[0]
    raise RequestError(
        "schema must be a dataclass, a TypedDict, a msgspec Struct, a pydantic model, a JSON schema as a dict, or "
        f"another type of JSON values: {problem}"
    )


def _schema_check(schema: dict[str, Any]) -> Validate:
    from jsonschema import Draft202012Validator, SchemaError
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind: Any = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(schema)
    except SchemaError as exc:
        problem = f"{exc.json_path}: {exc.message}"
    else:
        # An empty registry, because the default one fetches references from the network.
        validator = kind(schema, registry=Registry(), format_checker=kind.FORMAT_CHECKER)
        known = property_names(schema)

        def check(value: Any) -> Any:
            try:
                problems = [
                    (place_of(error.absolute_path, known), error.message) for error in validator.iter_errors(value)
                ]
            except Unresolvable as exc:
                problem = f"schema refers to {exc.ref!r}, which is not in it"
            else:
                if problems:
                    raise Misfit(problems)
                return value
            raise RequestError(problem)

        return check
    raise RequestError(f"schema is no JSON schema: {problem}")
