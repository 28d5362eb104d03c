"""A key in hand is never in sight."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from minimax_sync.errors import ConfigError
from minimax_sync.secret import Secret, StoreUrl, check_key

KEY = "sk-cp-0123456789abcdefghijKLMNOP"


def test_a_secret_prints_as_stars_and_reveals_on_request() -> None:
    secret = Secret(KEY)
    assert f"{secret} {secret!r} {secret!s} {[secret]}" == "**** **** **** [****]"
    assert secret.reveal() == KEY


@pytest.mark.parametrize(
    ("key", "masked"),
    [(KEY, "sk-c…MNOP"), ("x" * 20, "xxxx…xxxx"), ("x" * 19, "****"), ("", "****")],
)
def test_a_long_secret_is_masked_to_four_characters_at_either_end(key: str, masked: str) -> None:
    assert Secret(key).masked() == masked


def test_a_secret_compares_and_hashes_by_value() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert {Secret("a"): 1}[Secret("a")] == 1
    assert Secret("a")
    assert not Secret("")


def test_a_secret_is_copied_but_never_pickled() -> None:
    secret = Secret(KEY)
    assert copy.deepcopy({"k": secret})["k"] is copy.copy(secret) is secret
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(ConfigError, match="cannot be pickled"):
            pickle.dumps(secret, protocol)


@pytest.mark.parametrize("value", [KEY, f"  {KEY}\r\n", Secret(KEY), Secret(f"{KEY}\n")])
def test_a_good_key_is_stripped(value: object) -> None:
    assert check_key(value, "here") == Secret(KEY)


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("", "blank"),
        (" \t\n", "blank"),
        ("sk-canary next", "a space"),
        ("sk-canary\nX-Evil: 1", "a space"),
        ("sk-canary\rx", "a space"),
        ("sk-canary\x00x", "a space"),
        ("sk-canary\x7fx", "a space"),
        ("sk-canary-é", "a space"),
        ("sk-canary-\u2013x", "a space"),
        (b"sk-canary", "text, not bytes"),
        (None, "text, not NoneType"),
        (12345, "text, not int"),
    ],
)
def test_B9_a_bad_key_is_an_error_that_shows_its_source_and_no_part_of_it(value: object, fault: str) -> None:
    wrapped = Secret(value) if isinstance(value, str) else value
    del value
    with pytest.raises(ConfigError, match=r"^environment variable MINIMAX_API_KEY: ") as caught:
        check_key(wrapped, "environment variable MINIMAX_API_KEY")
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    library = [frame for frame in shown.stack if "/minimax_sync/" in frame.filename]
    assert library
    assert fault in str(caught.value)
    assert not any("canary" in local for frame in library for local in (frame.locals or {}).values())
    assert "canary" not in repr(caught.value) + repr(caught.value.args)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("redis://:canary@host:6379/0", "redis://****@host:6379/0"),
        ("rediss://user:can/ary@x@host/0", "rediss://****@host/0"),
        ("unix:///run/redis.sock?db=0&password=canary", "unix:///run/redis.sock?****"),
    ],
)
def test_a_stores_url_is_a_string_that_hides_its_password(url: str, masked: str) -> None:
    store = StoreUrl(url)
    assert store == url
    assert store.masked() == masked
    assert repr([store]) == f"['{masked}']"
    assert store.has_secret is (url != masked)
    assert copy.deepcopy([store])[0] is copy.copy(store) is store


def test_a_stores_url_is_pickled_unless_it_holds_a_password() -> None:
    again = pickle.loads(pickle.dumps(StoreUrl("redis://host/0")))
    assert (again, type(again)) == ("redis://host/0", StoreUrl)
    with pytest.raises(ConfigError, match="cannot be pickled"):
        pickle.dumps(StoreUrl("redis://:pw@host/0"))
