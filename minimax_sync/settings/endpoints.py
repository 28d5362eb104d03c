"""Where a call goes: base URLs, the two wires' paths, and which hosts may be sent a token.

Pure rules over URLs, with one parser for all of them. It accepts only the grammar below, so that no other parser
(urllib3's, a proxy's) can find another host in the same text. No I/O, no settings.
"""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv6Address

import msgspec

from ..errors import ConfigError
from ..wires.table import WIRES, Flavor

_FAMILIES = ("minimax.io", "minimaxi.com", "minimax.cn")
API_HOSTS = frozenset({*(f"api.{family}" for family in _FAMILIES), "api.minimax.chat"})
# Since May 2026 the portal is here; the old `/oauth/...` paths on the API hosts answer 307.
PORTAL_HOSTS = frozenset(f"account.{family}" for family in _FAMILIES)
_TOKEN_HOSTS = API_HOSTS | PORTAL_HOSTS
# Hosts of web pages; no API, and no token is sent there.
_PAGE_HOSTS = {f"{name}.{family}": f"api.{family}" for name in ("www", "platform") for family in _FAMILIES}
# The portal sends people to pages that moved (hermes-agent#19337).
_MOVED_PAGES = {f"www.{family}": f"platform.{family}" for family in _FAMILIES}
REGIONS = {"global": "https://api.minimax.io", "cn": "https://api.minimax.cn"}

_FLAVORS: dict[str, Flavor] = {name: row.flavor for row in WIRES.values() for name in (row.flavor, *row.aliases)}
_BASE_PATHS = tuple(row.base_path for row in WIRES.values())
_PORTS = {"http": 80, "https": 443}
_ENDINGS = {path: row.flavor for row in WIRES.values() for path in (row.chat_path, *row.other_chat_paths)}
"""The endings of complete chat URLs, which other programs ask for, and their wires."""

# Patterns that only invalid URLs need are text: re compiles them when they are first used.
_PATH = r"(?:[A-Za-z0-9/._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*"
_URL = re.compile(
    r"(?P<scheme>(?ai:https?))://"  # ASCII only: otherwise re matches a long s as an s, and the Kelvin sign as a k
    r"(?P<host>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    rf"(?P<path>(?:/{_PATH})?)"
    r"(?P<query>(?:\?[\x21\x22\x24-\x5b\x5d-\x7e]*)?)"
)
_FAULTS = (
    (r".*[\x00-\x20\x7f]", "it holds a space or a control character"),
    (r".*\\", "it holds a backslash"),
    (r"(?!https?://)", "it does not begin with https:// (or http://)"),
    (r"https?://[^/?#]*@", "it holds a user name or password; give the key as api_key instead"),
    (r"[^#]*\?", "it holds a query"),
    (r".*#", "it holds a fragment"),
    (r"https?://[^/]*[^\x21-\x7e]", "its host is not ASCII; write an international name in its xn-- form"),
    (r"https?://(:|/|$)", "it names no host"),
    (r"https?://(\[[^]]*\]|[^/:\[]+):(?![0-9]+(/|$))", "its port is not a number"),
    (r"http://(api|account|platform|www)\.minimax", "MiniMax is reached over https only"),
    (r"", "its host, port or path is malformed"),
)


class _Url(msgspec.Struct, frozen=True):
    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")


class Endpoint(msgspec.Struct, frozen=True):
    """One base URL, resolved.

    Attributes: `base_url`, as it was given; `flavor`, the wire; `chat_url`, where chats are posted; `origin`, scheme,
    host and port; `is_minimax`, whether the host is MiniMax's own.
    """

    base_url: str
    flavor: Flavor
    chat_url: str
    origin: str
    is_minimax: bool

    def service_url(self, path: str) -> str:
        """Return the URL of another service of the same origin, as `/v1/embeddings`."""
        return self.origin + path


def parse_flavor(text: object, source: str = "api_flavor") -> Flavor:
    """Return the wire that `text` names. Raise ConfigError, naming `source`, if it is not the name of a wire."""
    flavor = _FLAVORS.get(text.strip()) if isinstance(text, str) else None
    if flavor is None:
        shown = f" {text[:40]!r}" if isinstance(text, str) else ""
        raise ConfigError(f"{source}: unknown api_flavor{shown}; use one of {', '.join(_FLAVORS)}")
    return flavor


def parse_chat_path(text: object, source: str = "chat_path") -> str:
    """Return the path with one leading slash. Raise ConfigError, naming `source`, if it is not a path."""
    if not isinstance(text, str) or not re.fullmatch(_PATH, text) or not text.strip("/"):
        raise ConfigError(f"{source}: write a path without spaces and without a query, like /chat/completions")
    return "/" + text.lstrip("/")


def resolve_endpoint(
    base_url: str, flavor: Flavor | None = None, chat_path: str | None = None, *, source: str = "base_url"
) -> Endpoint:
    """Turn a base URL into an Endpoint.

    `flavor` None: the wire whose base path is at the end, else the default one. On MiniMax's hosts an empty path and
    the base path of any wire are replaced by the wire's own; any other path is used literally. A URL that includes the
    path of a chat, which other programs ask for, is accepted. `chat_path` replaces the OpenAI wire's path and has no
    effect on the other. Raises ConfigError that names `source`, and not the URL, which may hold a password.
    """
    url = _checked(base_url, source)
    if url.host in _PAGE_HOSTS:
        api = f"https://{_PAGE_HOSTS[url.host]}"
        raise ConfigError(f"{source}: {url.host} serves web pages, not the API; write {api}")
    base, pasted, implied = _split(url.path, flavor, source)
    flavor = flavor or implied
    is_minimax = url.host in API_HOSTS
    wire = WIRES[flavor]
    path = wire.chat_path
    if is_minimax and base in ("", *_BASE_PATHS):
        base = wire.base_path
    elif wire.chat_path_can_change and pasted:
        path = pasted
    if chat_path is not None and wire.chat_path_can_change:
        path = parse_chat_path(chat_path)
    return Endpoint(base_url, flavor, f"{url.origin}{base}{path}", url.origin, is_minimax)


def _split(path: str, flavor: Flavor | None, source: str) -> tuple[str, str | None, Flavor]:
    """Split the path of a base URL into the base, the path of a chat if there is one, and the wire that they imply."""
    path = path.rstrip("/")
    for ending, wire in _ENDINGS.items():
        if path.endswith(ending):
            if flavor not in (None, wire):
                raise ConfigError(f"{source}: it ends in {ending}, which belongs to api_flavor {wire}, not {flavor}")
            return path.removesuffix(ending).rstrip("/"), ending, wire
    default, *others = WIRES.values()
    for row in others:
        base = path.removesuffix(row.version)
        if base.endswith(row.base_path) and flavor in (None, row.flavor):
            return base, None, row.flavor
    return path, None, default.flavor


def plan_base_url(region: str) -> str:
    """Return the base URL that goes with the region of a Token Plan login."""
    return _root(region) + next(row.base_path for row in WIRES.values() if row.plan_keys_only)


def _root(url: str) -> str:
    """Return a URL without slashes and without the base path of a wire at its end."""
    url = url.strip().rstrip("/")
    shorter = url
    for suffix in _BASE_PATHS:
        shorter = shorter.removesuffix(suffix)
    return url if shorter == url else _root(shorter)


def may_receive_token(url: str, by_hand: str | None) -> bool:
    """Return whether a token may be sent to `url`.

    It may when `url` is https on one of MiniMax's own hosts and the default port, or has the same origin as `by_hand`,
    the base URL that the user set. It may not if `url` does not parse.
    """
    target = _parse(url)
    if target is None:
        return False
    if (target.scheme, target.port) == ("https", 443) and target.host in _TOKEN_HOSTS:
        return True
    chosen = _parse(by_hand) if by_hand is not None else None
    return chosen is not None and chosen.origin == target.origin


def portal_url(region: str, path: str, by_hand: str | None = None, *, source: str = "region") -> str:
    """Return the portal's URL for `path` (`/oauth/token`) in `region`; a `/anthropic` or `/v1` at its end is removed.

    Raises ConfigError, naming `source`, when `region` is not a URL or not one that may be sent a token.
    """
    url = _checked(region, source)
    if not may_receive_token(region, by_hand):
        raise ConfigError(
            f"{source}: {url.host} is not one of MiniMax's own https hosts, so no token is sent there; "
            "to use another server set base_url to it by hand"
        )
    return f"{url.origin}{_root(url.path)}{path}"


def portal_redirect(url: str, status: int, location: str | None) -> str | None:
    """Return where an answer of the portal at `url` sends the same form, if it may be followed.

    That is a 307 or 308 to one of MiniMax's own https hosts, from anywhere; None for everything else.
    """
    here = _parse(url)
    if here is None or location is None or status not in (307, 308):
        return None
    within = location.startswith("/") and not location.startswith("//")
    target = here.origin + location if within else location
    return target if may_receive_token(target, None) else None


def host_of(url: str) -> str | None:
    """Return the host of a URL, for messages; None when it is not a URL."""
    parsed = _parse(url)
    return None if parsed is None else parsed.host


def page_url(text: object, by_hand: str | None = None) -> str | None:
    """Return the page that the portal asks its user to open, on its current host; None if it is not a web page.

    Plain http is accepted only for the origin of `by_hand`.
    """
    head, mark, fragment = text.partition("#") if isinstance(text, str) else ("", "", "")
    url, chosen = _parse(head), _parse(by_hand)
    if url is None or not fragment.isascii() or not fragment.isprintable():
        return None
    if url.scheme != "https" and (chosen is None or chosen.origin != url.origin):
        return None
    page = msgspec.structs.replace(url, host=_MOVED_PAGES.get(url.host, url.host))
    return f"{page.origin}{page.path}{page.query}{mark}{fragment}"


def _parse(text: object) -> _Url | None:
    """Split a URL, or return None: the one parser. Plain http to MiniMax's own hosts is refused."""
    found = _URL.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    scheme, host = found["scheme"].lower(), found["host"].lower()
    port = int(found["port"]) if found["port"] else _PORTS[scheme]
    if not 0 < port < 65536 or (scheme == "http" and host.rstrip(".") in (*_TOKEN_HOSTS, *_PAGE_HOSTS)):
        return None
    if host.startswith("["):
        try:
            host = f"[{IPv6Address(host[1:-1])}]"
        except AddressValueError:
            return None
    return _Url(scheme, host, port, found["path"], found["query"])


def _checked(text: object, source: str) -> _Url:
    url = _parse(text)
    if url is None or url.query:
        raise ConfigError(f"{source}: not a valid URL: {_fault(text)}; use a URL like https://api.minimax.io")
    return url


def _fault(text: object) -> str:
    if not isinstance(text, str):
        return f"it is {type(text).__name__}, not text"
    return next(fault for pattern, fault in _FAULTS if re.match(pattern, text, re.ASCII | re.IGNORECASE | re.DOTALL))
