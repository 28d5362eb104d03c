"""The lines of a checkpoint, and the prompts that an emulator received."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from minimax_sync.emulator import Emulator


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def prompts_received(emulator: Emulator) -> Counter[str]:
    contents = (received.body["messages"][-1]["content"] for received in emulator.journal)
    return Counter(each if isinstance(each, str) else each[0]["text"] for each in contents)
