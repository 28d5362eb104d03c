"""Run Python code in a process of its own, to its end."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

# Without these three capabilities root obeys file modes as any user does.
OBEY_MODES = """
import ctypes, os, sys
if os.geteuid() == 0:
    for capability in (1, 2, 3):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def run_python(
    code: str,
    *arguments: object,
    flags: Sequence[str] = ("-W", "error::ResourceWarning"),
    obey_modes: bool = False,
    silent: bool = True,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run `code` with these arguments and return what it printed; fail if it fails, or writes to stderr while `silent`.

    `flags` are the interpreter's; with `obey_modes` file modes bind the process even if root runs it.
    """
    wrapper = ["-c", OBEY_MODES] if obey_modes else []
    return run(*wrapper, *flags, "-c", textwrap.dedent(code), *arguments, silent=silent, cwd=cwd, env=env)


def run(*arguments: object, silent: bool = True, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """Run the interpreter with these arguments: as `run_python`, for modules and files."""
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=cwd, env=env)
    assert done.returncode == 0, done.stderr
    assert not (silent and done.stderr), done.stderr
    return done.stdout.strip()
