"""What a client imports when it is first used, and what a fork needs of it.

A start with a key loads no more than it needs. But a module that another thread is importing at the moment of a fork
stays half loaded in the child, and the import system never opens its lock there: the child's first use of it would
hang. So the first fork loads before it what a call may need, and waits for imports under way. What brings libraries
with hooks of their own for forks (filelock, concurrent.futures) cannot be loaded there: half of their hooks would run.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

MODULES = (
    "chat_stream",
    "config.llm_yaml",
    "config.placeholders",
    "hooks.call_watch",
    "hooks.events",
    "limits",
    "quota",
    "values.json_in_text",
    "wires.anthropic_messages",
    "wires.openai_compat",
    "wires.services",
)


def load_late_imports() -> None:
    """Load all of them, and wait for those that another thread is loading."""
    for module in MODULES:
        with suppress(ImportError, OSError):  # such as no more file descriptors: the fork itself goes on
            import_module(f".{module}", __package__)
