"""The fixture around every test: no test touches the real home, `./secrets` or `./config`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"
WRITES = """
from pathlib import Path

def test_that_writes() -> None:
    path = Path({path!r})
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
"""


@pytest.mark.parametrize(
    ("place", "status"), [("secrets/key.txt", 1), ("config/llm.yaml", 1), (".netrc", 1), ("elsewhere/file", 0)]
)
def test_A38_a_test_that_writes_to_a_real_place_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, status: int
) -> None:
    """The inner run takes this folder for the real home and the real working directory."""
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "test_users.py").write_text(WRITES.format(path=str(tmp_path / place)))
    monkeypatch.setenv("HOME", str(tmp_path))
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--basetemp", "base", "test_users.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout
    assert ("the test touched" in done.stdout) == bool(status)
