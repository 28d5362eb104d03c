"""The parts of a message: text, thinking, tool calls, and parts of other kinds, each as plain JSON and back.

It must not know a wire: the wires convert parts to their own shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import RequestError, ToolArgumentsError
from .images import Image
from .json_text import UNREADABLE, as_json
from .scalars import plain_scalar
from .shortened import shortened

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class Text(msgspec.Struct, frozen=True, gc=False, tag="text"):
    """A run of text. As JSON it is `{"type": "text", "text": ...}`, as on both wires."""

    text: str

    def __repr__(self) -> str:
        return f"Text({shortened(self.text)})"


class Reasoning(msgspec.Struct, frozen=True, gc=False):
    """A run of the model's thinking, kept so that it can be sent back complete and in its own shape.

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
        except UNREADABLE as exc:
            problem = str(exc)
        raise ToolArgumentsError(
            f"the arguments of the call {shortened(self._id)} to {shortened(self._name)} "
            f"are not a JSON object: {problem}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the call as plain JSON in OpenAI's shape."""
        function = {"name": self._name, "arguments": self._arguments_json}
        return {"id": self._id, "type": "function", "function": function}

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> ToolCall:
        """Read a call from what `to_dict` returned. Raises `RequestError` for anything else."""
        if not isinstance(source, Mapping):
            raise RequestError(f"a tool call must be a dict, not {type(source).__name__}")
        function = source.get("function")
        if not isinstance(function, Mapping):
            raise RequestError("the function of a tool call must be a dict")
        call_id, name = text_field(source, "id"), text_field(function, "name")
        return cls(call_id, name, arguments_json=text_field(function, "arguments"))

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
    """A content part of an unknown shape, sent unchanged on the wire that has that shape."""

    content: Mapping[str, Any]

    @property
    def text(self) -> str:
        """The text of a text part with more fields, such as `cache_control`; "" for any other kind."""
        text = self.content.get("text") if self.content.get("type") == "text" else None
        return text if isinstance(text, str) else ""

    def __repr__(self) -> str:
        return f"OtherPart({shortened(str(self.content.get('type')))})"


# Values without cycles are not tracked by the garbage collector, whose passes would cost a long conversation more than
# its encoding (a third of a call with 200 messages).
Part = Text | Reasoning | Image | ToolCall | OtherPart


def part_to_dict(part: Part) -> dict[str, Any]:
    """Return a part as plain JSON that `part_from_dict` reads back without loss."""
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Image):
        return {"type": "image_url", "image_url": {"url": part.full_url}}
    if isinstance(part, ToolCall):
        return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": part.arguments_json}
    if isinstance(part, Reasoning):
        written = {"type": "reasoning", "text": part.text, "shape": part.shape, "signature": part.signature}
        return {**written, "extra": dict(part.extra)}
    return dict(part.content)


def part_from_dict(source: Mapping[str, Any], where: str = "") -> Part:
    """Read a part from what `part_to_dict` returned; `where` names it in errors."""
    kind = source.get("type")
    image = source.get("image_url")
    if kind == "text" and source.keys() == {"type", "text"}:
        return Text(text_field(source, "text", where))
    if kind == "image_url" and isinstance(image, Mapping) and len(source) + len(image) == 3:
        return Image.from_url(text_field(image, "url", place_in(where, "image_url")))
    if kind == "tool_call":
        call_id, name, arguments = (text_field(source, field, where) for field in ("id", "name", "arguments"))
        return ToolCall(call_id, name, arguments_json=arguments)
    if kind == "reasoning":
        extra = source.get("extra") or {}
        if not isinstance(extra, Mapping):
            raise RequestError(f"{place_in(where, 'extra')} must be a dict")
        text, shape, signature = (text_field(source, name, where) for name in ("text", "shape", "signature"))
        return Reasoning(text, shape, signature, dict(extra))
    return OtherPart(dict(source))


def text_field(source: Mapping[str, Any], field: str, where: str = "") -> str:
    """Return a field of a dict that must be text; `where` names the dict in the `RequestError` for anything else."""
    value = source.get(field)
    if not isinstance(value, str):
        raise RequestError(f"{place_in(where, field)} must be a string")
    return str(plain_scalar(value))


def place_in(where: str, field: str) -> str:
    return f"{where}.{field}" if where else field
