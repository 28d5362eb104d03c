"""A quick server on loopback, in a process and on a core of its own: both wires, streams of any length, TLS.

It does as little as it can for a request, so that what is measured is the client. The length of a stream is the
request's `max_tokens`; the model "paced" sends a delta per millisecond, with the time of its sending as its text; the
model "calling" answers with a tool call. A
token endpoint answers after 50 ms, with tokens or, below `/failing`, with a 500. What has come is counted.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import certifi
from cores import pin_server

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_LIMIT = re.compile(rb'"max_(?:completion_)?tokens": ?(\d+)')
_STREAM = re.compile(rb'"stream": ?true')
_USAGE = {"prompt_tokens": 44, "completion_tokens": 43, "total_tokens": 87}
_SAID = "Three rivers of France are the Loire, the Rhône and the Seine."

_GRANT = {"status": "success", "access_token": "at-1", "refresh_token": "rt-1", "expired_in": 3600}

_counts = {b"/connections": 0, b"/refreshes": 0}


def _openai_answer() -> bytes:
    message = {"role": "assistant", "name": "MiniMax AI", "content": _SAID, "reasoning_content": "Rivers."}
    choice = {"finish_reason": "stop", "index": 0, "message": message}
    head = {"id": "0609843beb94", "created": 1773818171, "model": "MiniMax-M2.5", "object": "chat.completion"}
    tail = {"usage": _USAGE, "base_resp": {"status_code": 0, "status_msg": ""}}
    return json.dumps({**head, "choices": [choice], **tail}).encode()


def _anthropic_answer() -> bytes:
    content = [{"type": "thinking", "thinking": "Rivers.", "signature": "ab"}, {"type": "text", "text": _SAID}]
    usage = {"input_tokens": 44, "output_tokens": 43}
    head = {"id": "06ade102991a", "type": "message", "role": "assistant", "model": "MiniMax-M2.5"}
    return json.dumps({**head, "content": content, "stop_reason": "end_turn", "usage": usage}).encode()


def _openai_call() -> bytes:
    function = {"name": "get_weather", "arguments": json.dumps({"city": "Paris"})}
    message = {"role": "assistant", "content": "", "reasoning_content": "Weather."}
    message |= {"tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
    head = {"id": "0609843beb94", "created": 1773818171, "model": "MiniMax-M2.5", "object": "chat.completion"}
    choice = {"finish_reason": "tool_calls", "index": 0, "message": message}
    return json.dumps({**head, "choices": [choice], "usage": _USAGE}).encode()


def _anthropic_call() -> bytes:
    call = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Paris"}}
    content = [{"type": "thinking", "thinking": "Weather.", "signature": "ab"}, call]
    head = {"id": "06ade102991a", "type": "message", "role": "assistant", "model": "MiniMax-M2.5"}
    usage = {"input_tokens": 44, "output_tokens": 43}
    return json.dumps({**head, "content": content, "stop_reason": "tool_use", "usage": usage}).encode()


def _openai_delta(text: str) -> bytes:
    delta = {"role": "assistant", "name": "MiniMax AI", "audio_content": "", "content": text}
    head = {"id": "07008f4a82fe", "choices": [{"index": 0, "delta": delta}], "created": 1790008394}
    return _event({**head, "model": "MiniMax-M2.5", "object": "chat.completion.chunk", "usage": None})


def _anthropic_delta(text: str) -> bytes:
    return _event(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
        "content_block_delta",
    )


def _event(data: object, kind: str = "") -> bytes:
    return (f"event: {kind}\n" if kind else "").encode() + b"data: " + json.dumps(data).encode() + b"\n\n"


def _openai_frame() -> tuple[list[bytes], list[bytes]]:
    head = {"id": "07008f4a82fe", "created": 1, "model": "MiniMax-M2.5", "object": "chat.completion.chunk"}
    finish = {**head, "choices": [{"finish_reason": "stop", "index": 0, "delta": {"content": ""}}]}
    return [], [_event(finish), _event({**head, "choices": [], "usage": _USAGE}), b"data: [DONE]\n\n"]


def _anthropic_frame() -> tuple[list[bytes], list[bytes]]:
    message = {"id": "06", "type": "message", "role": "assistant", "model": "MiniMax-M2.5", "content": []}
    start = {"type": "message_start", "message": {**message, "usage": {"input_tokens": 44, "output_tokens": 0}}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 43}}
    stop = {"type": "content_block_stop", "index": 0}
    return (
        [_event(start, "message_start"), _event(block, "content_block_start")],
        [
            _event(stop, "content_block_stop"),
            _event(end, "message_delta"),
            _event({"type": "message_stop"}, "message_stop"),
        ],
    )


_WIRES: dict[
    bool, tuple[Callable[[], bytes], Callable[[str], bytes], Callable[[], tuple[list[bytes], list[bytes]]]]
] = {
    False: (_openai_answer, _openai_delta, _openai_frame),
    True: (_anthropic_answer, _anthropic_delta, _anthropic_frame),
}


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _whole(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nTrace-Id: 1\r\nDate: x\r\nContent-Length: %d\r\n\r\n"
    return head % (status, len(body)) + body


@cache
def _answer(is_anthropic: bool) -> bytes:
    return _whole(b"200 OK", _WIRES[is_anthropic][0]())


@cache
def _call(is_anthropic: bool) -> bytes:
    return _whole(b"200 OK", _anthropic_call() if is_anthropic else _openai_call())


@cache
def _token_answer(is_failing: bool) -> bytes:
    return _whole(b"500 Oops", b"{}") if is_failing else _whole(b"200 OK", json.dumps(_GRANT).encode())


_STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@cache
def _stream(is_anthropic: bool, length: int) -> bytes:
    _, delta, frame = _WIRES[is_anthropic]
    before, after = frame()
    events = [*before, *(delta(f" word {number}") for number in range(length)), *after]
    return _STREAM_HEAD + b"".join(map(_chunk, events)) + b"0\r\n\r\n"


def _send_paced(connection: socket.socket, is_anthropic: bool, length: int) -> None:
    _, delta, frame = _WIRES[is_anthropic]
    before, after = frame()
    connection.sendall(_STREAM_HEAD + b"".join(map(_chunk, before)))
    for _ in range(length):
        time.sleep(0.001)
        connection.sendall(_chunk(delta(f"{time.monotonic_ns()} ")))
    connection.sendall(b"".join(map(_chunk, after)) + b"0\r\n\r\n")


def _serve(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    data = b""
    while True:
        while b"\r\n\r\n" not in data:
            more = connection.recv(262144)
            if not more:
                return
            data += more
        head, _, data = data.partition(b"\r\n\r\n")
        found = _LENGTH.search(head)
        missing = (int(found[1]) if found else 0) - len(data)
        pieces = [data]
        while missing > 0:
            pieces.append(connection.recv(1 << 20))
            missing -= len(pieces[-1])
        body, data = b"".join(pieces), b""
        path = head.split(b" ", 2)[1]
        is_anthropic = b"/messages" in path
        if path in _counts:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n%12d" % _counts[path])
        elif path.endswith(b"/oauth/token"):
            _counts[b"/refreshes"] += 1
            time.sleep(0.05)
            connection.sendall(_token_answer(b"/failing" in path))
        elif _STREAM.search(body):
            limit = _LIMIT.search(body)
            length = int(limit[1]) if limit else 100
            if b'"paced"' in body:
                _send_paced(connection, is_anthropic, length)
            else:
                connection.sendall(_stream(is_anthropic, length))
        elif b'"calling"' in body:
            connection.sendall(_call(is_anthropic))
        else:
            connection.sendall(_answer(is_anthropic))


def _quietly(connection: socket.socket, context: ssl.SSLContext | None) -> None:
    try:
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        with connection:
            _serve(connection)
    except OSError:
        connection.close()  # the client went away, as clients do


def _accept(listener: socket.socket, context: ssl.SSLContext | None) -> None:
    while True:
        connection, _ = listener.accept()
        _counts[b"/connections"] += 1
        threading.Thread(target=_quietly, args=(connection, context), daemon=True).start()


def _certificate(folder: Path) -> ssl.SSLContext:
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=localhost", "-addext", names]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    # Among as many others as a real bundle has, since loading them is what a careless client does per connection.
    (folder / "bundle.pem").write_bytes(Path(certifi.where()).read_bytes() + (folder / "cert.pem").read_bytes())
    return context


def main() -> None:
    """Serve until standard input ends; prints the plain port, the TLS port and the path of a CA bundle."""
    pin_server()
    with tempfile.TemporaryDirectory() as folder:
        context = _certificate(Path(folder))
        plain, secure = (socket.create_server(("127.0.0.1", 0), backlog=1024) for _ in range(2))
        for listener, its_context in ((plain, None), (secure, context)):
            threading.Thread(target=_accept, args=(listener, its_context), daemon=True).start()
        print(plain.getsockname()[1], secure.getsockname()[1], Path(folder) / "bundle.pem", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
