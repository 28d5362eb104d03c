"""`CallWatch`, which counts and times one call and emits its events. Without hooks it is not used."""

from __future__ import annotations

import time
import uuid
from typing import Any

from ..errors import LlmError
from ..values.response import ChatResponse
from .events import AttemptFailed, CallEnded, CallEvent, CallStarted, FirstToken, Hook, RateLimited, emit


class CallWatch:
    """Counts and times one call and emits its events. `common`: the fields of a `CallEvent` except `call_id`."""

    def __init__(self, hooks: tuple[Hook, ...], common: dict[str, Any], sampling: dict[str, Any]) -> None:
        self._hooks = hooks
        self._common = {**common, "call_id": uuid.uuid4().hex}
        self._began = time.monotonic()
        self._attempts = 0
        self._waited = 0.0
        self._over = False
        self._emit(CallStarted, **sampling)

    def attempt(self, waited: float) -> None:
        """Record that an attempt begins after `waited` seconds in the limiter."""
        self._attempts += 1
        self._waited += waited
        if waited > 0:
            self._emit(RateLimited, attempt=self._attempts, source="limiter", seconds=waited)

    def failed(self, error: LlmError, retry_in: float | None, cool_down: float) -> None:
        """Record a failed attempt; `cool_down` is how long, in seconds, the limiter pauses because of it."""
        failure = {name: getattr(error, name) for name in ("status", "code", "request_id")}
        kind = type(error).__name__
        self._emit(AttemptFailed, attempt=self._attempts, error_type=kind, retry_in=retry_in, **failure)
        if cool_down:
            self._emit(RateLimited, attempt=self._attempts, source="service", seconds=cool_down)

    def first_token(self) -> None:
        """Record that the first delta of a stream arrived."""
        self._emit(FirstToken, seconds=time.monotonic() - self._began)

    def ended(
        self,
        response: ChatResponse | None = None,
        error: BaseException | None = None,
        quota: tuple[float, str] | None = None,
    ) -> None:
        """Record the end of the call; later calls of this method do nothing."""
        if self._over:
            return
        self._over = True
        outcome: dict[str, Any] = {}
        if response is not None:
            usage = response.usage if response.usage.total_tokens else None
            outcome = {
                "finish_reason": response.finish_reason or None,
                "response_id": response.id or None,
                "response_model": response.model or None,
                "request_id": response.request_id or None,
            }
            names = ("prompt", "completion", "reasoning", "cache_read", "cache_write")
            outcome |= {f"{name}_tokens": getattr(usage, f"{name}_tokens", None) for name in names}
        if error is not None:
            outcome["error_type"] = type(error).__name__
        if isinstance(error, LlmError):
            outcome |= {"status": error.status, "code": error.code}
            outcome["request_id"] = error.request_id or outcome.get("request_id")
        if quota is not None:
            outcome["quota_remaining"], outcome["quota_unit"] = quota
        duration = time.monotonic() - self._began
        self._emit(CallEnded, duration=duration, attempts=self._attempts, waited=self._waited, **outcome)

    def _emit(self, kind: type[CallEvent], **fields: Any) -> None:
        emit(self._hooks, kind(**self._common, **fields))
