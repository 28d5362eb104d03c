"""A canary key, token and prompt, and a watch that finds them wherever they must not be.

While `watching` runs, every exception that leaves a public method is searched (text, arguments, attributes, what it is
chained to, the locals of every frame that is not a test's, its pickle), and so is the repr of every value that such a
method returns; at its end every log record down to DEBUG, all that was printed (http.client's debugging output is on),
and every file that was written below the test's folder but those that are there to hold a secret.
"""

from __future__ import annotations

import functools
import http.client
import logging
import pickle
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from minimax_sync import ChatStream, MiniMaxClient, StaticKey, TokenPlan

KEY = "sk-canary-51b3f7a9c2d84e6088"
TOKEN = "token-canary-0c9e6d1b7f5a42"
PROMPT = "the canary asks 3e8f02d4"
SECRETS = (KEY, TOKEN, PROMPT)

MADE_TO_HOLD_SECRETS = ("minimax_token_plan.json", "minimax_code_plan_key.txt", "llm.yaml")

_TESTS = str(Path(__file__).parents[1])
_PUBLIC: dict[type, tuple[str, ...]] = {
    MiniMaxClient: (
        "__init__",
        "chat",
        "stream",
        "embed",
        "models",
        "quota",
        "count_tokens",
        "parse",
        "run_tools",
        "with_options",
        "close",
        "__repr__",
        "__reduce__",
    ),
    ChatStream: ("__next__", "close", "__exit__", "__repr__", "__reduce__"),
    StaticKey: ("__init__", "force_refresh", "__repr__", "__reduce__"),
    TokenPlan: ("bearer", "force_refresh", "__repr__", "__reduce__"),
}
_GIVES_SECRETS = {(TokenPlan, "bearer"), (TokenPlan, "force_refresh")}


class Leak(AssertionError):
    """A secret was found where it must not be."""


def secrets_in(value: object, depth: int = 3) -> list[str]:
    """Return the names of the secrets that `value` shows: as text, by its repr, or inside a container."""
    texts = [value.decode("latin-1")] if isinstance(value, (bytes, bytearray)) else [_shown(value)]
    if isinstance(value, str):
        texts.append(value)
    found = {secret for secret in SECRETS for text in texts if secret in text}
    if depth and isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if depth and isinstance(value, (list, tuple, set, frozenset)):
        found.update(secret for item in list(value)[:1000] for secret in secrets_in(item, depth - 1))
    return sorted(found)


def leaks_of(error: BaseException) -> list[str]:
    """Return the places where `error`, or what it is chained to, shows a secret."""
    places: list[str] = []
    for each in _chain(error):
        name = type(each).__name__
        attributes = {**vars(each), "args": each.args, "text": str(each), "repr": repr(each)}
        places += [f"{name}.{attribute}" for attribute, value in attributes.items() if secrets_in(value)]
        for frame, line in traceback.walk_tb(each.__traceback__):
            code = frame.f_code
            if not code.co_filename.startswith(_TESTS):
                where = f"{Path(code.co_filename).name}:{line} {code.co_name}"
                places += [f"{name}: {where}: {local}" for local, value in frame.f_locals.items() if secrets_in(value)]
    if secrets_in(_pickled(error)):
        places.append("the pickle")
    return places


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is not None and id(current) not in seen:
            seen.add(id(current))
            yield current
            pending += [current.__cause__, current.__context__, *getattr(current, "exceptions", ())]


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:
        return ""


def _pickled(value: object) -> bytes:
    try:
        return pickle.dumps(value)
    except Exception:
        return b""


class Watch:
    """What was found. A test may give it more to look at."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._busy = threading.local()

    def error(self, error: BaseException) -> None:
        """Search an exception."""
        self.found += leaks_of(error)

    def value(self, place: str, value: object) -> None:
        """Search a value."""
        if secrets_in(value):
            self.found.append(place)

    def guard(self, owner: type, name: str) -> Callable[..., Any]:
        """Wrap a public method so that all that comes out of it is searched."""
        method = getattr(owner, name)

        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                result = method(*args, **kwargs)
            except BaseException as error:
                if not isinstance(error, StopIteration):
                    self._search(self.error, error)
                raise
            if (owner, name) not in _GIVES_SECRETS:
                self._search(self.value, f"what {owner.__name__}.{name} returns", result)
                self._search(self.value, f"the pickle of what {owner.__name__}.{name} returns", _pickled(result))
            return result

        return call

    def _search(self, search: Callable[..., None], *what: object) -> None:
        """Search, unless it is the search itself that called a public method, such as a repr."""
        if not getattr(self._busy, "now", False):
            self._busy.now = True
            try:
                search(*what)
            finally:
                self._busy.now = False


class _Records(logging.Handler):
    def __init__(self, watch: Watch) -> None:
        super().__init__(logging.DEBUG)
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        self._watch.value(f"a log record of {record.name}", [record.getMessage(), vars(record)])
        if record.exc_info and record.exc_info[1]:
            self._watch.error(record.exc_info[1])


@contextmanager
def watching(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Watch]:
    """Raise `Leak` at the end if a canary was found where it must not be."""
    found = Watch()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    for owner, names in _PUBLIC.items():
        for name in names:
            if hasattr(owner, name):
                monkeypatch.setattr(owner, name, found.guard(owner, name))
    handler, root = _Records(found), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield found
    root.removeHandler(handler)
    root.setLevel(level)
    printed = capsys.readouterr()
    found.value("stdout", printed.out)
    found.value("stderr", printed.err)
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name not in MADE_TO_HOLD_SECRETS:
            found.value(f"the file {path.name}", path.read_bytes())
    if found.found:
        raise Leak("; ".join(dict.fromkeys(found.found)))
