"""Tool calls that leak into the text, in the notations of M2 and M3.

The notations are those of MiniMax-M2.5#10 and MiniMax-M3#31. Text in, text out: must not know wires.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .script import Answer, Call

MARKER = "]<]minimax[>["


def leaked(answer: Answer) -> Answer:
    """Return the answer as the service sends it when its parser fails: the calls become markup in the text."""
    if not answer.calls or answer.delivery.leak is None:
        return answer
    markup = _NOTATIONS[answer.delivery.leak](answer.calls)
    return replace(answer, text=f"{answer.text}\n{markup}".lstrip("\n"), calls=())


def _m2(calls: tuple[Call, ...]) -> str:
    lines = ["<minimax:tool_call>"]
    for call in calls:
        lines.append(f'<invoke name="{call.name}">')
        lines += [f'<parameter name="{name}">{_raw(value)}</parameter>' for name, value in _arguments(call).items()]
        lines.append("</invoke>")
    return "\n".join([*lines, "</minimax:tool_call>"])


def _m3(calls: tuple[Call, ...]) -> str:
    invokes = (f'{MARKER}<invoke name="{call.name}">{_nested(_arguments(call))}{MARKER}</invoke>' for call in calls)
    return f"{MARKER}<tool_call>{''.join(invokes)}{MARKER}</tool_call>"


def _nested(value: Any) -> str:
    """Write an object as a tag for each field, a list as a row of `<item>` tags, anything else as raw text."""
    if isinstance(value, dict):
        return "".join(f"{MARKER}<{name}>{_nested(inner)}{MARKER}</{name}>" for name, inner in value.items())
    if isinstance(value, list):
        return "".join(f"{MARKER}<item>{_nested(inner)}{MARKER}</item>" for inner in value)
    return _raw(value)


def _raw(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _arguments(call: Call) -> Mapping[str, Any]:
    """Decode a call's arguments. Malformed ones leak as one argument, because no notation has a form for them."""
    try:
        value = json.loads(call.arguments)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {"arguments": call.arguments}


_NOTATIONS = {"m2": _m2, "m3": _m3}
