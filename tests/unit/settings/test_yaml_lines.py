"""YAML values that know their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from minimax_sync.errors import ConfigError
from minimax_sync.settings.placeholders import Placeholders
from minimax_sync.settings.yaml_lines import Item, read_yaml


class Reader:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, text: str | bytes) -> Item:
        item = self.root(text)
        assert item is not None
        return item

    def root(self, text: str | bytes) -> Item | None:
        path = self.folder / "f.yaml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_yaml(path, "f.yaml", Placeholders({"NAME": "ana", "RATE": "2.5", "EMPTY": ""}, self.folder))


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def test_every_item_names_file_line_and_key(read: Reader) -> None:
    root = read("# top\na:\n  b:\n    c: 1\nd:\n- x\n- y\n")
    assert root.source == "f.yaml:2"
    assert root.fields()["a"].fields()["b"].fields()["c"].source == "f.yaml:4 a.b.c"
    assert [item.source for item in root.fields()["d"].elements()] == ["f.yaml:6 d[0]", "f.yaml:7 d[1]"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("word", "word"),
        ("' spaced '", "spaced"),
        ('"quoted: yes"', "quoted: yes"),
        ("0123", "0123"),
        ("123456789012345678901", "123456789012345678901"),
        ("1.50", "1.50"),
        ("2026-01-01", "2026-01-01"),
        ("${NAME}", "ana"),
        ("'${NAME}!'", "ana!"),
        ('"true"', "true"),
        ("", None),
        ("~", None),
        ("null", None),
        ('""', None),
        ('" "', None),
        ("${EMPTY}", None),
    ],
)
def test_text_is_taken_as_it_is_written(value: str, text: str | None, read: Reader) -> None:
    assert read(f"a: {value}").fields()["a"].text() == text


@pytest.mark.parametrize(
    "value", ["true", "no", "[a]", "{a: b}", "!!binary aGk=", "!secret x", "!!python/name:os.system x"]
)
def test_what_is_not_text_is_refused_where_text_is_due(value: str, read: Reader) -> None:
    with pytest.raises(ConfigError, match=r"^f\.yaml:1 a: must be text"):
        read(f"a: {value}").fields()["a"].text()


@pytest.mark.parametrize(("value", "wanted"), [("x", "a mapping"), ("[]", "a mapping"), ("!x {}", "a mapping")])
def test_a_mapping_is_a_mapping(value: str, wanted: str, read: Reader) -> None:
    with pytest.raises(ConfigError, match=rf"^f\.yaml:1 a: must be {wanted}$"):
        read(f"a: {value}").fields()["a"].fields()


@pytest.mark.parametrize("value", ["x", "{}", "!x []"])
def test_a_list_is_a_list(value: str, read: Reader) -> None:
    with pytest.raises(ConfigError, match=r"^f\.yaml:1 a: must be a list$"):
        read(f"a: {value}").fields()["a"].elements()


def test_nothing_is_an_empty_mapping_an_empty_list_and_no_document(read: Reader) -> None:
    fields = read("a:\nb: ~\n").fields()
    assert (fields["a"].fields(), fields["b"].elements()) == ({}, [])
    assert (read.root(""), read.root("# only a comment\n"), read.root("\ufeff")) == (None, None, None)


def test_a_key_that_stands_twice_is_refused_with_both_lines(read: Reader) -> None:
    with pytest.raises(ConfigError, match=r"^f\.yaml:3 a: key b is given twice, here and in line 2$"):
        read("a:\n  b: 1\n  b: 2\n").fields()["a"].fields()


def test_an_unknown_key_is_refused_with_those_that_are_known(read: Reader) -> None:
    with pytest.raises(ConfigError, match=r"^f\.yaml:2 y: unknown key; known here: a, b$"):
        read("a: 1\ny: 2\n").fields(("a", "b"))


@pytest.mark.parametrize("key", ["[a, b]", "{a: b}"])
def test_a_key_is_a_single_word(key: str, read: Reader) -> None:
    with pytest.raises(ConfigError, match=r"^f\.yaml:1: a key must be a single word$"):
        read(f"{key} : 1").fields()


def test_anchors_and_merges_work_and_own_keys_win(read: Reader) -> None:
    fields = read("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n").fields()["y"].fields(("a", "b"))
    assert {key: item.text() for key, item in fields.items()} == {"a": "1", "b": "3"}
    with pytest.raises(ConfigError, match=r"^f\.yaml:1 y: must be a mapping whose <<"):
        read("y: {<<: 1}").fields()["y"].fields()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: [1,\n", r"f\.yaml:2: not valid YAML"),
        ("a: 1\nb: 'x\n", r"f\.yaml:3: not valid YAML"),
        ("a: 1\n\tb: 2\n", r"f\.yaml:2: not valid YAML: found character"),
        ("a: b: c", r"f\.yaml:1: not valid YAML: mapping values"),
        ("a: 1\n---\nb: 2\n", r"f\.yaml:2: not valid YAML: but found another document"),
        ("a: *canary-alias", r"f\.yaml:1: not valid YAML: found undefined alias a name$"),
        (
            "a: {b: ${NAME}}",
            r"f\.yaml:1: not valid YAML: .*; inside \{\.\.\.\} put a value with \$\{\.\.\.\} in quotes$",
        ),
        ("a: canary-\x01", r"f\.yaml: not valid YAML: it holds a character"),
        (b"a: canary-\xe9", r"f\.yaml: not valid YAML: .* not UTF-8"),
        ("[" * 3000, r"f\.yaml: not valid YAML: it is nested too deeply"),
    ],
)
def test_what_is_not_yaml_is_an_error_with_its_line_and_no_quotation(
    text: str | bytes, fault: str, read: Reader
) -> None:
    with pytest.raises(ConfigError, match=f"^{fault}") as caught:
        read(text)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_bad_placeholder_names_its_key_and_line(read: Reader) -> None:
    with pytest.raises(ConfigError, match=r"^f\.yaml:2 b: environment variable UNSET is not set"):
        read("a: 1\nb: ${UNSET}\n# ${COMMENTED}\n").fields()["b"].text()


def test_a_recursive_alias_ends_where_it_is_not_asked_for(read: Reader) -> None:
    assert list(read("a: &a\n  b: *a\n").fields()["a"].fields()["b"].fields()) == ["b"]


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_yaml(tmp_path / "none.yaml", "none.yaml", Placeholders({}, tmp_path))
