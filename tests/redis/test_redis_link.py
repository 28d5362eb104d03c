"""The link to Redis: what a URL may look like, scripts on a real server, and failures in words without a secret."""

from __future__ import annotations

import pytest
from support.redis_server import RedisServer

from minimax_sync import ConfigError
from minimax_sync.net.redis_link import RedisFailureError, RedisLink, split_store_url
from minimax_sync.secret import StoreUrl


@pytest.mark.parametrize(
    ("url", "link", "name"),
    [
        ("redis://host:6379/0/plan", "redis://host:6379/0", "plan"),
        ("rediss://host/2?protocol=3", "rediss://host/2?protocol=3", ""),
        ("redis://host", "redis://host", ""),
    ],
)
def test_a_url_is_split_into_its_redis_and_a_name(url: str, link: str, name: str) -> None:
    found, found_name = split_store_url(url, "bundle")
    assert (str(found), found_name) == (link, name)


def test_a_url_of_another_kind_is_refused_and_not_quoted() -> None:
    with pytest.raises(ConfigError, match="bundle: must be like") as caught:
        split_store_url("http://user:secret@host/a/b/c", "bundle")
    assert "secret" not in str(caught.value)


def test_a_script_runs_with_keys_and_arguments(server: RedisServer) -> None:
    link = RedisLink(StoreUrl(server.url), "limiter")
    assert link.run("return {KEYS[1], ARGV[1]}", ["a"], ["b"]) == [b"a", b"b"]
    assert link.run("return {KEYS[1], ARGV[1]}", ["c"], ["d"]) == [b"c", b"d"]


def test_a_failing_script_and_a_missing_server_are_different_errors(server: RedisServer, mortal: RedisServer) -> None:
    with pytest.raises(RedisFailureError) as caught:
        RedisLink(StoreUrl(server.url), "limiter").run("return redis.error_reply('WRONG secret')", ["a"])
    assert (str(caught.value), caught.value.passing) == ("it answers WRONG", False)
    link = RedisLink(StoreUrl(mortal.url), "limiter")
    mortal.kill()
    with pytest.raises(RedisFailureError, match="no connection") as caught:
        link.run("return 1", ["a"])
    assert caught.value.passing
