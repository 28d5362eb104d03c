"""The remainder of a plan or an account, as values with descriptions. Sends and decodes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import msgspec

from .models import is_chat_quota

NOT_IN_PLAN = "not in the plan"


class QuotaWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The remainder of one window of the plan, for one model or family of models.

    `remaining_percent` is None where the service sends neither a percentage nor counts; a boosted week may have more
    than 100. `total` is None if the window does not count requests, `used` also if the counts contradict the
    percentage. `status` is "active", "exhausted", "unlimited", "not in the plan" or "unknown". `weekly` is the window
    of the week that the same requests are charged to, if there is one.

    >>> window = client.quota().windows[0]
    >>> window.model, window.status
    ('general', 'active')
    """

    model: str
    remaining_percent: float | None = None
    used: int | None = None
    total: int | None = None
    starts_at: datetime | None = None
    resets_at: datetime | None = None
    status: str = "unknown"
    weekly: QuotaWindow | None = None

    @property
    def remaining(self) -> int | None:
        """The requests left, where the service counts them."""
        return None if self.total is None or self.used is None else max(0, self.total - self.used)

    def describe(self, now: datetime | None = None) -> str:
        """Return a line such as "general: 99 % left of the 5 h window, resets in 31 min".

        `now` is an aware datetime; without it the reset is given as an instant.
        """
        if self.status == NOT_IN_PLAN:
            return f"{self.model}: not in the plan"
        parts = [f"{self.model}: {self._left('window', now)}"]
        if self.weekly:
            parts.append(self.weekly._left("week", now))
        return "; ".join(parts)

    def __repr__(self) -> str:
        return f"QuotaWindow({self.describe()})"

    def _left(self, window: str, now: datetime | None) -> str:
        if self.status == "unlimited":
            return f"no limit on the {window}"
        if self.starts_at and self.resets_at and window == "window":
            window = f"{_duration(self.resets_at - self.starts_at)} window"
        if self.status == "exhausted":
            left = f"nothing left of the {window}"
        elif self.remaining_percent is None:
            left = f"no figures for the {window}"
        else:
            left = f"{self.remaining_percent:.3g} % left of the {window}"
        counts = f" ({self.used} of {self.total} used)" if self.total and self.used is not None else ""
        return left + counts + self._resets(now)

    def _resets(self, now: datetime | None) -> str:
        if self.resets_at is None:
            return ""
        return (
            f", resets in {_duration(self.resets_at - now)}"
            if now
            else f", resets at {self.resets_at:%Y-%m-%d %H:%M} UTC"
        )


class Quota(msgspec.Struct, frozen=True):
    """The windows of a Token Plan, one per model or family of models.

    >>> [window.model for window in client.quota().windows]
    ['general', 'video']
    """

    windows: tuple[QuotaWindow, ...]

    @property
    def text(self) -> QuotaWindow | None:
        """The window that chat is charged to; None when the plan has none."""
        return next((window for window in self.windows if is_chat_quota(window.model)), None)

    def describe(self, now: datetime | None = None) -> str:
        """Return a line per window; see `QuotaWindow.describe`."""
        return "\n".join(window.describe(now) for window in self.windows) or "the plan has no windows"

    def _repr_html_(self) -> str:
        """Return a bar per window for a notebook."""
        from .rendering import note, table

        now = datetime.now(timezone.utc)
        rows = [_row(name, window, now) for name, window in each_window(self.windows)]
        return table(("model", "", "left"), rows) if rows else note("The plan has no windows.")


class Balance(msgspec.Struct, frozen=True):
    """The money of a pay-as-you-go account, in the account's currency; None where the service does not send it.

    >>> from decimal import Decimal
    >>> balance = Balance(available=Decimal("12.50"), cash=Decimal("10.00"), voucher=Decimal("2.50"))
    >>> print(balance.available, balance.owed)
    12.50 None
    """

    available: Decimal
    cash: Decimal | None = None
    voucher: Decimal | None = None
    credit: Decimal | None = None
    owed: Decimal | None = None

    def describe(self) -> str:
        """Return a line with the amounts that the service sends.

        >>> client.balance().describe()
        'balance: 12.34 available (cash 10.00, voucher 2.34, credit 0.00, owed 0.00)'
        """
        (_, available), *others = self._amounts()
        parts = ", ".join(f"{name} {amount}" for name, amount in others)
        return f"balance: {available} available" + (f" ({parts})" if parts else "")

    def _amounts(self) -> list[tuple[str, str]]:
        amounts = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return [(name, f"{amount:,f}") for name, amount in amounts if amount is not None]

    def _repr_html_(self) -> str:
        """Return the amounts as a table for a notebook."""
        from .rendering import table

        return table(("balance", "amount"), self._amounts(), numbers=(1,))


def each_window(windows: Iterable[QuotaWindow]) -> Iterator[tuple[str, QuotaWindow]]:
    """Yield each window with its model's name, then as "week" the one that belongs to it, if the plan has one."""
    for window in windows:
        yield window.model, msgspec.structs.replace(window, weekly=None)
        if window.weekly and window.weekly.status != NOT_IN_PLAN:
            yield "week", window.weekly


def percent_left(window: QuotaWindow) -> float | None:
    """Return how full the bar of a window is; None without a figure."""
    return {"unlimited": 100.0, "exhausted": 0.0}.get(window.status, window.remaining_percent)


def _row(name: str, window: QuotaWindow, now: datetime) -> tuple[str, str, str]:
    """Return a window as a row of a table for a notebook."""
    from html import escape

    from .rendering import bar

    words = window.describe(now).removeprefix(f"{window.model}: ")
    return escape(name), bar(percent_left(window), words), escape(words)


def _duration(span: timedelta) -> str:
    minutes = max(0, round(span.total_seconds() / 60))
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if count]
    return " ".join(parts[:2]) or "less than a minute"
