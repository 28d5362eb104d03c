"""Open a core: from a client's arguments to its settings, credentials, endpoint, connections, limiter and alert.

Nothing is sent and no connection is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..auth import Auth
from ..auth.static_key import StaticKey
from ..errors import BundleError, ConfigError
from ..hooks.logging import log_as_environment_asks
from ..net.session import Http
from ..pacing.quota_alert import QuotaAlert
from ..pacing.token_bucket import Limiter, TokenBucket, shared_bucket
from ..secret import Secret, StoreUrl
from ..settings.endpoints import Endpoint, may_receive_token, plan_base_url
from ..settings.resolve import resolve_settings
from ..settings.settings import KEY_BASE_URL, Settings
from ..wires.table import WIRES
from ..wires.wire import wire_for
from .channel import Channel, Options
from .core import Core, listener_for, options_with
from .model_choice import ModelChoice

if TYPE_CHECKING:
    import requests

    from ..auth.token_plan import TokenPlan


_REGULAR_KEY = (
    "a regular key was sent to {}, which takes the keys of Token Plan and Coding plans (sk-cp-...): leave "
    "base_url out, or set it to https://api.minimax.io"
)
_OTHER_REGION = "the key is of the other region (api.minimax.io: global, api.minimax.cn: China)"
_GROUP_ID = "the group id is missing or does not match the key"


def open_core(arguments: Mapping[str, Any], **origin: Any) -> Core:
    """Return the core that a client's arguments describe; `origin` is where the files are looked for.

    Raises `ConfigError` for a setting that is missing, unknown or impossible, `BundleError` for an unreadable bundle.
    """
    log_as_environment_asks()
    given = dict(arguments)
    session = given.pop("session", None)
    hooks = given.pop("hooks", ())
    settings = resolve_settings(arguments=given, **origin)
    channel = _channel(settings, session)
    times = settings.timeout.value, settings.connect_timeout.value, settings.idle_timeout.value
    options = options_with(Options(settings.retry.value, *times), {"hooks": hooks})
    return Core(
        settings,
        channel,
        options,
        wire_for(channel.endpoint),
        ModelChoice(settings.model.value, is_default=settings.model.source == "default"),
        listener_for(channel, options.hooks),
        owns_session=session is None,
    )


def _channel(settings: Settings, session: requests.Session | None) -> Channel:
    http = _http(settings, session)
    auth, identity, base_url = _CREDENTIALS[settings.auth_mode.value](settings)
    endpoint = settings.endpoint(base_url)
    if settings.auth_mode.value == "token_plan" and not may_receive_token(endpoint.chat_url, settings.base_url_by_hand):
        raise ConfigError(
            f"the region in the Token Plan bundle {settings.bundle.value!r} is not MiniMax's, so its token is not sent "
            "there; log in again, or set base_url by hand"
        )
    return Channel(
        http=http,
        auth=auth,
        endpoint=endpoint,
        headers=_headers(settings, endpoint),
        query=_query(settings, endpoint),
        limiter=_limiter(settings, endpoint, identity),
        quota=_quota_alert(settings),
        provider=settings.provider.value,
        hint=_hint(settings, endpoint),
        lease=auth.watch() if settings.background_refresh.value and hasattr(auth, "watch") else None,
    )


def _http(settings: Settings, session: requests.Session | None) -> Http:
    if session is None:
        return Http(verify=settings.verify.value, proxy=settings.proxy.value)
    if isinstance(session, type) or not hasattr(session, "merge_environment_settings"):
        raise ConfigError(f"argument session: must be a requests.Session, not {type(session).__name__}")
    for name in ("verify", "proxy"):
        if getattr(settings, name).source.startswith("argument"):
            raise ConfigError(f"argument {name} cannot be combined with session; set it on the session")
    return Http(session)


def _static_key(settings: Settings) -> tuple[Auth, str, str]:
    key = settings.api_key.value
    if key is None:
        raise ConfigError(f"no key: {settings.api_key.source}")
    if not isinstance(key, Secret):
        from ..auth.user_auth import UserAuth

        name = getattr(key, "__qualname__", type(key).__qualname__)
        return UserAuth(key, name=name, source=settings.api_key.source), _identity(settings, key), KEY_BASE_URL
    auth = StaticKey(key.reveal(), source=settings.api_key.source)
    return auth, auth.bearer(), KEY_BASE_URL


def token_plan(settings: Settings) -> TokenPlan:
    """Return the Token Plan login that the settings name. Raises ConfigError if the server must not get it."""
    from ..auth.token_plan import TokenPlan

    settings.check_server()
    return TokenPlan(
        settings.bundle.value,
        base_url=settings.base_url_by_hand,
        verify=settings.verify.value,
        proxy=settings.proxy.value,
    )


def _token_plan(settings: Settings) -> tuple[Auth, str, str]:
    plan = token_plan(settings)
    status = plan.status()
    if status.state == "unreadable":
        raise BundleError(status.problem)
    return plan, _bundle_identity(settings.bundle.value), plan_base_url(status.region or KEY_BASE_URL)


def _bundle_identity(bundle: str) -> str:
    """Return a bundle's name, the same on every host: its path, or its key without the address of the Redis."""
    if not isinstance(bundle, StoreUrl):
        return bundle
    from ..net.redis_link import split_store_url

    return split_store_url(bundle, "bundle")[1]


def _custom(settings: Settings) -> tuple[Auth, str, str]:
    auth = settings.auth.value
    region = getattr(auth, "region", None)
    base_url = plan_base_url(region) if isinstance(region, str) else KEY_BASE_URL
    if isinstance(auth, StaticKey):
        return auth, auth.bearer(), base_url
    if type(auth).__module__.startswith(f"{__package__.partition('.')[0]}."):  # a TokenPlan
        return auth, _identity(settings, auth), base_url
    from ..auth.user_auth import UserAuth

    refresh = getattr(auth, "force_refresh", None)
    user_auth = UserAuth(auth.bearer, refresh, name=type(auth).__name__, source=settings.auth.source)
    return user_auth, _identity(settings, auth), base_url


def _identity(settings: Settings, credential: object) -> str:
    """Return a name for a credential of the user's code; for a shared limiter it is the same in every process."""
    if isinstance(settings.limiter.value, StoreUrl):
        named = credential if hasattr(credential, "__qualname__") else type(credential)
        return f"{named.__module__}.{named.__qualname__}"
    return f"{type(credential).__name__} at {id(credential)}"


_CREDENTIALS: dict[str, Callable[[Settings], tuple[Auth, str, str]]] = {
    "static": _static_key,
    "token_plan": _token_plan,
    "custom": _custom,
}
"""Per auth mode: the credentials, their name in the shared limiter, and the base URL that they imply."""


def _headers(settings: Settings, endpoint: Endpoint) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "Accept": "application/json", **wire_for(endpoint).headers}
    if settings.group_id.value:
        headers["X-MiniMax-Group-Id"] = settings.group_id.value
    return {**headers, **(settings.default_headers.value or {})}


def _query(settings: Settings, endpoint: Endpoint) -> str:
    if settings.group_id.value and WIRES[endpoint.flavor].sends_group_id:
        return f"?GroupId={quote(settings.group_id.value, safe='')}"
    return ""


def _limiter(settings: Settings, endpoint: Endpoint, identity: str) -> Limiter | None:
    given, rate = settings.limiter.value, settings.requests_per_second.value
    burst = settings.burst.value
    if isinstance(given, StoreUrl):
        from ..pacing.redis_token_bucket import shared_redis_bucket

        if rate is None:
            raise ConfigError(f"{settings.limiter.source}: a shared limiter needs requests_per_second")
        return shared_redis_bucket(given, endpoint.origin, identity, rate, burst)
    if given is not None:
        if callable(getattr(given, "acquire", None)) and callable(getattr(given, "pause", None)):
            limiter: Limiter = given
            return limiter
        raise ConfigError(f"{settings.limiter.source}: a limiter must have acquire() and pause(), like TokenBucket")
    if rate is None:
        return None
    return TokenBucket(rate, burst) if burst else shared_bucket(endpoint.origin, identity, rate)


def _quota_alert(settings: Settings) -> QuotaAlert | None:
    threshold = settings.quota_alert_threshold.value
    if threshold is None:
        return None
    return QuotaAlert(threshold, settings.provider.value, settings.quota_budget.value)


def _hint(settings: Settings, endpoint: Endpoint) -> str:
    """Name the likely causes of a refused credential."""
    if settings.auth_mode.value == "token_plan":
        return "Log in again with `minimax-sync login`"
    credential = settings.auth if settings.auth_mode.value == "custom" else settings.api_key
    source = f"The key comes from {credential.source} and was sent to {endpoint.origin}"
    lead = "Likely causes" if endpoint.is_minimax else "Likely causes, if that server forwards to MiniMax"
    causes = [_OTHER_REGION, _GROUP_ID]
    wire = WIRES[endpoint.flavor]
    if wire.plan_keys_only and not settings.plan_key:
        causes.insert(0, _REGULAR_KEY.format(wire.base_path))
    return f"{source}. {lead}: {'; '.join(causes)}"
