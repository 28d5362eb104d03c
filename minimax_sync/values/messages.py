"""Messages: one ordered list of parts, whatever the wire, so that an answer replays as it came.

An assistant's message keeps its parts in the order in which the model wrote them: thinking, text, tool calls. The
wires turn them into their own shapes and back; nothing here knows a wire.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from ..errors import RequestError, ToolArgumentsError
from .images import Image, PilImage
from .json_text import as_json
from .scalars import plain_json, plain_scalar
from .shortened import shortened

Role = Literal["system", "user", "assistant", "tool"]

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class Text(msgspec.Struct, frozen=True, gc=False, tag="text"):
    """A run of text. As JSON it is `{"type": "text", "text": ...}`, which is what either wire calls it."""

    text: str

    def __repr__(self) -> str:
        return f"Text({shortened(self.text)})"


class Reasoning(msgspec.Struct, frozen=True, gc=False):
    """A run of the model's thinking, kept so that it can go back whole and in its own shape.

    `shape` is what carried it: "reasoning_details", "thinking", "redacted_thinking", "think_tag", "reasoning_content".
    `signature` is the Anthropic wire's; `extra` holds the fields besides the text.
    """

    text: str
    shape: str = "thinking"
    signature: str = ""
    extra: Mapping[str, Any] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Reasoning({shortened(self.text)}, shape={self.shape!r})"


class ToolCall:
    """A call that the model asks for. Immutable.

    Give either `arguments`, a dict, or `arguments_json`, the text as the model wrote it. `arguments` is decoded at
    every access, which raises `ToolArgumentsError` when the text is not a JSON object; empty text is `{}`.

    >>> emulator.answer(tool_calls=[("get_weather", {"city": "Paris"})])
    >>> call = client.chat("The weather in Paris?", tools=[ToolDef("get_weather")]).tool_calls[0]
    >>> call.name, call.arguments, call.arguments_json
    ('get_weather', {'city': 'Paris'}, '{"city": "Paris"}')
    """

    __slots__ = ("_arguments_json", "_id", "_name")

    def __init__(
        self, id: str, name: str, arguments: Mapping[str, Any] | None = None, *, arguments_json: str | None = None
    ) -> None:
        if not isinstance(id, str) or not isinstance(name, str):
            raise RequestError("a tool call's id and name must be strings")
        if arguments_json is None:
            if not isinstance(arguments, Mapping | None):
                raise RequestError(f"the arguments of a tool call must be a dict, not {type(arguments).__name__}")
            arguments_json = as_json(arguments or {}, f"the arguments of the call to {shortened(name)}").decode()
        self._id: str = plain_scalar(id)
        self._name: str = plain_scalar(name)
        self._arguments_json: str = plain_scalar(arguments_json)

    @property
    def id(self) -> str:
        """The id that the tool's result must name."""
        return self._id

    @property
    def name(self) -> str:
        """The tool's name."""
        return self._name

    @property
    def arguments_json(self) -> str:
        """The arguments as the model wrote them."""
        return self._arguments_json

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments as a dict; raises `ToolArgumentsError` when they are not a JSON object."""
        if not self._arguments_json.strip():
            return {}
        try:
            return _decode_object(self._arguments_json)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
            problem = str(exc)
        raise ToolArgumentsError(
            f"the arguments of the call {shortened(self._id)} to {shortened(self._name)} are no JSON object: {problem}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the call as plain JSON in OpenAI's shape."""
        function = {"name": self._name, "arguments": self._arguments_json}
        return {"id": self._id, "type": "function", "function": function}

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> ToolCall:
        """Read a call from what `to_dict` returned."""
        from .dicts import call_from_dict

        return call_from_dict(source, "the call")

    def __eq__(self, other: object) -> bool:
        return self.__reduce__() == other.__reduce__() if isinstance(other, ToolCall) else NotImplemented

    def __hash__(self) -> int:
        return hash((self._id, self._name, self._arguments_json))

    def __reduce__(self) -> tuple[Any, ...]:
        return _tool_call, (self._id, self._name, self._arguments_json)

    def __repr__(self) -> str:
        shown = shortened(self._arguments_json)
        return f"ToolCall(id={shortened(self._id)}, name={shortened(self._name)}, arguments_json={shown})"


def _tool_call(id: str, name: str, arguments_json: str) -> ToolCall:
    return ToolCall(id, name, arguments_json=arguments_json)


class OtherPart(msgspec.Struct, frozen=True):
    """A content part of a shape that this library does not know, carried as it is on the wire that has that shape."""

    content: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The text of a text part with more fields, such as `cache_control`; "" for any other kind."""
        text = self.content.get("text") if self.content.get("type") == "text" else None
        return text if isinstance(text, str) else ""

    def __repr__(self) -> str:
        return f"OtherPart({shortened(str(self.content.get('type')))})"


# What has no cycles is not tracked by the garbage collector, whose passes would cost a long conversation more than its
# encoding (a third of a call with 200 messages).
Part = Text | Reasoning | Image | ToolCall | OtherPart


def _texts(text: object) -> tuple[Part, ...]:
    if not isinstance(text, str):
        raise RequestError(f"the text of a message must be a string, not {type(text).__name__}")
    return (Text(plain_scalar(text)),) if text else ()


def _json_or_text(value: object) -> object:
    try:
        return plain_json(value)
    except TypeError:
        return str(value)


class ChatMessage(msgspec.Struct, frozen=True, gc=False):
    """One message of a conversation; make one with `system`, `user`, `assistant` or `tool_result`.

    `parts` are in order. `tool_call_id`, `name` and `is_error` belong to a tool's result.

    >>> history = [ChatMessage.system("Be short."), ChatMessage.user("Name a river.")]
    >>> emulator.answer("The Loire.")
    >>> history.append(client.chat(history).message)
    >>> [message.role for message in history]
    ['system', 'user', 'assistant']
    """

    role: Role
    parts: tuple[Part, ...] = ()
    tool_call_id: str = ""
    name: str = ""
    is_error: bool = False

    @classmethod
    def system(cls, text: str) -> ChatMessage:
        """An instruction; the wires merge all of them into the one system prompt that the service takes."""
        return cls("system", _texts(text))

    @classmethod
    def user(
        cls,
        text: str = "",
        images: Iterable[object] | Image | bytes | bytearray | memoryview | str | os.PathLike[str] | PilImage = (),
    ) -> ChatMessage:
        """What the user says; `images` are `Image`s, paths, bytes, URLs or PIL images, or a single one of them."""
        if isinstance(images, Image | bytes | bytearray | memoryview | str) or not isinstance(images, Iterable):
            images = (images,)
        return cls("user", _texts(text) + tuple(Image.coerce(image) for image in images))

    @classmethod
    def assistant(cls, text: str = "", tool_calls: Iterable[ToolCall] = ()) -> ChatMessage:
        """What the model said. For an answer of the service use `ChatResponse.message`: that keeps its thinking."""
        return cls("assistant", _texts(text) + tuple(tool_calls))

    @classmethod
    def tool_result(
        cls, tool_call_id: str, content: object, name: str | None = None, *, is_error: bool = False
    ) -> ChatMessage:
        """The result of a tool call; what is not a string is sent as JSON."""
        if not isinstance(tool_call_id, str):
            raise RequestError(f"tool_call_id must be a string, not {type(tool_call_id).__name__}")
        if isinstance(content, str):
            text = plain_scalar(content)
        else:
            text = as_json(content, "the tool's result", enc_hook=_json_or_text).decode()
        return cls("tool", (Text(text),), plain_scalar(tool_call_id), plain_scalar(name or ""), is_error)

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return self.plain_text or "".join(part.text for part in self.parts if isinstance(part, Text | OtherPart))

    @property
    def reasoning(self) -> str:
        """The thinking, joined; never part of `text`."""
        return "".join(part.text for part in self.parts if isinstance(part, Reasoning))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls, in order."""
        return tuple([part for part in self.parts if isinstance(part, ToolCall)])

    @property
    def images(self) -> tuple[Image, ...]:
        """The images, in order."""
        return tuple(part for part in self.parts if isinstance(part, Image))

    @property
    def plain_text(self) -> str:
        """The text of a message that is nothing else; "" for one without text, or with any other part."""
        parts = self.parts
        return parts[0].text if len(parts) == 1 and type(parts[0]) is Text else ""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it to send."""
        for part in self.parts:
            if not isinstance(part, Text | Reasoning) or part.text or (isinstance(part, Reasoning) and part.extra):
                return False
        return True

    def to_dict(self) -> dict[str, Any]:
        """Return the message as plain JSON, thinking and signatures included; `chat` and `from_dict` take it back."""
        from .dicts import message_to_dict

        return message_to_dict(self)

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> ChatMessage:
        """Read a message from what `to_dict` returned, or from a dict in OpenAI's or Anthropic's shape."""
        from .dicts import message_from_dict

        return message_from_dict(source, "the message")

    def __repr__(self) -> str:
        shown = [repr(self.role)]
        if self.text:
            shown.append(shortened(self.text))
        if self.reasoning:
            shown.append(f"reasoning={shortened(self.reasoning)}")
        if self.images:
            shown.append(f"images={len(self.images)}")
        if self.tool_calls:
            shown.append(f"tool_calls={list(self.tool_calls)!r}")
        if self.tool_call_id:
            shown.append(f"tool_call_id={shortened(self.tool_call_id)}")
        return f"ChatMessage({', '.join(shown)})"


def open_calls(messages: Sequence[ChatMessage]) -> tuple[ToolCall, ...]:
    """Return the tool calls at the end of a history that have no result yet."""
    answered = set()
    for message in reversed(messages):
        if message.role != "tool":
            return tuple(call for call in message.tool_calls if call.id not in answered)
        answered.add(message.tool_call_id)
    return ()
