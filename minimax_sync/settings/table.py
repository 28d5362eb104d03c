"""The table of settings: one row a setting. Checks, places, defaults, the layout of `llm.yaml`, the rows of `status`,
the environment section of `--help` and the table in the guide are derived from it.

It does not know how places are searched (`resolve`) or how files are read (`llm_yaml`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from ..pacing.retry import DEFAULT_RETRY
from ..values import models
from ..wires.table import WIRES
from . import checks
from .checks import Check
from .endpoints import parse_chat_path, parse_flavor
from .places import GROUP_ID_FILE, KEY_FILE, USER_CONFIG_FILE, USER_GROUP_ID_FILE, USER_KEY_FILE

AuthMode = Literal["static", "token_plan", "auto"]
AUTH_MODES: tuple[AuthMode, ...] = ("static", "token_plan", "auto")
LOGIN_GRANTS = ("user_code", "device_code")
"""The grants of a login: MiniMax's own, and that of RFC 8628."""


class _DefaultText(str):
    __slots__ = ()


class _DefaultNumber(float):
    __slots__ = ()


# Defaults of the client's arguments. They differ from an equal value of the user's by identity, so they never hide the
# file, while `timeout=1200.0` in a call outranks `timeout: 60` in llm.yaml. A flag cannot differ: True is not given.
DEFAULT_MODEL: str = _DefaultText(models.DEFAULT_MODEL)
DEFAULT_AUTH_MODE: str = _DefaultText("auto")
DEFAULT_RATE: float = _DefaultNumber(2.0)
DEFAULT_TIMEOUT: float = _DefaultNumber(1200.0)
DEFAULT_CONNECT_TIMEOUT: float = _DefaultNumber(10.0)
DEFAULT_IDLE_TIMEOUT: float = _DefaultNumber(300.0)
DEFAULT_BACKGROUND_REFRESH = True
DEFAULT_VERIFY = True


PLAN_KEY_PLACES = ("$MINIMAX_CODE_PLAN_KEY", "$MINIMAX_CODING_API_KEY", KEY_FILE, USER_KEY_FILE)
"""The places whose key is the key of a plan, whatever its form."""

_KEY_VARIABLES = {
    "MINIMAX_CODE_PLAN_KEY": "the key of a plan; the first of the keys that is set is used",
    "MINIMAX_CODING_API_KEY": "the same",
    "MINIMAX_API_KEY": "a pay-as-you-go key; used last",
}


class Setting(msgspec.Struct, frozen=True):
    """One setting.

    `check` accepts or refuses a value and converts it. `help` is a line for people. `default` is the client's argument
    when it is not given. `read` turns the text of an environment variable or a file into what `check` takes; None when
    the setting can only be an argument. `file` is its key in `llm.yaml`, below `providers.NAME` (those of `retry` stand
    at the top); by default its name. `wrap` hides a value that is secret or may hold a secret. `places` are where it is
    looked for, in order; by default argument, environment variable and the two `llm.yaml`.
    """

    name: str
    check: Check
    help: str
    default: object = None
    read: Callable[[str], object] | None = str
    file: str = ""
    wrap: Callable[[object], object] | None = None
    places: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The dotted key in `llm.yaml`."""
        return self.file or self.name

    @property
    def variable(self) -> str:
        """The environment variable, where the rule for its name holds."""
        return f"MINIMAX_{self.name.replace('.', '_').upper()}"

    @property
    def looked_at(self) -> tuple[str, ...]:
        """The places where the setting is looked for, in order."""
        argument = () if "." in self.name else ("argument",)
        return self.places or (*argument, f"${self.variable}", "file", USER_CONFIG_FILE)

    @property
    def variables(self) -> tuple[str, ...]:
        """The environment variables, in the order in which they are looked at."""
        return tuple(place[1:] for place in self.looked_at if place.startswith("$"))

    @property
    def is_flag(self) -> bool:
        """Whether `true` and `false` in a file are values of the setting."""
        return self.read is checks.read_flag

    @property
    def null_counts(self) -> bool:
        """Whether None is a value: `requests_per_second` None turns the limiter off."""
        return self.check is checks.check_rate

    def hidden(self, value: Any) -> Any:
        """Return the value so that a traceback that shows locals shows no secret."""
        return self.wrap(value) if self.wrap else value

    @property
    def default_value(self) -> object:
        """The value when the setting is found nowhere."""
        return None if self.default is None else self.check(self.default, self.name)

    def is_given(self, argument: object) -> bool:
        """Return whether an argument of the client was given: it is neither the default nor None."""
        return argument is not self.default and (argument is not None or self.null_counts)


def _retry_field(
    name: str,
    help: str,
    read: Callable[[str], object] = checks.read_number,
    file: str = "",
    places: tuple[str, ...] = (),
) -> Setting:
    return Setting(f"retry.{name}", checks.retry_field(name), help, read=read, file=file, places=places)


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "api_key",
        checks.check_api_key,
        "the key; a function is called before each request",
        wrap=checks.wrap_key,
        places=(
            "argument",
            "$MINIMAX_CODE_PLAN_KEY",
            "$MINIMAX_CODING_API_KEY",
            KEY_FILE,
            "file",
            "$MINIMAX_API_KEY",
            USER_KEY_FILE,
            USER_CONFIG_FILE,
        ),
    ),
    Setting("auth", checks.check_auth, "an object with bearer()", read=None, places=("argument",)),
    Setting(
        "auth_mode",
        checks.one_of(*AUTH_MODES),
        "static (a key), token_plan (a login) or auto: the login if there is one",
        DEFAULT_AUTH_MODE,
        file="auth.mode",
    ),
    Setting(
        "bundle", checks.check_bundle, "the file of the Token Plan login", file="auth.bundle", wrap=checks.wrap_url
    ),
    Setting(
        "client_id",
        checks.check_word,
        "the OAuth client of a login; by default MiniMax's public one",
        file="auth.client_id",
        places=("$MINIMAX_CLIENT_ID", "file", USER_CONFIG_FILE),
    ),
    Setting(
        "scope",
        checks.check_text,
        "the OAuth scope of a login; by default that of MiniMax's public client",
        file="auth.scope",
        places=("$MINIMAX_SCOPE", "file", USER_CONFIG_FILE),
    ),
    Setting(
        "grant",
        checks.one_of(*LOGIN_GRANTS),
        f"the OAuth grant of a login: {' or '.join(LOGIN_GRANTS)}",
        LOGIN_GRANTS[0],
        file="auth.grant",
        places=("$MINIMAX_GRANT", "file", USER_CONFIG_FILE),
    ),
    Setting(
        "group_id",
        checks.check_group_id,
        "the group id, which current keys do not need",
        places=("argument", "$MINIMAX_GROUP_ID", GROUP_ID_FILE, "file", USER_GROUP_ID_FILE, USER_CONFIG_FILE),
    ),
    Setting("base_url", checks.check_text, "the server: MiniMax, or one with the same interface"),
    Setting("api_flavor", parse_flavor, f"the wire: {' or '.join(WIRES)}"),
    Setting("chat_path", parse_chat_path, "the path of chats on the OpenAI wire, like /chat/completions"),
    Setting("model", checks.check_text, "the model", DEFAULT_MODEL),
    Setting("timeout", checks.check_seconds, "seconds for a whole call", DEFAULT_TIMEOUT, checks.read_number),
    Setting(
        "connect_timeout",
        checks.check_seconds,
        "seconds to make one connection",
        DEFAULT_CONNECT_TIMEOUT,
        checks.read_number,
    ),
    Setting(
        "idle_timeout",
        checks.check_seconds,
        "seconds of silence before a call fails",
        DEFAULT_IDLE_TIMEOUT,
        checks.read_number,
    ),
    Setting(
        "requests_per_second",
        checks.check_rate,
        "the rate of requests; none for no limit",
        DEFAULT_RATE,
        checks.read_number,
        "rate_limit.requests_per_second",
    ),
    Setting("burst", checks.whole(1), "the largest burst of requests", None, checks.read_number, "rate_limit.burst"),
    Setting(
        "limiter",
        checks.check_limiter,
        "the URL of a Redis through which hosts share the rate",
        file="rate_limit.store",
        wrap=checks.wrap_url,
    ),
    Setting(
        "quota_alert_threshold",
        checks.whole(0),
        "warn when the remaining quota is below this",
        None,
        checks.read_number,
        "rate_limit.quota_alert_threshold",
    ),
    Setting(
        "quota_budget",
        checks.whole(1),
        "the token budget, for that warning",
        None,
        checks.read_number,
        "rate_limit.quota_budget",
    ),
    Setting(
        "background_refresh",
        checks.check_flag,
        "whether a thread refreshes the login in time",
        DEFAULT_BACKGROUND_REFRESH,
        checks.read_flag,
        "auth.background_refresh",
    ),
    Setting(
        "verify",
        checks.check_verify,
        "true, false, or the path of certificates to trust",
        DEFAULT_VERIFY,
        checks.read_flag,
    ),
    Setting("proxy", checks.check_proxy, "the proxy for every host but loopback", wrap=checks.wrap_url),
    Setting(
        "default_headers",
        checks.check_headers,
        "additional headers of every request",
        read=None,
        wrap=checks.wrap_headers,
        places=("argument", "file", USER_CONFIG_FILE),
    ),
    Setting("retry", checks.check_retry, "a RetryPolicy", DEFAULT_RETRY, None, places=("argument",)),
    _retry_field(
        "rate_limit_attempts",
        "the maximum number of attempts of a call",
        file="retry.max_attempts",
        places=("$MINIMAX_RETRY_RATE_LIMIT_ATTEMPTS", "$MINIMAX_RETRY_MAX_ATTEMPTS", "file", USER_CONFIG_FILE),
    ),
    _retry_field("server_attempts", "the maximum number of attempts that end in a server error"),
    _retry_field("initial_backoff_ms", "the first wait, in milliseconds"),
    _retry_field("max_backoff_ms", "the longest wait, in milliseconds"),
    _retry_field("backoff_multiplier", "the factor by which waits grow"),
    _retry_field("resend_ambiguous", "retry when the outcome is unknown", checks.read_flag),
)

BY_NAME: dict[str, Setting] = {setting.name: setting for setting in SETTINGS}
"""The rows by name."""

ARGUMENTS: tuple[str, ...] = tuple(setting.name for setting in SETTINGS if "argument" in setting.looked_at)
"""The names of the client's arguments that are settings."""


ENVIRONMENT: tuple[tuple[str, str], ...] = (
    *((variable, _KEY_VARIABLES.get(variable, setting.help)) for setting in SETTINGS for variable in setting.variables),
    ("MINIMAX_CONFIG", "the configuration file, instead of ./config/llm.yaml"),
    ("MINIMAX_LOG", "info or debug: turns the log on"),
)
"""Each environment variable and its meaning, for help texts."""
