"""Placeholders in configuration values."""

from __future__ import annotations

from pathlib import Path

import pytest

from minimax_sync.settings.placeholders import PlaceholderError, Placeholders

ENVIRON = {"KEY": "sk-1", "EMPTY": "", "NESTED": "${KEY}", "_x9": "odd"}


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${KEY}", "sk-1"),
        ("a ${KEY} b ${_x9}", "a sk-1 b odd"),
        ("${EMPTY}", ""),
        ("${KEY:-other}", "sk-1"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY-other}", ""),
        ("${UNSET:-other}", "other"),
        ("${UNSET-other}", "other"),
        ("${UNSET:-}", ""),
        ("${UNSET-}", ""),
        ("${UNSET:-a:-b-c d}", "a:-b-c d"),
        ("${UNSET:-http://h:1/}", "http://h:1/"),
        ("${NESTED}", "${KEY}"),
        ("$KEY $ $$ 5$", "$KEY $ $$ 5$"),
        ("$${KEY}", "${KEY}"),
        ("$${KEY} ${KEY}", "${KEY} sk-1"),
        ("}{", "}{"),
    ],
)
def test_placeholders_are_expanded_once_from_the_environment(text: str, expanded: str, tmp_path: Path) -> None:
    assert Placeholders(ENVIRON, tmp_path).expand(text) == expanded


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("${UNSET}", r"environment variable UNSET is not set; set it, or write \$\{UNSET:-\}"),
        ("${KEY", "not closed"),
        ("${UNSET:-${KEY}}", "not closed, or holds another one"),
        ("${}", "a placeholder must be"),
        ("${1X}", "a placeholder must be"),
        ("${A B}", "a placeholder must be"),
        ("${KEY:?message}", "a placeholder must be"),
        ("${KÉY}", "a placeholder must be"),
    ],
)
def test_a_placeholder_that_cannot_be_expanded_is_an_error(text: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(PlaceholderError, match=fault):
        Placeholders(ENVIRON, tmp_path).expand(text)


@pytest.mark.parametrize("name", ["secrets/key.txt", "./secrets/key.txt", "secrets/./key.txt"])
def test_a_file_below_the_working_directory_gives_its_stripped_text(name: str, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/key.txt").write_bytes(b"\xef\xbb\xbfsk-file\r\n")
    assert Placeholders({}, tmp_path).expand(f"<${{file:{name}}}>") == "<sk-file>"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../key.txt",
        "a/../b",
        "/etc/passwd",
        "/run/secrets",
        "/run/secrets/../x",
        "/run/secretsx/key",
        "//run/secrets/x",
    ],
)
def test_a_file_anywhere_else_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(PlaceholderError, match="relative path without"):
        Placeholders({}, tmp_path).expand(f"${{file:{name}}}")


def test_a_secret_of_the_container_may_be_named_and_is_missed_by_name(tmp_path: Path) -> None:
    with pytest.raises(PlaceholderError, match=r"\$\{file:/run/secrets/minimax-none\} cannot be read: No such file"):
        Placeholders({}, tmp_path).expand("${file:/run/secrets/minimax-none}")


def test_a_file_that_is_not_text_is_an_error_without_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"canary\xff\xfe")
    with pytest.raises(PlaceholderError, match="not UTF-8") as caught:
        Placeholders({}, tmp_path).expand("${file:key}")
    assert caught.value.__context__ is None


def test_the_repr_shows_no_variable(tmp_path: Path) -> None:
    assert "sk-1" not in repr(Placeholders(ENVIRON, tmp_path))
