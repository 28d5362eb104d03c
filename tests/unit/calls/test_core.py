"""The core of a client as a value: siblings, what they share, and checked options."""

from __future__ import annotations

from typing import Any

import pytest
from support.eventually import eventually

from minimax_sync import MiniMaxClient, RetryPolicy, TokenBucket, TokenRefreshed
from minimax_sync.calls.core import Core, options_with
from minimax_sync.calls.open_core import open_core
from minimax_sync.emulator import Emulator
from minimax_sync.errors import ConfigError, RequestError


def core() -> Core:
    return open_core({"api_key": "sk-x"})


def test_a_sibling_shares_the_channel_and_closes_nothing() -> None:
    first = core()
    sibling = first.with_options({"model": "MiniMax-M2", "timeout": 7.0})
    assert (sibling.model, sibling.options.timeout) == ("MiniMax-M2", 7.0)
    assert sibling.channel is first.channel
    assert sibling.close().closed
    first.check_open()
    assert (first.owns_channel, sibling.owns_channel) == (True, False)
    with pytest.raises(RequestError, match="this client is closed"):
        first.close().check_open()


def test_another_limiter_leaves_the_first_core_as_it_was() -> None:
    first, bucket = core(), TokenBucket(5)
    assert first.with_limiter(bucket).channel.limiter is bucket
    assert first.channel.limiter is not bucket
    first.close()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"base_url": "x"}, r"with_options\(\) cannot change base_url"),
        ({"model": " "}, "model: must be"),
        ({"timeout": -1}, "argument timeout"),
        ({"retry": 3}, "retry must be a RetryPolicy"),
        ({"hooks": ["x"]}, "hooks must be callables"),
    ],
)
def test_an_invalid_option_is_named(options: dict[str, object], text: str) -> None:
    first = core()
    with pytest.raises(ConfigError, match=text):
        first.with_options(options)
    first.close()


def test_options_keep_what_is_not_overridden() -> None:
    first = core()
    changed = options_with(first.options, {"retry": RetryPolicy(server_attempts=1), "hooks": [print]})
    assert (changed.retry.server_attempts, changed.hooks) == (1, (print,))
    assert changed.timeout == first.options.timeout
    first.close()


def test_a_refresh_is_reported_once_to_hooks_that_siblings_share_and_to_each_sibling_with_its_own(
    emulator: Emulator,
) -> None:
    shared: list[object] = []
    own: list[object] = []
    emulator.portal.bundle("plan.json")
    options: dict[str, Any] = {"base_url": emulator.anthropic_base_url, "requests_per_second": None}
    with MiniMaxClient(bundle="plan.json", hooks=[shared.append], **options) as client:
        siblings = [client.with_options(timeout=5.0), client.with_options(hooks=[own.append])]
        list(siblings[0].map(["one"]))
        emulator.portal.expire_access()
        client.chat("two")
        assert eventually(
            lambda: all(any(isinstance(event, TokenRefreshed) for event in found) for found in (shared, own))
        )
        assert [[type(event) for event in found].count(TokenRefreshed) for found in (shared, own)] == [1, 1]
