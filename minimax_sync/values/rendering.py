"""Values as HTML and Markdown for notebooks.

Contains the building blocks (tables, bars, folded parts) and one function per value. All text of a model or a user is
escaped. Colours follow the page: JupyterLab's CSS variables with fallbacks that can be read on light and dark. Must not
know a client, and is imported only when a notebook asks.
"""

from __future__ import annotations

import pprint
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from html import escape
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

from ..errors import ConfigError
from .models import MODELS, MODELS_AS_OF, ModelCard, Price

if TYPE_CHECKING:
    from .messages import ChatMessage, ToolCall
    from .quota import QuotaWindow
    from .response import ChatResponse
    from .usage import TokenUsage

_LINE = "var(--jp-border-color2, rgba(128, 128, 128, 0.45))"
_ACCENT = "var(--jp-brand-color1, #1976d2)"
_ALARM = "var(--jp-error-color1, #d32f2f)"
_PRE = "white-space: pre-wrap; overflow-wrap: anywhere; margin: 0.3em 0; font-family: "
_PROSE_FONT = "inherit"
_CODE_FONT = "var(--jp-code-font-family, monospace)"

_WARN_BELOW, _ALARM_BELOW = 30, 10
"""Percent of a quota window below which the page shows its bar as low, and as very low."""


@runtime_checkable
class ListedModel(Protocol):
    """A model as the service lists it."""

    @property
    def id(self) -> str: ...
    @property
    def card(self) -> ModelCard | None: ...


# Markdown


def as_markdown(text: str, reasoning: str = "", tool_calls: Iterable[ToolCall] = ()) -> str:
    """Return an answer as Markdown: its thinking and its tool calls folded, its text as it is."""
    blocks = [folded("Thinking", preformatted(reasoning.strip()))] if reasoning else []
    blocks += [text] if text else []
    blocks += map(tool_call, tool_calls)
    return "\n\n".join(blocks)


def tool_call(call: ToolCall, result: str | None = None, *, is_error: bool = False, note: str = "") -> str:
    """Return a tool call as a folded part that both Markdown and HTML can hold; `note` stands beside its name."""
    state = " failed" if is_error else f" {note}" if note else ""
    parts = [preformatted(text, _CODE_FONT) for text in (call.arguments_json, result) if text is not None]
    return folded(f"<code>{escape(call.name)}</code>{escape(state)}", *parts)


def folded(summary: str, *parts: str) -> str:
    """Return a `<details>` element; `summary` and `parts` are HTML. The blank lines let Markdown see its end."""
    body = "\n\n".join(parts)
    return f"<details><summary>{summary}</summary>\n\n{body}\n\n</details>"


def preformatted(text: str, font: str = _PROSE_FONT) -> str:
    """Return text in a `<pre>`, which neither HTML nor Markdown in the text can leave."""
    return f'<pre style="{_PRE}{font}">{escape(text, quote=False)}</pre>'


# HTML


def prose(text: str) -> str:
    """Return Markdown as HTML if markdown-it is installed (extra `cli`), else as preformatted text.

    HTML in the text is shown, not interpreted; an image is shown as its link, so that no answer can load a page.
    """
    if find_spec("markdown_it") is None:
        return preformatted(text)
    from markdown_it import MarkdownIt

    return str(MarkdownIt("js-default").disable("image").render(text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], note: str = "", *, numbers: Iterable[int] = ()) -> str:
    """Return a table of cells that are HTML already; columns in `numbers` are aligned right."""
    sides = ["right" if column in set(numbers) else "left" for column in range(len(head))]

    def line(cells: Sequence[str], tag: str) -> str:
        aligned = zip(sides, cells, strict=True)
        return "".join(f'<{tag} style="text-align: {side}">{cell}</{tag}>' for side, cell in aligned)

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<table><thead><tr>{line(head, 'th')}</tr></thead><tbody>{body}</tbody></table>{_note(note)}"


def bar(percent: float | None, label: str) -> str:
    """Return a bar that is filled to `percent`; nothing without a figure.

    It is a `<meter>`, which JupyterLab keeps also in a notebook that is not trusted, where it drops most styles.
    """
    if percent is None:
        return ""
    value = min(100.0, max(0.0, percent))
    limits = f'min="0" max="100" low="{_ALARM_BELOW}" high="{_WARN_BELOW}" optimum="100"'
    return f'<meter {limits} value="{value:.4g}" style="width: 12em" title="{escape(label)}">{value:.3g} %</meter>'


def _note(text: str) -> str:
    return f'<div style="opacity: 0.75; font-size: 90%">{escape(text)}</div>' if text else ""


def _figure(count: int) -> str:
    return f"{count:,}"


# Conversations and answers


def conversation(system: str | None, messages: Sequence[ChatMessage], usage: TokenUsage, cost: float | None) -> str:
    """Return the turns of a conversation; thinking and tool calls with their results are folded."""
    results = {message.tool_call_id: message for message in messages if message.role == "tool"}
    turns = [folded("System prompt", preformatted(system))] if system else []
    for message in messages:
        if message.role == "system":
            turns.append(folded("System prompt", preformatted(message.text)))
        elif message.role != "tool":
            turns.append(_turn(message, results))
    return f"<div>{''.join(turns)}{_note(_usage_line(len(messages), usage, cost))}</div>"


def _turn(message: ChatMessage, results: dict[str, ChatMessage]) -> str:
    is_user = message.role == "user"
    parts = [folded("Thinking", preformatted(message.reasoning.strip()))] if message.reasoning else []
    if message.text:
        parts.append(preformatted(message.text) if is_user else prose(message.text))
    if message.images:
        parts.append(_note("1 image" if len(message.images) == 1 else f"{len(message.images)} images"))
    for call in message.tool_calls:
        result = results.get(call.id)
        is_error = result is not None and result.is_error
        note = "without a result" if result is None else ""
        parts.append(tool_call(call, result.text if result else None, is_error=is_error, note=note))
    edge = _LINE if is_user else _ACCENT
    style = f"border-left: 3px solid {edge}; padding: 0.1em 0.8em; margin: 0.6em 0"
    speaker = f"<strong>{'You' if is_user else 'Model'}</strong>"
    return f'<div style="{style}">{speaker}{"".join(parts)}</div>'


def _usage_line(messages: int, usage: TokenUsage, cost: float | None) -> str:
    price = "" if cost is None else f", {dollars(cost)}"
    return f"{messages} {'message' if messages == 1 else 'messages'}, {_figure(usage.total_tokens)} tokens{price}"


def outcome(index: int, input: object, response: ChatResponse | None, error: Exception | None, value: object) -> str:
    """Return the outcome of one input of `map`: the input, then the value, the answer or the error."""
    asked = input if isinstance(input, str) else repr(input)
    if error is not None:
        answer = f'<strong style="color: {_ALARM}">{escape(type(error).__name__)}</strong>{preformatted(str(error))}'
    elif value is not None:
        answer = _value(value)
    else:
        answer = _answer(response) if response is not None else ""
    note = _spent(response) if response is not None else ""
    return f"<div><strong>#{index}</strong>{preformatted(asked)}{answer}{_note(note)}</div>"


def parsed(value: object, response: ChatResponse, usage: TokenUsage, repairs: int) -> str:
    """Return a typed answer: the value, what it took, and the answer that holds it, folded."""
    repaired = "no repair" if not repairs else "1 repair" if repairs == 1 else f"{repairs} repairs"
    cost = cost_of(usage, response.model)
    price = "" if cost is None else f", {dollars(cost)}"
    note = f"{type(value).__name__}, {repaired}, {_figure(usage.total_tokens)} tokens{price}"
    return f"<div>{_value(value)}{_note(note)}{folded('Answer', _answer(response))}</div>"


def _answer(response: ChatResponse) -> str:
    thinking = folded("Thinking", preformatted(response.reasoning.strip())) if response.reasoning else ""
    return thinking + prose(response.text) + "".join(map(tool_call, response.tool_calls))


def _spent(response: ChatResponse) -> str:
    cost = cost_of(response.usage, response.model)
    price = "" if cost is None else f", {dollars(cost)}"
    return f"{response.model or 'unknown model'}, {_figure(response.usage.total_tokens)} tokens{price}"


def _value(value: object) -> str:
    return preformatted(pprint.pformat(value, width=100, sort_dicts=False), _CODE_FONT)


# Usage and prices


def usage(counts: TokenUsage) -> str:
    """Return the token counts that are not 0, and what they cost with each model, folded."""
    names = [name for name in counts.__struct_fields__ if name.endswith("_tokens") and getattr(counts, name)]
    rows = [(name.removesuffix("_tokens").replace("_", " "), _figure(getattr(counts, name))) for name in names]
    prices = [(card.name, dollars(counts.cost(card.name))) for card in MODELS]
    note = f"At pay-as-you-go prices of {MODELS_AS_OF}; on a Token Plan a notional figure."
    return table(("tokens", "count"), rows, numbers=(1,)) + folded(
        "Cost by model", table(("model", "cost"), prices, note, numbers=(1,))
    )


def cost_of(counts: TokenUsage, model: str) -> float | None:
    """Return the price in USD, None for a model without a known price."""
    try:
        return counts.cost(model)
    except ConfigError:
        return None


def dollars(amount: float) -> str:
    """Return an amount with as many digits as it needs to differ from 0."""
    if not amount or amount >= 1:
        return f"${amount:.2f}"
    return f"${amount:.4f}" if amount >= 0.0001 else "< $0.0001"


# What the service lists


def models(listed: Iterable[ListedModel]) -> str:
    """Return the listed models with limits and prices; retired ones are struck through and name their successor."""
    head = ("model", "context", "inputs", "thinking", "in", "out", "cache read", "note")
    note = f"Pay-as-you-go prices in USD per million tokens, as of {MODELS_AS_OF}."
    return table(head, map(_model_row, listed), note, numbers=(1, 4, 5, 6))


def _model_row(model: ListedModel) -> Sequence[str]:
    name, card = escape(model.id), model.card
    if card is None:
        return (name, "", "", "", "", "", "", "not in the table of this version")
    price, remarks = card.price, []
    if card.retired:
        remarks.append(f"retired {card.retired}, use {card.successor}")
    if card.long_price:
        remarks.append(f"above 512,000 tokens {card.long_price.input:.2f} / {card.long_price.output:.2f}")
    figures = (f"{amount:.3g}" if amount < 0.1 else f"{amount:.2f}" for amount in _amounts(price))
    thinking = f"{card.thinking} ({', '.join(card.efforts)})" if card.efforts else card.thinking
    shown = f"<s>{name}</s>" if card.retired else name
    return (shown, _figure(card.context), ", ".join(card.inputs), thinking, *figures, escape("; ".join(remarks)))


def _amounts(price: Price) -> tuple[float, float, float]:
    return price.input, price.output, price.cache_read


def quota(windows: Iterable[QuotaWindow], now: datetime | None = None) -> str:
    """Return a bar for each window of the plan, and for the week behind it, with what is left and when it resets."""
    now = now or datetime.now(timezone.utc)
    rows = []
    for window in windows:
        rows.append(_quota_row(window.model, msgspec.structs.replace(window, weekly=None), now))
        if window.weekly and window.weekly.status != "not in the plan":
            rows.append(_quota_row("week", window.weekly, now))
    return table(("model", "", "left"), rows) if rows else _note("The plan has no windows.")


def _quota_row(name: str, window: QuotaWindow, now: datetime) -> Sequence[str]:
    percent = {"unlimited": 100.0, "exhausted": 0.0}.get(window.status, window.remaining_percent)
    words = window.describe(now).removeprefix(f"{window.model}: ")
    return (escape(name), bar(percent, words), escape(words))
