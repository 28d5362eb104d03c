"""What went wrong before an answer began, as one of this library's errors. The message quotes nothing that was sent.

Owns the judgement; the facts, whether anything was sent and whether time ran out, are the caller's.
"""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Iterable
from typing import TypeVar

from urllib3 import exceptions

from ..errors import (
    AmbiguousResultError,
    Budget,
    CallTimeoutError,
    ConfigError,
    LlmError,
    ResponseFormatError,
    TransportError,
)
from ..tracebacks import bare_os_error, causes

E = TypeVar("E", bound=BaseException)


def exchange_fault(error: Exception, *, sent: bool, timed_out: str | None, origin: str) -> LlmError:
    """Judge the `error` that ended an exchange with `origin`; `timed_out` says which limit passed, if one did."""
    chain = list(causes(error))
    if type(error) is OSError:
        return ConfigError(str(error))  # requests' own words on a CA or certificate file that is not there
    if certificate := _first(chain, ssl.SSLCertVerificationError):
        return TransportError(
            f"the certificate of {origin} is not accepted ({certificate.verify_message}); if it is the right one, name "
            "the file with its authority in REQUESTS_CA_BUNDLE, or in the verify of a session of your own"
        )
    if not sent:
        return _unsent(chain, timed_out, origin)
    if timed_out:
        return CallTimeoutError(f"no answer from {origin}: {timed_out}", sent=True)
    malformed = _first(chain, http.client.HTTPException) or _first(chain, exceptions.InvalidHeader)
    if malformed and not isinstance(malformed, http.client.RemoteDisconnected):
        return ResponseFormatError(f"the answer of {origin} is not HTTP: {type(malformed).__name__}")
    return AmbiguousResultError(
        f"the connection to {origin} was lost after sending and before the answer; it may have been processed, "
        "so it was not sent again"
    )


def _unsent(chain: list[BaseException], timed_out: str | None, origin: str) -> TransportError:
    if timed_out:
        return CallTimeoutError(f"no connection to {origin} in time", sent=False, budget="server")
    for cause in chain:
        if found := re.match(r"Tunnel connection failed: (\d{3})", str(cause)):
            budget: Budget | None = "server" if found[1] >= "500" else None
            return TransportError(f"the proxy refused to connect to {origin} ({found[1]})", budget=budget)
    if _first(chain, ValueError):
        return TransportError(f"no connection to {origin}: its host or proxy cannot be used")
    system_error = bare_os_error(chain[0])
    reason = system_error.strerror if system_error else type(chain[-1]).__name__
    return TransportError(f"no connection to {origin}: {reason}", budget="server")


def _first(chain: Iterable[BaseException], kind: type[E]) -> E | None:
    return next((cause for cause in chain if isinstance(cause, kind)), None)
