"""Recording exchanges with a real server into files, and replaying them.

`Recorder` forwards API requests to an upstream server and writes each exchange to a file; `Replayer` answers from such
files. A request is identified by its method, path and body. No file contains a key or token: of the headers only a few
harmless ones of the response are kept, the query is dropped, and what looks like a credential is removed from bodies,
also where it is split over the events of a stream. Must not know MiniMax's shapes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .envelopes import Refusal, dumps
from .faults import Endpoint
from .journal import Received
from .server import SSE, Reply

TIMEOUT = 1200.0
REMOVED = "REMOVED"
_DATA = b"data:"
_SENT = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding", "keep-alive"})
_KEPT = re.compile(r"retry-after|x-ratelimit-.*|(minimax-|x-mm-)?request-id|trace-id")
_CREDENTIAL = re.compile(
    r"\bsk-[\w-]{12,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+"
    r"|(?P<name>bearer +)[\w.~+/=-]{8,}"
    r'|(?P<field>\\?"(?:access|refresh)_token\\?": *\\?")[^"\\]+',
    re.IGNORECASE,
)


class Recorder:
    """Forwards every API request to `upstream` and writes the exchanges to `folder`.

    A stream is forwarded event by event. A repeated request is sent again and written to a further file; a new run
    replaces the files of the requests that it repeats. An exchange that failed on the way is not written.
    """

    def __init__(self, folder: str | os.PathLike[str], upstream: str) -> None:
        url = urlsplit(upstream)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"upstream {upstream!r} is not a URL like https://api.minimax.io")
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._connect = HTTPSConnection if url.scheme == "https" else HTTPConnection
        self._host, self._port = url.hostname, url.port
        self._base = url.path.rstrip("/").removesuffix("/v1").removesuffix("/anthropic")
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()

    def find(self, request: Received) -> Endpoint:
        """Return the endpoint that forwards the request."""
        return Endpoint(self._forward)

    def _forward(self, request: Received) -> Reply:
        connection = self._connect(self._host, self._port, timeout=TIMEOUT)
        headers = {name: value for name, value in request.headers.items() if name not in _SENT}
        try:
            body = None if request.body is None else _encoded(request.body)
            connection.request(request.method, self._base + request.path, body, headers)
            response = connection.getresponse()
            kept = {name.lower(): value for name, value in response.getheaders() if _KEPT.fullmatch(name.lower())}
            content_type = response.headers.get("content-type", "application/octet-stream")
            answer = {"status": response.status, "content_type": content_type, "headers": kept}
            if content_type.startswith(SSE):
                events = self._streamed(request, answer, connection, response)
                return Reply(events, response.status, content_type, kept)
            received = response.read()
        except (OSError, HTTPException) as error:
            connection.close()
            reason = f"the recorder cannot reach {self._host}: {type(error).__name__}: {error}"
            raise Refusal(502, None, reason) from error
        connection.close()
        self._write(request, {**answer, **_stored(_unsplit([received], request)[0])})
        return Reply(received, response.status, content_type, kept)

    def _streamed(
        self, request: Received, answer: dict[str, Any], connection: HTTPConnection, response: HTTPResponse
    ) -> Iterator[bytes]:
        """Yield the events as they come and write them at the end. If the client leaves, read the stream to its end."""
        events = []
        try:
            for event in _events(response):
                events.append(event)
                try:
                    yield event
                except GeneratorExit:
                    events += _events(response)
                    self._write_events(request, answer, events)
                    raise
        except (OSError, HTTPException) as error:
            raise ConnectionError(f"the upstream's stream broke off: {error}") from error
        finally:
            response.close()
            connection.close()
        self._write_events(request, answer, events)

    def _write_events(self, request: Received, answer: dict[str, Any], events: list[bytes]) -> None:
        self._write(request, {**answer, "events": [_text(each) for each in _unsplit(events, request)]})

    def _write(self, request: Received, answer: dict[str, Any]) -> None:
        name = _name(request)
        with self._lock:
            self._seen[name] += 1
            if self._seen[name] == 1:
                for old in self._folder.glob(f"{name}-*.json"):
                    old.unlink()
            target = self._folder / f"{name}-{self._seen[name]}.json"
        asked = {"method": request.method, "path": request.route, "body": _readable(request.body)}
        text = json.dumps({"request": asked, "response": answer}, indent=1)
        temporary = target.with_suffix(".tmp")
        temporary.write_text("".join(_cleared(text, request)) + "\n", encoding="utf-8")
        os.replace(temporary, target)


class Replayer:
    """Answers from the files of a recorder. The answers to a repeated request come in order, the last one again."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()
        if not self._folder.is_dir():
            raise ValueError(f"replay: there is no folder {str(folder)!r}")

    def find(self, request: Received) -> Endpoint:
        """Return the endpoint that answers from the files."""
        return Endpoint(self._replay)

    def _replay(self, request: Received) -> Reply:
        name = _name(request)
        with self._lock:
            following = self._seen[name] + 1
            file = self._folder / f"{name}-{following}.json"
            if file.exists():
                self._seen[name] = following
            elif following == 1:
                words = f"not recorded: {request.method} {request.route} with this body; no file {name}-1.json"
                raise Refusal(404, None, f"{words} in {self._folder}. Record it: Emulator(record=..., upstream=...)")
            else:
                file = self._folder / f"{name}-{following - 1}.json"
        try:
            answer = json.loads(file.read_text(encoding="utf-8"))["response"]
            body = [_bytes(event) for event in answer["events"]] if "events" in answer else _restored(answer)
            return Reply(body, answer["status"], answer["content_type"], answer["headers"])
        except (ValueError, KeyError, TypeError) as error:
            raise Refusal(500, None, f"{file} is not a recorded exchange: {type(error).__name__}: {error}") from error


def _name(request: Received) -> str:
    """Return the name of a request's files: its path, and a digest of what it asks."""
    asked = "".join(_cleared(json.dumps(_readable(request.body), sort_keys=True), request))
    digest = hashlib.sha256(f"{request.method} {request.route} {asked}".encode()).hexdigest()
    path = re.sub("[^a-z0-9]+", "-", request.route.lower()).strip("-")
    return f"{path[:60]}-{digest[:16]}"


def _cleared(text: str, request: Received) -> list[str]:
    """Return the characters of `text` without the request's own credential and without what looks like one.

    The first character of a credential is replaced by a word, the others are empty.
    """
    characters = list(text)
    for start, end in _credentials(text, request):
        characters[start:end] = [REMOVED] + [""] * (end - start - 1)
    return characters


def _credentials(text: str, request: Received) -> Iterator[tuple[int, int]]:
    for header in ("authorization", "x-api-key"):
        token = request.headers.get(header, "").rpartition(" ")[2]
        if len(token) >= 8:  # a shorter one would match ordinary words
            yield from (found.span() for found in re.finditer(re.escape(token), text))
    for found in _CREDENTIAL.finditer(text):
        yield found.start() + len(found["name"] or found["field"] or ""), found.end()


def _unsplit(chunks: list[bytes], request: Received) -> list[bytes]:
    """Return the events of a stream, or a whole body, without a credential that only its strings together contain.

    Strings at the same fields are the pieces of one text.
    """
    values = [_value(chunk) for chunk in chunks]
    pieces: dict[tuple[str, ...], list[tuple[int, Any, Any]]] = {}
    for number, value in enumerate(values):
        for fields, holder, key in _strings(value):
            pieces.setdefault(fields, []).append((number, holder, key))
    changed = set()
    for found in pieces.values():
        cleared = iter(_cleared("".join(holder[key] for _, holder, key in found), request))
        for number, holder, key in found:
            piece = "".join(islice(cleared, len(holder[key])))
            if piece != holder[key]:
                holder[key] = piece
                changed.add(number)
    return [_with_value(chunk, values[number]) if number in changed else chunk for number, chunk in enumerate(chunks)]


def _strings(node: Any, fields: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Yield each string of a JSON value: the fields that lead to it, with their "index"; its container and its key."""
    if isinstance(node, dict) and "index" in node:
        fields = (*fields, str(node["index"]))
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        path = (*fields, key) if isinstance(key, str) else fields
        if isinstance(value, str):
            yield path, node, key
        else:
            yield from _strings(value, path)


def _value(chunk: bytes) -> Any:
    """Return the JSON value of an event's data or of a body, None if it has none."""
    data = b"".join(line[5:] for line in chunk.splitlines() if line.startswith(_DATA))
    try:
        return json.loads(data or chunk)
    except (ValueError, RecursionError):
        return None


def _with_value(chunk: bytes, value: Any) -> bytes:
    lines = chunk.splitlines(keepends=True)
    others = [line for line in lines if line.strip() and not line.startswith(_DATA)]
    if len(others) == len(lines):
        return _encoded(value)
    return b"".join([*others, _DATA, b" ", _encoded(value), b"\n\n"])


def _events(response: HTTPResponse) -> Iterator[bytes]:
    """Yield the events of a stream, each with the blank line that ends it."""
    lines = []
    while line := response.readline():
        lines.append(line)
        if not line.strip():
            yield b"".join(lines)
            lines.clear()
    if lines:
        yield b"".join(lines)


def _stored(body: bytes) -> dict[str, Any]:
    """Return how a whole body is written: as the JSON value that it is, else as text."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {"text": _text(body)}
    return {"json": value} if _encoded(value) == body else {"text": _text(body)}


def _restored(answer: dict[str, Any]) -> bytes:
    return _bytes(answer["text"]) if "text" in answer else _encoded(answer["json"])


def _readable(body: Any) -> Any:
    return _text(body) if isinstance(body, bytes) else body


def _encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else dumps(body).encode("utf-8", "surrogatepass")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
