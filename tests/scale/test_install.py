"""A plain `pip install` in a fresh environment: few distributions, and a clear error where an extra is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = {"pip", "setuptools", "wheel", "minimax-sync"}
MOST = 10 + (sys.version_info < (3, 11))  # typing_extensions there

PARSE_WITH_A_DICT = """
from minimax_sync import ConfigError, MiniMaxClient
try:
    MiniMaxClient("sk-0000000000000000").parse("Count", {"type": "integer"})
except ConfigError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    source = tmp_path_factory.mktemp("source")
    for name in ("setup.py", "setup.cfg", "README.rst", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "minimax_sync", source / "minimax_sync", ignore=shutil.ignore_patterns("__pycache__"))
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=True)
    found = str(environment / ("Scripts" if sys.platform == "win32" else "bin") / "python")
    subprocess.run([found, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(source)], check=True)
    return found


def test_the_core_installs_few_distributions(python: str) -> None:
    command = [python, "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]
    listed = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    installed = {each["name"].lower() for each in listed} - TOOLS
    assert len(installed) <= MOST, sorted(installed)
    assert "jsonschema" not in installed


def test_a_schema_as_a_dict_names_the_extra_that_it_needs(python: str, tmp_path: Path) -> None:
    done = subprocess.run([python, "-c", PARSE_WITH_A_DICT], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert "pip install 'minimax-sync[schema]'" in done.stdout
