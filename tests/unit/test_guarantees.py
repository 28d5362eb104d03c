"""The table in `faults/README.rst` and the tests that show its rows agree."""

from __future__ import annotations

import csv
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
NAME = re.compile(r"^def test_((?:[ABC]\d+_)+)", re.MULTILINE)


def table() -> dict[str, str]:
    """Read the id and the file of every row."""
    lines = (TESTS / "faults" / "README.rst").read_text().splitlines()
    rows = [line.strip() for line in lines if re.match(r"   [ABC]\d+, ", line)]
    return {row[0]: row[3] for row in csv.reader(rows, skipinitialspace=True)}


def shown() -> dict[str, set[str]]:
    """Find the files with tests of each id."""
    found: dict[str, set[str]] = {}
    for path in TESTS.rglob("test_*.py"):
        for name in NAME.findall(path.read_text()):
            for guarantee in name.strip("_").split("_"):
                found.setdefault(guarantee, set()).add(path.relative_to(TESTS).as_posix())
    return found


def test_every_guarantee_has_a_test_named_by_its_id_in_the_file_that_the_table_names() -> None:
    files = shown()
    assert {row: file for row, file in table().items() if file not in files.get(row, set())} == {}


def test_no_test_names_a_guarantee_that_the_table_lacks() -> None:
    assert shown().keys() - table().keys() == set()


def test_the_table_has_each_guarantee_once_and_leaves_none_out() -> None:
    ids = re.findall(r"^   ([ABC]\d+), ", (TESTS / "faults" / "README.rst").read_text(), re.MULTILINE)
    assert ids == [
        f"{group}{number + 1}" for group, size in (("A", 51), ("B", 25), ("C", 20)) for number in range(size)
    ]
