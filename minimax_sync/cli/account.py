"""`quota` and `models`: the remainder of the plan or the account, and the models of the service."""

from __future__ import annotations

from argparse import Namespace
from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ..errors import CredentialInvalidError, LlmError
from .clients import find_settings, open_client
from .parser import Command, argument
from .terminal import print_json, print_table

if TYPE_CHECKING:
    from .. import MiniMaxClient
    from ..values.models import ModelCard
    from ..values.quota import Balance, Quota, QuotaWindow

_BAR = 20

_JSON = argument("--json", action="store_true", help="print JSON")


def _quota(arguments: Namespace) -> int:
    import msgspec

    from ..values.quota import each_window

    settings = find_settings(arguments)
    has_balance = settings.auth_mode.value == "static" and not settings.plan_key
    with open_client(arguments) as client:
        quota, balance = _left(client, has_balance)
    if arguments.json:
        print_json(msgspec.to_builtins(quota) | ({"balance": msgspec.to_builtins(balance)} if balance else {}))
        return 0
    if quota.windows:
        now = datetime.now(timezone.utc)
        print_table(_row(window, now) for _, window in each_window(quota.windows))
    elif not balance:
        print(quota.describe())
    if balance:
        print(balance.describe())
    return 0


def _left(client: MiniMaxClient, has_balance: bool) -> tuple[Quota, Balance | None]:
    """Return the windows of the plan, and the balance of a pay-as-you-go key, which may have no plan."""
    from ..values.quota import Quota

    try:
        quota = client.quota()
    except CredentialInvalidError:
        if not has_balance:
            raise
        return Quota(()), client.balance()
    balance = None
    if has_balance:
        with suppress(LlmError):  # a server other than MiniMax's may have none
            balance = client.balance()
    return quota, balance


def _row(window: QuotaWindow, now: datetime) -> tuple[str, str, str]:
    from ..values.quota import percent_left

    left = percent_left(window)
    if left is None:
        return "? %".rjust(5), "[" + "?" * _BAR + "]", window.describe(now)
    filled = int(min(left, 100) / 100 * _BAR)  # full only when nothing is used
    return f"{left:3.0f} %", "[" + "#" * filled + "-" * (_BAR - filled) + "]", window.describe(now)


def _models(arguments: Namespace) -> int:
    import msgspec

    from ..values.models import MODELS_AS_OF

    with open_client(arguments) as client:
        models = client.models()
    if arguments.json:
        print_json([{**msgspec.to_builtins(model), **_retirement(model.card)} for model in models])
        return 0
    rows = []
    for model in models:
        card = model.card
        since = f"{model.created_at:%Y-%m-%d}" if model.created_at else ""
        figures = (f"{card.price.input:.2f}", f"{card.price.output:.2f}") if card else ("", "")
        retired = f"retired {card.retired:%Y-%m-%d}, use {card.successor}" if card and card.retired else ""
        rows.append((model.id, since, *figures, retired))
    print_table(rows, ("MODEL", "SINCE", "IN", "OUT", "NOTE"))
    print(f"\nPay-as-you-go prices in USD per million tokens, as of {MODELS_AS_OF}.")
    return 0


def _retirement(card: ModelCard | None) -> dict[str, str | None]:
    retired = card.retired.isoformat() if card and card.retired else None
    return {"retired": retired, "successor": card.successor if card else None}


QUOTA = Command(
    "quota",
    "the plan's windows and what remains of them, or the balance",
    """\
Show what remains of each window of a Token Plan, in percent, as a bar and in words, and when it resets; for a
pay-as-you-go key also the balance of its account.""",
    _quota,
    (_JSON,),
    "minimax-sync quota\nminimax-sync quota --json | jq '.windows[0].remaining_percent'",
)

MODELS = Command(
    "models",
    "the models that the service lists, with their prices",
    "List the models of the service, or the known ones if it has no list.",
    _models,
    (_JSON,),
    "minimax-sync models\nminimax-sync models --json | jq -r '.[].id'",
)
