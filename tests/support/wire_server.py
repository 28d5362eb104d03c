"""Both wires as a script on a raw server sends them: one short answer, whole and in events, in every framing.

The answer is always the same: some thinking, "Héllo" in two deltas, usage, the end.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from support.canary import KEY, PROMPT
from support.raw_server import Peer, RawServer, answer

from minimax_sync import ChatResponse, LlmError, MiniMaxClient, ReasoningDelta, RetryPolicy, TextDelta

TEXT, THINKING, TOKENS = "Héllo", "Hm", 12

QUICK = RetryPolicy(initial_backoff_ms=1, max_backoff_ms=5)

JSON = "Content-Type: application/json"
EVENTS = "Content-Type: text/event-stream"


def sse(data: object, event: str = "") -> bytes:
    """Write one event."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return (f"event: {event}\n" if event else "").encode() + f"data: {text}\n\n".encode()


def _chunk(delta: dict[str, Any], **choice: Any) -> bytes:
    return sse({"choices": [{"index": 0, "delta": delta, **choice}], "usage": None})


def _typed(type: str, **fields: Any) -> bytes:
    return sse({"type": type, **fields}, type)


@dataclass(frozen=True)
class Wire:
    """One wire. The answer is whole, if not its usage, after the first `whole_after` of its `events`; its first delta
    is event number `first_delta`, counted from 0."""

    flavor: str
    events: tuple[bytes, ...]
    first_delta: int
    whole_after: int
    body: bytes
    path: str

    @property
    def stream(self) -> bytes:
        """The events in one piece."""
        return b"".join(self.events)

    def client(self, server: RawServer | str, **arguments: Any) -> MiniMaxClient:
        """Make a client of a server, with the canary key and quick retries."""
        url = server if isinstance(server, str) else server.url
        defaults = {"api_key": KEY, "requests_per_second": None, "retry": QUICK, "timeout": 10.0, "idle_timeout": 8.0}
        if "auth" in arguments:
            del defaults["api_key"]
        return MiniMaxClient(base_url=url, api_flavor=self.flavor, **{**defaults, **arguments})

    def whole(self, text: str) -> bytes:
        """Write a whole answer with `text`."""
        if self.flavor == "openai_compat":
            return json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}).encode()
        message = {"type": "message", "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
        return json.dumps(message).encode()

    def delta(self, text: str) -> bytes:
        """Write an event that adds `text` to the answer."""
        if self.flavor == "openai_compat":
            return _chunk({"content": text})
        return _typed("content_block_delta", index=1, delta={"type": "text_delta", "text": text})

    def asked(self, request: bytes) -> str:
        """Return the text of the last message of a request."""
        content = json.loads(request)["messages"][-1]["content"]
        return content if isinstance(content, str) else str(content[-1]["text"])


OPENAI = Wire(
    "openai_compat",
    (
        _chunk({"role": "assistant", "reasoning_content": THINKING}),
        _chunk({"content": "Hé"}),
        _chunk({"content": "llo"}),
        _chunk({"content": ""}, finish_reason="stop"),
        sse({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": TOKENS}}),
    ),
    first_delta=0,
    whole_after=4,
    body=json.dumps(
        {
            "id": "1",
            "choices": [{"finish_reason": "stop", "message": {"content": TEXT, "reasoning_content": THINKING}}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": TOKENS},
            "base_resp": {"status_code": 0, "status_msg": ""},
        },
        ensure_ascii=False,
    ).encode(),
    path="/text/chatcompletion_v2",
)

ANTHROPIC = Wire(
    "anthropic_messages",
    (
        _typed("message_start", message={"id": "1", "usage": {"input_tokens": 7, "output_tokens": 0}}),
        _typed("ping"),
        _typed("content_block_start", index=0, content_block={"type": "thinking", "thinking": ""}),
        _typed("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": THINKING}),
        _typed("content_block_stop", index=0),
        _typed("content_block_start", index=1, content_block={"type": "text", "text": ""}),
        _typed("content_block_delta", index=1, delta={"type": "text_delta", "text": "Hé"}),
        _typed("content_block_delta", index=1, delta={"type": "text_delta", "text": "llo"}),
        _typed("content_block_stop", index=1),
        _typed("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 5}),
        _typed("message_stop"),
    ),
    first_delta=3,
    whole_after=10,
    body=json.dumps(
        {
            "id": "1",
            "type": "message",
            "content": [{"type": "thinking", "thinking": THINKING, "signature": "s"}, {"type": "text", "text": TEXT}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 7, "output_tokens": 5},
        },
        ensure_ascii=False,
    ).encode(),
    path="/v1/messages",
)

WIRES = (OPENAI, ANTHROPIC)


def ask(client: MiniMaxClient, how: str, prompt: str = PROMPT, **options: Any) -> ChatResponse:
    """Ask by `chat`, or by `stream` read to its end."""
    if how == "chat":
        return client.chat(prompt, **options)
    with client.stream(prompt, **options) as stream:
        return stream.response


def failure(client: Any, how: str, **options: Any) -> LlmError:
    """Ask, and return the error that this must end with."""
    with client, pytest.raises(LlmError) as caught:
        ask(client, how, **options)
    return caught.value


def read(client: Any) -> tuple[str, str, LlmError | None]:
    """Stream; return the text and thinking that were handed out, and the error that ended it."""
    text = thinking = ""
    try:
        with client.stream(PROMPT) as stream:
            for chunk in stream:
                text += chunk.text if isinstance(chunk, TextDelta) else ""
                thinking += chunk.text if isinstance(chunk, ReasoningDelta) else ""
    except LlmError as error:
        return text, thinking, error
    return text, thinking, None


FRAMINGS = ("chunked", "length", "close", "HTTP/1.0", "gzip")


def framed(pieces: Iterable[bytes], framing: str, *, kind: str = EVENTS, end: bool = True) -> list[bytes]:
    """Frame the pieces of one answer, so that they can be sent one by one; without `end` the last word is missing."""
    pieces = [piece for piece in pieces if piece]
    if framing == "length":
        size = sum(map(len, pieces)) + (0 if end else 1)
        return [f"HTTP/1.1 200 OK\r\n{kind}\r\nContent-Length: {size}\r\n\r\n".encode(), *pieces]
    if framing == "close":
        return [f"HTTP/1.1 200 OK\r\n{kind}\r\nConnection: close\r\n\r\n".encode(), *pieces]
    if framing == "HTTP/1.0":
        return [f"HTTP/1.0 200 OK\r\n{kind}\r\n\r\n".encode(), *pieces]
    head = f"HTTP/1.1 200 OK\r\n{kind}\r\nTransfer-Encoding: chunked\r\n"
    if framing == "gzip":
        head += "Content-Encoding: gzip\r\n"
        packer = zlib.compressobj(wbits=31)
        pieces = [packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH) for piece in pieces]
        pieces += [packer.flush()] if end else []
    last = [b"0\r\n\r\n"] if end else []
    return [f"{head}\r\n".encode(), *(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces), *last]


Step = bytes | Callable[[Peer], None]


def replies(*steps: Step) -> Callable[[Peer], None]:
    """Make a script that gives the first request the first of `steps`, and so on; the last serves all further ones.

    A step is the bytes to send, after which a `Connection: close` in them is obeyed, or a function.
    """

    def script(peer: Peer) -> None:
        while True:
            peer.read_request()
            step = steps[min(len(peer.server.requests), len(steps)) - 1]
            if callable(step):
                step(peer)
                return
            peer.send(step)
            if b"connection: close" in step.lower() or step.startswith(b"HTTP/1.0"):
                return

    return script


def whole(wire: Wire, how: str) -> bytes:
    """Write the good answer to a chat or a stream."""
    if how == "chat":
        return answer(wire.body, headers=[JSON])
    return b"".join(framed(wire.events, "chunked"))


def failing(status: str, body: bytes = b"{}", headers: Iterable[str] = ()) -> bytes:
    """Write an answer that is not a 2xx."""
    return answer(body, status, [JSON, *headers])


def endless(wire: Wire) -> Callable[[Peer], None]:
    """Make a script that streams up to the first delta and then keeps the connection."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(*framed(wire.events[: wire.first_delta + 1], "chunked", end=False))
        peer.stall()

    return script


def halves(data: bytes, size: int) -> Iterator[bytes]:
    """Cut `data` into pieces of `size` bytes."""
    for start in range(0, len(data), size):
        yield data[start : start + size]
