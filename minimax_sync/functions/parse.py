"""Answers as typed values: ask for JSON of a schema, validate the answer, and send back what does not fit.

Knows no client: it is handed the function that asks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

import msgspec

from ..errors import ConfigError, RequestError, ResponseFormatError
from ..values.json_in_text import SPENT_ON_THINKING, json_values
from ..values.json_schema import accepted_types, place_of, property_names
from ..values.messages import ChatMessage
from ..values.request import ChatRequest, as_request
from ..values.response import ChatResponse
from ..values.usage import TokenUsage
from .json_types import JsonType, Misfit

Value = TypeVar("Value")
Ask = Callable[[ChatRequest], ChatResponse]
Validate = Callable[[Any], Any]

MOST_PROBLEMS = 10
"""How many problems of one answer are sent back to the model."""


class Parsed(msgspec.Struct, Generic[Value], frozen=True):
    """A typed answer: `value`, the `response` that holds it, and the `usage` of all calls, `repairs` included.

    >>> emulator.answer("[1006, 1233]")
    >>> parsed = client.parse("How long are the Loire and the Rhine?", list[int], full=True)
    >>> parsed.value, parsed.repairs
    ([1006, 1233], 0)
    """

    value: Value
    response: ChatResponse
    usage: TokenUsage
    repairs: int

    def _repr_html_(self) -> str:
        """Return the value and its answer as HTML for a notebook."""
        from ..values.rendering import parsed

        return parsed(self.value, self.response, self.usage, self.repairs)


def parse(ask: Ask, input: object, schema: Any, *, max_repairs: int, options: Mapping[str, Any]) -> Parsed[Any]:
    """Call `ask` until an answer fits the schema; see `MiniMaxClient.parse`."""
    if not isinstance(max_repairs, int) or max_repairs < 0:
        raise RequestError("max_repairs must be a whole number from 0")
    if "response_format" in options:
        raise RequestError("response_format is not an option of parse(): it is made from the schema")
    json_schema, validate = _validation(schema)
    request = as_request(input, {**options, "response_format": json_schema})
    if request.tools:
        raise RequestError("tools are not an option of parse(), because a tool call is not an answer; use run_tools()")
    usage = TokenUsage()
    for repairs in range(max_repairs + 1):
        response = ask(request)
        usage += response.usage
        if response.finish_reason == "length" and not response.text.strip():
            raise _failure(SPENT_ON_THINKING, response)  # the same limit would give the same
        try:
            return Parsed(_value(response, json_schema, validate), response, usage, repairs)
        except Misfit as exc:
            problems = exc.problems
        is_text = response.text and not response.tool_calls  # a call without a result would make the request invalid
        history = (*request.messages, response.message) if is_text else request.messages
        request = msgspec.structs.replace(request, messages=(*history, ChatMessage.user(_complaint(problems))))
    where = ", ".join(dict.fromkeys(place for place, _ in problems[:MOST_PROBLEMS]))
    raise _failure(
        f"the answer does not fit the schema after {max_repairs} repairs: finish reason {response.finish_reason!r}, "
        f"wrong at {where}",
        response,
    )


def _failure(problem: str, response: ChatResponse) -> ResponseFormatError:
    message = f"{problem}; the last answer is in .partial"
    return ResponseFormatError(message, request_id=response.request_id or None, partial=response)


def _value(response: ChatResponse, json_schema: Mapping[str, Any], validate: Validate) -> Any:
    """Return the last value in the answer that fits; raises the `Misfit` of the likeliest one."""
    if response.finish_reason == "length":
        raise Misfit([("$", "the answer was cut off at the token limit; write a shorter one")])
    try:
        candidates = json_values(response.text, reasoning=response.reasoning)
    except ResponseFormatError:
        candidates = []
    if "string" in accepted_types(json_schema):  # the text itself: the `b` of Literal["a", "b"], or prose
        candidates.append(response.text.strip())
    misfits = []
    for candidate in candidates:
        try:
            return validate(candidate)
        except Misfit as exc:
            misfits.append(exc.problems)
    raise Misfit(misfits[0] if misfits else [("$", "there is no JSON value in the answer")])


def _complaint(problems: tuple[tuple[str, str], ...]) -> str:
    lines = [f"- {place}: {text}" for place, text in problems[:MOST_PROBLEMS]]
    request = "Answer again with the whole corrected JSON value and nothing else."
    return "\n".join(["That answer does not fit the JSON schema:", *lines, request])


def _validation(schema: Any) -> tuple[Mapping[str, Any], Validate]:
    """Return the JSON schema to ask with, and what makes an instance of a decoded value or raises `Misfit`."""
    if isinstance(schema, Mapping):
        return schema, _schema_check(dict(schema))
    try:
        kind = JsonType(schema)
        return kind.schema, kind.value
    except TypeError as exc:
        problem = str(exc)
    raise RequestError(
        "schema must be a dataclass, a TypedDict, a msgspec Struct, a pydantic model, a JSON schema as a dict, or "
        f"another type of JSON values: {problem}"
    )


def _schema_check(schema: dict[str, Any]) -> Validate:
    if find_spec("jsonschema") is None:
        raise ConfigError("a JSON schema given as a dict needs jsonschema: pip install 'minimax-sync[schema]'")
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
    raise RequestError(f"schema is not a valid JSON schema: {problem}")
