"""What a fuzzer calls: each target takes any bytes and fails only by an exception that is none of this library's.

`scripts/fuzz` hands them to libFuzzer; the tests call them with some damaged inputs.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path

from minimax_sync.auth.bundle import parse_bundle
from minimax_sync.auth.portal import Answer
from minimax_sync.auth.token_endpoint import decode_answer
from minimax_sync.errors import ConfigError, LlmError, ToolArgumentsError
from minimax_sync.pacing.retry import retry_after_seconds
from minimax_sync.secret import Secret
from minimax_sync.settings.llm_yaml import read_config
from minimax_sync.settings.placeholders import Placeholders
from minimax_sync.settings.settings import ConfigFile, Sourced
from minimax_sync.values.response import ChatResponse
from minimax_sync.wires.accumulator import Accumulator
from minimax_sync.wires.anthropic_decode import AnthropicAccumulator
from minimax_sync.wires.failures import failure_of_status
from minimax_sync.wires.openai_decode import OpenAIAccumulator
from minimax_sync.wires.services import decode_quota
from minimax_sync.wires.sse import SseParser

DATA = Path(__file__).parent.parent / "data"

_BUNDLE = b'{"access_token": "a", "refresh_token": "b", "expires_at": "2026-05-01T12:00:00Z", "region": "https://x"}'
_YAML = b"""providers:
  minimax: {api_key: "${KEY:-x}", base_url: https://api.minimax.io, rate_limit: {requests_per_second: 2.0}}
  other: &a
    auth: {mode: auto, bundle: ./secrets/b.json}
retry: {max_attempts: 5, initial_backoff_ms: 1000}
"""
_GRANT = b'{"status": "success", "access_token": "a", "refresh_token": "b", "expired_in": 1785164400000}'
_QUOTA = (
    b'{"model_remains": [{"start_time": 1, "end_time": 2, "model_name": "general"}], "base_resp": {"status_code": 0}}'
)


def _look_at(response: ChatResponse) -> None:
    """Touch all that a user may, the calls' arguments included."""
    assert isinstance(response.text + response.reasoning + repr(response), str)
    for call in response.tool_calls:
        try:
            assert isinstance(call.arguments, dict)
        except ToolArgumentsError:
            continue


def _fold(make: Callable[[tuple[str, ...]], Accumulator], data: bytes) -> None:
    """Take `data` as a stream whose first byte is the size of its pieces, and as a whole body."""
    size, stops, rest = (data[0] if data else 0) or 1, ("stop", "\n\n") if data[:1] > b"\x7f" else (), data[1:]
    accumulator, parser = make(stops), SseParser()
    try:
        for start in range(0, len(rest), size):
            for event in parser.feed(rest[start : start + size]):
                accumulator.feed(event)
        accumulator.end()
    except LlmError:
        assert not accumulator.complete or accumulator.response() is not None
    _look_at(accumulator.response())
    accumulator = make(stops)
    try:
        accumulator.feed_body(rest)
        accumulator.end()
    except LlmError:
        pass  # that it is one of ours is what is shown
    _look_at(accumulator.response())


def openai(data: bytes) -> None:
    """Accumulate a stream and a body of the OpenAI wire."""
    _fold(OpenAIAccumulator, data)


def anthropic(data: bytes) -> None:
    """Accumulate a stream and a body of the Anthropic wire."""
    _fold(AnthropicAccumulator, data)


def error_body(data: bytes) -> None:
    """Classify the body of an error."""
    assert isinstance(failure_of_status(400 + (data[0] if data else 0) % 200, data[1:]), LlmError)


def bundle(data: bytes) -> None:
    """Parse a Token Plan bundle."""
    parsed = parse_bundle(data)
    assert isinstance(parsed, str) or parsed.margin >= 0


def grant(data: bytes) -> None:
    """Read an answer of the token endpoint."""
    answer = Answer(200 + (data[0] if data else 0), {"Retry-After": "1"}, data[1:])
    decode_answer(answer, Secret("spent"), 1_785_000_000.0)


def quota(data: bytes) -> None:
    """Read the plan's windows."""
    try:
        decode_quota(data)
    except LlmError:
        return


def retry_after(data: bytes) -> None:
    """Read a Retry-After header."""
    seconds = retry_after_seconds(data.decode("latin-1"), datetime.now(timezone.utc))
    assert seconds is None or 0 <= seconds < float("inf")


def config(data: bytes) -> None:
    """Read a configuration file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "llm.yaml"
        path.write_bytes(data)
        placeholders = Placeholders({"KEY": "x"}, Path(folder))
        try:
            file = ConfigFile("llm.yaml", Path(folder), "argument")
            read_config([file], Sourced("minimax", "default"), None, placeholders)
        except ConfigError:
            return


def _recorded(*names: str) -> list[bytes]:
    return [b"\x07" + (DATA / name).read_bytes() for name in names]


TARGETS: dict[str, tuple[Callable[[bytes], None], list[bytes]]] = {
    "openai": (openai, _recorded("openai_m25.json", "openai_m27_reasoning.sse", "openai_m27_tool_calls.sse")),
    "anthropic": (anthropic, _recorded("anthropic_m25_tool_use.sse")),
    "error_body": (
        error_body,
        [b'\x01{"type": "error", "error": {"type": "x", "message": "no (1008)", "http_code": "5"}}'],
    ),
    "bundle": (bundle, [_BUNDLE]),
    "grant": (grant, [b"\x00" + _GRANT]),
    "quota": (quota, [_QUOTA]),
    "retry_after": (retry_after, [b"120", b"Fri, 01 May 2026 12:00:00 GMT"]),
    "config": (config, [_YAML]),
}
"""What to call, and what to begin with."""


def mutations(seeds: list[bytes], count: int, seed: int = 1) -> list[bytes]:
    """Change the seeds at random: bytes replaced, cut out, doubled, put from one into another."""
    choice, changed = random.Random(seed), list(seeds)
    for _ in range(count):
        data = bytearray(choice.choice(seeds))
        for _ in range(choice.randint(1, 4)):
            at, size = choice.randrange(len(data) + 1), choice.randint(0, 30)
            other = choice.choice(seeds)
            start = choice.randrange(len(other) + 1)
            put = choice.choice(
                (b"", data[at : at + size], other[start : start + size], choice.randbytes(2), b'[{"', b"1e999")
            )
            data[at : at + choice.choice((0, 1, size))] = put
        changed.append(bytes(data))
    return changed


def main(name: str, *options: str) -> None:
    """Let libFuzzer drive one target, beginning with its seeds; `options` are libFuzzer's."""
    atheris = import_module("atheris")  # has no types of its own
    target, seeds = TARGETS[name]
    with tempfile.TemporaryDirectory() as corpus:
        for i, seed in enumerate(seeds):
            (Path(corpus) / str(i)).write_bytes(seed)
        atheris.Setup([sys.argv[0], *options, corpus], target)
        atheris.Fuzz()
