"""A request: what is asked, free of any wire, and every check that can be made before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ..errors import RequestError
from .images import Image
from .messages import ChatMessage, PlainMessages, Reasoning, Text, ToolCall
from .openai_dicts import message_from_dict, messages_from, tool_from_dict
from .shortened import fields_shown, shortened
from .tooldef import ToolDef, as_tool

DEFAULT_MAX_TOKENS = 65_536
"""Sent when a request names no limit, because the service's own default, 10,240, cuts long answers. The model writes
131,072 at most (help.aliyun.com/zh/model-studio/minimax-api-by-minimax); this leaves room for a prompt of 139,000."""

LOWEST_TEMPERATURE = 0.01
"""Sent for `temperature=0`, which the service refuses."""

_TOOL_NAME = r"[A-Za-z0-9_.:-]{1,128}"


class ChatRequest(msgspec.Struct, frozen=True):
    """Everything that one call asks for.

    `messages` holds ChatMessages or OpenAI-style dicts. `model` None means the client's. `max_tokens` None means
    65,536. `temperature` 0 is sent as 0.01. `stop` is a string or several; the text ends before the first that occurs.
    `tools` are `ToolDef`s, functions with the `tool` decorator, or OpenAI-style dicts. `tool_choice` is "auto", "none",
    "required" or a tool's name. `response_format` is "text", "json" or a JSON schema. `extra_body` is merged into the
    JSON body as it is. `timeout` is for this call, in seconds. Checked when it is used: `RequestError` names the field.
    """

    messages: tuple[ChatMessage, ...]
    model: str | None = None
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[ToolDef, ...] = ()
    tool_choice: str | None = None
    response_format: str | Mapping[str, Any] = "text"
    extra_body: Mapping[str, Any] = msgspec.field(default_factory=dict)
    timeout: float | None = None

    def __post_init__(self) -> None:
        for field, coerce in _COERCIONS.items():
            given = getattr(self, field)
            if given is not _DEFAULTS.get(field, msgspec.NODEFAULT) and (coerced := coerce(given)) is not given:
                msgspec.structs.force_setattr(self, field, coerced)

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON schema of `response_format`, if it is one."""
        return self.response_format if isinstance(self.response_format, Mapping) else None

    @property
    def limit(self) -> int:
        """The token limit to send."""
        return DEFAULT_MAX_TOKENS if self.max_tokens is None else self.max_tokens

    @property
    def sent_temperature(self) -> float | None:
        """The temperature to send."""
        return self.temperature if self.temperature is None else max(self.temperature, LOWEST_TEMPERATURE)

    def check(self) -> None:
        """Raise `RequestError`, naming the field, for a request that the service would refuse or misread."""
        for field, is_right, rule in _RULES:
            value = getattr(self, field)
            if value is not None and not is_right(value):
                raise RequestError(f"{field} must be {rule}")
        _check_tools(self)
        _check_messages(self.messages)

    def __repr__(self) -> str:
        return fields_shown(self)


_DEFAULTS = dict(zip(reversed(ChatRequest.__struct_fields__), reversed(ChatRequest.__struct_defaults__), strict=False))
_OPENAI_NAMES = {"max_completion_tokens": "max_tokens"}


def as_request(input: object, options: Mapping[str, Any], *, check: bool = True) -> ChatRequest:
    """Make a checked ChatRequest of what a method of the client was given; `options` override the fields of `input`."""
    unknown = options.keys() - _OPTIONS
    if unknown:
        raise RequestError(
            f"unknown option {', '.join(sorted(map(str, unknown)))}; known: {', '.join(sorted(_OPTIONS))}"
        )
    if isinstance(input, Mapping) and "messages" in input:
        fields: dict[Any, Any] = {
            _OPENAI_NAMES.get(name, name): value for name, value in (*input.items(), *options.items())
        }
        if "stream" in fields:
            raise RequestError("leave out stream: the method chosen, chat() or stream(), decides")
        stray = fields.keys() - _OPTIONS - {"messages"}
        if stray:
            raise RequestError(
                f"unknown field {', '.join(sorted(map(str, stray)))}; put it into extra_body to send it as it is"
            )
        request = ChatRequest(**fields)
    elif isinstance(input, ChatRequest):
        request = msgspec.structs.replace(input, **options) if options else input
    else:
        messages: Any = input  # read by the request itself
        request = ChatRequest(messages, **options)
    if check:
        request.check()
    return request


def _as_messages(input: object) -> tuple[ChatMessage, ...]:
    messages = _read_messages(input)
    if type(messages) is PlainMessages or any(True for _ in _not_plain(messages)):
        return messages
    return PlainMessages(messages)


def _read_messages(input: object) -> tuple[ChatMessage, ...]:
    if type(input) is PlainMessages:
        return input
    if isinstance(input, list | tuple) and set(map(type, input)) == {ChatMessage}:
        return tuple(input)
    if isinstance(input, str):
        return (ChatMessage.user(input),)
    if isinstance(input, ChatMessage):
        return (input,)
    if isinstance(input, Mapping):
        return (message_from_dict(input, "the message"),)
    if isinstance(input, Sequence) and not isinstance(input, bytes | bytearray):
        return messages_from(input)
    raise RequestError(
        "input must be a string, a ChatRequest, a ChatMessage, a sequence of messages or a dict, "
        f"not {type(input).__name__}"
    )


def _as_stops(stop: object) -> object:
    if stop is None:
        return ()
    if isinstance(stop, list):
        return tuple(stop)
    return (stop,) if isinstance(stop, str) else stop


def _as_tools(tools: object) -> object:
    if tools is None:
        return ()
    if isinstance(tools, tuple) and all(isinstance(item, ToolDef) for item in tools):
        return tools
    if isinstance(tools, str | Mapping) or not isinstance(tools, Sequence):
        tools = (tools,)
    return tuple(tool_from_dict(item) if isinstance(item, Mapping) else as_tool(item) for item in tools)


def _as_choice(choice: object) -> object:
    """Take OpenAI's {"type": "function", "function": {"name": ...}} for the name."""
    if isinstance(choice, Mapping) and isinstance(choice.get("function"), Mapping):
        return choice["function"].get("name")
    return choice


def _as_format(response_format: object) -> object:
    """Take OpenAI's spellings of the response format for ours."""
    if response_format is None:
        return "text"
    kind = response_format.get("type") if isinstance(response_format, Mapping) else None
    if isinstance(response_format, Mapping) and kind == "json_schema" and "json_schema" in response_format:
        wrapped = response_format["json_schema"]
        return wrapped.get("schema", {}) if isinstance(wrapped, Mapping) else wrapped
    return {"json_object": "json", "text": "text"}.get(str(kind), response_format)


_COERCIONS: dict[str, Callable[[Any], object]] = {
    "messages": _as_messages,
    "stop": _as_stops,
    "tools": _as_tools,
    "tool_choice": _as_choice,
    "response_format": _as_format,
    "extra_body": lambda extra: {} if extra is None else extra,
}


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("model", lambda value: isinstance(value, str) and bool(value.strip()), "a model's name"),
    ("system", lambda value: isinstance(value, str), "a string"),
    ("max_tokens", lambda value: _is_number(value, 1, 2**31) and isinstance(value, int), "a whole number from 1"),
    ("temperature", lambda value: _is_number(value, 0, 2), "a number from 0 to 2"),
    ("top_p", lambda value: _is_number(value, 0, 1) and value > 0, "a number above 0 and up to 1"),
    (
        "stop",
        lambda value: isinstance(value, tuple) and all(isinstance(item, str) and item for item in value),
        "a string or several, none of them empty",
    ),
    ("tool_choice", lambda value: isinstance(value, str), '"auto", "none", "required" or the name of a tool'),
    (
        "response_format",
        lambda value: value in ("text", "json") if isinstance(value, str) else isinstance(value, Mapping),
        '"text", "json" or a JSON schema as a dict',
    ),
    (
        "extra_body",
        lambda value: isinstance(value, Mapping) and "stream" not in value,
        'a dict without "stream", which the method chosen, chat() or stream(), decides',
    ),
    ("timeout", lambda value: _is_number(value, 0, 1e9) and value > 0, "a number of seconds above 0"),
)

_OPTIONS = frozenset(ChatRequest.__struct_fields__) - {"messages"}


def _check_tools(request: ChatRequest) -> None:
    names = [tool.name for tool in request.tools]
    for tool in request.tools:
        if not isinstance(tool.name, str) or not re.fullmatch(_TOOL_NAME, tool.name):
            shown = shortened(str(tool.name))
            raise RequestError(f"tools: the name {shown} must be 1 to 128 letters, digits, or any of _ . : -")
        if not isinstance(tool.parameters, Mapping):
            raise RequestError(f"tools: the parameters of {tool.name!r} must be a JSON schema as a dict")
        if names.count(tool.name) > 1:
            raise RequestError(f"tools: two tools are named {tool.name!r}")
    choice = request.tool_choice
    if choice not in (None, "auto", "none") and not names:
        raise RequestError(f"tool_choice is {shortened(str(choice))} but the request has no tools")
    if choice not in (None, "auto", "none", "required", *names):
        raise RequestError(f'tool_choice must be "auto", "none", "required" or one of the tools {", ".join(names)}')


_PARTS: dict[str, frozenset[type]] = {
    "system": frozenset({Text}),
    "user": frozenset({Text, Image}),
    "assistant": frozenset({Text, Reasoning, ToolCall}),
    "tool": frozenset({Text}),
}


_SPEAKERS = ("user", "assistant", "system")


def _check_messages(messages: Sequence[ChatMessage]) -> None:
    """Check what MiniMax answers with 2013: empty messages, tool results that do not directly follow their calls.

    An assistant's message may be empty, as an answer cut off by a stop sequence is; it is not sent.
    """
    if type(messages) is PlainMessages and any(message.role != "system" for message in messages):
        return
    for index in _not_plain(messages):
        _check_parts(messages[index], index)
    if all(message.role == "system" or (message.role == "assistant" and message.is_empty) for message in messages):
        raise RequestError("messages must hold at least one message that is neither empty nor a system message")
    awaited: set[str] = set()
    calls_at = -1
    for index, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id not in awaited:
                raise RequestError(
                    f"messages[{index}] is a tool result for {shortened(message.tool_call_id)}, but no call with that "
                    "id waits for one; results directly follow the assistant message that holds their calls, one each"
                )
            awaited.discard(message.tool_call_id)
            continue
        if awaited:
            break
        calls = message.tool_calls if message.role == "assistant" else ()
        if calls:
            awaited, calls_at = {call.id for call in calls}, index
            if len(awaited) < len(calls):
                raise RequestError(f"messages[{index}] holds two tool calls with one id")
    if awaited:
        missing = ", ".join(sorted(awaited))
        raise RequestError(f"messages[{calls_at}] holds tool calls without a result: {missing}")


def _not_plain(messages: Iterable[ChatMessage]) -> Iterator[int]:
    """Find the messages that are not a speaker's text and nothing else, as most are: those need no more checks."""
    for index, message in enumerate(messages):
        parts = message.parts
        if type(parts) is tuple and len(parts) == 1 and type(parts[0]) is Text and message.role in _SPEAKERS:
            text = parts[0].text
            if type(text) is str and text:
                continue
        yield index


def _check_parts(message: ChatMessage, index: int) -> None:
    allowed = _PARTS.get(message.role) if isinstance(message.role, str) else None
    if allowed is None:
        known = ", ".join(_PARTS)
        raise RequestError(f"messages[{index}].role must be {known}, not {shortened(str(message.role))}")
    if not isinstance(message.parts, (tuple, list)):
        raise RequestError(f"messages[{index}].parts must be a tuple of parts, not {type(message.parts).__name__}")
    if not isinstance(message.tool_call_id, str):
        raise RequestError(f"messages[{index}].tool_call_id must be a string")
    for part in message.parts:
        if type(part) not in allowed:
            raise RequestError(f"messages[{index}] ({message.role}) cannot hold {type(part).__name__}")
        if isinstance(part, (Text, Reasoning)) and not isinstance(part.text, str):
            raise RequestError(
                f"messages[{index}]: the text of a part must be a string, not {type(part.text).__name__}"
            )
    if message.role == "user" and message.is_empty:
        raise RequestError(f"messages[{index}] (user) is empty")
