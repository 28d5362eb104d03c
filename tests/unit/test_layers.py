"""The house: imports point down only, one module knows requests, one place knows tokens, wires do no I/O."""

from __future__ import annotations

import ast
import functools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.run_python import run_python

import minimax_sync

PACKAGE = Path(minimax_sync.__file__).parent

LAYERS = [
    "emulator",
    "errors",
    "secret",
    "tracebacks",
    "values",
    "net",
    "pacing",
    "hooks",
    "wires",
    "settings",
    "auth",
    "calls",
    "batch",
    "functions",
    "conversation",
    "client",
    "cli",
    "magic",
    "__main__",
]
"""The folders and modules of the package, from the bottom up. Imports point down."""

LEVEL = {name: level for level, name in enumerate(LAYERS)}

NO_IO = {"socket", "ssl", "threading", "time", "requests", "urllib3", "http", "subprocess", "asyncio", "selectors"}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@functools.cache
def imports(path: Path, module: str) -> list[tuple[str, bool]]:
    """List (imported module, is it made at run time): ours as "minimax_sync.x", relative ones resolved."""
    found = []
    tree = ast.parse(path.read_text())
    typing_only = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(tree):
        at_run_time = id(node) not in typing_only
        if isinstance(node, ast.Import):
            found += [(alias.name, at_run_time) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            stem = ".".join(
                filter(None, ["minimax_sync" if node.level else "", *filter(None, base), node.module or ""])
            )
            for alias in node.names:
                deeper = f"{stem}.{alias.name}"
                relative = deeper.removeprefix("minimax_sync.").replace(".", "/")
                is_module = (PACKAGE / f"{relative}.py").exists() or (PACKAGE / relative).is_dir()
                found.append((deeper if is_module else stem, at_run_time))
    return found


def layer_of(module: str) -> str:
    """Return the folder, or the module at the top level, that a module of this package belongs to."""
    return module.removeprefix("minimax_sync").strip(".").split(".")[0]


OURS = [(module, path) for module, path in modules() if module]


@pytest.mark.parametrize(("module", "path"), OURS, ids=[module for module, _ in OURS])
def test_imports_point_down(module: str, path: Path) -> None:
    own = layer_of(module)
    assert own in LEVEL, f"{module} has no place in LAYERS"
    for imported, at_run_time in imports(path, module):
        if imported.startswith("minimax_sync.") and at_run_time:
            other = layer_of(imported)
            assert other == own or LEVEL[other] < LEVEL[own], f"{module} imports {imported}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        module: {
            imported.removeprefix("minimax_sync.")
            for imported, at_run_time in imports(path, module)
            if at_run_time and imported.startswith("minimax_sync.")
        }
        for module, path in OURS
    }
    while leaves := {module for module, below in graph.items() if not below & graph.keys() - {module}}:
        graph = {module: below for module, below in graph.items() if module not in leaves}
    assert not graph


def test_nothing_else_is_at_the_top_level() -> None:
    standing = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert standing == {*LAYERS, "__init__"}


def test_one_module_imports_requests() -> None:
    importers = {
        module
        for module, path in modules()
        for imported, at_run_time in imports(path, module)
        if at_run_time and imported.split(".")[0] == "requests"
    }
    assert importers == {"net.stock"}


def test_the_emulator_and_the_client_do_not_know_each_other() -> None:
    for module, path in modules():
        if path == PACKAGE / "__init__.py":  # the front door has every public name
            continue
        for imported, _ in imports(path, module):
            if module.startswith("emulator"):
                assert not imported.startswith("minimax_sync.") or imported.startswith("minimax_sync.emulator"), module
            elif not module.startswith("cli"):
                assert not imported.startswith("minimax_sync.emulator"), module


@pytest.mark.parametrize("place", ["wires", "values", "wires.sse", "wires.accumulator", "errors", "pacing.retry"])
def test_pure_modules_import_nothing_that_does_io(place: str) -> None:
    allowed = {"pacing.retry": {"time"}}.get(place, set())
    for module, path in modules():
        if module == place or module.startswith(f"{place}."):
            roots = {imported.split(".")[0] for imported, at_run_time in imports(path, module) if at_run_time}
            assert not roots & NO_IO - allowed, module


def loaded_by(code: str, folder: Path) -> set[str]:
    """Run code in a new interpreter and name the modules that were loaded by it."""
    script = f"import sys; before = set(sys.modules)\n{code}\nprint(*sys.modules.keys() - before)"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MINIMAX_")}
    return set(run_python(script, cwd=folder, env=environ).split())


def test_importing_the_package_imports_nothing(tmp_path: Path) -> None:
    assert loaded_by("import minimax_sync", tmp_path) <= {"minimax_sync", "__future__"}


LATE = (
    "auth.login auth.token_plan batch.run calls.display calls.services conversation functions.parse "
    "functions.run_tools hooks.otel net.stock settings.llm_yaml values.rendering values.results wires.services"
)
"""Modules for what a plain chat does not do."""


@pytest.mark.parametrize("unused_wire", ["anthropic", "openai"])
def test_a_chat_with_a_key_loads_nothing_that_it_does_not_use(unused_wire: str, tmp_path: Path) -> None:
    with minimax_sync.Emulator() as emulator:
        base_url = emulator.base_url if unused_wire == "anthropic" else emulator.anthropic_base_url
        options = {"api_key": emulator.api_key, "base_url": base_url, "requests_per_second": None}
        code = f"from minimax_sync import MiniMaxClient\nassert MiniMaxClient(**{options}).chat('hello').text"
        loaded = loaded_by(code, tmp_path)
    assert "minimax_sync.client" in loaded
    assert not {f"minimax_sync.{name}" for name in (*LATE.split(), f"wires.{unused_wire}_encode")} & loaded
    assert not {"yaml", "filelock", "dateutil", "jsonschema", "requests", "rich", "redis"} & loaded


def test_every_public_name_can_be_imported_from_the_package() -> None:
    for name in minimax_sync.__all__:
        assert getattr(minimax_sync, name) is not None
    assert not hasattr(minimax_sync, "no_such_name")
    assert set(minimax_sync.__all__) <= set(dir(minimax_sync))
