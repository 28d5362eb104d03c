"""The places where settings are looked for: files of the working directory and of the user's configuration directory.

Only names and paths. This module opens no file and does not know their content. A place is "argument", "$VARIABLE",
"file" (llm.yaml), "./PATH" below the working directory, or "user:NAME" in the user's directory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError

CONFIG_FILE = "config/llm.yaml"
BUNDLE_FILE = "./secrets/minimax_token_plan.json"
KEY_FILE = "./secrets/minimax_code_plan_key.txt"
GROUP_ID_FILE = "./secrets/minimax_group_id.txt"

USER = "user:"
USER_CONFIG_FILE = f"{USER}llm.yaml"
USER_BUNDLE_FILE = f"{USER}minimax_token_plan.json"
USER_KEY_FILE = f"{USER}minimax_code_plan_key.txt"
USER_GROUP_ID_FILE = f"{USER}minimax_group_id.txt"

FILES = (
    (f"./{CONFIG_FILE}", "settings"),
    ("./config/agents.d/*.yaml", "provider and model per agent"),
    (BUNDLE_FILE, "the Token Plan login"),
    (KEY_FILE, "the key of a plan"),
    (GROUP_ID_FILE, "the group id"),
)
"""Each file of the working directory and what is in it, for help texts."""

CONFIG_PLACES = (CONFIG_FILE, USER_CONFIG_FILE)
FILE_PLACES = (
    CONFIG_FILE,
    BUNDLE_FILE,
    KEY_FILE,
    GROUP_ID_FILE,
    USER_BUNDLE_FILE,
    USER_KEY_FILE,
    USER_GROUP_ID_FILE,
    USER_CONFIG_FILE,
)
"""The files that are looked at, nearest first."""

_APPLICATION = "minimax-sync"


def user_directory(environ: Mapping[str, str] | None = None, platform: str = sys.platform) -> Path:
    """Return the directory of the user's own configuration, which is the same in every working directory."""
    environ = os.environ if environ is None else environ
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    if platform == "win32":
        return Path(environ.get("APPDATA") or Path(os.path.expanduser("~"), "AppData", "Roaming")) / _APPLICATION
    if platform == "darwin":
        return home / "Library" / "Application Support" / _APPLICATION
    configured = Path(environ.get("XDG_CONFIG_HOME", ""))
    return (configured if configured.is_absolute() else home / ".config") / _APPLICATION


def located(place: str, cwd: Path, user: Path) -> Path:
    """Return the path of a place that is a file."""
    return user / place.removeprefix(USER) if place.startswith(USER) else cwd / place


def label(place: str, user: Path) -> str:
    """Return the name of a place for messages."""
    if place.startswith("$"):
        return f"environment variable {place[1:]}"
    return str(user / place.removeprefix(USER)) if place.startswith(USER) else place


def as_path(value: object) -> str | None:
    """Return a path as text, None for a value that cannot be the path of a file."""
    text = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
    if not isinstance(text, str) or not text or "\0" in text:
        return None
    try:
        os.fsencode(text)
    except UnicodeEncodeError:
        return None
    return str(text)


def path_text(value: object, name: str) -> str:
    """Return a path as text. Raise ConfigError, naming the argument, if it cannot be the path of a file."""
    text = as_path(value)
    if text is None:
        raise ConfigError(f"{name}: must be the path of a file, as text or a Path")
    return text


def absolute(path: str | os.PathLike[str], name: str) -> Path:
    """Return `path` as an absolute path. Raise ConfigError, naming `name`, if it cannot be one."""
    text = path_text(path, name)
    try:
        return Path(text).absolute()
    except FileNotFoundError:
        cure = "the working directory does not exist any more; give an absolute path"
        raise ConfigError(f"{name} {text}: {cure}") from None


def is_there(path: Path, *, unknown: bool = True) -> bool:
    """Return whether `path` exists; return `unknown` if that cannot be determined."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):
        return unknown
    return True
