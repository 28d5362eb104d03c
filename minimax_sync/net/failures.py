"""Turn a failure before the beginning of an answer into an error of this library. No message quotes the request.

The facts (whether anything was sent, whether time ran out, which proxy there was) are the caller's.
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

_REFUSED_CERTIFICATE = "ALERT_(CERTIFICATE_REQUIRED|NO_CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)"
"""TLS alerts of a server that demands another client certificate; it has processed nothing."""

_SOCKS_REASON = re.compile(r"Failed to establish a new connection: (?:.*\[Errno -?\d+\] |0x\w\w: )?([\w ,.'-]{1,100})$")


def exchange_fault(
    error: Exception,
    *,
    sent: bool,
    timed_out: str | None,
    origin: str,
    proxy: str | None = None,
    mismatch: str | None = None,
) -> LlmError:
    """Classify the `error` that ended an exchange with `origin`.

    `timed_out` names the limit that passed, if one did; `proxy` is the one used, without its password; `mismatch` is
    the message of a mock that has no answer.
    """
    chain = list(causes(error))
    if str(error).startswith("Could not find"):  # requests, about a CA or certificate file that is not there
        return ConfigError(str(error))
    through = f" through the proxy {proxy}" if proxy else ""
    if certificate := _first(chain, ssl.SSLCertVerificationError):
        return TransportError(
            f"the certificate of {origin}{through} is not accepted ({certificate.verify_message}); if it is the right "
            "one, give the file with its authority as REQUESTS_CA_BUNDLE or verify="
        )
    if _wants_client_certificate(chain):
        return TransportError(
            f"{origin} refused the TLS handshake: it demands a client certificate, or does not accept the one given; "
            "give one as verify= (an ssl.SSLContext with load_cert_chain()) or as the cert of a session="
        )
    if not sent:
        return _unsent(chain, timed_out, f"no connection to {origin}{through}", mismatch)
    if timed_out:
        return CallTimeoutError(f"no answer from {origin}: {timed_out}", sent=True)
    malformed = _first(chain, http.client.HTTPException) or _first(chain, exceptions.InvalidHeader)
    if malformed and not isinstance(malformed, http.client.RemoteDisconnected):
        return ResponseFormatError(f"the answer of {origin} is not HTTP: {type(malformed).__name__}")
    return AmbiguousResultError(
        f"the connection to {origin} was lost after sending and before the answer; it may have been processed, "
        "so it was not sent again"
    )


def _wants_client_certificate(chain: Iterable[BaseException]) -> bool:
    return any(
        isinstance(cause, ssl.SSLError) and re.search(_REFUSED_CERTIFICATE, cause.reason or "") for cause in chain
    )


def _unsent(chain: list[BaseException], timed_out: str | None, start: str, mismatch: str | None) -> TransportError:
    if timed_out:
        return CallTimeoutError(f"{start} in time", sent=False, budget="server")
    if mismatch:
        return TransportError(f"{start}: {mismatch}")
    for cause in chain:
        if found := re.match(r"Tunnel connection failed: (\d{3})", str(cause)):
            budget: Budget | None = "server" if found[1] >= "500" else None
            return TransportError(f"{start}: the proxy refused it ({found[1]})", budget=budget)
        if "SOCKS support" in str(cause):
            return TransportError(f"{start}: PySocks is missing, pip install requests[socks]")
    if _first(chain, ValueError):
        return TransportError(f"{start}: its host or proxy cannot be used")
    system_error = bare_os_error(chain[0])
    reason = system_error.strerror if system_error else _socks_reason(chain) or type(chain[-1]).__name__
    return TransportError(f"{start}: {reason}", budget="server")


def _socks_reason(chain: Iterable[BaseException]) -> str:
    """Return the reason that urllib3 took from PySocks, of which it keeps the text alone; "" for other failures."""
    refused = _first(chain, exceptions.NewConnectionError)
    found = _SOCKS_REASON.search(str(refused)) if refused else None
    return found[1] if found else ""


def _first(chain: Iterable[BaseException], kind: type[E]) -> E | None:
    return next((cause for cause in chain if isinstance(cause, kind)), None)
