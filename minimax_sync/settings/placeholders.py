"""Placeholders in configuration values: `${VAR}`, `${VAR:-default}`, `${VAR-default}`, `${file:./secrets/key.txt}`.

As in a shell, `:-` gives the default when the variable is unset or empty, `-` only when it is unset. `$${` is a literal
`${`; any other `$` is literal too. The value of a placeholder is not expanded again. Knows nothing of YAML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ..secret import shown_name

_PLACEHOLDER = re.compile(r"\$\$\{|\$\{(?P<body>[^{}]*)\}|\$\{")
_VARIABLE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:(?P<operator>:?-)(?P<default>.*))?", re.DOTALL)
_FILE = "file:"
_SECRETS = PurePosixPath("/run/secrets")


class PlaceholderError(Exception):
    """A placeholder cannot be expanded. The message names it and shows no value."""


class Placeholders:
    """Expand placeholders from an environment and the files below a directory. Its repr shows neither."""

    def __init__(self, environ: Mapping[str, str], cwd: Path) -> None:
        self._environ = environ
        self._cwd = cwd

    def below(self, cwd: Path) -> Placeholders:
        """Return the same environment with the files below another directory."""
        return Placeholders(self._environ, cwd)

    def expand(self, text: str) -> str:
        """Return `text` with every placeholder replaced; raise PlaceholderError for one that cannot be."""
        return _PLACEHOLDER.sub(self._replacement, text)

    def _replacement(self, found: re.Match[str]) -> str:
        body = found["body"]
        if found[0] == "$${":
            return "${"
        if body is None:
            raise PlaceholderError("a ${ is not closed, or holds another one; write $${ for a literal ${")
        if body.startswith(_FILE):
            return self._file(body[len(_FILE) :])
        variable = _VARIABLE.fullmatch(body)
        if variable is None:
            raise PlaceholderError("a placeholder must be ${VAR}, ${VAR:-default}, ${VAR-default} or ${file:path}")
        value = self._environ.get(variable["name"])
        if value is None or (value == "" and variable["operator"] == ":-"):
            value = variable["default"]
        if value is None:
            name = shown_name(variable["name"])
            raise PlaceholderError(f"environment variable {name} is not set; set it, or write ${{{name}:-}}")
        return value

    def _file(self, name: str) -> str:
        path = PurePosixPath(name)
        if not name or ".." in path.parts or (path.is_absolute() and _SECRETS not in path.parents):
            raise PlaceholderError("${file:...} takes a relative path without .. or a path under /run/secrets")
        return read_text(self._cwd / path, f"${{file:{shown_name(name)}}}")


def read_text(path: Path, shown: str) -> str:
    """Return a small text file's content, stripped; raise PlaceholderError, which names it as `shown`."""
    try:
        return path.read_text("utf-8-sig").strip()
    except OSError as error:
        fault = error.strerror or type(error).__name__
    except UnicodeDecodeError:  # carries the bytes: it must not become the context of what is raised
        fault = "it is not UTF-8 text"
    raise PlaceholderError(f"{shown} cannot be read: {fault}")
