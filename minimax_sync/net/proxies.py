"""The choice of the proxy for an origin: the one set in the code, or the environment's.

Knows nothing of connections. requests finds the environment's, because it has its own rules for NO_PROXY.
"""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address
from urllib.parse import urlsplit


def proxy_for(origin: str, chosen: str | None) -> str | None:
    """Return the URL of the proxy for `origin`, or None.

    A proxy that was `chosen` in the code is used for all hosts except loopback. The environment's (and on macOS and
    Windows the system's) is used for https only: a bearer must not pass through a proxy unencrypted.
    """
    if chosen is not None:
        return None if _is_loopback(urlsplit(origin).hostname or "") else _with_scheme(chosen)
    if origin.startswith("http:") or not _environment_may_have_one():
        return None
    from .stock import environment_proxy

    proxy = environment_proxy(origin)
    return _with_scheme(proxy) if proxy else None


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def label(proxy: str) -> str:
    """Return a proxy's URL without user and password, for messages."""
    scheme, found, rest = proxy.rpartition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2].partition('/')[0]}"


def _environment_may_have_one() -> bool:
    return sys.platform in ("darwin", "win32") or any(name.lower().endswith("_proxy") for name in os.environ)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
