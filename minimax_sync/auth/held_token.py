"""The token in the memory of a process, and until when it can be used. Knows no store, no lock and no clock."""

from __future__ import annotations

import msgspec

from ..secret import HIDDEN
from .bundle import Bundle, Snapshot


class HeldToken(msgspec.Struct, frozen=True):
    """The token in memory. `fresh_until` and `expires` are Unix times; -inf once the service has rejected it."""

    token: str
    fresh_until: float
    expires: float
    generation: str
    bundle: Bundle

    @classmethod
    def of(cls, snapshot: Snapshot) -> HeldToken:
        """Return the token of a stored bundle."""
        bundle = snapshot.bundle
        expires = bundle.expires_at.timestamp()
        return cls(bundle.access_token.reveal(), expires - bundle.margin, expires, snapshot.generation, bundle)

    def after_rejection(self) -> HeldToken:
        """Return the token as it is once the service has rejected it."""
        return msgspec.structs.replace(self, fresh_until=float("-inf"), expires=float("-inf"))

    def __repr__(self) -> str:
        return f"HeldToken({HIDDEN}, fresh_until={self.fresh_until}, expires={self.expires})"
