"""One call: limiter, then bearer, then send, then classify, then retry. The order is fixed, so that a token is fresh
after the wait and a slot is taken before every request, retries included.

It knows no wire: `receive` makes the result of a 2xx answer, and raises one of our errors for what is none; a stream
fails later, and so gets what takes credential and prompt out of an error as well. Sleeps happen here and in the limiter
alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from ..auth import Auth
from ..auth.static_key import StaticKey
from ..errors import MAX_BODY_CHARS, CallTimeoutError, CredentialInvalidError, LlmError, ResponseFormatError
from ..net.reply import Reply
from ..net.session import Http
from ..pacing.retry import Attempts, RetryPolicy, retry_after_seconds
from ..secret import Secret
from ..settings.endpoints import Endpoint
from ..wires.failures import failure_of_status, request_id_in
from .redaction import redacted

if TYPE_CHECKING:
    from ..auth.background import Lease
    from ..hooks.call_watch import CallWatch
    from ..hooks.events import Hook
    from ..pacing.quota_alert import QuotaAlert, QuotaCrossing
    from ..pacing.token_bucket import Limiter

Result = TypeVar("Result")

Redact = Callable[[LlmError], LlmError]
"""Takes the credential and the prompt of the call out of an error whose text the service wrote."""

ERROR_BODY_TIME = 5.0
"""How long, in seconds, the body of an error is waited for: its status says the most of it."""

_REFUSED_TOKEN_CODES = (1004, 2049)


class Call(msgspec.Struct, frozen=True):
    """One request as the transport needs it. `timeout` is seconds for the whole call, retries and waits included."""

    operation: str
    url: str
    timeout: float
    method: str = "POST"
    body: bytes | None = None
    model: str = ""
    sampling: dict[str, object] = msgspec.field(default_factory=dict)


class Channel(msgspec.Struct, frozen=True):
    """What a client and its siblings share: connections, credentials, limiter, quota watch. Thread-safe.

    `headers` go with every request, `query` with those of the OpenAI wire; `hint` is the likely cause of a refused
    credential, put behind such an error; `lease` keeps the background refresh of a Token Plan alive.
    """

    http: Http
    auth: Auth
    endpoint: Endpoint
    headers: Mapping[str, str]
    limiter: Limiter | None
    quota: QuotaAlert | None
    provider: str
    query: str = ""
    hint: str = ""
    lease: Lease | None = None

    def close(self) -> None:
        """Close the connections and let go of the credentials' background thread."""
        self.http.close()
        if self.lease is not None:
            self.lease.close()


class Options(msgspec.Struct, frozen=True):
    """How one client, or a sibling of it, calls. Times are seconds."""

    retry: RetryPolicy
    timeout: float = 600.0
    connect_timeout: float = 10.0
    idle_timeout: float = 120.0
    hooks: tuple[Hook, ...] = ()


class Transport:
    """Carries calls out over a shared channel. Thread-safe."""

    def __init__(self, channel: Channel, options: Options) -> None:
        self.channel = channel
        self.options = options
        self._refreshes = not isinstance(channel.auth, StaticKey)

    def run(self, call: Call, receive: Callable[[Reply, Redact], Result], watch: CallWatch | None = None) -> Result:
        """Carry out one call and return what `receive` makes of the answer.

        Raises one of the library's errors, without a secret in it, once the policy gives up on the call.
        """
        deadline = time.monotonic() + call.timeout
        attempts = Attempts(self.options.retry, deadline)
        refreshed = False
        error: LlmError | None = None
        while self._take_slot(deadline, error, watch):
            bearer = self.channel.auth.bearer(deadline - time.monotonic())
            try:
                return self._attempt(call, bearer, deadline, receive)
            except LlmError as exc:
                error = redacted(exc, Secret(bearer), call.body)
            if self._refreshes and not refreshed and _is_refused_token(error):
                refreshed = True
                if watch is not None:
                    watch.failed(error, 0.0, 0.0)
                self.channel.auth.force_refresh(bearer, deadline - time.monotonic())
                continue
            wait = attempts.wait_after(error)
            if watch is not None:
                watch.failed(error, wait, attempts.cool_down)
            if attempts.cool_down and self.channel.limiter is not None:
                self.channel.limiter.pause(attempts.cool_down)
            if wait is None:
                break
            time.sleep(wait)
        assert error is not None
        raise error

    def _take_slot(self, deadline: float, error: LlmError | None, watch: CallWatch | None) -> bool:
        """Wait for a slot. False: no time is left for one, and `error`, of an earlier attempt, tells more than that."""
        left = deadline - time.monotonic()
        if error is not None and left <= 0:
            return False
        try:
            waited = self.channel.limiter.acquire(left) if self.channel.limiter is not None else 0.0
        except CallTimeoutError:
            if error is None:
                raise
            return False
        if watch is not None:
            watch.attempt(waited)
        return True

    def _attempt(self, call: Call, bearer: str, deadline: float, receive: Callable[[Reply, Redact], Result]) -> Result:
        options = self.options
        reply = self.channel.http.exchange(
            call.method,
            call.url,
            headers={**self.channel.headers, "Authorization": f"Bearer {bearer}"},
            body=call.body,
            deadline=deadline,
            idle_timeout=options.idle_timeout,
            connect_timeout=options.connect_timeout,
        )
        try:
            if self.channel.quota is not None:
                self.note_quota(self.channel.quota.observe_headers(reply.headers))
            if not 200 <= reply.status < 300:
                raise self._refusal(reply)
            return receive(reply, partial(redacted, bearer=Secret(bearer), asked=call.body))
        except LlmError as error:
            reply.close()
            self._annotate(error, reply)
            raise
        except BaseException:
            reply.close()
            raise

    def note_quota(self, crossing: QuotaCrossing | None) -> None:
        """Tell the hooks that the quota has just fallen below its threshold, if it has."""
        if crossing is not None and self.options.hooks:
            from ..hooks.events import QuotaLow, emit

            event = QuotaLow(
                provider=self.channel.provider,
                remaining=crossing.remaining,
                threshold=crossing.threshold,
                unit=crossing.unit,
            )
            emit(self.options.hooks, event)

    def watch(self, call: Call) -> CallWatch | None:
        """Begin to tell the hooks of a call; None where there are none."""
        if not self.options.hooks:
            return None
        from ..hooks.call_watch import CallWatch

        endpoint = self.channel.endpoint
        server = urlsplit(endpoint.origin)
        common = {
            "provider": self.channel.provider,
            "operation": call.operation,
            "model": call.model,
            "flavor": endpoint.flavor,
            "server_address": server.hostname or "",
            "server_port": server.port,
        }
        return CallWatch(self.options.hooks, common, call.sampling)

    def _refusal(self, reply: Reply) -> LlmError:
        """Make the error of an answer that is not a 2xx."""
        if reply.status < 400:
            reply.close()
            return ResponseFormatError(
                f"HTTP {reply.status}: the service redirects, and redirects are not followed, because they would take "
                "the credential to another place; check base_url",
                status=reply.status,
            )
        return failure_of_status(reply.status, _beginning(reply), hint=self.channel.hint)

    def _annotate(self, error: LlmError, reply: Reply) -> None:
        """Add what the answer's headers tell."""
        if error.status is None:
            error.status = reply.status
        error.request_id = error.request_id or request_id_in(reply.headers) or None
        asked = retry_after_seconds(reply.headers.get("retry-after"), datetime.now(timezone.utc))
        if asked is not None:
            error.retry_after_ms = int(asked * 1000)
        if isinstance(error, CredentialInvalidError) and self.channel.hint and self.channel.hint not in str(error):
            error.args = (f"{error}. {self.channel.hint}",)


def _beginning(reply: Reply) -> bytes:
    """Read at most 64 KiB of an error's body; what goes wrong then must not hide the error itself."""
    body = bytearray()
    reply.deadline = min(reply.deadline, time.monotonic() + ERROR_BODY_TIME)
    try:
        while len(body) < MAX_BODY_CHARS:
            data = reply.read1()
            if not data:
                reply.finish()
                break
            body += data
    except LlmError:
        reply.close()
    return bytes(body[:MAX_BODY_CHARS])


def _is_refused_token(error: LlmError) -> bool:
    if not isinstance(error, CredentialInvalidError):
        return False
    return error.status == 401 or error.code in _REFUSED_TOKEN_CODES


def unexpected(reply: Reply, body: bytes, problem: str) -> ResponseFormatError:
    """Make the error of a 2xx that is not what it should be; an HTML page gets its likely causes."""
    kind = reply.headers.get("content-type", "no content type")
    if body.lstrip()[:1] == b"<":
        problem = f"it is a page ({kind}), as a captive portal, a proxy or a wrong base_url sends; {problem}"
    elif not body:
        problem = f"its body is empty; {problem}"
    return ResponseFormatError(
        f"HTTP {reply.status}, but not an answer: {problem}", status=reply.status, body=body.decode("utf-8", "replace")
    )
