"""The places where settings are looked for: files of the working directory and of the user's configuration directory.

Only names and paths. This module opens no file and does not know what is in them.
"""

from __future__ import annotations

CONFIG_FILE = "config/llm.yaml"
BUNDLE_FILE = "./secrets/minimax_token_plan.json"
KEY_FILE = "./secrets/minimax_code_plan_key.txt"
GROUP_ID_FILE = "./secrets/minimax_group_id.txt"

FILES = (
    (f"./{CONFIG_FILE}", "settings"),
    ("./config/agents.d/*.yaml", "provider and model per agent"),
    (BUNDLE_FILE, "the Token Plan login"),
    (KEY_FILE, "the key of a plan"),
    (GROUP_ID_FILE, "the group id"),
)
"""Each file and what is in it, for help texts."""
