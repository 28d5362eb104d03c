"""The events of one call, in order, with its counts."""

from __future__ import annotations

from minimax_sync.errors import ServerError
from minimax_sync.hooks.call_watch import CallWatch
from minimax_sync.hooks.events import AttemptFailed, CallEnded, CallStarted, Event, FirstToken, RateLimited
from minimax_sync.values.messages import ChatMessage
from minimax_sync.values.response import ChatResponse
from minimax_sync.values.usage import TokenUsage

COMMON = {"operation": "chat", "model": "M", "flavor": "openai_compat"}


def test_a_call_is_reported_from_its_start_to_its_end() -> None:
    events: list[Event] = []
    watch = CallWatch((events.append,), COMMON, {"max_tokens": 7})
    watch.attempt(0.5)
    watch.failed(ServerError("x", status=503, code=1000), retry_in=0.1, cool_down=2.0)
    watch.attempt(0.0)
    watch.first_token()
    watch.ended(ChatResponse(ChatMessage.assistant("hi"), "stop", TokenUsage(1, 2, 3)), quota=(9.0, "requests"))
    watch.ended(error=ServerError("later"))  # only the first end counts
    assert [type(event) for event in events] == [
        CallStarted,
        RateLimited,
        AttemptFailed,
        RateLimited,
        FirstToken,
        CallEnded,
    ]
    assert len({getattr(event, "call_id", None) for event in events}) == 1
    started, limited, failed, cooled, _, ended = events
    assert isinstance(started, CallStarted)
    assert started.max_tokens == 7
    assert isinstance(limited, RateLimited)
    assert isinstance(cooled, RateLimited)
    assert [(event.source, event.seconds) for event in (limited, cooled)] == [("limiter", 0.5), ("service", 2.0)]
    assert isinstance(failed, AttemptFailed)
    assert (failed.status, failed.code, failed.error_type, failed.retry_in) == (503, 1000, "ServerError", 0.1)
    assert isinstance(ended, CallEnded)
    assert (ended.attempts, ended.waited, ended.prompt_tokens, ended.quota_remaining) == (2, 0.5, 1, 9.0)
    assert ended.error_type is None
