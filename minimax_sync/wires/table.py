"""The wires, one row each: names, URL paths, headers, and the modules that encode requests and decode answers.

Must not know hosts, settings or credentials.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Flavor = Literal["openai_compat", "anthropic_messages"]

NATIVE_PATH = "/text/chatcompletion_v2"
"""Only MiniMax, or a server that imitates it, serves this path."""


class WireRow(msgspec.Struct, frozen=True):
    """The facts of one wire.

    `title` is its name in messages. `base_path` is where MiniMax's hosts serve it. `chat_path` follows the base URL;
    `version` is the part of it that other programs count to the base URL, `other_chat_paths` are those of other
    servers. `chat_path_can_change`: whether the setting of that name replaces it. `headers` go with every request;
    `sends_group_id`: whether the URL names the group. `plan_keys_only`: whether MiniMax refuses regular keys there.
    `part_types` matches the types of the parts that only this wire carries. `codec` names the modules beside this one:
    `{codec}_encode` has `encode`, `{codec}_decode` has `accumulator`.
    """

    flavor: Flavor
    aliases: tuple[str, ...]
    title: str
    base_path: str
    chat_path: str
    part_types: str
    codec: str
    version: str = ""
    other_chat_paths: tuple[str, ...] = ()
    chat_path_can_change: bool = False
    headers: Mapping[str, str] = {}
    sends_group_id: bool = False
    plan_keys_only: bool = False


WIRES: Mapping[Flavor, WireRow] = {
    row.flavor: row
    for row in (
        WireRow(
            "openai_compat",
            aliases=("openai",),
            title="OpenAI",
            base_path="/v1",
            chat_path=NATIVE_PATH,
            other_chat_paths=("/chat/completions",),
            chat_path_can_change=True,
            sends_group_id=True,
            part_types=r".*_url|input_.*|file|refusal",
            codec="openai",
        ),
        WireRow(
            "anthropic_messages",
            aliases=("anthropic-messages", "anthropic"),
            title="Anthropic",
            base_path="/anthropic",
            chat_path="/v1/messages",
            version="/v1",
            headers={"anthropic-version": "2023-06-01"},
            plan_keys_only=True,
            part_types=r".*",
            codec="anthropic",
        ),
    )
}
"""The rows; the first is the default, and a type of part belongs to the first that matches it."""
