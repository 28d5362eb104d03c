"""The retry policy, the counting of attempts, and the Retry-After header."""

from __future__ import annotations

import copy
import pickle
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from math import inf, isfinite, nan
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minimax_sync.errors import (
    AmbiguousResultError,
    CallTimeoutError,
    ConfigError,
    CredentialInvalidError,
    LlmError,
    QuotaExceededError,
    RateLimitError,
    RequestError,
    ServerError,
    StreamInterruptedError,
    TransportError,
)
from minimax_sync.pacing.retry import Attempts, RetryPolicy, asked_wait_ms, retry_after_seconds

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=timezone.utc)


def low(least: float, most: float) -> float:
    return least


def high(least: float, most: float) -> float:
    return most


def waits(policy: RetryPolicy, *errors: LlmError, deadline: float = inf) -> list[float | None]:
    attempts = Attempts(policy, deadline, clock=lambda: 0.0, random=high)
    return [attempts.wait_after(error) for error in errors]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rate_limit_attempts", 0),
        ("rate_limit_attempts", 2.0),
        ("rate_limit_attempts", True),
        ("server_attempts", -1),
        ("server_attempts", "3"),
        ("server_attempts", 10**400),
        ("initial_backoff_ms", -1),
        ("initial_backoff_ms", nan),
        ("initial_backoff_ms", None),
        ("max_backoff_ms", inf),
        ("max_backoff_ms", 10**9),
        ("max_backoff_ms", "a-secret"),
        ("backoff_multiplier", 0.5),
        ("backoff_multiplier", nan),
        ("backoff_multiplier", False),
        ("resend_ambiguous", 1),
    ],
)
def test_an_impossible_policy_is_refused_with_the_name_of_the_field(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"retry: {field} must be") as caught:
        RetryPolicy(**{field: value})
    assert "secret" not in str(caught.value)


def test_a_policy_has_the_documented_defaults_and_is_an_immutable_value() -> None:
    policy: Any = RetryPolicy()
    assert policy == RetryPolicy(5, 3, 1000, 60_000, 2.0, False)
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert msgspec.structs.replace(policy, server_attempts=1).server_attempts == 1
    with pytest.raises(AttributeError):
        policy.server_attempts = 9


def test_a_rate_limit_has_five_attempts_in_all() -> None:
    result = waits(RetryPolicy(), *[RateLimitError() for _ in range(5)])
    assert [wait is not None for wait in result] == [True] * 4 + [False]


def test_a_failing_server_has_three_attempts() -> None:
    result = waits(RetryPolicy(), *[ServerError(status=503) for _ in range(3)])
    assert [wait is not None for wait in result] == [True, True, False]


def test_the_two_budgets_are_counted_together() -> None:
    limit, server = RateLimitError(), ServerError()
    assert waits(RetryPolicy(), server, limit, server, limit, limit)[-1] is None
    assert waits(RetryPolicy(), limit, server, limit, server, server)[-1] is None
    assert None not in waits(RetryPolicy(), limit, server, limit, server)
    assert waits(RetryPolicy(rate_limit_attempts=2), server, server)[-1] is None


def test_more_server_attempts_raise_the_total_and_a_smaller_total_lowers_them() -> None:
    assert RetryPolicy(server_attempts=6) == RetryPolicy(6, 6)
    assert RetryPolicy(rate_limit_attempts=2) == RetryPolicy(2, 2)
    assert RetryPolicy(server_attempts=4) == RetryPolicy(5, 4)
    for policy in (RetryPolicy(server_attempts=6), RetryPolicy(rate_limit_attempts=2)):
        assert pickle.loads(pickle.dumps(policy)) == copy.copy(policy) == policy


def test_two_numbers_of_attempts_that_contradict_each_other_are_an_error() -> None:
    with pytest.raises(ConfigError, match=r"server_attempts \(6\) must be at most rate_limit_attempts \(5\)"):
        RetryPolicy(rate_limit_attempts=5, server_attempts=6)


def test_numbers_of_numpy_count_as_numbers() -> None:
    numbers: list[Any] = [np.int64(7), np.int32(2), np.float32(10), 60_000, np.float64(3)]
    policy = RetryPolicy(*numbers)
    assert policy == RetryPolicy(7, 2, 10.0, 60_000, 3.0)
    assert [type(value) for value in msgspec.structs.astuple(policy)] == [int, int, float, int, float, bool]
    with pytest.raises(ConfigError):
        RetryPolicy(np.float64(2.5))


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (RateLimitError(), True),
        (ServerError(), True),
        (TransportError(budget="server"), True),
        (CallTimeoutError(budget="server"), True),
        (QuotaExceededError(retry_after_ms=1), False),
        (RequestError(), False),
        (CredentialInvalidError(), False),
        (TransportError(), False),
        (CallTimeoutError(sent=True), False),
        (AmbiguousResultError(), False),
        (StreamInterruptedError(), False),
    ],
)
def test_only_an_error_with_a_budget_is_tried_again(error: LlmError, again: bool) -> None:
    assert (waits(RetryPolicy(), error)[0] is not None) is again


def test_an_ambiguous_result_is_sent_again_only_on_request_and_counts_as_a_server_failure() -> None:
    error = AmbiguousResultError()
    result = waits(RetryPolicy(resend_ambiguous=True), error, error, error)
    assert [wait is not None for wait in result] == [True, True, False]
    assert waits(RetryPolicy(resend_ambiguous=True), StreamInterruptedError()) == [None]


def test_the_backoff_grows_by_the_multiplier_and_is_capped() -> None:
    policy = RetryPolicy(rate_limit_attempts=9, initial_backoff_ms=1000, max_backoff_ms=10_000)
    assert waits(policy, *[RateLimitError() for _ in range(6)]) == [2.0, 4.0, 8.0, 10.0, 10.0, 10.0]


@given(
    initial=st.floats(0, 86_400_000),
    most=st.floats(0, 86_400_000),
    multiplier=st.floats(1, 1000),
    asked=st.none() | st.integers(0, 10**12),
)
def test_a_wait_is_never_shorter_than_asked_and_a_backoff_stays_in_its_bounds(
    initial: float, most: float, multiplier: float, asked: int | None
) -> None:
    policy = RetryPolicy(50, 50, initial, most, multiplier)
    attempts = Attempts(policy, inf)
    for _ in range(8):
        wait = attempts.wait_after(RateLimitError(retry_after_ms=asked))
        least = max((asked or 0) / 1000, min(initial, most) / 1000)
        assert wait is not None
        assert least <= wait <= max((asked or 0) / 1000 + 5.0, most / 1000)
        assert isfinite(wait)


def test_thirty_two_threads_with_the_same_retry_after_do_not_return_together() -> None:
    policy = RetryPolicy(initial_backoff_ms=0)
    asked = [Attempts(policy, inf).wait_after(RateLimitError(retry_after_ms=2000)) for _ in range(32)]
    assert len(set(asked)) > 28
    assert all(wait is not None and 2.0 <= wait <= 2.2 for wait in asked)


@pytest.mark.parametrize(
    "error", [RateLimitError(retry_after_ms=9000), ServerError(retry_after_ms=9000), ServerError(code=1000)]
)
def test_a_wait_that_would_outlast_the_call_is_not_begun(error: LlmError) -> None:
    slow = RetryPolicy(initial_backoff_ms=9000, max_backoff_ms=9000)
    assert waits(slow, error, deadline=8.9) == [None]
    assert waits(slow, error, deadline=9.0) == [None]
    assert waits(slow, error, deadline=9.91) != [None]


def test_the_deadline_is_read_again_before_each_wait() -> None:
    now = 0.0
    attempts = Attempts(RetryPolicy(), 10.0, clock=lambda: now, random=low)
    assert attempts.wait_after(ServerError()) == 1.0
    now = 9.5
    assert attempts.wait_after(ServerError()) is None
    assert attempts.made == 2


def test_the_real_clock_is_the_default() -> None:
    assert Attempts(RetryPolicy(), time.monotonic() + 600).wait_after(ServerError()) is not None
    assert Attempts(RetryPolicy(), time.monotonic() - 1).wait_after(ServerError()) is None


def test_only_a_rate_limit_pauses_all_callers() -> None:
    attempts = Attempts(RetryPolicy(), inf, clock=lambda: 0.0, random=low)
    assert attempts.cool_down == 0.0
    wait = attempts.wait_after(RateLimitError(retry_after_ms=3000))
    assert wait == attempts.cool_down == 3.0
    attempts.wait_after(ServerError(retry_after_ms=3000))
    assert attempts.cool_down == 0.0


def test_the_last_rate_limit_cools_down_too_but_never_for_longer_than_the_longest_backoff() -> None:
    attempts = Attempts(RetryPolicy(rate_limit_attempts=1), inf, clock=lambda: 0.0, random=low)
    assert attempts.wait_after(RateLimitError(retry_after_ms=3000)) is None
    assert attempts.cool_down == 3.0
    attempts = Attempts(RetryPolicy(), 600.0, clock=lambda: 0.0, random=low)
    assert attempts.wait_after(RateLimitError(retry_after_ms=999_999_000)) is None
    assert attempts.cool_down == 60.0


# B7
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("2", 2.0),
        (" 1.5 ", 1.5),
        ("999999", 999_999.0),
        ("Fri, 01 May 2026 12:00:07 GMT", 7.0),
        ("Fri, 01 May 2026 14:00:07 +0200", 7.0),
        ("Fri, 01 May 2026 12:00:07 -0000", 7.0),
        ("Friday, 01-May-26 12:00:07 GMT", 7.0),
        ("Fri May  1 12:00:07 2026", 7.0),
        ("Wed, 01 May 2024 12:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("-5", None),
        ("+5", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("1e3", None),
        ("1_000", None),
        ("٣", None),
        ("9" * 400, None),
        ("9" * 5000, None),
        ("1,1", None),
        ("soon", None),
        ("Fri, 99 May 2026 12:00:07 GMT", None),
        ("Fri, 01 May 99999999999999999999 12:00:07 GMT", None),
        ("Fri, 01 May 2026 12:00:07 +99999999999999", None),
    ],
)
def test_retry_after_is_finite_and_not_negative_for_any_header(value: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(value, NOW) == seconds


@given(st.text() | st.from_regex(r"(\w{3}, )?\d{1,3}[ -]\w{3}[ -]\d{1,6}[ :,]\d*:?\d*:?\d* ?[\w+-]{0,9}"))
def test_no_retry_after_header_raises(value: str) -> None:
    seconds = retry_after_seconds(value, NOW)
    assert seconds is None or (seconds >= 0 and isfinite(seconds))


@given(st.integers(0, 10**8))
def test_an_http_date_is_read_to_the_second(seconds: int) -> None:
    header = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_seconds(header, NOW) == seconds


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after-ms": "300"}, 300),
        ({"retry-after-ms": "120.5", "retry-after": "9"}, 120),
        ({"retry-after-ms": "soon", "retry-after": "0.3"}, 300),
        ({"retry-after-ms": "-5"}, None),
        ({}, None),
    ],
)
def test_milliseconds_outrank_seconds_where_they_can_be_read(headers: dict[str, str], wait: int | None) -> None:
    assert asked_wait_ms(headers, datetime.now(timezone.utc)) == wait
