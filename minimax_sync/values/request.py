"""A request: the messages and options of one call, independent of the wire, and every check before sending.

Contains `ChatRequest` and the readers of every form of input. The options' rules are rows of `options`, the messages'
rules are in `message_checks`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..errors import RequestError
from .dicts import messages_from, messages_from_dict
from .message_checks import check_messages, not_plain
from .messages import ChatMessage
from .options import OPTIONS, check_option
from .shortened import fields_shown, shortened
from .tooldef import ToolDef

_TOOL_NAME = r"[A-Za-z0-9_.:-]{1,128}"


class ChatRequest(msgspec.Struct, frozen=True):
    """Everything that one call asks for.

    `messages` holds ChatMessages or dicts in OpenAI's or Anthropic's shape. `model` None means the client's.
    `max_tokens` None means 65,536 on MiniMax's hosts and on the Anthropic wire, else the server's own default. `stop`
    is a string or several; the text ends before the first that occurs. `tools` are `ToolDef`s, functions with the
    `tool` decorator, or OpenAI-style dicts. `tool_choice` is "auto", "none", "required" or a tool's name.
    `response_format` is "text", "json" or a JSON schema. `thinking` turns thinking on or off and `effort` sets its
    depth ("low" to "max"), for models that have the choice. `cache` marks the prompt for models that cache on request.
    `extra_body` is merged into the JSON body as it is; a None in it leaves the field out. `extra_headers` go with this
    call. `timeout` is for this call, in seconds. Checked when it is used: `RequestError` names the field.

    >>> request = ChatRequest([ChatMessage.user("Hello")], max_tokens=100)
    >>> client.chat(request).text
    'You said: "Hello".'
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
    thinking: bool | None = None
    effort: str | None = None
    cache: bool = False
    extra_body: Mapping[str, Any] = msgspec.field(default_factory=dict)
    extra_headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    timeout: float | None = None
    _is_plain: bool = False

    def __post_init__(self) -> None:
        messages, is_plain = _read_messages(self.messages)
        if messages is not self.messages:
            msgspec.structs.force_setattr(self, "messages", messages)
        if is_plain is not self._is_plain:
            msgspec.structs.force_setattr(self, "_is_plain", is_plain)
        for name, default, given in self._options():
            if given is not default and (converted := OPTIONS[name].convert(given)) is not given:
                msgspec.structs.force_setattr(self, name, converted)

    @property
    def is_plain(self) -> bool:
        """Whether every message is a text of the system, the user or the assistant and has no other parts."""
        return self._is_plain

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """The JSON schema of `response_format`, if it is one."""
        return self.response_format if isinstance(self.response_format, Mapping) else None

    def check(self) -> None:
        """Raise `RequestError`, naming the field, for a request that the service would refuse or misread."""
        for name, default, value in self._options():
            if value is not default:
                check_option(name, value)
        _check_tools(self)
        check_messages(self.messages, is_plain=self._is_plain)

    def _options(self) -> Iterable[tuple[str, Any, Any]]:
        """Return the name, the default and the value of each option."""
        return zip(_NAMES, self.__struct_defaults__, msgspec.structs.astuple(self)[1:], strict=False)

    def __repr__(self) -> str:
        return fields_shown(self)


_NAMES = ChatRequest.__struct_fields__[1:-1]
"""The names of the options: all fields but `messages` and `_is_plain`."""

_OTHER_NAMES = {"max_completion_tokens": "max_tokens", "reasoning_effort": "effort"}


def as_request(
    input: object, options: Mapping[str, Any], *, check: bool = True, others: Iterable[str] = ()
) -> ChatRequest:
    """Return the checked ChatRequest for the arguments of a method of the client.

    `options` override the fields of `input`; their `messages` are used if `input` is None. `check` False leaves the
    check to the caller. `others` are the method's other keyword arguments, for the error of an unknown option.
    """
    unknown = options.keys() - OPTIONS.keys() - {"messages"}
    if unknown:
        raise RequestError(f"unknown option {_listed(unknown)}; known: {_listed({*OPTIONS, 'messages', *others})}")
    if "messages" in options:
        given = options["messages"]
        if input is not None and given is not None:
            raise RequestError("give the messages as the first argument or as messages=, not both")
        options = {name: value for name, value in options.items() if name != "messages"}
        return as_request(given if input is None else input, options, check=check)
    if isinstance(input, Mapping) and "messages" in input:
        fields: dict[Any, Any] = {
            _OTHER_NAMES.get(name, name): value for name, value in (*input.items(), *options.items())
        }
        if "stream" in fields:
            raise RequestError("`stream` is not an option: call chat() or stream()")
        stray = fields.keys() - OPTIONS.keys() - {"messages"}
        if stray:
            raise RequestError(f"unknown field {_listed(stray)}; put it into extra_body to send it as it is")
        request = ChatRequest(**fields)
    elif isinstance(input, ChatRequest):
        request = msgspec.structs.replace(input, **options) if options else input
    else:
        messages: Any = input  # the request reads it itself
        request = ChatRequest(messages, **options)
    if check:
        request.check()
    return request


def _listed(names: set[Any]) -> str:
    return ", ".join(sorted(map(str, names)))


def _read_messages(input: object) -> tuple[tuple[ChatMessage, ...], bool]:
    """Return the messages of any form of input, and whether all of them are plain."""
    if isinstance(input, list | tuple) and set(map(type, input)) == {ChatMessage}:
        messages = tuple(input)
    elif isinstance(input, str):
        messages = (ChatMessage.user(input),)
    elif isinstance(input, ChatMessage):
        messages = (input,)
    elif isinstance(input, Mapping):
        messages = tuple(messages_from_dict(input, "the message"))
    elif isinstance(input, Sequence) and not isinstance(input, bytes | bytearray):
        messages, is_plain = messages_from(input)
        if is_plain:
            return messages, True
    else:
        raise RequestError(
            "input must be a string, a ChatRequest, a ChatMessage, a sequence of messages or a dict, "
            f"not {type(input).__name__}"
        )
    return messages, next(not_plain(messages), None) is None


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
