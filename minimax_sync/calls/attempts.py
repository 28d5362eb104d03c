"""The attempts of one call: wait for a slot, fetch the bearer, send, and decide what follows a failure.

The order is fixed, so that a token is fresh after the wait and a slot is taken before every request, retries included.
This module knows no wire and no user input. It sleeps only between attempts; the limiter sleeps while it waits.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from math import inf
from types import TracebackType
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from ..errors import CallTimeoutError, CredentialInvalidError, LlmError
from ..hooks.call_watch import CallWatch
from ..hooks.events import Hook, QuotaLow, emit
from ..net.forks import renew_if_forked
from ..net.reply import Reply
from ..pacing.quota_alert import QuotaCrossing
from ..pacing.retry import Attempts
from ..pacing.testing import is_testing
from ..pacing.token_bucket import TokenBucket
from ..secret import Secret
from ..values.response import ChatResponse
from .channel import Channel, Options
from .redaction import redact
from .refusals import annotated, describe_body, refusal
from .stop import Stop

Result = TypeVar("Result")

_log = logging.getLogger("minimax_sync")

_REFUSED_TOKEN_CODES = (1004, 2049)


class Outgoing(msgspec.Struct, frozen=True):
    """One request. `timeout` is seconds for the whole call, retries and waits included.

    `headers` go with this request only. A reply that is not streamed may be silent before its first byte for as long as
    `timeout` allows: models think for minutes.
    """

    operation: str
    url: str
    timeout: float
    method: str = "POST"
    body: bytes | None = None
    model: str = ""
    sampling: Mapping[str, object] = msgspec.field(default_factory=dict)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    is_streamed: bool = False

    def after(self, error: LlmError) -> Outgoing | None:
        """Return another request to send immediately instead of the failed one; None if there is none."""
        return None

    def answered_by(self, model: str) -> None:
        """Note the model that answered."""


class Call:
    """One call as an iterator over its attempts. For one thread.

        for attempt in call:              # waits, takes the slot, then the bearer, sends
            with attempt as reply:        # classifies, annotates, redacts, closes, charges budgets
                return attempt.finished(decode(reply))
        raise call.error

    The iteration yields every attempt that got a 2xx reply and ends when the policy gives up; `error` is then the last
    failure. Errors that end the call immediately (a dead login, Ctrl-C, no slot in time) are raised by the iteration.
    """

    def __init__(self, channel: Channel, options: Options, outgoing: Outgoing, stop: Stop | None = None) -> None:
        renew_if_forked()
        self._stop = stop
        self.channel, self.options, self.outgoing = channel, options, outgoing
        self.deadline = time.monotonic() + outgoing.timeout
        self._failure: LlmError | None = None
        self._sent = Secret("")
        self.is_over = False
        self._policy = Attempts(options.retry, self.deadline)
        self._may_refresh = getattr(channel.auth, "can_refresh", True)
        self._watch = _watch(channel, options.hooks, outgoing) if options.hooks else None

    @property
    def error(self) -> LlmError:
        """The failure of the last attempt; available once the iteration has ended."""
        assert self._failure is not None
        return self._failure

    def __iter__(self) -> Iterator[Attempt]:
        return self

    def __next__(self) -> Attempt:
        try:
            while self._prepare_retry() and self._take_slot():
                bearer = Secret(self.channel.auth.bearer(self._time_left()))
                try:
                    return Attempt(self, bearer, self._send(bearer))
                except LlmError as error:
                    self.failed(error, bearer)
        except BaseException as error:
            self.ended(error=error)
            raise
        self.ended(error=self.error)
        raise StopIteration

    def failed(self, error: LlmError, bearer: Secret) -> None:
        """Record the failure of an attempt that sent `bearer`; the iteration decides whether to retry."""
        self._failure, self._sent = redact(error, bearer, self.outgoing.body), bearer

    def _prepare_retry(self) -> bool:
        """Prepare another attempt: wait, or refresh a refused token. Return False if there is none."""
        error = self._failure
        if error is None:
            return True
        if self._may_refresh and _is_refused_token(error):
            self._may_refresh = False
            self._report(error, 0.0, 0.0)
            self.channel.auth.force_refresh(self._sent.reveal(), self._time_left())
            return True
        other = self.outgoing.after(error)
        if other is not None:
            self._report(error, 0.0, 0.0)
            self.outgoing = other
            return True
        wait = self._policy.wait_after(error)
        cool_down = self._policy.cool_down
        self._report(error, wait, cool_down)
        if cool_down and self.channel.limiter is not None:
            self.channel.limiter.pause(cool_down)
        if wait is None:
            return False
        if self._stop is not None:
            return self._stop.sleep(wait)
        time.sleep(wait)
        return True

    def ended(self, response: ChatResponse | None = None, error: BaseException | None = None) -> None:
        """Charge the quota's budget and report the end of the call to the hooks; only the first report counts."""
        if self.is_over:
            return
        self.is_over = True
        outgoing, quota = self.outgoing, self.channel.quota
        outcome = "ended" if error is None else f"failed with {type(error).__name__}"
        seconds = outgoing.timeout - self._time_left()
        _log.info("%s %s %s after %.2f s", outgoing.operation, outgoing.model, outcome, seconds)
        if response is not None and quota is not None:
            self.note_quota(quota.spend(response.usage.total_tokens))
        if self._watch is not None:
            left = quota.last if response is not None and quota is not None else None
            self._watch.ended(response, error, left)

    @property
    def is_watched(self) -> bool:
        """Whether hooks or the quota alert need to know how the call ends."""
        return self._watch is not None or self.channel.quota is not None

    def first_token(self) -> None:
        """Report the first chunk of a stream to the hooks."""
        if self._watch is not None:
            self._watch.first_token()

    def note_quota(self, crossing: QuotaCrossing | None) -> None:
        """Report to the hooks that the quota has just fallen below its threshold, if it has."""
        if crossing is not None and self.options.hooks:
            event = QuotaLow(provider=self.channel.provider, **msgspec.structs.asdict(crossing))
            emit(self.options.hooks, event)

    def _time_left(self) -> float:
        return self.deadline - time.monotonic()

    def _take_slot(self) -> bool:
        """Wait for a slot. Return False if no time is left and an earlier attempt has an error to raise instead."""
        left, limiter, stop = self._time_left(), self.channel.limiter, self._stop
        if self._failure is not None and left <= 0:
            return False
        try:
            if limiter is None or is_testing():
                waited = 0.0
            elif stop is not None and type(limiter) is TokenBucket:
                waited = limiter.acquire_in_line(left, stop.on_close)
            else:
                waited = limiter.acquire(left)
        except CallTimeoutError:
            if stop is not None:
                stop.check()
            if self._failure is None:
                raise
            return False
        if waited:
            _log.info("%s %s waited %.2f s for the limiter", self.outgoing.operation, self.outgoing.model, waited)
        if self._watch is not None:
            self._watch.attempt(waited)
        return True

    def _send(self, bearer: Secret) -> Reply:
        """Send the request and return a 2xx reply; raise the error of anything else."""
        channel, options, outgoing, stop = self.channel, self.options, self.outgoing, self._stop
        if stop is not None:
            stop.check()
        _log.debug("%s %s: attempt %d", outgoing.operation, outgoing.model, self._policy.made + 1)
        reply = channel.http.exchange(
            outgoing.method,
            outgoing.url,
            headers={**channel.headers, **outgoing.headers, "Authorization": f"Bearer {bearer.reveal()}"},
            body=outgoing.body,
            deadline=self.deadline,
            idle_timeout=options.idle_timeout,
            first_byte_timeout=None if outgoing.is_streamed else inf,
            connect_timeout=options.connect_timeout,
            connected=None if stop is None else stop.on_close,
        )
        try:
            if stop is not None:
                stop.on_close(reply.close)
            if channel.quota is not None:
                self.note_quota(channel.quota.observe_headers(reply.headers))
            if 200 <= reply.status < 300:
                return reply
            error = refusal(reply, outgoing.url)
        except BaseException:
            reply.close()
            raise
        reply.close()
        raise annotated(error, reply, channel.hint)

    def _report(self, error: LlmError, wait: float | None, cool_down: float) -> None:
        outgoing, kind = self.outgoing, type(error).__name__
        follows = "giving up" if wait is None else f"trying again in {wait:.2f} s"
        _log.info("%s %s: the attempt failed with %s; %s", outgoing.operation, outgoing.model, kind, follows)
        if self._watch is not None:
            self._watch.failed(error, wait, cool_down)


class Attempt:
    """One attempt that got a 2xx reply. `with` returns the reply, and reports a failure to the call, which retries or
    ends.

    The reply is closed when the block fails; a block that succeeds has read it, or passes it to a stream.
    """

    __slots__ = ("_bearer", "call", "reply")

    def __init__(self, call: Call, bearer: Secret, reply: Reply) -> None:
        self.call, self.reply = call, reply
        self._bearer = bearer

    def __enter__(self) -> Reply:
        return self.reply

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            return False
        self.reply.close()
        if not isinstance(error, LlmError):
            self.call.ended(error=error)
            return False
        describe_body(error, self.reply, self.reply.body)
        self.call.failed(annotated(error, self.reply, self.call.channel.hint), self._bearer)
        return True

    def described(self, error: LlmError) -> LlmError:
        """Return the error of a stream with the facts of the reply, without the credential and the prompt."""
        return redact(annotated(error, self.reply, self.call.channel.hint), self._bearer, self.call.outgoing.body)

    def finished(self, response: ChatResponse) -> ChatResponse:
        """Return the response after charging its usage and reporting the end of the call."""
        self.call.outgoing.answered_by(response.model)
        self.call.ended(response)
        return response

    def returned(self, result: Result) -> Result:
        """Return the result of a service other than chat after reporting the end of the call."""
        self.call.ended()
        return result


def _watch(channel: Channel, hooks: tuple[Hook, ...], outgoing: Outgoing) -> CallWatch:
    server = urlsplit(channel.endpoint.origin)
    common = {
        "provider": channel.provider,
        "operation": outgoing.operation,
        "model": outgoing.model,
        "flavor": channel.endpoint.flavor,
        "server_address": server.hostname or "",
        "server_port": server.port,
    }
    return CallWatch(hooks, common, dict(outgoing.sampling))


def _is_refused_token(error: LlmError) -> bool:
    if not isinstance(error, CredentialInvalidError):
        return False
    return error.status == 401 or error.code in _REFUSED_TOKEN_CODES
