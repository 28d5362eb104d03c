"""Messages: one ordered list of parts, the same for all wires, so that an answer is replayed without loss.

An assistant's message keeps its parts in the order in which the model wrote them: thinking, text, tool calls. The
wires turn them into their own shapes and back; nothing here knows a wire.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec

from ..errors import RequestError
from .images import Image, PilImage
from .json_text import as_json
from .parts import OtherPart as OtherPart
from .parts import Part as Part
from .parts import Reasoning as Reasoning
from .parts import Text as Text
from .parts import ToolCall as ToolCall
from .parts import part_from_dict, part_to_dict
from .scalars import plain_json, plain_scalar
from .shortened import shortened

Role = Literal["system", "user", "assistant", "tool"]


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
        """Return a user message; `images` are `Image`s, paths, bytes, URLs or PIL images, or a single one of them."""
        if isinstance(images, Image | bytes | bytearray | memoryview | str) or not isinstance(images, Iterable):
            images = (images,)
        return cls("user", _texts(text) + tuple(Image.coerce(image) for image in images))

    @classmethod
    def assistant(cls, text: str = "", tool_calls: Iterable[ToolCall] = ()) -> ChatMessage:
        """Return an answer as a message. For the service's answers use `ChatResponse.message`, with thinking."""
        if not isinstance(tool_calls, Iterable):
            raise RequestError(f"tool_calls must be ToolCalls, not {type(tool_calls).__name__}")
        return cls("assistant", _texts(text) + tuple(tool_calls))

    @classmethod
    def tool_result(
        cls, tool_call_id: str, content: object, name: str | None = None, *, is_error: bool = False
    ) -> ChatMessage:
        """The result of a tool call; what is not a string is sent as JSON.

        >>> ChatMessage.tool_result("call_1", "21 degrees").text
        '21 degrees'
        """
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
        """The text of a message that has no other parts; "" without text, or with any other part."""
        parts = self.parts
        return parts[0].text if len(parts) == 1 and type(parts[0]) is Text else ""

    @property
    def is_empty(self) -> bool:
        """Whether the message has no content to send."""
        for part in self.parts:
            if not isinstance(part, Text | Reasoning) or part.text or (isinstance(part, Reasoning) and part.extra):
                return False
        return True

    def to_dict(self) -> dict[str, Any]:
        """Return the message as plain JSON, thinking and signatures included; `chat` and `from_dict` take it back."""
        content = self.plain_text or [part_to_dict(part) for part in self.parts]
        written: dict[str, Any] = {"role": self.role, "content": content}
        if self.role == "tool":
            written |= {"tool_call_id": self.tool_call_id, "name": self.name, "is_error": self.is_error}
        return written

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> ChatMessage:
        """Read a message from what `to_dict` returned. Raises `RequestError` for anything else.

        >>> ChatMessage.from_dict(ChatMessage.user("Hello").to_dict()).text
        'Hello'
        """
        if not isinstance(source, Mapping):
            raise RequestError(f"a message must be a dict, not {type(source).__name__}")
        content = source.get("content")
        role: Any = source.get("role")
        if role not in get_args(Role):
            raise RequestError(f"role must be one of {', '.join(get_args(Role))}, not {shortened(str(role))}")
        if isinstance(content, str):
            parts = _texts(content)
        elif isinstance(content, Sequence) and all(isinstance(each, Mapping) for each in content):
            parts = tuple(part_from_dict(each, f"content[{index}]") for index, each in enumerate(content))
        else:
            raise RequestError("content must be text or a list of dicts")
        call_id, name = source.get("tool_call_id", ""), source.get("name", "")
        if not isinstance(call_id, str) or not isinstance(name, str):
            raise RequestError("tool_call_id and name must be strings")
        return cls(role, parts, call_id, name, source.get("is_error") is True)

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
