"""The bundle that a login writes and a logout removes, and the group id beside it."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from support.clock import Clock
from support.login_lab import BUNDLE, Codes, is_private, let_the_code_through

from minimax_sync.auth.login import login, logout
from minimax_sync.auth.token_plan import TokenPlan
from minimax_sync.emulator import Emulator
from minimax_sync.errors import BundleError, ConfigError


def test_the_bundle_of_a_login_is_good_for_calls(emulator: Emulator, clock: Clock) -> None:
    login(emulator.url, on_code=Codes(), clock=clock)
    assert emulator.portal.accepts(TokenPlan(BUNDLE, base_url=emulator.url).bearer())


def test_a_new_login_replaces_the_old_one_and_its_leftovers(emulator: Emulator, clock: Clock) -> None:
    emulator.portal.bundle(BUNDLE)
    for suffix in (".intent", ".rescue"):
        BUNDLE.with_name(BUNDLE.name + suffix).write_text("{}")
    login(emulator.url, on_code=Codes(), clock=clock)
    assert sorted(path.name for path in BUNDLE.parent.iterdir()) == [BUNDLE.name, f"{BUNDLE.name}.lock"]
    assert emulator.portal.current is not None
    assert json.loads(BUNDLE.read_text())["access_token"] == emulator.portal.current["access_token"]


def test_even_a_broken_bundle_is_replaced_by_a_login(emulator: Emulator, clock: Clock) -> None:
    BUNDLE.parent.mkdir()
    BUNDLE.write_text("{ broken")
    login(emulator.url, on_code=Codes(), clock=clock)
    assert json.loads(BUNDLE.read_text())["region"] == emulator.url


@pytest.mark.parametrize("expired_in", ["epoch_ms", "epoch_s", "ttl_s"])
def test_A18_the_lifetime_is_understood_in_every_unit(expired_in: str, emulator: Emulator, clock: Clock) -> None:
    emulator.portal.expired_in = expired_in
    emulator.portal.interval_ms = 0
    left = login(emulator.url, on_code=Codes(), clock=clock).expires_at - datetime.now(timezone.utc)
    assert abs(left - timedelta(hours=2)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("sent", "group_id"), [("1820", "1820"), (1820, "1820"), ("a b", None), ("", None), (True, None), ({}, None)]
)
def test_a_group_id_is_written_beside_the_bundle(
    sent: Any, group_id: str | None, emulator: Emulator, clock: Clock
) -> None:
    emulator.portal.pending_polls = 0
    let_the_code_through(emulator)
    emulator.portal.fault(fields={"group_id": sent})
    assert login(emulator.url, bundle="own/b.json", on_code=Codes(), clock=clock).group_id == group_id
    file = Path("own/minimax_group_id.txt")
    assert file.exists() is (group_id is not None)
    if group_id:
        assert file.read_text() == "1820\n"
        assert is_private(file)


def test_a_group_id_that_cannot_be_written_is_a_warning(
    emulator: Emulator, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    Path("own/minimax_group_id.txt").mkdir(parents=True)
    emulator.portal.pending_polls = 0
    let_the_code_through(emulator)
    emulator.portal.fault(fields={"group_id": "1820"})
    assert login(emulator.url, bundle="own/b.json", on_code=Codes(), clock=clock).group_id == "1820"
    assert "1820 could not be written to own/minimax_group_id.txt: " in caplog.text


@pytest.mark.parametrize(
    ("resource_url", "region"),
    [
        ("https://api.minimaxi.com/anthropic", "https://api.minimaxi.com"),
        ("https://api.minimax.io/v1/", "https://api.minimax.io"),
        ("https://evil.example/anthropic", None),
        ("http://api.minimax.io/anthropic", None),
        ("https://api.minimax.io@evil.example/anthropic", None),
        ("nonsense", None),
    ],
)
def test_A40_the_portals_region_is_used_only_where_tokens_may_go(
    resource_url: str, region: str | None, emulator: Emulator, clock: Clock
) -> None:
    emulator.portal.resource_url = resource_url
    assert login(emulator.url, on_code=Codes(), clock=clock).region == (region or emulator.url)


def test_without_a_place_for_the_bundle_no_code_is_shown(emulator: Emulator) -> None:
    Path("file").write_text("")
    with pytest.raises(BundleError, match=r"cannot store the Token Plan bundle .*: .*not a writable directory"):
        login(emulator.url, bundle="file/b.json", on_code=Codes())
    assert emulator.journal == []


@pytest.mark.parametrize("bundle", ["redis://:canary@host/0", "http://host/b.json", "", 5])
def test_a_bundle_path_that_is_not_a_file_is_a_config_error(bundle: Any, emulator: Emulator) -> None:
    for act in (lambda: login(emulator.url, bundle=bundle), lambda: logout(bundle)):
        with pytest.raises(ConfigError, match=r"^bundle: ") as caught:
            act()
        assert "canary" not in str(caught.value)
    assert emulator.journal == []


def test_logout_removes_the_bundle_and_what_refreshes_left(emulator: Emulator) -> None:
    emulator.portal.bundle(BUNDLE)
    for suffix in (".intent", ".rescue"):
        BUNDLE.with_name(BUNDLE.name + suffix).write_text("{}")
    assert logout()
    assert [path.name for path in BUNDLE.parent.iterdir()] == [f"{BUNDLE.name}.lock"]
    assert not logout()


def test_logout_without_a_login_creates_nothing() -> None:
    assert not logout("nowhere/b.json")
    assert os.listdir() == []
