from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from minimax_sync.auth.bundle import Bundle, HeldToken, Snapshot, parse_bundle, parse_snapshot
from minimax_sync.secret import Secret

NOON = datetime(2026, 5, 1, 12, tzinfo=timezone.utc)
DOCUMENT: dict[str, Any] = {
    "access_token": "at-1",
    "refresh_token": "rt-1",
    "expires_at": "2026-05-01T12:00:00Z",
    "region": "https://api.minimaxi.com",
}


def _parse(**changes: Any) -> Bundle | str:
    document = {**DOCUMENT, **changes}
    return parse_bundle(json.dumps({key: value for key, value in document.items() if value is not None}).encode())


def _good(**changes: Any) -> Bundle:
    bundle = _parse(**changes)
    assert isinstance(bundle, Bundle)
    return bundle


def test_the_documented_file_is_read_and_written_as_it_was() -> None:
    bundle = _good()
    assert (bundle.access_token.reveal(), bundle.refresh_token.reveal()) == ("at-1", "rt-1")
    assert (bundle.expires_at, bundle.region, bundle.margin) == (NOON, "https://api.minimaxi.com", 60.0)
    assert json.loads(bundle.to_json()) == DOCUMENT


def test_the_client_of_a_login_is_kept_and_the_usual_one_is_not_written() -> None:
    ours = _good()
    assert ours.client_id == "78257093-7e40-4613-99e0-527b14b39113"
    assert "client_id" not in json.loads(ours.to_json())
    assert json.loads(_good(client_id="another").to_json())["client_id"] == "another"
    for client_id in ("", "a b", 7, ["x"]):
        assert "client_id" in str(_parse(client_id=client_id))


def test_a_bundle_without_a_region_is_of_the_global_one() -> None:
    assert _good(region=None).region == "https://api.minimax.io"


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
@pytest.mark.parametrize("value", [None, "", " ", "a b", "a\n", 7, ["at"], {}, True, "é"])
def test_a_bundle_without_usable_tokens_is_refused_with_the_name_of_the_token(name: str, value: Any) -> None:
    problem = _parse(**{name: value if value != "a\n" else "a\nb"})
    assert isinstance(problem, str)
    assert name in problem


@pytest.mark.parametrize("text", [b"", b"[]", b"7", b'"at"', b"{", b"nul", b"[" * 100_000])
def test_a_document_that_is_not_an_object_is_not_a_bundle(text: bytes) -> None:
    assert isinstance(parse_bundle(text), str)


def test_an_invalid_region_is_a_problem_and_an_invalid_expiry_is_long_past() -> None:
    regions: list[Any] = [["x"], [], {}, 0, False, 7, True]
    for region in regions:
        assert "region" in str(_parse(region=region))
    assert _good(region="").region == "https://api.minimax.io"
    assert _good(expires_at="soon").expires_at.year == 1970
    assert _good(expires_at=None).expires_at.year == 1970


def test_a_short_lived_token_is_due_at_half_of_its_life_also_for_the_next_reader() -> None:
    renewed = _good(note="kept").renewed(Secret("at-2"), None, NOON, NOON - timedelta(seconds=80))
    assert (renewed.margin, renewed.refresh_token.reveal()) == (40.0, "rt-1")
    again = parse_bundle(renewed.to_json())
    assert isinstance(again, Bundle)
    assert (again.margin, dict(again.extra)) == (40.0, {"note": "kept"})
    long = _good().renewed(Secret("at-2"), Secret("rt-2"), NOON, NOON - timedelta(hours=2))
    assert long.margin == 60.0
    assert set(json.loads(long.to_json())) == set(DOCUMENT)


def test_the_fingerprint_names_the_pair_and_the_generation_the_text() -> None:
    one, other = _good(), _good(region="https://api.minimax.io")
    assert one.fingerprint == other.fingerprint != _good(refresh_token="rt-2").fingerprint
    first, second = parse_snapshot(one.to_json()), parse_snapshot(other.to_json())
    assert not isinstance(first, str)
    assert not isinstance(second, str)
    assert first.generation != second.generation


def test_no_repr_shows_a_token() -> None:
    snapshot = parse_snapshot(json.dumps({**DOCUMENT, "id_token": "at-also-secret"}).encode())
    assert isinstance(snapshot, Snapshot)
    for secret in ("at-1", "rt-1", "at-also-secret"):
        assert secret not in repr(snapshot)
        assert secret not in repr(HeldToken.of(snapshot))


def test_a_held_token_is_fresh_until_its_margin_usable_until_it_expires_and_neither_once_rejected() -> None:
    bundle, noon = _good(), NOON.timestamp()
    held = HeldToken.of(Snapshot(bundle, "generation"))
    assert (held.token, held.generation, held.rejected) == ("at-1", "generation", False)
    assert (held.fresh_until, held.expires) == (noon - 60.0, noon)
    assert HeldToken.of(Snapshot(replace(bundle, life=40.0), "")).fresh_until == noon - 20.0
    rejected = held.after_rejection()
    assert rejected.fresh_until == rejected.expires == float("-inf")
    assert (rejected.rejected, rejected.bundle) == (True, bundle)
