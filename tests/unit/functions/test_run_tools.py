"""The loop that calls what the model asks for, against the emulator on both wires."""

from __future__ import annotations

import contextvars
import functools
import json
import threading
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from minimax_sync import ChatMessage, MiniMaxClient, RequestError, ToolDef, ToolFailed, tool
from minimax_sync.emulator import Emulator
from minimax_sync.hooks import Event

Body = dict[str, Any]


@tool
def add(a: Annotated[int, "the first"], b: int = 1) -> int:
    """Add two numbers."""
    return a + b


def results_in(body: Body) -> list[tuple[str, bool]]:
    """List the tool results of a request, on either wire: (text, is it marked as an error)."""
    found = []
    for message in body["messages"]:
        if message["role"] == "tool":
            found.append((message["content"], False))
        blocks = message["content"] if isinstance(message["content"], list) else []
        found += [
            (block["content"], block.get("is_error", False)) for block in blocks if block["type"] == "tool_result"
        ]
    return found


def is_anthropic(body: Body) -> bool:
    return "reasoning_split" not in body


def test_functions_are_called_until_the_model_answers(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer("Let me see.", reasoning="Twice.", tool_calls=[("add", {"a": "2"}), ("add", {"a": 3, "b": 4})])
    emulator.answer(reasoning="Once more.", tool_calls=[("add", {"a": 3, "b": 7})])
    emulator.answer("It is 10.", reasoning="Done.")
    response = any_client.run_tools("Add it all up", [add], system="Be exact.", max_tokens=100)
    assert (response.text, response.finish_reason) == ("It is 10.", "stop")
    assert [message.role for message in response.messages] == [
        *("user", "assistant", "tool", "tool"),
        *("assistant", "tool", "assistant"),
    ]
    assert [message.text for message in response.messages if message.role == "tool"] == ["3", "7", "10"]
    assert response.messages[-1] == response.message
    last = emulator.journal[-1].body
    assert [text for text, _ in results_in(last)] == ["3", "7", "10"]
    assert "Twice." in json.dumps(last)
    assert "Once more." in json.dumps(last)
    assert all(
        request.body["max_tokens"] == 100 and "Be exact." in json.dumps(request.body) for request in emulator.journal
    )


def test_the_usage_is_that_of_all_rounds(emulator: Emulator, any_client: MiniMaxClient) -> None:
    seen: list[int] = []
    emulator.answer(tool_calls=[("add", {"a": 2})])
    response = any_client.with_options(hooks=[lambda event: seen.append(getattr(event, "prompt_tokens", 0))]).run_tools(
        "2 + 1?", [add]
    )
    assert response.usage.prompt_tokens == sum(filter(None, seen)) > 0


def test_the_exchange_goes_on_from_its_messages(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer(tool_calls=[("add", {"a": 2})])
    emulator.answer("3")
    first = any_client.run_tools([ChatMessage.system("Be brief."), ChatMessage.user("2 + 1?")], [add])
    emulator.answer("Sure.")
    again = any_client.run_tools([*first.messages, ChatMessage.user("Sure?")], add)
    assert [message.text for message in again.messages] == ["Be brief.", "2 + 1?", "", "3", "3", "Sure?", "Sure."]


def test_plain_functions_methods_and_partials_are_tools(emulator: Emulator, any_client: MiniMaxClient) -> None:
    class Shelf:
        def __init__(self) -> None:
            self.books = ["Emma"]

        @tool
        def find(self, title: str) -> bool:
            """Find a book."""
            return title in self.books

        def count(self) -> int:
            return len(self.books)

    def multiply(a: int, b: int) -> int:
        return a * b

    shelf = Shelf()
    tools = [shelf.find, tool(shelf.count), functools.partial(multiply, b=10)]
    emulator.answer(tool_calls=[("find", {"title": "Emma"}), ("count", {}), ("multiply", {"a": 4})])
    emulator.answer("Done.")
    any_client.run_tools("Look", tools)
    assert [text for text, _ in results_in(emulator.journal[-1].body)] == ["true", "1", "40"]


def test_parallel_calls_meet_and_see_the_callers_context(emulator: Emulator, any_client: MiniMaxClient) -> None:
    trace = contextvars.ContextVar("trace", default="none")
    together = threading.Barrier(3, timeout=5)

    def meet() -> str:
        together.wait()
        return trace.get()

    trace.set("mine")
    emulator.answer(tool_calls=[("meet", {})] * 3)
    emulator.answer("Done.")
    any_client.run_tools("Meet", [meet], parallel=True)
    assert results_in(emulator.journal[-1].body) == [("mine", False)] * 3


def test_calls_are_made_in_the_calling_thread_unless_asked_otherwise(
    emulator: Emulator, any_client: MiniMaxClient
) -> None:
    threads = []

    def note() -> None:
        threads.append(threading.current_thread())

    emulator.answer(tool_calls=[("note", {}), ("note", {})])
    emulator.answer("Done.")
    any_client.run_tools("Note", [note])
    assert threads == [threading.current_thread()] * 2


# what goes wrong


@pytest.mark.parametrize("parallel", [False, True])
def test_failures_are_reported_to_the_model_and_to_the_hooks(
    emulator: Emulator, any_client: MiniMaxClient, parallel: bool
) -> None:
    def fail(path: str) -> str:
        raise FileNotFoundError(f"no file {path}")

    seen: list[Event] = []
    emulator.answer(
        tool_calls=[
            ("fail", {"path": "a.txt"}),
            ("add", {"a": "one", "c": 2}),
            ("add", {}),
            ("add", "{not json"),
            ("guess", {}),
            ("add", {"a": 1}),
        ]
    )
    emulator.answer("I see.")
    watching = any_client.with_options(hooks=[seen.append])
    response = watching.run_tools("Try", [fail, add], parallel=parallel)
    assert response.text == "I see."
    body = emulator.journal[-1].body
    texts = [text for text, _ in results_in(body)]
    assert texts[0] == "FileNotFoundError: no file a.txt"
    assert texts[1].startswith("ToolArgumentsError: a: Expected `int`, got `str`; c: there is no such parameter")
    assert texts[2] == "ToolArgumentsError: a: is missing"
    assert texts[3].startswith("ToolArgumentsError: the arguments of the call")
    assert texts[4:] == ["there is no tool named 'guess'; the tools are fail, add", "2"]
    assert not any("Traceback" in text or __file__ in text for text in texts)
    if is_anthropic(body):
        assert [is_error for _, is_error in results_in(body)] == [True] * 5 + [False]
    assert [message.is_error for message in response.messages if message.role == "tool"] == [True] * 5 + [False]
    failures = [(event.tool, event.error_type) for event in seen if isinstance(event, ToolFailed)]
    assert failures == [("fail", "FileNotFoundError"), *[("add", "ToolArgumentsError")] * 3]
    assert "a.txt" not in repr(seen)


@pytest.mark.parametrize("parallel", [False, True])
def test_ctrl_c_in_a_tool_goes_through(emulator: Emulator, any_client: MiniMaxClient, parallel: bool) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    emulator.answer(tool_calls=[("interrupt", {}), ("add", {"a": 1})])
    with pytest.raises(KeyboardInterrupt):
        any_client.run_tools("Stop", [interrupt, add], parallel=parallel)
    assert len(emulator.journal) == 1
    assert any_client.chat("Still there?").text


def test_after_the_last_round_the_calls_are_left_to_the_caller(emulator: Emulator, any_client: MiniMaxClient) -> None:
    calls: list[int] = []
    for n in range(3):
        emulator.answer(tool_calls=[("note", {"n": n})])

    def note(n: int) -> None:
        calls.append(n)

    response = any_client.run_tools("For ever", [note], max_rounds=2)
    assert response.finish_reason == "tool_calls"
    assert [call.arguments for call in response.tool_calls] == [{"n": 1}]
    assert (calls, len(emulator.journal)) == ([0], 2)
    assert response.messages[-1] == response.message


@pytest.mark.parametrize("choice", ["required", "add"])
def test_a_forced_choice_holds_for_the_first_round(emulator: Emulator, any_client: MiniMaxClient, choice: str) -> None:
    response = any_client.run_tools("1 + 1?", [add], tool_choice=choice)
    assert response.text.startswith("The tool answered")
    assert ["tool_choice" in request.body for request in emulator.journal] == [True, False]


def test_no_choice_stays_no_choice(emulator: Emulator, any_client: MiniMaxClient) -> None:
    emulator.answer(tool_calls=[("add", {"a": 1})])
    any_client.run_tools("1 + 1?", [add], tool_choice="none")
    assert all("tool_choice" in request.body for request in emulator.journal)


def test_a_tool_without_a_function_is_the_callers_to_answer(emulator: Emulator, any_client: MiniMaxClient) -> None:
    calls: list[int] = []

    def note(n: int) -> None:
        calls.append(n)

    ask = {"type": "function", "function": {"name": "ask", "description": "Ask the user.", "parameters": {}}}
    emulator.answer(tool_calls=[("note", {"n": 1})])
    emulator.answer(tool_calls=[("note", {"n": 2}), ("ask", {"what": "why?"}), ("show", {})])
    response = any_client.run_tools("Go", [note, ask, ToolDef("show")])
    assert response.finish_reason == "tool_calls"
    assert [call.name for call in response.tool_calls] == ["note", "ask", "show"]
    assert calls == [1]
    results = [ChatMessage.tool_result(call.id, "ok", call.name) for call in response.tool_calls]
    assert (
        any_client.run_tools([*response.messages, *results], [note, ask, ToolDef("show")]).text
        == "The tool answered: ok"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_rounds": 0}, "max_rounds must be an integer of at least 1"),
        ({"max_rounds": True}, "max_rounds must be an integer of at least 1"),
        ({"approve": 5}, "approve must be a function"),
        ({"parallel": 0}, "parallel must be True, False or a number of threads"),
        ({"parallel": "yes"}, "parallel must be"),
        ({"tools": [add, add]}, "two tools are named 'add'"),
        ({"tools": 5}, "tools must be functions, ToolDefs or dicts, not int"),
        ({"tools": [5]}, "tools must hold functions, ToolDefs or dicts, not int"),
        ({"tools": "add"}, "tools must be functions"),
        ({"tools": lambda: 1}, "the name '<lambda>' must be"),
        ({"tools": Emulator.fault}, "tool fault is a method without its object"),
        ({"colour": "red"}, "unknown option colour"),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_sent(
    emulator: Emulator, any_client: MiniMaxClient, arguments: dict[str, Any], message: str
) -> None:
    for method in (any_client.run_tools, any_client.tool_run):
        with pytest.raises(RequestError, match=message):
            method("Go", **{"tools": [add], **arguments})
    assert emulator.journal == []


class NoText(Exception):
    """An exception, and a result, without a text."""

    def __str__(self) -> str:
        raise ValueError("no text")


def returns_it() -> NoText:
    return NoText()


def raises_it() -> None:
    raise NoText


@pytest.mark.parametrize(("function", "text"), [(returns_it, "ValueError: no text"), (raises_it, "NoText")])
def test_what_has_no_text_is_an_error_of_the_tool(
    emulator: Emulator, any_client: MiniMaxClient, function: Callable[[], object], text: str
) -> None:
    emulator.answer(tool_calls=[(function.__name__, {})])
    emulator.answer("Sorry.")
    assert any_client.run_tools("Go", [function]).messages[2].text == text
