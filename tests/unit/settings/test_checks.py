"""What each kind of value may be, and how text becomes one."""

from __future__ import annotations

import ssl
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.settings_world import assert_hidden

from minimax_sync.errors import ConfigError
from minimax_sync.secret import Headers, Secret
from minimax_sync.settings import checks


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), ("-3", -3), (" 2.0 ", 2.0), (".5", 0.5), ("1e3", 1000.0), ("100_000", 100000), ("None", None)],
)
def test_numbers_are_read_from_text(text: str, number: float | None) -> None:
    found = checks.read_number(text)
    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize(
    "text",
    [
        "fast",
        "1,5",
        "0x10",
        ".inf",
        "nan",
        "1e",
        "_1",
        "1 2",
        "${NAME}",
        "1:30",
        "٣",
        pytest.param("9" * 5000, id="long"),
    ],
)
def test_text_that_is_not_a_decimal_number_is_refused_where_a_number_is_expected(text: str) -> None:
    for check in (checks.check_rate, checks.check_seconds, checks.whole(0)):
        with pytest.raises(ConfigError, match=r"^here: must be a"):
            check(checks.read_number(text), "here")


@pytest.mark.parametrize(
    ("text", "flag"), [("true", True), ("YES", True), ("on", True), ("1", True), ("False", False), ("off ", False)]
)
def test_flags_are_read_from_text(text: str, flag: bool) -> None:
    assert checks.check_flag(checks.read_flag(text), "here") is flag


@pytest.mark.parametrize("value", ["maybe", 1, None, "true"])
def test_anything_else_is_not_a_flag(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^here: must be True or False$"):
        checks.check_flag(value, "here")


class Text(str):
    __slots__ = ()


class Number(float):
    __slots__ = ()


@pytest.mark.parametrize(
    ("check", "value", "plain"),
    [
        (checks.check_text, Text(" a "), "a"),
        (checks.check_text, np.str_("a"), "a"),
        (checks.check_group_id, Text("017"), "017"),
        (checks.check_bundle, Text("x.json"), "x.json"),
        (checks.check_rate, np.float32(2.5), 2.5),
        (checks.check_rate, np.int64(2), 2.0),
        (checks.check_rate, Number(2), 2.0),
        (checks.check_seconds, np.float64(2), 2.0),
        (checks.whole(1), np.int32(3), 3),
        (checks.whole(1), 3.0, 3),
        (checks.check_flag, np.bool_(True), True),
        (checks.check_verify, np.bool_(False), False),
    ],
)
def test_subclasses_and_numpy_values_count_as_what_they_are(check: checks.Check, value: object, plain: object) -> None:
    found = check(value, "here")
    assert (found, type(found)) == (plain, type(plain))


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, np.bool_(True), "5", None, Decimal(1)])
def test_seconds_are_a_finite_number_above_0(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^here: must be a number of seconds above 0$"):
        checks.check_seconds(value, "here")


def test_verify_is_a_flag_a_path_that_is_there_or_a_context(tmp_path: Path) -> None:
    context = ssl.create_default_context()
    assert checks.check_verify(context, "here") is context
    assert checks.check_verify(tmp_path, "here") == str(tmp_path)
    for value in ("", 5, None, b"x"):
        with pytest.raises(ConfigError, match=r"^here: must be True, False, or the path"):
            checks.check_verify(value, "here")
    with pytest.raises(ConfigError, match=r"^here: there is no file or directory 'gone\.pem'"):
        checks.check_verify("gone.pem", "here")


@pytest.mark.parametrize("url", ["http://proxy", "https://u:p@proxy.example:3128/", "socks5h://[::1]:1080"])
def test_a_proxy_is_a_url_whose_password_is_hidden(url: str) -> None:
    found = checks.check_proxy(url, "here")
    assert found == url
    assert "u:p" not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "proxy:3128",
        "ftp://proxy",
        "http://",
        "http://a b",
        "http://u:canary@",
        "http://u:canary@h:99999",
        "http://h:0",
        5,
        None,
    ],
)
def test_anything_else_is_not_a_proxy(url: object) -> None:
    with pytest.raises(ConfigError, match=r"^here: must be the URL of a proxy") as caught:
        checks.check_proxy(url, "here")
    assert_hidden(caught.value)


def test_headers_show_their_names_alone() -> None:
    found = checks.check_headers({"X-Team": " blue ", "X-Key": "canary"}, "here")
    assert found == {"X-Team": "blue", "X-Key": "canary"}
    assert isinstance(found, Headers)
    assert repr(found) == "{X-Team: ****, X-Key: ****}"
    assert found.has_secret
    assert not checks.check_headers({"X-Team": "blue"}, "here").has_secret


@pytest.mark.parametrize(
    ("headers", "fault"),
    [
        ("X: canary", "must be a mapping of header names to text, not str"),
        ({"X Y": "canary"}, "'X Y' is not a header name"),
        ({5: "canary"}, "'5' is not a header name"),
        ({"X": "canary\r\nEvil: 1"}, "the value of header X must be a line of printable ASCII"),
        ({"X": 5, "Y": "canary"}, "the value of header X must be a line of printable ASCII"),
    ],
)
def test_bad_headers_are_named_without_their_values(headers: Any, fault: str) -> None:
    with pytest.raises(ConfigError, match=f"^here: {fault}") as caught:
        checks.check_headers(Headers(headers) if isinstance(headers, dict) else Secret(headers).reveal()[:3], "here")
    assert "canary" not in str(caught.value)


def test_a_bundle_may_be_in_a_home_directory_and_an_unknown_user_is_kept_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    assert Path(checks.check_bundle("~/x.json", "here")) == tmp_path / "x.json"
    assert checks.check_bundle("~nosuchuser/x.json", "here") == "~nosuchuser/x.json"


def test_a_function_is_kept_as_the_key_and_not_called() -> None:
    def key() -> str:
        raise AssertionError("called")

    assert checks.check_api_key(key, "here") is key
