"""`Wire`, which encodes requests and decodes answers by a row of `table`.

A wire's modules are imported when it is first used; the other wire is not loaded. No I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Protocol, runtime_checkable

from ..values.request import ChatRequest
from ..values.response import ChatResponse
from .accumulator import Accumulator
from .failures import request_id_in
from .table import NATIVE_PATH, WIRES, Flavor


class Wire:
    """Encodes requests for one server and decodes its answers. Immutable; safe in any thread.

    `is_minimax`: the server is MiniMax's own or imitates it, so it understands MiniMax's own fields.
    """

    def __init__(self, flavor: Flavor, *, is_minimax: bool = True) -> None:
        row = WIRES[flavor]
        self.headers = row.headers
        self.is_minimax = is_minimax
        self._encode: Callable[[ChatRequest, str, bool, bool], bytes] = import_module(
            f".{row.codec}_encode", __package__
        ).encode
        self._accumulator: Callable[[ChatRequest], Accumulator]
        self._accumulator = import_module(f".{row.codec}_decode", __package__).accumulator

    def encode(self, request: ChatRequest, model: str, stream: bool) -> bytes:
        """Write the JSON body of a checked request; `model` is for a request that names none.

        Raises `RequestError` for values that JSON cannot hold.
        """
        return self._encode(request, model, stream, self.is_minimax)

    def accumulator(self, request: ChatRequest) -> Accumulator:
        """Return a new accumulator for the streamed answer to a request."""
        accumulator = self._accumulator(request)
        if request.extra_body:
            accumulator.keep_events()
        return accumulator

    def decode(self, request: ChatRequest, body: bytes, headers: Mapping[str, str]) -> ChatResponse:
        """Decode a whole answer; raises the error that it carries, `ResponseFormatError` if it is not an answer."""
        accumulator = self._accumulator(request)
        accumulator.request_id = request_id_in(headers)
        accumulator.feed_body(body)
        accumulator.end()
        return accumulator.response(headers)


@runtime_checkable
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
