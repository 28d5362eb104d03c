"""The options of a request, one row each: how a value is converted, and the rule that it must follow.

`ChatOptions` lists the same names for type checkers; a test compares the two. The wires write the options into a body.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from ..errors import RequestError
from ..secret import shown_name
from .dicts import tool_from_dict
from .json_text import check_finite
from .scalars import plain_scalar
from .tooldef import ToolDef, as_tool

# No annotations from the future here: TypedDict would compile each of them.


class SamplingOptions(TypedDict, total=False):
    """Keyword arguments of every method that calls the model: those of `chat` without the content."""

    model: str | None
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    stop: str | Sequence[str] | None
    tool_choice: str | Mapping[str, Any] | None
    response_format: str | Mapping[str, Any] | None
    thinking: bool | None
    effort: str | None
    cache: bool
    extra_body: Mapping[str, Any] | None
    extra_headers: Mapping[str, str] | None
    timeout: float | None


class RoundOptions(SamplingOptions, total=False):
    """Keyword arguments of `run_tools` and `tool_run`: those of `chat` except `tools`."""

    messages: object
    system: str | None


class ParseOptions(RoundOptions, total=False):
    """Keyword arguments of `parse`, apart from `full`."""

    max_repairs: int


class ChatOptions(RoundOptions, total=False):
    """Keyword arguments of `chat`, `stream` and the methods built on them; see `ChatRequest` for their meaning."""

    tools: Sequence[Any] | None


class RunOptions(TypedDict, total=False):
    """Keyword arguments of `run_tools` and `tool_run` that no request has."""

    max_rounds: int
    parallel: bool | int
    approve: Callable[[Any], object] | None


RUN_OPTIONS = tuple(RunOptions.__annotations__)


class ConversationOptions(SamplingOptions, RunOptions, total=False):
    """Keyword arguments of `conversation`: options for every turn, those of `run_tools` included."""

    tools: object


class TurnOptions(ConversationOptions, total=False):
    """Keyword arguments of a conversation's `say` and `stream`."""

    system: str | None


class Option(msgspec.Struct, frozen=True):
    """One row. `convert` accepts all known spellings; `is_valid` checks the result, and `rule` describes it."""

    convert: Callable[[Any], object]
    is_valid: Callable[[Any], bool]
    rule: str
    culprit: Callable[[Any], str] = lambda value: ""
    """Return the name of the part that breaks the rule, where the value has named parts."""


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _stops(stop: object) -> object:
    if stop is None:
        return ()
    if isinstance(stop, str):
        return (plain_scalar(stop),)
    return tuple(map(plain_scalar, stop)) if isinstance(stop, list | tuple) else stop


def _tools(tools: object) -> object:
    if tools is None:
        return ()
    if isinstance(tools, tuple) and all(isinstance(item, ToolDef) for item in tools):
        return tools
    if isinstance(tools, str | Mapping) or not isinstance(tools, Sequence):
        tools = (tools,)
    return tuple(tool_from_dict(item) if isinstance(item, Mapping) else as_tool(item) for item in tools)


def _choice(choice: object) -> object:
    """Read OpenAI's {"type": "function", "function": {"name": ...}} as the name."""
    if isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        return choice["function"].get("name")
    return plain_scalar(choice)


def _format(response_format: object) -> object:
    """Read OpenAI's spellings of the response format."""
    if response_format is None:
        return "text"
    check_finite(response_format, "response_format")
    kind = response_format.get("type") if isinstance(response_format, Mapping) else None
    if isinstance(response_format, Mapping) and kind == "json_schema" and "json_schema" in response_format:
        wrapped = response_format["json_schema"]
        return wrapped.get("schema", {}) if isinstance(wrapped, Mapping) else wrapped
    return {"json_object": "json", "text": "text"}.get(str(kind), plain_scalar(response_format))


def _mapping(value: object) -> object:
    return {} if value is None else value


def _extra_body(value: object) -> object:
    check_finite(value, "extra_body")
    return _mapping(value)


RESERVED_HEADERS = frozenset({"authorization", "connection", "content-length", "transfer-encoding"})
"""Headers that only the client sets: the credential, and the framing of the body."""


def _are_headers(value: object) -> bool:
    return isinstance(value, Mapping) and not _bad_header(value)


def _bad_header(value: object) -> str:
    """Return the name of the first header that cannot be sent, in quotes; "" if there is none."""
    for name, text in value.items() if isinstance(value, Mapping) else ():
        if (
            not isinstance(name, str)
            or name.lower() in RESERVED_HEADERS
            or not isinstance(text, str)
            or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name)
            or not re.fullmatch(r"[\t\x20-\x7e]*", text)
        ):
            return repr(shown_name(str(name))[:40])
    return ""


OPTIONS: Mapping[str, Option] = {
    "model": Option(plain_scalar, _is_name, "a model's name"),
    "system": Option(plain_scalar, lambda value: isinstance(value, str), "a string"),
    "max_tokens": Option(
        plain_scalar, lambda value: _is_number(value, 1, 2**31) and isinstance(value, int), "an integer of at least 1"
    ),
    "temperature": Option(plain_scalar, lambda value: _is_number(value, 0, 2), "a number from 0 to 2"),
    "top_p": Option(plain_scalar, lambda value: _is_number(value, 0, 1) and value > 0, "a number above 0 and up to 1"),
    "stop": Option(
        _stops,
        lambda value: isinstance(value, tuple) and all(isinstance(item, str) and item for item in value),
        "a non-empty string or a list of them",
    ),
    "tools": Option(_tools, lambda value: True, "tools"),
    "tool_choice": Option(
        _choice, lambda value: isinstance(value, str), '"auto", "none", "required" or the name of a tool'
    ),
    "response_format": Option(
        _format,
        lambda value: value in ("text", "json") if isinstance(value, str) else isinstance(value, Mapping),
        '"text", "json" or a JSON schema as a dict',
    ),
    "thinking": Option(plain_scalar, lambda value: isinstance(value, bool), "True or False"),
    "effort": Option(plain_scalar, _is_name, 'an effort level, such as "low" or "max"'),
    "cache": Option(lambda value: plain_scalar(value) or False, lambda value: isinstance(value, bool), "True or False"),
    "extra_body": Option(
        _extra_body,
        lambda value: isinstance(value, Mapping) and "stream" not in value,
        'a dict without "stream", which is not an option: call chat() or stream()',
    ),
    "extra_headers": Option(
        _mapping,
        _are_headers,
        "a dict of printable ASCII and must not set Authorization or framing headers",
        _bad_header,
    ),
    "timeout": Option(
        plain_scalar, lambda value: _is_number(value, 0, 1e9) and value > 0, "a number of seconds above 0"
    ),
}


def check_option(name: str, value: object) -> None:
    """Raise `RequestError`, naming the option, for a converted value that breaks the option's rule."""
    row = OPTIONS[name]
    if value is not None and not row.is_valid(value):
        culprit = row.culprit(value)
        raise RequestError(f"{name} must be {row.rule}" + (f"; {culprit} cannot be sent" if culprit else ""))
