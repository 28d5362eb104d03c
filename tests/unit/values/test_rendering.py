"""Values in a notebook: what is shown, that all text is escaped, and that every element is closed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

import pytest

from minimax_sync import MiniMaxClient
from minimax_sync.conversation import Conversation
from minimax_sync.emulator import Emulator
from minimax_sync.errors import RequestError
from minimax_sync.functions.parse import Parsed
from minimax_sync.values import rendering
from minimax_sync.values.messages import ChatMessage, Reasoning, Text, ToolCall
from minimax_sync.values.quota import Balance, Quota, QuotaWindow
from minimax_sync.values.response import ChatResponse
from minimax_sync.values.results import MapResult
from minimax_sync.values.usage import TokenUsage
from minimax_sync.wires.services import KNOWN_MODELS, Model, Models

EVIL = "</details></pre><script>alert(1)</script><!-- <img src=x onerror=alert(1)> &amp; \"'"


class Page(HTMLParser):
    """The elements and the text of a piece of HTML; fails on an element that is not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.comments = 0
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("br", "hr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def evil_response() -> ChatResponse:
    parts = (Reasoning(EVIL), Text(EVIL), ToolCall("a", EVIL, arguments_json=EVIL))
    return ChatResponse(ChatMessage("assistant", parts), model=EVIL, usage=TokenUsage(1, 2, 3))


def conversation(system: str, *messages: ChatMessage) -> str:
    client: Any = None
    return Conversation(client, system, messages=messages)._repr_html_()


def evil_conversation() -> str:
    answer = evil_response().message
    result = ChatMessage.tool_result("a", EVIL, EVIL, is_error=True)
    first = ChatMessage.system(EVIL), ChatMessage.user(EVIL)
    return conversation(EVIL, *first, answer, result, ChatMessage.assistant(EVIL))


RENDERED: dict[str, Callable[[], str]] = {
    "conversation": evil_conversation,
    "answer of map": lambda: MapResult(0, EVIL, evil_response())._repr_html_(),
    "error of map": lambda: MapResult(0, EVIL, error=RequestError(EVIL))._repr_html_(),
    "input of map": lambda: MapResult(0, {"messages": EVIL}, evil_response())._repr_html_(),
    "parsed": lambda: Parsed({"x": EVIL}, evil_response(), TokenUsage(1), 2)._repr_html_(),
    "models": lambda: Models([Model(EVIL)])._repr_html_(),
    "quota": lambda: Quota((QuotaWindow(model=EVIL, remaining_percent=50.0, status="active"),))._repr_html_(),
}


@pytest.mark.parametrize("markdown", [True, False], ids=["with markdown-it", "without"])
@pytest.mark.parametrize("name", RENDERED)
def test_all_text_is_escaped(name: str, markdown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not markdown:
        monkeypatch.setattr(rendering, "find_spec", lambda name: None)
    page = Page(RENDERED[name]())
    assert not page.tags & {"script", "img", "b"}
    assert page.comments == 0
    assert "<script>alert(1)</script>" in page.text


def test_thinking_and_tool_calls_cannot_leave_their_fold_in_markdown() -> None:
    thinking = evil_response()._repr_markdown_().split("\n\n</details>\n\n")[0]
    assert thinking.count("<details>") == 1
    assert "</details>" not in thinking
    page = Page(rendering.tool_call("f", EVIL, EVIL, state="failed"))
    assert page.tags == {"details", "summary", "code", "pre"}
    assert page.text.count(EVIL) == 2
    assert page.text.startswith("f failed")


def test_a_conversation_shows_its_turns_with_thinking_and_calls_folded() -> None:
    html = conversation(
        "Be brief.",
        ChatMessage.user("How warm is it?"),
        ChatMessage("assistant", (Reasoning("Look."), ToolCall("1", "get_weather", {"city": "Paris"}))),
        ChatMessage.tool_result("1", "21 degrees", "get_weather"),
        ChatMessage.assistant("It is **warm**."),
        ChatMessage("assistant", (ToolCall("2", "get_time", {}),)),
    )
    page = Page(html)
    assert html.count("<details>") == 4
    for shown in ("How warm is it?", "21 degrees", '"Paris"', "get_time without a result", "Be brief."):
        assert shown in page.text
    assert "5 messages, 0 tokens, $0.00" in page.text
    assert "<strong>warm</strong>" in html


def test_a_conversation_shows_what_it_cost(client: MiniMaxClient, emulator: Emulator) -> None:
    talk = client.conversation("Be brief.")
    assert "0 messages, 0 tokens" in Page(talk._repr_html_()).text
    emulator.answer("It is noon.", reasoning="Hm.")
    talk.say("What time is it?")
    html = talk._repr_html_()
    assert "It is noon." in html
    assert rendering.spent(talk.usage.total_tokens, lambda: talk.cost) in html.replace("&lt;", "<")


def test_the_models_are_a_tuple_and_a_table_with_prices_and_what_is_retired(client: MiniMaxClient) -> None:
    models: Any = client.models()
    page = Page(models._repr_html_())
    assert isinstance(models, tuple)
    assert models == tuple(models)
    assert {"table", "s"} <= page.tags
    assert "retired 2026-11-18, use MiniMax-M3.1-Flash" in page.text
    assert "0.15" in page.text
    assert Page(KNOWN_MODELS._repr_html_()).text.count("MiniMax-M2.1") == 1


@pytest.mark.parametrize(
    ("status", "percent", "blocks"),
    [
        ("active", 99.0, 19),
        ("active", 3.0, 1),
        ("active", 150.0, 20),
        ("exhausted", None, 0),
        ("unlimited", None, 20),
        ("unknown", None, None),
    ],
)
def test_a_quota_has_a_bar_per_window(status: str, percent: float | None, blocks: int | None) -> None:
    week = QuotaWindow(model="general", remaining_percent=50.0, status="active")
    in_half_an_hour = datetime.now(timezone.utc) + timedelta(minutes=30)
    window = QuotaWindow(
        model="general", remaining_percent=percent, resets_at=in_half_an_hour, status=status, weekly=week
    )
    html = Quota((window,))._repr_html_()
    assert html.count("<code") == (1 if blocks is None else 2)
    assert blocks is None or f">{'█' * blocks}{'░' * (20 - blocks)}</code>" in html
    assert status == "unlimited" or "resets in 30 min" in Page(html).text
    assert "week50 % left of the window" in Page(html).text.replace("█", "").replace("░", "")


def test_a_quota_without_windows_is_shown_as_such() -> None:
    assert "no windows" in Page(Quota(())._repr_html_()).text


def test_a_balance_shows_the_amounts_that_there_are() -> None:
    html = Balance(Decimal("1012.50"), cash=Decimal("1E+3"), voucher=Decimal(0))._repr_html_()
    assert Page(html).text == "balanceamountavailable1,012.50cash1,000voucher0"


def test_usage_shows_its_counts_and_its_cost_by_model() -> None:
    html = TokenUsage(1_000_000, 0, 1_000_000)._repr_html_()
    assert "1,000,000" in html
    assert "reasoning" not in html
    assert "$0.30" in html
    assert Page(TokenUsage()._repr_html_()).text.count("$0.00") == len(KNOWN_MODELS)


@pytest.mark.parametrize(("amount", "text"), [(0, "$0.00"), (0.00001, "< $0.0001"), (0.0123, "$0.0123"), (2, "$2.00")])
def test_an_amount_has_the_digits_that_it_needs(amount: float, text: str) -> None:
    assert rendering.dollars(amount) == text


def test_an_unknown_model_costs_nothing_that_is_known() -> None:
    html = MapResult(3, "hi", ChatResponse(ChatMessage.assistant("Hello"), model="another"))._repr_html_()
    assert "another, 0 tokens" in html
    assert "$" not in html


def test_a_plan_without_a_model_shows_no_row_for_its_week() -> None:
    outside = QuotaWindow(
        model="video", status="not in the plan", weekly=QuotaWindow(model="video", status="not in the plan")
    )
    assert Quota((outside,))._repr_html_().count("<tr>") == 2


def test_a_typed_answer_shows_its_value_before_its_answer() -> None:
    response = ChatResponse(ChatMessage.assistant('{"x": 1}'), model="MiniMax-M2")
    text = Page(Parsed({"x": 1}, response, TokenUsage(10, 10, 20), 1)._repr_html_()).text
    assert text.index("'x': 1") < text.index("Answer")
    assert "dict, 1 repair, 20 tokens" in text
