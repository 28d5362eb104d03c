"""A company's certificates and proxy on the way to the portal: refreshes and logins, by argument and by setting."""

from __future__ import annotations

import pickle
import ssl
from pathlib import Path

import pytest
from support.login_lab import small_portal, write_expired_bundle
from support.raw_server import Certificate, RawServer

from minimax_sync import ConfigError, MiniMaxClient, TokenPlan, TransportError
from minimax_sync.auth.login import login

ELSEWHERE = "http://portal.invalid:8080"
"""A portal that only a proxy can reach."""


@pytest.mark.parametrize("kind", ["path", "context"])
def test_a_refresh_trusts_the_certificates_that_the_plan_is_given(
    tmp_path: Path, certificate: Certificate, kind: str
) -> None:
    verify = certificate.file if kind == "path" else ssl.create_default_context(cafile=certificate.file)
    with RawServer(small_portal, certificate) as server:
        path = write_expired_bundle(tmp_path / "bundle.json", server.url)
        with pytest.raises(TransportError, match="certificate"):
            TokenPlan(path, base_url=server.url).bearer()
        assert server.requests == []
    with RawServer(small_portal, certificate) as server:
        path = write_expired_bundle(tmp_path / "other.json", server.url)
        assert TokenPlan(path, base_url=server.url, verify=verify).bearer() == "at-2"


def test_a_refresh_goes_through_the_proxy_that_the_plan_is_given(tmp_path: Path) -> None:
    path = write_expired_bundle(tmp_path / "bundle.json", ELSEWHERE)
    with RawServer(small_portal) as proxy:
        assert TokenPlan(path, base_url=ELSEWHERE, proxy=proxy.url).bearer() == "at-2"
        assert proxy.requests[0].line == f"POST {ELSEWHERE}/oauth/token HTTP/1.1"


def test_a_later_handle_without_a_route_keeps_the_one_that_was_given(tmp_path: Path) -> None:
    path = write_expired_bundle(tmp_path / "bundle.json", ELSEWHERE)
    with RawServer(small_portal) as proxy:
        first = TokenPlan(path, base_url=ELSEWHERE, proxy=proxy.url)
        assert TokenPlan(path).bearer() == first.bearer() == "at-2"


def test_a_clients_certificates_hold_for_its_login_too(tmp_path: Path, certificate: Certificate) -> None:
    with RawServer(small_portal, certificate) as server:
        path = write_expired_bundle(tmp_path / "bundle.json", server.url)
        url = f"{server.url}/anthropic"
        with MiniMaxClient(bundle=path, base_url=url, verify=certificate.file) as client:
            assert client._core.channel.auth.bearer() == "at-2"


def test_a_clients_proxy_holds_for_its_login_too(tmp_path: Path) -> None:
    path = write_expired_bundle(tmp_path / "bundle.json", ELSEWHERE)
    with (
        RawServer(small_portal) as proxy,
        MiniMaxClient(bundle=path, base_url=f"{ELSEWHERE}/anthropic", proxy=proxy.url) as client,
    ):
        assert client._core.channel.auth.bearer() == "at-2"


def test_a_login_trusts_the_certificates_and_uses_the_proxy_that_it_is_given(
    tmp_path: Path, certificate: Certificate
) -> None:
    with RawServer(small_portal, certificate) as server:
        with pytest.raises(TransportError, match="certificate"):
            login(server.url, bundle=tmp_path / "a.json", on_code=lambda *_: None)
        done = login(server.url, bundle=tmp_path / "a.json", on_code=lambda *_: None, verify=certificate.file)
        assert done.region == server.url
    with RawServer(small_portal) as proxy:
        done = login(ELSEWHERE, bundle=tmp_path / "b.json", on_code=lambda *_: None, proxy=proxy.url)
        assert done.region == ELSEWHERE
        assert {request.line.split(" ")[1] for request in proxy.requests} == {
            f"{ELSEWHERE}/oauth/code",
            f"{ELSEWHERE}/oauth/token",
        }


def test_a_route_is_checked_before_anything_is_sent_and_shows_no_password(tmp_path: Path) -> None:
    path = tmp_path / "bundle.json"
    with pytest.raises(ConfigError, match="argument verify: there is no file"):
        TokenPlan(path, verify=str(tmp_path / "missing.pem"))
    with pytest.raises(ConfigError, match="argument proxy: must be the URL of a proxy") as caught:
        TokenPlan(path, proxy="user:canary@proxy")
    assert "canary" not in str(caught.value)
    with pytest.raises(ConfigError, match="argument proxy"):
        login("cn", bundle=path, proxy="ftp://proxy")


def test_a_plan_pickles_with_its_route_but_not_with_a_password(tmp_path: Path) -> None:
    path = write_expired_bundle(tmp_path / "bundle.json", ELSEWHERE)
    with RawServer(small_portal) as proxy:
        pickled = pickle.dumps(TokenPlan(path, base_url=ELSEWHERE, proxy=proxy.url))
        assert pickle.loads(pickled).bearer() == "at-2"
    with pytest.raises(ConfigError, match="cannot be pickled"):
        pickle.dumps(TokenPlan(path, proxy="http://user:canary@proxy:3128"))
