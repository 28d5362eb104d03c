"""`map`: one answer per line of a file. The file of answers is its own checkpoint."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, LlmError, RequestError
from .clients import open_client, read_schema
from .parser import Command, UsageError, argument
from .terminal import complain, is_terminal, remark

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..batch.run import Prompt
    from ..values.request import ChatRequest

_DESCRIPTION = """\
Send every line of a file to a model of MiniMax, and write one line per answer.

A line of IN.jsonl is a JSON string, {"prompt": "..."} or {"messages": [...]}; an object may have an "id", and options
as the Python client's chat() takes them: "model", "system", "max_tokens", "temperature", ...

A line of OUT.jsonl has: index, id, text, reasoning, tool_calls, finish_reason, usage, model, error (null, or an object
with type and message) and key. Answers are written as they arrive; index counts the lines of IN.jsonl from 0, except
blank ones.

A second run continues where the first stopped: it repeats failed lines, but none that have an answer. An invalid line
of IN.jsonl fails without stopping the run, and is named on stderr."""

_EXAMPLES = """\
minimax-sync map questions.jsonl -o answers.jsonl
jq -R . < questions.txt | minimax-sync map - -o answers.jsonl --workers 16
minimax-sync map IN.jsonl -o OUT.jsonl --dask tcp://scheduler:8786 --redis redis://host:6379/0"""

_NAMED_LINES = 10
_BOM = b"\xef\xbb\xbf"


class Lines:
    """The lines of the input that are not blank, with their numbers; `broken` names those that cannot be read."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._name = "stdin" if path == "-" else path
        self.broken: list[str] = []

    def __length_hint__(self) -> int:
        return sum(1 for _ in self) if os.path.isfile(self._path) else 0

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        with sys.stdin.buffer if self._path == "-" else open(self._path, "rb") as file:
            for number, line in enumerate(file, 1):
                text = line.removeprefix(_BOM) if number == 1 else line
                if text.strip():
                    yield number, text

    def read(self, numbered: tuple[int, bytes]) -> Prompt:
        """Read one line; an error names it."""
        from ..batch.run import Prompt

        number, line = numbered
        fields: dict[str, Any] = {}
        try:
            fields.update(_fields(line))
            return Prompt(_request(fields), fields.get("id"))
        except LlmError as error:
            problem = RequestError(f"{self._name}, line {number}: {error}")
        self.broken.append(str(problem))
        return Prompt(problem, fields.get("id"))


def _fields(line: bytes) -> dict[str, Any]:
    import msgspec

    try:
        value = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as exc:
        problem = f"not JSON: {exc}"
    else:
        if isinstance(value, str):
            return {"prompt": value}
        if isinstance(value, dict):
            return value
        problem = f"neither a string nor an object, but {type(value).__name__}"
    raise RequestError(problem)


def _request(fields: dict[str, Any]) -> ChatRequest:
    from ..values.request import as_request

    options = {name: value for name, value in fields.items() if name not in ("id", "prompt")}
    if ("prompt" in fields) == ("messages" in fields):
        raise RequestError('it must have either "prompt" or "messages"')
    if "messages" in fields:
        return as_request(options, {})
    if not isinstance(fields["prompt"], str):
        raise RequestError("prompt must be a string")
    return as_request(fields["prompt"], options)


def _run(arguments: Namespace) -> int:
    _check(arguments)
    lines = Lines(arguments.inputs)
    count = failures = 0
    with open_client(arguments, limiter=arguments.redis) as client, _executor(arguments.dask) as executor:
        results = client._map(
            lines,
            lines.read,
            workers=arguments.workers,
            executor=executor,
            ordered=False,
            progress=is_terminal(sys.stderr) and find_spec("tqdm") is not None,
            checkpoint=arguments.output,
            schema=read_schema(arguments.schema) if arguments.schema else None,
        )
        try:
            for result in results:
                count += 1
                failures += result.error is not None
        except KeyboardInterrupt:
            remark(f"stopped; the answers so far are in {arguments.output}; run the same command to continue")
            raise
    return _report(arguments.output, count, failures, lines.broken)


def _check(arguments: Namespace) -> None:
    if arguments.workers < 1:
        raise UsageError("--workers must be an integer of at least 1")
    if arguments.inputs == "-" and sys.stdin.isatty():
        raise UsageError("stdin is a terminal; give a file, or pipe the lines in")
    if arguments.inputs != "-":
        open(arguments.inputs, "rb").close()
    if os.path.realpath(arguments.inputs) == os.path.realpath(arguments.output):
        raise UsageError("IN.jsonl and OUT.jsonl are the same file")


def _report(output: str, count: int, failures: int, broken: list[str]) -> int:
    for problem in broken[:_NAMED_LINES]:
        complain(problem)
    if not failures:
        remark(f"{count} lines are answered in {output}")
        return 0
    unnamed = len(broken) - _NAMED_LINES
    more = f", {unnamed} more of them broken" if unnamed > 0 else ""
    complain(f"{failures} of {count} lines failed{more}; {output} has the reasons; run the same command to repeat them")
    return 1


@contextmanager
def _executor(address: str | None) -> Iterator[Executor | None]:
    if address is None:
        yield None
        return
    if find_spec("distributed") is None:
        raise ConfigError("--dask needs distributed: pip install 'minimax-sync[dask]'")
    from distributed import Client

    with Client(address) as dask, dask.get_executor() as executor:
        yield executor


COMMAND = Command(
    "map",
    "send every line of a file, one answer per line; a second run continues",
    _DESCRIPTION,
    _run,
    (
        argument("inputs", metavar="IN.jsonl", help="one prompt per line; - is stdin"),
        argument("-o", "--output", metavar="FILE", required=True, help="OUT.jsonl, to which the answers are appended"),
        argument("--workers", metavar="N", type=int, default=8, help="how many calls run concurrently; by default 8"),
        argument(
            "--schema", metavar="FILE", help="ask for JSON that fits the schema in FILE; other answers are errors"
        ),
        argument("--dask", metavar="ADDRESS", help="run the calls on the workers of this Dask scheduler"),
        argument("--redis", metavar="URL", help="share one request rate with all programs that use this Redis"),
    ),
    _EXAMPLES,
)
