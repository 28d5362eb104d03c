"""Answers kept in a file, one JSON object per line, so that a run that was killed goes on where it stopped.

Owns the file, its lock and the shape of its lines, which is also that of the command line's OUT.jsonl. A line goes out
in one write as soon as there is an answer, so `kill -9` costs no line but the one being written; a power cut costs what
came in the last second. Knows nothing of clients.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from operator import attrgetter
from types import TracebackType
from typing import TYPE_CHECKING, Any

import msgspec

from ..errors import ConfigError, LlmError, ToolArgumentsError
from ..values.images import Image
from ..values.json_text import as_json
from ..values.messages import ChatMessage, Reasoning, Text, ToolCall
from ..values.request import ChatRequest
from ..values.response import ChatResponse
from ..values.usage import TokenUsage

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from typing_extensions import Self

_SYNC_EVERY = 1.0  # seconds; fsync takes milliseconds, which after every line would bound the rate of short calls


class CallLine(msgspec.Struct):
    """A tool call; `arguments` is the text as the model wrote it where that is no JSON object."""

    id: str
    name: str
    arguments: dict[str, Any] | str


class ErrorLine(msgspec.Struct):
    """What was in the way of an answer."""

    type: str
    message: str


class Line(msgspec.Struct):
    """One line of the file. `id` is the input's own, where it has one; `key` tells what was asked (`key_of`)."""

    index: int
    id: Any = None
    text: str = ""
    reasoning: str = ""
    tool_calls: list[CallLine] = []
    finish_reason: str = ""
    usage: TokenUsage | None = None
    model: str = ""
    error: ErrorLine | None = None
    key: str = ""

    @classmethod
    def of(cls, index: int, id: Any, key: str, response: ChatResponse | None, error: LlmError | None) -> Line:
        """Write down an answer, or an error with what had come of the answer."""
        line = cls(index, id, key=key)
        if error is not None:
            line.error = ErrorLine(type(error).__name__, str(error))
            response = response or error.partial
        if response is not None:
            line.text, line.reasoning = response.text, response.reasoning
            line.tool_calls = [CallLine(call.id, call.name, _arguments(call)) for call in response.tool_calls]
            line.finish_reason, line.usage, line.model = response.finish_reason, response.usage, response.model
        return line

    def response(self) -> ChatResponse:
        """Make the answer again, without what a line does not hold: ids, headers, signatures of the thinking."""
        parts: list[Any] = [Reasoning(self.reasoning, "reasoning_content")] if self.reasoning else []
        parts += [Text(self.text)] if self.text else []
        parts += [_tool_call(call) for call in self.tool_calls]
        message = ChatMessage("assistant", tuple(parts))
        return ChatResponse(message, self.finish_reason, self.usage or TokenUsage(), self.model)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode
_BEGINNING = b'{"index":'


def key_of(request: ChatRequest, model: str) -> str:
    """Hash all that decides the answer, whatever the wire: messages, model and options, but not the timeout."""
    content = {**msgspec.structs.asdict(request), "model": request.model or model, "timeout": None}
    return hashlib.blake2b(as_json(content, "the request", enc_hook=_plain), digest_size=16).hexdigest()


_FIELDS: dict[type, Callable[[Any], object]] = {
    ToolCall: attrgetter("id", "name", "arguments_json"),
    Image: lambda image: {"media_type": image.media_type, "data": image.base64.decode(), "url": image.url},
}


def _plain(value: Any) -> object:
    return _FIELDS.get(type(value), dict)(value)


def _arguments(call: ToolCall) -> dict[str, Any] | str:
    try:
        return call.arguments
    except ToolArgumentsError:
        return call.arguments_json


def _tool_call(call: CallLine) -> ToolCall:
    if isinstance(call.arguments, str):
        return ToolCall(call.id, call.name, arguments_json=call.arguments)
    return ToolCall(call.id, call.name, call.arguments)


class Checkpoint:
    """The file, while it is open in a `with`. `write` may be called from any thread, and does nothing after the end.

    Opening takes a lock, cuts off a last line that was torn, and drops the lines of errors, whose inputs are asked
    again. Raises `ConfigError`, leaving the file alone, when another run has it, or when it is not such a file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.path.realpath(path)
        self._name = os.fspath(path)
        self._answers: dict[int, int] = {}  # hash of index and key -> offset: a million lines in 100 MB
        self._writing = threading.Lock()
        self._size = 0
        self._synced_at = 0.0

    def __enter__(self) -> Self:
        try:
            open(self.path, "ab").close()  # filelock would make missing directories
            with ExitStack() as opened:
                opened.callback(self._locked().release)
                if self._recover():
                    self._drop_errors()
                self._reader = opened.enter_context(open(self.path, "rb"))
                self._writer = os.open(self.path, os.O_WRONLY | os.O_APPEND)
                opened.callback(os.close, self._writer)
                self._opened = opened.pop_all()
        except OSError as error:
            problem = error.strerror or error
        else:
            self._is_open = True
            return self
        raise ConfigError(f"checkpoint {self._name}: {problem}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._writing:
            self._is_open = False
        with self._opened:
            os.fsync(self._writer)

    def find(self, index: int, key: str) -> ChatResponse | None:
        """Return the answer that an earlier run got to this input, once."""
        offset = self._answers.pop(hash((index, key)), None)
        if offset is None:
            return None
        self._reader.seek(offset)
        line = _decode(self._reader.readline())
        return line.response() if (line.index, line.key) == (index, key) else None

    def write(self, line: Line) -> None:
        """Append a line. Raises OSError when the disk is full, without leaving half a line."""
        left = memoryview(_encode(line) + b"\n")
        with self._writing:
            if not self._is_open:
                return
            try:
                while left:
                    left = left[os.write(self._writer, left) :]
            finally:
                if left:
                    os.ftruncate(self._writer, self._size)
                else:
                    self._size = os.fstat(self._writer).st_size
            if time.monotonic() - self._synced_at > _SYNC_EVERY:
                os.fsync(self._writer)
                self._synced_at = time.monotonic()

    def _locked(self) -> BaseFileLock:
        from filelock import FileLock, Timeout

        # Not thread-local: a generator that is dropped may be closed in another thread than it was begun in.
        lock = FileLock(f"{self.path}.lock", timeout=0, thread_local=False)
        with suppress(Timeout):
            lock.acquire()
            return lock
        raise ConfigError(f"checkpoint {self._name}: another run writes to it; wait for its end or choose another file")

    def _recover(self) -> bool:
        """Find the answers, cut off a torn end, and tell whether there are lines of errors."""
        has_errors = False
        with open(self.path, "ab+") as file:
            file.seek(0)
            for offset, line in self._lines(file):
                if line is None:
                    file.truncate(offset)
                elif line.error is None:
                    self._answers[hash((line.index, line.key))] = offset
                else:
                    has_errors = True
            self._size = os.fstat(file.fileno()).st_size
        return has_errors

    def _drop_errors(self) -> None:
        temporary = f"{self.path}.tmp"
        self._answers.clear()
        with open(self.path, "rb") as file, open(temporary, "wb") as kept:
            for _, line in self._lines(file):
                if line is not None and line.error is None:
                    self._answers[hash((line.index, line.key))] = kept.tell()
                    kept.write(_encode(line) + b"\n")
            kept.flush()
            os.fsync(kept.fileno())
            self._size = kept.tell()
        shutil.copymode(self.path, temporary)
        os.replace(temporary, self.path)

    def _lines(self, file: Any) -> Iterator[tuple[int, Line | None]]:
        """Yield offset and line; None, at the end, for one that was torn."""
        offset = 0
        for number, raw in enumerate(file, 1):
            if not raw.endswith(b"\n") and raw.startswith(_BEGINNING[: len(raw)]):
                yield offset, None
                return
            try:
                line = _decode(raw)
            except (msgspec.MsgspecError, UnicodeError) as exc:
                problem = str(exc)
            else:
                yield offset, line
                offset += len(raw)
                continue
            raise ConfigError(
                f"checkpoint {self._name}, line {number}: not a line that map() wrote ({problem}); "
                "repair or remove it, or choose another file"
            )
