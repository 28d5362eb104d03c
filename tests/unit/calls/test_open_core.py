"""From arguments to credentials, endpoint and limiter, without a request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minimax_sync import StaticKey
from minimax_sync.calls.open_core import open_core
from minimax_sync.errors import ConfigError


class Untimed:
    """An auth object whose methods take no timeout."""

    region = "https://api.minimaxi.com"

    def bearer(self) -> str:
        return "token"

    def force_refresh(self, rejected: str) -> str:
        return "next-token"


def test_an_auth_object_names_its_region_and_may_take_no_timeout() -> None:
    core = open_core({"auth": Untimed()})
    assert core.channel.endpoint.chat_url == "https://api.minimaxi.com/anthropic/v1/messages"
    assert core.channel.auth.bearer(1.0) == "token"
    assert core.channel.auth.force_refresh("token", 1.0) == "next-token"
    core.close()


def test_clients_of_one_key_share_a_limiter_and_without_a_rate_there_is_none() -> None:
    first, second = open_core({"api_key": "sk-x"}), open_core({"auth": StaticKey("sk-x")})
    assert first.channel.limiter is second.channel.limiter is not None
    unpaced = open_core({"api_key": "sk-x", "requests_per_second": None})
    assert unpaced.channel.limiter is None
    for core in (first, second, unpaced):
        core.close()


def test_the_headers_have_the_group_and_no_key() -> None:
    core = open_core({"api_key": "sk-canary", "group_id": "42"})
    assert core.channel.headers["X-MiniMax-Group-Id"] == "42"
    assert "canary" not in repr(core.channel.headers)
    core.close()


@pytest.mark.parametrize("region", ["cn", "0", "https://"])
def test_a_region_that_is_no_url_is_an_error_that_names_the_bundle(tmp_path: Path, region: str) -> None:
    bundle = tmp_path / "plan.json"
    tokens = {"access_token": "at", "refresh_token": "rt", "expires_at": "2099-01-01T00:00:00Z", "region": region}
    bundle.write_text(json.dumps(tokens))
    with pytest.raises(ConfigError, match=r"^the region in the Token Plan bundle '.*plan\.json': not a valid URL"):
        open_core({"bundle": bundle})
