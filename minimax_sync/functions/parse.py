"""Answers as typed values: ask for JSON that fits a schema, validate the answer, and send problems back.

Knows no client: the function that sends requests is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

import msgspec

from ..batch.asking import Answer
from ..errors import ConfigError, RequestError, ResponseFormatError
from ..values.json_in_text import SPENT_ON_THINKING, json_values
from ..values.json_schema import accepted_types, place_of, property_names
from ..values.messages import ChatMessage, ToolCall
from ..values.request import ChatRequest, as_request
from ..values.response import ChatResponse, answer_html
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
        from ..values.rendering import counted, folded, note, python_value, spent

        spending = spent(self.usage.total_tokens, lambda: self.usage.cost(self.response.model))
        remark = f"{type(self.value).__name__}, {counted(self.repairs, 'repair')}, {spending}"
        return f"<div>{python_value(self.value)}{note(remark)}{folded('Answer', answer_html(self.response))}</div>"


class Schema:
    """A schema with its three uses: the request, the answer that fits, its value. Pickles by the schema. Raises
    `RequestError` for an invalid schema.
    """

    def __init__(self, schema: Any, max_repairs: int = 2) -> None:
        if not isinstance(max_repairs, int) or max_repairs < 0:
            raise RequestError("max_repairs must be an integer of at least 0")
        self._given, self._max_repairs = schema, max_repairs
        self._json_schema, self._validate = _validation(schema)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._given, self._max_repairs)

    def request(self, request: ChatRequest) -> ChatRequest:
        """Return the request that asks for JSON of the schema. Raises `RequestError` for one that cannot."""
        if request.tools:
            raise RequestError(
                "tools cannot be combined with a schema, because a tool call is not an answer; use run_tools()"
            )
        if request.response_format != "text":
            raise RequestError("response_format cannot be combined with a schema, which sets it")
        return msgspec.structs.replace(request, response_format=self._json_schema)

    def parsed(self, ask: Ask, request: ChatRequest) -> Parsed[Any]:
        """Call `ask` until an answer fits, sending back the problems of the others."""
        usage = TokenUsage()
        for repairs in range(self._max_repairs + 1):
            response = ask(request)
            usage += response.usage
            if response.finish_reason == "length" and not response.text.strip():
                raise _failure(SPENT_ON_THINKING, response)  # the same limit would have the same result
            try:
                return Parsed(_value(response, self._json_schema, self._validate), response, usage, repairs)
            except Misfit as exc:
                problems = exc.problems
            last = (_without_calls(response.message),) if response.text else ()
            messages = (*request.messages, *last, ChatMessage.user(_complaint(problems)))
            request = msgspec.structs.replace(request, messages=messages)
        places = dict.fromkeys(place.removeprefix("$").removeprefix(".") for place, _ in problems[:MOST_PROBLEMS])
        where = ", ".join(place or "the whole value" for place in places)
        raise _failure(
            f"the answer does not fit the schema after {self._max_repairs} repairs: "
            f"finish reason {response.finish_reason!r}, what does not fit: {where}",
            response,
        )

    def answer(self, ask: Ask, request: ChatRequest) -> Answer:
        """Return the answer that fits, with the usage of all calls."""
        parsed = self.parsed(ask, request)
        return Answer(msgspec.structs.replace(parsed.response, usage=parsed.usage), parsed.value)

    def value(self, response: ChatResponse) -> Any:
        """Return the value of an answer; raises `ResponseFormatError` for one that does not fit."""
        try:
            return _value(response, self._json_schema, self._validate)
        except Misfit:
            raise _failure("the answer does not fit the schema", response) from None


def parse(ask: Ask, input: object, schema: Any, *, max_repairs: int, options: Mapping[str, Any]) -> Parsed[Any]:
    """Call `ask` until an answer fits the schema; see `MiniMaxClient.parse`."""
    typed = Schema(schema, max_repairs)
    return typed.parsed(ask, typed.request(as_request(input, options, others=("max_repairs", "full"))))


def _without_calls(message: ChatMessage) -> ChatMessage:
    """Return an answer without unrequested tool calls, which would be refused without results."""
    parts = tuple(part for part in message.parts if not isinstance(part, ToolCall))
    return msgspec.structs.replace(message, parts=parts)


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
    if "string" in accepted_types(json_schema):  # the bare text: the `b` of Literal["a", "b"], or prose
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
    """Return the JSON schema to send, and the function that converts a decoded value or raises `Misfit`."""
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
