"""Print a constraint of pip for each bound in setup.cfg: the lowest version that it allows."""

from __future__ import annotations

import configparser
from pathlib import Path

NEWER = ("typing-extensions",)
"""Packages of which pydantic, which the tests use, needs a newer version than `minimax_sync`."""


def main() -> None:
    config = configparser.ConfigParser()
    config.read(Path(__file__).parents[2] / "setup.cfg", encoding="utf-8")
    wanted = "\n".join([config["options"]["install_requires"], *config["options.extras_require"].values()])
    for line in filter(None, wanted.splitlines()):
        if not line.startswith(NEWER):
            print(line.replace(">=", "==", 1))


if __name__ == "__main__":
    main()
