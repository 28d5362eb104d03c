"""Answers kept in a file, one JSON object per line, so that a killed run can continue where it stopped.

Contains the file, its lock and the shape of its lines, which is also that of the command line's OUT.jsonl. A line is
written in one call as soon as there is an answer, so `kill -9` loses at most the line being written, and a power cut
what was written in the last second. An answer belongs to its request (`key_of`), whatever its index. Knows no client.
"""

from __future__ import annotations

import errno
import hashlib
import heapq
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from operator import attrgetter
from types import TracebackType
from typing import Any, BinaryIO

import msgspec

from ..auth.file_access import replace
from ..errors import ConfigError, LlmError, ToolArgumentsError
from ..settings.places import absolute, path_text
from ..values.images import Image
from ..values.json_text import as_json
from ..values.messages import ChatMessage, Reasoning, Text, ToolCall
from ..values.request import ChatRequest
from ..values.response import ChatResponse
from ..values.usage import TokenUsage

_SYNC_EVERY = 1.0  # seconds; an fsync takes milliseconds: after every line it would limit the rate of short calls
_OFFSET_BITS = 44
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class CallLine(msgspec.Struct):
    """A tool call; `arguments` is the text as the model wrote it where that is not a JSON object."""

    id: str
    name: str
    arguments: dict[str, Any] | str


class ErrorLine(msgspec.Struct):
    """Why there is no answer."""

    type: str
    message: str


class Line(msgspec.Struct):
    """One line of the file. `id` is the input's own, where it has one; `key` identifies what was asked (`key_of`)."""

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
        """Return the line for an answer, or for an error with the part of the answer received before it."""
        line = cls(index, id, key=key)
        if error is not None:
            line.error = ErrorLine(type(error).__name__, str(error))
            response = response or error.partial
        if response is not None:
            line.text, line.reasoning = response.text, response.reasoning
            line.tool_calls = [CallLine(call.id, call.name, _arguments(call)) for call in response.tool_calls]
            line.finish_reason, line.usage, line.model = response.finish_reason, response.usage, response.model
        return line

    @property
    def is_failure(self) -> bool:
        """True for an error, and for an answer that the service ended with the finish reason "error"."""
        return self.error is not None or self.finish_reason == "error"

    def response(self) -> ChatResponse:
        """Return the answer without what a line does not hold: ids, headers, signatures of the thinking."""
        parts: list[Any] = [Reasoning(self.reasoning, "reasoning_content")] if self.reasoning else []
        parts += [Text(self.text)] if self.text else []
        parts += [_tool_call(call) for call in self.tool_calls]
        message = ChatMessage("assistant", tuple(parts))
        return ChatResponse(message, self.finish_reason, self.usage or TokenUsage(), self.model)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode
_BEGINNING = b'{"index":'


def key_of(request: ChatRequest, model: str) -> str:
    """Return a hash of what determines the answer on any wire: messages, model and options, but not the timeout."""
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

    Opening takes a lock, removes an incomplete last line, and drops the lines of failures, whose inputs are asked
    again. Raises `ConfigError`, leaving the file unchanged, if another run has it open, or if it is not a checkpoint.
    At the end the lines get the indexes of this run; after a complete run the lines that it did not use come first, so
    that the last line with an index is the valid one.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._name = path_text(path, "checkpoint")
        self.path = os.path.realpath(absolute(self._name, "checkpoint"))
        # Hash of a key -> where its answers are, as index << 44 | offset, lowest index first: a million in 100 MB.
        self._answers: dict[int, int | list[int]] = {}
        self._moved: dict[int, tuple[int, Any]] = {}  # offset -> index and id in this run
        self._first_used: int | None = None
        self._is_whole_run = False
        self._writing = threading.Lock()
        self._size = 0
        self._synced_at = 0.0

    def __enter__(self) -> Checkpoint:
        try:
            if os.path.exists(self.path) and not os.path.isfile(self.path):  # reading /dev/full would not end
                raise OSError(errno.EINVAL, "not a regular file")
            open(self.path, "ab").close()  # filelock would create missing directories
            with ExitStack() as opened:
                opened.callback(self._lock())
                if self._recover():
                    self._rewrite(lambda offset, line: not line.is_failure)
                opened.callback(self._arrange)
                self._reader = opened.enter_context(open(self.path, "rb"))
                self._writer = os.open(self.path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
                opened.callback(os.close, self._writer)
                self._opened = opened.pop_all()
        except OSError as error:
            problem = error.strerror or error
            if error.filename and os.path.realpath(error.filename) != self.path:
                problem = f"{error.filename} cannot be used: {problem}; remove it"
        else:
            self._is_open = True
            return self
        raise ConfigError(f"checkpoint {self._name}: {problem}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._writing:
            self._is_open = False
            self._is_whole_run = kind is None
        with self._opened:
            os.fsync(self._writer)

    def find(self, index: int, key: str, id: Any = None) -> ChatResponse | None:
        """Return the answer of an earlier run to this request: the n-th answer for its n-th occurrence, each once."""
        known = self._answers.pop(hash(key), None)
        if known is None:
            return None
        if isinstance(known, list):
            place = heapq.heappop(known)
            if known:
                self._answers[hash(key)] = known
        else:
            place = known
        offset = place & ((1 << _OFFSET_BITS) - 1)
        self._reader.seek(offset)
        line = _line(self._reader.readline())
        if line.key != key:
            return None
        self._first_used = offset if self._first_used is None else min(offset, self._first_used)
        if (line.index, line.id) != (index, id):
            self._moved[offset] = (index, id)
        return line.response()

    def write(self, line: Line) -> None:
        """Append a line. Raises OSError when the disk is full, without leaving half a line."""
        left = memoryview(_encode(line) + b"\n")
        with self._writing:
            if not self._is_open:
                return
            try:
                while left:
                    left = left[os.write(self._writer, left) :]
            except OSError as error:
                raise OSError(error.errno, error.strerror, self._name) from None
            finally:
                if left:
                    os.ftruncate(self._writer, self._size)
                else:
                    self._size = os.fstat(self._writer).st_size
            if time.monotonic() - self._synced_at > _SYNC_EVERY:
                os.fsync(self._writer)
                self._synced_at = time.monotonic()

    def _lock(self) -> Callable[[], None]:
        """Lock the file for this run. Return the function that unlocks it."""
        from filelock import FileLock, Timeout

        # Not thread-local: a generator may be closed by another thread than the one that started it.
        lock = FileLock(f"{self.path}.lock", timeout=0, thread_local=False)
        with suppress(Timeout):
            lock.acquire()
            return lock.release
        raise ConfigError(
            f"checkpoint {self._name}: another run writes to it; wait until it has finished, or choose another file"
        )

    def _recover(self) -> bool:
        """Index the answers, repair the end of the file, and return whether there are lines of failures."""
        has_failures = False
        with open(self.path, "ab+") as file:
            file.seek(0)
            for offset, raw, line in self._lines(file):
                if line is None:
                    file.truncate(offset)
                    break
                if not raw.endswith(b"\n"):
                    file.write(b"\n")
                has_failures |= line.is_failure
                self._remember(line, offset)
            file.flush()
            self._size = os.fstat(file.fileno()).st_size
        return has_failures

    def _remember(self, line: Line, offset: int) -> None:
        if line.is_failure:
            return
        place = line.index << _OFFSET_BITS | offset
        known = self._answers.setdefault(hash(line.key), place)
        if isinstance(known, list):
            heapq.heappush(known, place)
        elif known != place:
            self._answers[hash(line.key)] = sorted((known, place))

    def _arrange(self) -> None:
        """Give moved lines their new indexes; after a complete run, put the lines that it did not use first."""
        unused: set[int] = set()
        if self._is_whole_run and self._answers and self._first_used is not None:
            places = (each if isinstance(each, list) else [each] for each in self._answers.values())
            offsets = {place & ((1 << _OFFSET_BITS) - 1) for each in places for place in each}
            unused = offsets if max(offsets) > self._first_used else set()
        if self._moved or unused:
            self._rewrite(lambda offset, line: offset in unused, lambda offset, line: offset not in unused)

    def _rewrite(self, *passes: Callable[[int, Line], bool]) -> None:
        """Replace the file by the lines that each pass selects, one pass after another."""
        temporary = f"{self.path}.tmp"
        self._answers.clear()
        try:
            with open(self.path, "rb") as file, open(temporary, "wb") as kept:
                for is_chosen in passes:
                    file.seek(0)
                    for offset, _, line in self._lines(file):
                        if line is not None and is_chosen(offset, line):
                            line.index, line.id = self._moved.get(offset, (line.index, line.id))
                            self._remember(line, kept.tell())
                            kept.write(_encode(line) + b"\n")
                kept.flush()
                os.fsync(kept.fileno())
                self._size = kept.tell()
            shutil.copymode(self.path, temporary)
            replace(temporary, self.path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _lines(self, file: BinaryIO) -> Iterator[tuple[int, bytes, Line | None]]:
        """Yield offset, bytes and line, without blank lines; the line is None for an incomplete last one."""
        offset = 0
        for number, raw in enumerate(file, 1):
            if not raw.isspace():
                yield offset, raw, self._read(raw, number)
            offset += len(raw)

    def _read(self, raw: bytes, number: int) -> Line | None:
        try:
            return _line(raw)
        except (msgspec.MsgspecError, UnicodeError) as exc:
            problem = str(exc)
        if not raw.endswith(b"\n") and raw.startswith(_BEGINNING[: len(raw)]):
            return None
        raise ConfigError(
            f"checkpoint {self._name}, line {number}: not a line that map() wrote ({problem}); "
            "repair or remove it, or choose another file"
        )


def _line(raw: bytes) -> Line:
    return _decode(raw.removeprefix(_BYTE_ORDER_MARK))
