"""The tests' tree: every module with code of its own has a test file of its name at its place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import minimax_sync

PACKAGE = Path(minimax_sync.__file__).parent
TESTS = Path(__file__).parents[1]
ELSEWHERE = {"cli": "cli", "emulator": "emulator"}
"""Folders whose tests stand in a folder of their own, by subject."""


def has_code(path: Path) -> bool:
    """Return True unless the module has only constants, types and declarations."""
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    return any(not isinstance(line, ast.Expr | ast.Pass) for function in functions for line in function.body)


MODULES = [
    path.relative_to(PACKAGE)
    for path in sorted(PACKAGE.rglob("*.py"))
    if not path.name.startswith("__") and path.relative_to(PACKAGE).parts[0] not in ELSEWHERE and has_code(path)
]


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_has_a_test_file_of_its_name_at_its_place(module: Path) -> None:
    """Modules named redis_* need a server: their tests stand in tests/redis."""
    folder = TESTS / "redis" if module.stem.startswith("redis_") else TESTS / "unit" / module.parent
    found = [*folder.glob(f"test_{module.stem}.py"), *folder.glob(f"test_{module.stem}_*.py")]
    assert found, f"write {(folder / f'test_{module.stem}.py').relative_to(TESTS.parent)}"
