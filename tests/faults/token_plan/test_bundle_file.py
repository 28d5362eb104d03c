"""Group A, the bundle as a file that others write too: half files, editors, links, logins and logouts at any moment."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.token_lab import bundle_at, edit, expire, expired_plan, files_beside, in_seconds

from minimax_sync.auth import TokenPlan
from minimax_sync.auth.bundle import Bundle, parse_bundle
from minimax_sync.auth.file_store import FileStore
from minimax_sync.emulator import Emulator
from minimax_sync.errors import BundleError, CredentialInvalidError


def _example(emulator: Emulator, path: Path) -> bytes:
    emulator.portal.bundle(path, ttl=3600)
    return path.read_bytes()


def test_A13_every_prefix_of_a_bundle_is_an_error_and_is_left_alone(path: Path) -> None:
    with Emulator() as emulator:
        text = _example(emulator, path)
    for length in range(len(text) - 1):
        assert isinstance(parse_bundle(text[:length]), (str, Bundle)), length
        if length < len(text) - 2:
            assert isinstance(parse_bundle(text[:length]), str), length
    store = FileStore(path)
    for garbage in (b"", text[:40], b"\0" * 200, b"[]", b"null", b"\xff\xfe{}", text.replace(b'"', b"'")):
        path.write_bytes(garbage)
        began = time.monotonic()
        with pytest.raises(BundleError, match=str(path)):
            store.read()
        assert time.monotonic() - began < 2.5
        assert path.read_bytes() == garbage


def test_A13_a_bundle_that_is_just_being_written_is_read_again(emulator: Emulator, path: Path) -> None:
    text = _example(emulator, path)
    path.write_bytes(text[:50])

    def finish() -> None:
        time.sleep(0.05)
        path.write_bytes(text)

    thread = threading.Thread(target=finish)
    thread.start()
    assert TokenPlan(path, base_url=emulator.url).bearer() == bundle_at(path).access_token.reveal()
    thread.join()


def test_A13_flipped_bytes_never_crash_the_reader(tmp_path: Path) -> None:
    with Emulator() as emulator:
        text = _example(emulator, tmp_path / "bundle.json")
    for position in range(len(text)):
        for flip in (0x01, 0x20, 0x80):
            broken = text[:position] + bytes([text[position] ^ flip]) + text[position + 1 :]
            assert isinstance(parse_bundle(broken), (str, Bundle))


def test_A13_a_broken_file_does_not_end_a_login_that_is_in_memory(emulator: Emulator, tmp_path: Path) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=30)
    token = bundle_at(plan.path).access_token.reveal()
    emulator.portal.fault(status=503)
    assert plan.bearer() == token
    plan.path.write_bytes(b"{half")
    assert plan.bearer() == token
    with pytest.raises(BundleError):
        plan.force_refresh(token)
    assert plan.path.read_bytes() == b"{half"
    assert plan.status().state == "unreadable"
    assert emulator.portal.posts == 1


def _chain(folder: Path) -> Path:
    (folder / "real").mkdir()
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to(folder / "real" / "bundle.json")
    return folder / "a"


def _directory_link(folder: Path) -> Path:
    (folder / "real").mkdir()
    (folder / "alias").symlink_to("real")
    return folder / "alias" / "bundle.json"


@pytest.mark.parametrize("make", [_chain, _directory_link])
def test_A29_a_linked_bundle_is_refreshed_where_it_really_is(
    emulator: Emulator, tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    link = make(tmp_path)
    real = tmp_path / "real" / "bundle.json"
    emulator.portal.bundle(real, ttl=-10)
    token = TokenPlan(link, base_url=emulator.url).bearer()
    assert bundle_at(real).access_token.reveal() == token
    assert not real.is_symlink()
    assert link.is_symlink() or link.parent.is_symlink()
    assert sorted(path.name for path in real.parent.iterdir()) == ["bundle.json", "bundle.json.lock"]
    assert TokenPlan(real)._credential is TokenPlan(link)._credential


def test_A29_a_circle_and_a_dangling_link_are_clear_errors(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("y")
    (tmp_path / "y").symlink_to("x")
    with pytest.raises(BundleError, match="its symlinks form a loop"):
        TokenPlan(tmp_path / "x").bearer()
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(CredentialInvalidError, match="minimax-sync login"):
        TokenPlan(tmp_path / "dangling").bearer()


@pytest.mark.parametrize("stage", ["received", "committed", "answered"])
def test_A31_a_login_at_any_step_of_a_refresh_wins_and_is_never_overwritten(
    emulator: Emulator, path: Path, plan: TokenPlan, stage: str
) -> None:
    done = threading.Event()

    def log_in(reached: str, _: object) -> None:
        if reached == stage:
            edit(path, access_token="at-mine", refresh_token="rt-mine", expires_at=in_seconds(3600))
            done.set()

    emulator.portal.on_stage = log_in
    token = plan.bearer()
    assert done.wait(5)
    # After the answer the two race, and the edit, which takes no lock, may hit the file before or after the move.
    assert token == "at-mine" or stage == "answered"
    assert bundle_at(path).access_token.reveal() in (token, "at-mine")
    assert files_beside(path) == []


def test_A31_unknown_keys_and_an_edited_region_survive_a_refresh(emulator: Emulator, plan: TokenPlan) -> None:
    edit(plan.path, account="me@example.com", nested={"a": [1, None]})

    def annotate(stage: str, _: object) -> None:
        if stage == "committed":
            edit(plan.path, note="written during the refresh")

    emulator.portal.on_stage = annotate
    token = plan.bearer()
    document = json.loads(plan.path.read_text())
    assert (document["access_token"], document["account"]) == (token, "me@example.com")
    assert (document["nested"], document["note"]) == ({"a": [1, None]}, "written during the refresh")


def test_A31_a_login_of_another_account_is_adopted_by_the_background_thread(emulator: Emulator, tmp_path: Path) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=3600)
    plan.bearer()
    emulator.portal.bundle(plan.path)
    plan._credential._tick()
    assert plan.bearer() == bundle_at(plan.path).access_token.reveal()
    assert emulator.portal.posts == 0


def test_A31_an_edit_that_only_expires_the_token_does_not_replace_the_good_one_in_memory(
    emulator: Emulator, tmp_path: Path
) -> None:
    plan = expired_plan(emulator, tmp_path / "bundle.json", ttl=3600)
    token = plan.bearer()
    expire(plan.path)  # somebody touched the file: what is in memory is still good
    assert plan.bearer() == token
    assert emulator.portal.posts == 0


def test_A32_a_deleted_bundle_is_not_brought_back(emulator: Emulator, tmp_path: Path) -> None:
    for stage in ("received", "committed"):
        plan = expired_plan(emulator, tmp_path / f"{stage}.json")
        emulator.portal.on_stage = lambda reached, _, p=plan.path, s=stage: p.unlink() if reached == s else None
        token = plan.bearer()
        emulator.portal.on_stage = None
        assert plan.bearer() == token
        assert not plan.path.exists()
        with pytest.raises(CredentialInvalidError, match="minimax-sync login"):
            plan.force_refresh(token)
        assert not plan.path.exists()


ODD_TEXTS: dict[str, tuple[Callable[[bytes], bytes], bool]] = {
    "a BOM": (lambda text: b"\xef\xbb\xbf" + text, True),
    "CRLF": (lambda text: text.replace(b"\n", b"\r\n"), True),
    "spaces around": (lambda text: b"\n  " + text + b"\n\n", True),
    "a trailing NUL": (lambda text: text + b"\0", False),
    "UTF-16": (lambda text: text.decode().encode("utf-16"), False),
    "Latin-1": (lambda text: text.replace(b'"region"', b'"\xe9": 1, "region"'), False),
    "two documents": (lambda text: text + text, False),
}


@pytest.mark.parametrize(("change", "readable"), ODD_TEXTS.values(), ids=ODD_TEXTS)
def test_A36_what_editors_do_to_a_file_is_read_or_refused_untouched(
    path: Path, change: Callable[[bytes], bytes], readable: bool
) -> None:
    with Emulator() as emulator:
        text = change(_example(emulator, path))
    path.write_bytes(text)
    store = FileStore(path)
    if readable:
        assert store.read() is not None
    else:
        with pytest.raises(BundleError):
            store.read()
    assert path.read_bytes() == text
