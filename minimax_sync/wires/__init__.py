"""The two wires: a ChatRequest to a body, events and bodies to chunks and a ChatResponse. No I/O, threads or clock.

MiniMax's oddities live here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..settings.endpoints import Endpoint

if TYPE_CHECKING:
    from ..values.request import ChatRequest
    from .accumulator import Accumulator

NATIVE_PATH = "/text/chatcompletion_v2"
"""Only MiniMax, or what stands in for it, serves this."""


class Wire(Protocol):
    """What the transport needs of a wire. Immutable; safe in any thread."""

    headers: dict[str, str]
    """Sent with every request, besides the bearer."""

    def encode(self, request: ChatRequest, model: str, stream: bool) -> bytes:
        """Write the JSON body of a checked request."""
        ...

    def accumulator(self, request: ChatRequest) -> Accumulator:
        """Return an accumulator for the answer to a request."""
        ...


def wire_for(endpoint: Endpoint) -> Wire:
    """Return the wire that an endpoint speaks; the other one is not loaded."""
    if endpoint.flavor == "anthropic_messages":
        from .anthropic_encode import AnthropicMessages

        return AnthropicMessages()
    from .openai_encode import OpenAICompat

    return OpenAICompat(is_minimax=endpoint.is_minimax or endpoint.chat_url.endswith(NATIVE_PATH))
