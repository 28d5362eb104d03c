"""The Token Plan bundle: one login as a value, as text in a store, and as the token in memory. Pure: no file, no clock.

The parsers return the problem of an invalid bundle as a clause instead of raising, so that no exception carries the
text (a JSONDecodeError keeps all of it in `.doc`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ..errors import BundleError, ConfigError
from ..secret import HIDDEN, Secret, check_key, is_one_word
from .instants import read_expires_at, write_instant

DEFAULT_REGION = "https://api.minimax.io"
CLIENT_ID = "78257093-7e40-4613-99e0-527b14b39113"  # MiniMax's public client
MARGIN = 60.0  # seconds before its expiry from which a token is due
_REFRESHED_AT = "refreshed_at"
_CLIENT_ID = "client_id"
_OWN_KEYS = frozenset({"access_token", "refresh_token", "expires_at", "region", _REFRESHED_AT, _CLIENT_ID})


@dataclass(frozen=True)
class Bundle:
    """One login. `extra` holds the file's other keys, which are kept.

    `life` is the access token's lifetime in seconds, if known. Only a token that lives less than twice the margin of
    60 s needs it, so only then the file has a key for it (`refreshed_at`). `client_id` is the OAuth client that the
    login was granted to, and that refreshes must name; the file has it if it is not the default.
    """

    access_token: Secret
    refresh_token: Secret
    expires_at: datetime
    region: str = DEFAULT_REGION
    life: float | None = None
    client_id: str = CLIENT_ID
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def margin(self) -> float:
        """Seconds before its expiry from which the token is due: 60, or half of its life if that is less."""
        return MARGIN if self.life is None else min(MARGIN, self.life / 2)

    @property
    def fingerprint(self) -> str:
        """An identifier of this pair of tokens that reveals neither: for records, logs and comparisons."""
        pair = f"{self.access_token.reveal()} {self.refresh_token.reveal()}"
        return hashlib.sha256(b"minimax-sync " + pair.encode()).hexdigest()[:32]

    def renewed(
        self, access_token: Secret, refresh_token: Secret | None, expires_at: datetime, granted_at: datetime
    ) -> Bundle:
        """Return the bundle after a refresh. Without a new refresh token the old one stays (RFC 6749, section 6)."""
        return replace(
            self,
            access_token=access_token,
            refresh_token=refresh_token or self.refresh_token,
            expires_at=expires_at,
            life=(expires_at - granted_at).total_seconds(),
        )

    def merged_into(self, other: Bundle) -> Bundle:
        """Return `other`, which was edited in the meantime, with the tokens of this bundle."""
        return replace(self, region=other.region, extra=other.extra)

    def to_json(self) -> bytes:
        """Return the bundle's text, with the known keys before those of `extra`."""
        document: dict[str, Any] = {
            "access_token": self.access_token.reveal(),
            "refresh_token": self.refresh_token.reveal(),
            "expires_at": write_instant(self.expires_at),
            "region": self.region,
        }
        if self.life is not None and self.life < 2 * MARGIN:
            document[_REFRESHED_AT] = write_instant(self.expires_at - timedelta(seconds=self.life))
        if self.client_id != CLIENT_ID:
            document[_CLIENT_ID] = self.client_id
        return json.dumps({**document, **self.extra}, indent=2).encode() + b"\n"


class Snapshot(msgspec.Struct, frozen=True):
    """A bundle as a store holds it. `generation` changes with every change of its text."""

    bundle: Bundle
    generation: str


class HeldToken(msgspec.Struct, frozen=True):
    """The token in the memory of a process. `fresh_until` and `expires` are Unix times; -inf once it was rejected."""

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

    @property
    def rejected(self) -> bool:
        """True if the service has answered it with a 401."""
        return self.expires == float("-inf")

    def after_rejection(self) -> HeldToken:
        """Return the token as it is once the service has rejected it."""
        return msgspec.structs.replace(self, fresh_until=float("-inf"), expires=float("-inf"))

    def __repr__(self) -> str:
        return f"HeldToken({HIDDEN}, fresh_until={self.fresh_until}, expires={self.expires})"


def parse_snapshot(text: bytes) -> Snapshot | str:
    """Parse a bundle's text with its generation. Return a clause that names the problem if it is not valid."""
    bundle = parse_bundle(text)
    generation = hashlib.sha1(text, usedforsecurity=False).hexdigest()  # which Redis computes as well
    return bundle if isinstance(bundle, str) else Snapshot(bundle, generation)


def unreadable(place: str, problem: str) -> BundleError:
    """Return the error for a bundle that is not valid."""
    return BundleError(
        f"cannot read the Token Plan bundle {place}: {problem}. It is left unchanged; "
        "restore it, or run minimax-sync login to replace it"
    )


def parse_bundle(text: bytes) -> Bundle | str:
    """Parse a bundle's text, with or without a UTF-8 BOM. Return a clause that names the problem if it is not valid."""
    try:
        document = json.loads(text.decode().removeprefix("\ufeff"))  # loading the codec utf-8-sig takes a millisecond
    except (ValueError, RecursionError):
        return "it is not JSON in UTF-8"
    if not isinstance(document, dict):
        return "it is not a JSON object"
    try:
        access_token = check_key(document.get("access_token"), "its access_token")
        refresh_token = check_key(document.get("refresh_token"), "its refresh_token")
    except ConfigError as error:
        return str(error)
    region = document.get("region")
    if region is None or region == "":
        region = DEFAULT_REGION
    if not isinstance(region, str):
        return "its region is not text"
    client_id = document.get(_CLIENT_ID, CLIENT_ID)
    if not isinstance(client_id, str) or not is_one_word(client_id):
        return "its client_id is not a word"
    expires_at = read_expires_at(document.get("expires_at"))
    life = (expires_at - read_expires_at(document.get(_REFRESHED_AT))).total_seconds()
    return Bundle(
        access_token,
        refresh_token,
        expires_at,
        region,
        life if 0 < life < 2 * MARGIN else None,
        client_id,
        {key: value for key, value in document.items() if key not in _OWN_KEYS},
    )
