"""The wires, one row each: names, URL paths, headers, and the modules that encode requests and decode answers.

A wire's modules are imported when it is first used; the other wire is not loaded. No I/O: this module must not know
hosts, settings or credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from .failures import request_id_in

if TYPE_CHECKING:
    from ..values.request import ChatRequest
    from ..values.response import ChatResponse
    from .accumulator import Accumulator

Flavor = Literal["openai_compat", "anthropic_messages"]

NATIVE_PATH = "/text/chatcompletion_v2"
"""Only MiniMax, or a server that imitates it, serves this path."""


class WireRow(msgspec.Struct, frozen=True):
    """The facts of one wire.

    `title` is its name in messages. `base_path` is where MiniMax's hosts serve it. `chat_path` follows the base URL;
    `version` is the part of it that other programs count to the base URL, `other_chat_paths` are those of other
    servers. `chat_path_can_change`: whether the setting of that name replaces it. `headers` go with every request;
    `sends_group_id`: whether the URL names the group. `plan_keys_only`: whether MiniMax refuses regular keys there.
    `part_types` matches the types of the parts that only this wire carries. `codec` names the modules beside this one:
    `{codec}_encode` has `encode`, `{codec}_decode` has `accumulator`.
    """

    flavor: Flavor
    aliases: tuple[str, ...]
    title: str
    base_path: str
    chat_path: str
    part_types: str
    codec: str
    version: str = ""
    other_chat_paths: tuple[str, ...] = ()
    chat_path_can_change: bool = False
    headers: Mapping[str, str] = {}
    sends_group_id: bool = False
    plan_keys_only: bool = False


WIRES: Mapping[Flavor, WireRow] = {
    row.flavor: row
    for row in (
        WireRow(
            "openai_compat",
            aliases=("openai",),
            title="OpenAI",
            base_path="/v1",
            chat_path=NATIVE_PATH,
            other_chat_paths=("/chat/completions",),
            chat_path_can_change=True,
            sends_group_id=True,
            part_types=r".*_url|input_.*|file|refusal",
            codec="openai",
        ),
        WireRow(
            "anthropic_messages",
            aliases=("anthropic-messages", "anthropic"),
            title="Anthropic",
            base_path="/anthropic",
            chat_path="/v1/messages",
            version="/v1",
            headers={"anthropic-version": "2023-06-01"},
            plan_keys_only=True,
            part_types=r".*",
            codec="anthropic",
        ),
    )
}
"""The rows; the first is the default, and a type of part belongs to the first that matches it."""


class Encode(Protocol):
    """Write the JSON body of a checked request. Raises `RequestError` for values that JSON cannot hold."""

    def __call__(self, request: ChatRequest, model: str, stream: bool, is_minimax: bool) -> bytes: ...


class _NewAccumulator(Protocol):
    def __call__(self, request: ChatRequest) -> Accumulator: ...


class Wire:
    """Encodes requests for one server and decodes its answers. Immutable; safe in any thread.

    `is_minimax`: the server is MiniMax's own or imitates it, so it understands MiniMax's own fields.
    """

    def __init__(self, flavor: Flavor, *, is_minimax: bool = True) -> None:
        row = WIRES[flavor]
        self.headers = row.headers
        self.is_minimax = is_minimax
        self._encode: Encode = import_module(f".{row.codec}_encode", __package__).encode
        self._accumulator: _NewAccumulator = import_module(f".{row.codec}_decode", __package__).accumulator

    def encode(self, request: ChatRequest, model: str, stream: bool) -> bytes:
        """Write the JSON body of a checked request; `model` is for a request that names none."""
        return self._encode(request, model, stream, self.is_minimax)

    def accumulator(self, request: ChatRequest) -> Accumulator:
        """Return a new accumulator for the answer to a request."""
        return self._accumulator(request)

    def decode(self, request: ChatRequest, body: bytes, headers: Mapping[str, str]) -> ChatResponse:
        """Decode a whole answer; raises the error that it carries, `ResponseFormatError` if it is not an answer."""
        accumulator = self._accumulator(request)
        accumulator.request_id = request_id_in(headers)
        accumulator.feed_body(body)
        accumulator.end()
        return accumulator.response(headers)


class Server(Protocol):
    """The facts about an endpoint that choose its wire; `settings.endpoints.Endpoint` has them."""

    @property
    def flavor(self) -> Flavor: ...
    @property
    def chat_url(self) -> str: ...
    @property
    def is_minimax(self) -> bool: ...


def wire_for(endpoint: Server) -> Wire:
    """Return the wire of an endpoint."""
    return Wire(endpoint.flavor, is_minimax=endpoint.is_minimax or endpoint.chat_url.endswith(NATIVE_PATH))
