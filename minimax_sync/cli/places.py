"""Where settings are looked for, in words: for the help texts, and for `status` to say which of them are there."""

from __future__ import annotations

KEY_VARIABLES = ("MINIMAX_CODE_PLAN_KEY", "MINIMAX_CODING_API_KEY", "MINIMAX_API_KEY")
SETTING_VARIABLES = (*KEY_VARIABLES, "MINIMAX_GROUP_ID", "MINIMAX_BASE_URL", "MINIMAX_CONFIG")
KEY_FILE = "./secrets/minimax_code_plan_key.txt"
GROUP_ID_FILE = "./secrets/minimax_group_id.txt"

FILES = (
    ("./config/llm.yaml", "settings"),
    ("./config/agents.d/*.yaml", "provider and model per agent"),
    ("./secrets/minimax_token_plan.json", "the Token Plan login"),
    (KEY_FILE, "the key of a plan"),
    (GROUP_ID_FILE, "the group id"),
    ("~/.local/state/minimax-sync/history", "what was typed in conversations"),
)

ENVIRONMENT = (
    ("MINIMAX_CODE_PLAN_KEY", "the key of a plan; the first of the keys that is set is used"),
    ("MINIMAX_CODING_API_KEY", "the same"),
    ("MINIMAX_API_KEY", "a pay-as-you-go key; looked at last"),
    ("MINIMAX_GROUP_ID", "the group id, which today's keys do not need"),
    ("MINIMAX_BASE_URL", "where MiniMax, or what speaks like it, is served"),
    ("MINIMAX_CONFIG", "the configuration file, instead of ./config/llm.yaml"),
    ("https_proxy", "a proxy for https"),
    ("REQUESTS_CA_BUNDLE", "certificates to trust"),
    ("XDG_STATE_HOME", "where the history is kept, instead of ~/.local/state"),
    ("NO_COLOR", "when set, plain text on terminals too"),
)
