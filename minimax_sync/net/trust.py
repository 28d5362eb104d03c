"""TLS contexts: which certificate authorities are trusted. One context per source and process.

Knows nothing of sockets, connections or requests.
"""

from __future__ import annotations

import os
import ssl
import threading
from contextlib import suppress

import certifi
from urllib3.util.ssl_ import create_urllib3_context

from ..errors import ConfigError
from .forks import after_fork

Verify = bool | str | os.PathLike[str] | ssl.SSLContext
"""True: the default authorities; False: none; a CA file or directory; a context to use as it is."""

_ENVIRONMENT = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")

_SYSTEM = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # read by OpenSSL when the system's store is loaded

_contexts: dict[object, ssl.SSLContext] = {}
_lock = threading.Lock()


def tls_context(verify: Verify = True) -> ssl.SSLContext:
    """Return the context for `verify`; loading authorities takes 50 ms, so contexts are shared.

    By default REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) names the authorities; without it those of the system's store,
    including SSL_CERT_FILE, and of certifi are trusted. Raises ConfigError when none can be loaded.
    """
    if isinstance(verify, ssl.SSLContext):
        return verify
    source, authorities = "verify", verify if isinstance(verify, bool) else os.fspath(verify)
    if authorities is True:
        source = next(filter(os.environ.get, _ENVIRONMENT), "")
        authorities = os.environ[source] if source else True
    key = (authorities, *map(os.environ.get, _SYSTEM))
    with _lock:
        context = _contexts.get(key)
        if context is None:
            try:
                context = _contexts[key] = _load(authorities)
            except OSError:
                context = None
    if context is None:
        raise ConfigError(f"{source or 'certifi'}: no certificates can be loaded from {authorities}")
    return context


def _load(authorities: str | bool) -> ssl.SSLContext:
    context = create_urllib3_context()
    if authorities is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif authorities is True:
        with suppress(OSError):  # a system's store that cannot be read; certifi's is enough
            context.load_default_certs()
        context.load_verify_locations(cafile=certifi.where())
    elif os.path.isdir(authorities):
        context.load_verify_locations(capath=authorities)
    else:
        context.load_verify_locations(cafile=authorities)
    return context


def _renew() -> None:
    global _lock
    _lock = threading.Lock()
    _contexts.clear()  # OpenSSL's own locks may be held as well


after_fork("TLS contexts", _renew)
