"""`ChatResponse`, an answer. It is the same for whole and streamed answers and for both wires."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import RequestError
from .messages import ChatMessage, ToolCall
from .shortened import shortened
from .usage import TokenUsage

CUT_REASONS = frozenset({"length", "content_filter"})
"""The finish reasons of an answer that was cut off: its tool calls may be incomplete and must not be run."""

_FIELDS: Mapping[str, type] = {
    **dict.fromkeys(("message", "usage", "headers"), dict),
    **dict.fromkeys(("finish_reason", "model", "id", "request_id", "body", "body_encoding"), str),
    "flagged": bool,
    "messages": list,
}
"""The fields of an answer as plain JSON."""


class ChatResponse(msgspec.Struct, frozen=True):
    """The answer to one request.

    `message` is what to append to the history: it replays losslessly, thinking included. `finish_reason` is "stop",
    "tool_calls", "length", "content_filter" or the service's own word; "" in the partial answer of a broken stream.
    `flagged`: the service marked input or output as sensitive. `request_id` is the id to quote to MiniMax's support.
    `headers` are the HTTP answer's. `messages` is the whole exchange where `run_tools` made it, else empty.

    >>> emulator.answer('{"km": 1006}', reasoning="The Loire ...")
    >>> answer = client.chat("How long is the Loire, as JSON?")
    >>> answer.json(), answer.reasoning, answer.finish_reason
    ({'km': 1006}, 'The Loire ...', 'stop')
    """

    message: ChatMessage
    finish_reason: str = ""
    usage: TokenUsage = TokenUsage()
    model: str = ""
    id: str = ""
    request_id: str = ""
    flagged: bool = False
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""
    messages: tuple[ChatMessage, ...] = ()

    @property
    def text(self) -> str:
        """The answer's text, without thinking."""
        return self.message.text

    @property
    def reasoning(self) -> str:
        """The model's thinking; "" where it sent none."""
        return self.message.reasoning

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The calls that the model asks for, in order."""
        return self.message.tool_calls

    @property
    def raw(self) -> dict[str, Any] | None:
        """The service's own JSON, decoded at every access. Of a streamed answer it is `{"events": [...]}` where the
        request had an `extra_body`, such as `{"logprobs": True}`, else None.
        """
        return json.loads(self.body.decode("utf-8-sig", "replace")) if self.body else None

    def json(self) -> Any:
        """Return the JSON value in the text: bare, fenced, or the last one in prose; raises `ResponseFormatError`."""
        from .json_in_text import json_in

        return json_in(self.text, reasoning=self.reasoning, finish_reason=self.finish_reason)

    @property
    def cost(self) -> float:
        """The price in USD at pay-as-you-go rates; raises `ConfigError` for a model without a known price."""
        return self.usage.cost(self.model)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain JSON, which `from_dict` reads back without loss."""
        try:
            body, encoding = self.body.decode(), "utf-8"
        except UnicodeDecodeError:
            body, encoding = self.body.decode("latin-1"), "latin-1"
        return {
            "message": self.message.to_dict(),
            "finish_reason": self.finish_reason,
            "usage": self.usage.to_dict(),
            "model": self.model,
            "id": self.id,
            "request_id": self.request_id,
            "flagged": self.flagged,
            "headers": dict(self.headers),
            "body": body,
            "body_encoding": encoding,
            "messages": [message.to_dict() for message in self.messages],
        }

    @classmethod
    def from_dict(cls, source: Mapping[str, Any]) -> ChatResponse:
        """Read an answer from what `to_dict` returned. Raises `RequestError` for anything else.

        >>> ChatResponse.from_dict(client.chat("Hello").to_dict()).text
        'You said: "Hello".'
        """
        if not isinstance(source, Mapping):
            raise RequestError(f"an answer must be a dict, not {type(source).__name__}")
        for name, kind in _FIELDS.items():
            if not isinstance(source.get(name), kind):
                raise RequestError(
                    f"{name} of an answer must be a {kind.__name__}, not {type(source.get(name)).__name__}"
                )
        try:
            body = source["body"].encode(source["body_encoding"])
        except (LookupError, UnicodeError):
            raise RequestError("the body of an answer does not match its body_encoding") from None
        return cls(
            message=ChatMessage.from_dict(source["message"]),
            usage=TokenUsage.from_dict(source["usage"]),
            headers=dict(source["headers"]),
            body=body,
            messages=tuple(map(ChatMessage.from_dict, source["messages"])),
            **{name: source[name] for name in ("finish_reason", "model", "id", "request_id", "flagged")},
        )

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        shown = [f"text={shortened(self.text)}"]
        if self.reasoning:
            shown.append(f"reasoning={shortened(self.reasoning)}")
        if self.tool_calls:
            shown.append(f"tool_calls={list(self.tool_calls)!r}")
        shown.append(f"finish_reason={shortened(self.finish_reason)}")
        shown.append(f"usage={self.usage!r}")
        return f"ChatResponse({', '.join(shown)})"

    def _repr_markdown_(self) -> str:
        """Return the answer as Markdown for a notebook, its thinking and tool calls folded."""
        return "\n\n".join(_parts(self, self.text))


def answer_html(answer: ChatResponse) -> str:
    """Return an answer as HTML for a notebook, its thinking and tool calls folded."""
    from .rendering import prose

    return "".join(_parts(answer, prose(answer.text)))


def _parts(answer: ChatResponse, text: str) -> list[str]:
    from .rendering import answer_parts, tool_call

    return answer_parts(
        answer.reasoning, text, [tool_call(call.name, call.arguments_json) for call in answer.tool_calls]
    )
