"""The house: imports point down only, one module knows requests, one place knows tokens, wires do no I/O."""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import minimax_sync

PACKAGE = Path(minimax_sync.__file__).parent

LAYERS = [
    "lean_import",
    (
        "errors tracebacks values.shortened values.options net.deadlines net.chunked net.head "
        "settings.placeholders functions.results values.json_schema"
    ),
    (
        "late_imports secret pacing.retry pacing.token_bucket pacing.quota_alert wires.sse wires.failures "
        "net.connections net.failures settings.yaml_lines"
    ),
    "net.redis_link calls.redaction functions.json_types",
    "values.models values.json_text values.json_in_text values.tooldef values.images",
    "values.messages values.usage",
    "values.chunks values.openai_dicts values.response",
    "values.request",
    "wires.accumulator",
    "wires",
    "settings.endpoints",
    "settings.table",
    "settings.settings",
    "settings.llm_yaml",
    "settings.resolve",
    "hooks",
    "net.pools",
    "net.reply",
    "net.session",
    "net",
    "auth",
    "calls.attempts pacing.redis_token_bucket",
    "calls.display",
    "calls.stream",
    "calls.open_core",
    "calls.core",
    "client",
    "functions.signature batch.threads",
    "functions.run_tools functions.parse conversation batch.checkpoint batch.progress magic",
    "batch.run",
    "cli",
    "__main__",
]
"""From the bottom up. A folder stands for all its modules; those of one line may not import each other."""

CALLED_FROM_BELOW = {
    ("client", name) for name in ("functions.run_tools", "functions.parse", "conversation", "batch.run")
}
"""Methods of the client whose bodies stand above it: it imports them when they are called, and passes itself."""

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names.split()}

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


def layer_of(module: str) -> str | None:
    """Find the longest name of LAYERS that a module of ours stands under."""
    parts = module.removeprefix("minimax_sync").strip(".").split(".")
    names = (".".join(parts[:size]) for size in range(len(parts), 0, -1))
    return next((name for name in names if name in LEVEL), None)


OURS = [(module, path) for module, path in modules() if module and not module.startswith("emulator")]


@pytest.mark.parametrize(("module", "path"), OURS, ids=[module for module, _ in OURS])
def test_imports_point_down(module: str, path: Path) -> None:
    own = layer_of(module)
    if not imports(path, module):
        return
    assert own is not None, f"{module} has no place in LAYERS"
    for imported, at_run_time in imports(path, module):
        if not imported.startswith("minimax_sync.") or not at_run_time:
            continue
        other = layer_of(imported)
        if other is None or other == own or (module, other) in CALLED_FROM_BELOW:
            continue
        assert LEVEL[other] < LEVEL[own], f"{module} imports {imported}, which does not lie below it"


def test_only_http_imports_requests() -> None:
    importers = {
        module
        for module, path in modules()
        for imported, at_run_time in imports(path, module)
        if at_run_time and imported.split(".")[0] == "requests"
    }
    assert importers == {"net.session"}


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
    command = [sys.executable, "-c", script]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=folder, env=environ)
    return set(ran.stdout.split())


def test_importing_the_package_imports_nothing(tmp_path: Path) -> None:
    assert loaded_by("import minimax_sync", tmp_path) <= {"minimax_sync", "__future__"}


UNUSED = (
    "auth.token_plan calls.stream settings.llm_yaml settings.placeholders settings.yaml_lines hooks "
    "pacing.token_bucket pacing.quota_alert wires.sse values.json_in_text wires.services"
)


@pytest.mark.parametrize("unused_wire", ["anthropic_messages", "openai_compat"])
def test_a_chat_with_a_key_loads_nothing_that_it_does_not_use(unused_wire: str, tmp_path: Path) -> None:
    with minimax_sync.Emulator() as emulator:
        base_url = emulator.base_url if unused_wire == "anthropic_messages" else emulator.anthropic_base_url
        options = {"api_key": emulator.api_key, "base_url": base_url, "requests_per_second": None}
        code = f"from minimax_sync import MiniMaxClient\nassert MiniMaxClient(**{options}).chat('hello').text"
        loaded = loaded_by(code, tmp_path)
    assert "minimax_sync.client" in loaded
    unused = [*UNUSED.split(), f"wires.{unused_wire}"] if sys.version_info >= (3, 11) else ["auth.token_plan"]
    assert not {f"minimax_sync.{name}" for name in unused} & loaded
    assert not {"yaml", "filelock", "dateutil", "jsonschema", "rich", "redis"} & loaded
    assert "typing_extensions" not in loaded or sys.version_info < (3, 11)


def test_every_public_name_can_be_imported_from_the_package() -> None:
    for name in minimax_sync.__all__:
        assert getattr(minimax_sync, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = minimax_sync.no_such_name
    assert set(minimax_sync.__all__) <= set(dir(minimax_sync))
