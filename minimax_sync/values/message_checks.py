"""The checks of a request's messages: content that the service would refuse (2013) or misread is an error before
sending.

Errors name the message by its position. Pure: it must not know options or wires.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..errors import RequestError
from .images import Image
from .messages import ChatMessage, OtherPart, Reasoning, Text, ToolCall
from .shortened import shortened

_PARTS: dict[str, frozenset[type]] = {
    "system": frozenset({Text, OtherPart}),
    "user": frozenset({Text, Image, OtherPart}),
    "assistant": frozenset({Text, Reasoning, ToolCall, OtherPart}),
    "tool": frozenset({Text, Image, OtherPart}),
}

_SPEAKERS = ("user", "assistant", "system")


def check_messages(messages: Sequence[ChatMessage], *, is_plain: bool) -> None:
    """Raise `RequestError` where MiniMax answers with 2013: empty messages, tool results apart from their calls.

    An assistant's message may be empty, as an answer cut off by a stop sequence is; it is not sent.
    """
    if is_plain and any(message.role != "system" for message in messages):
        return
    for index in not_plain(messages):
        _check_parts(messages[index], index)
    if all(message.role == "system" or (message.role == "assistant" and message.is_empty) for message in messages):
        raise RequestError("messages must hold at least one non-empty message besides the system prompt")
    awaited: set[str] = set()
    calls_at = -1
    for index, message in enumerate(messages):
        if message.role == "tool":
            if message.tool_call_id not in awaited:
                raise RequestError(
                    f"messages[{index}] is a tool result for {shortened(message.tool_call_id)}, but no open call has "
                    "that id; results directly follow the assistant message that holds their calls, one each"
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


def not_plain(messages: Iterable[ChatMessage]) -> Iterator[int]:
    """Yield the positions of messages that are not a single text of the system, the user or the assistant.

    Most messages are plain: they need no more checks.
    """
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
