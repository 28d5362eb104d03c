"""`demo`: the main features end to end: chat, stream, a tool call, a Token Plan refresh.

It runs on the service if there is a credential, else on the emulator, and prints which one.
"""

from __future__ import annotations

import time
from argparse import Namespace
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from .clients import (
    endpoint_of,
    find_login_settings,
    find_settings,
    is_without_credential,
    login_of,
    open_client,
    token_plan,
)
from .parser import Command
from .terminal import dim, instant, print_title, printable

if TYPE_CHECKING:
    from ..client import MiniMaxClient
    from ..emulator import Emulator
    from ..settings.settings import Settings
    from ..values.response import ChatResponse

_CHAT = "Name three rivers, in one line."
_STREAM = "Write a haiku about a river that reaches the sea."
_TOOL = "What is the weather in Lisbon?"
_PLAN = "Say hello in one line."

_WEATHER: dict[str, dict[str, object]] = {
    "Lisbon": {"temperature_c": 21, "sky": "clear"},
    "Oslo": {"temperature_c": 4, "sky": "snow"},
}

_OPTIONS: dict[str, Any] = {"max_tokens": 4096, "timeout": 60.0}
_INDENT = 8


def _run(arguments: Namespace) -> int:
    settings = _find_settings(arguments)
    with ExitStack() as stack:
        if settings is None:
            emulator = _start_emulator(stack)
            print(f"There is no MiniMax credential, so the emulator on this machine answers, at {emulator.url}.")
            _script(emulator)
            client = stack.enter_context(_client_of(arguments, emulator))
        else:
            url = endpoint_of(settings, login_of(settings)).chat_url
            print(f"The service answers, at {url}; `minimax-sync status` shows the settings.")
            client = stack.enter_context(open_client(arguments))
        _chat(client)
        _stream(client)
        _call_tool(client)
        print_title("Token Plan")
        if settings is None:
            _refresh(arguments, emulator)
        elif settings.auth_mode.value == "token_plan":
            _show_login(settings)
        else:
            print("This needs a Token Plan login; there is none, so the emulator on this machine answers here.\n")
            _refresh(arguments, _start_emulator(stack))
    return 0


def _find_settings(arguments: Namespace) -> Settings | None:
    """Find the settings; None when only a credential is missing."""
    try:
        return find_settings(arguments)
    except ConfigError as error:
        if not is_without_credential(error):
            raise
    find_login_settings(arguments)
    return None


def _start_emulator(stack: ExitStack) -> Emulator:
    from ..emulator import Emulator

    return stack.enter_context(Emulator(delay=0.02))


def _client_of(arguments: Namespace, emulator: Emulator) -> MiniMaxClient:
    return open_client(
        arguments,
        api_key=emulator.api_key,
        base_url=emulator.base_url,
        api_flavor="openai_compat",
        model="MiniMax-M2.5",
    )


def _script(emulator: Emulator) -> None:
    """Queue the answers of the emulator."""
    emulator.answer("The Nile, the Amazon and the Yangtze.", reasoning="Three rivers, one line.")
    emulator.answer(
        "Brown water slows down,\nlets go of its stones, its name,\nand tastes salt at last.",
        reasoning="Five, seven, five: the end of a river is the sea.",
    )
    emulator.answer(reasoning="The tool knows the weather.", tool_calls=[("get_weather", {"city": "Lisbon"})])
    emulator.answer("It is 21 °C in Lisbon, under a clear sky.", reasoning="The result says 21 and clear.")


def _chat(client: MiniMaxClient) -> None:
    print_title("Chat")
    _print_turn("you", _CHAT)
    began = time.monotonic()
    response = client.chat(_CHAT, **_OPTIONS)
    _print_turn("model", response.text)
    _note(response, began)


def _stream(client: MiniMaxClient) -> None:
    from ..values.chunks import ReasoningDelta, TextDelta

    print_title("Stream")
    _print_turn("you", _STREAM)
    began = time.monotonic()
    speaker = ""
    with client.stream(_STREAM, **_OPTIONS) as stream:
        for chunk in stream:
            if not isinstance(chunk, ReasoningDelta | TextDelta):
                continue
            thinks = isinstance(chunk, ReasoningDelta)
            who = "thinks" if thinks else "model"
            if who != speaker:
                print("\n" if speaker else "", end=_label(who))
                speaker = who
            text = printable(chunk.text).replace("\n", "\n" + " " * _INDENT)
            print(dim(text) if thinks else text, end="", flush=True)
        print()
        _note(stream.response, began)


def _call_tool(client: MiniMaxClient) -> None:
    print_title("Tool call")
    _print_turn("you", _TOOL)
    began = time.monotonic()
    response = client.run_tools(_TOOL, [get_weather], max_rounds=3, **_OPTIONS)
    for message in response.messages[1:]:
        for call in message.tool_calls:
            _print_turn("model", f"{call.name}({call.arguments_json})")
        if message.text:
            _print_turn("tool" if message.role == "tool" else "model", message.text)
    _note(response, began)


def get_weather(city: str) -> dict[str, object]:
    """Return the current weather in a city."""
    return _WEATHER.get(city, {"error": "no such city"})


def _refresh(arguments: Namespace, emulator: Emulator) -> None:
    """Call with a login that is about to expire: it is refreshed first, and the call is sent with the new token."""
    with TemporaryDirectory(prefix="minimax-sync-") as folder:
        path = Path(folder, "minimax_token_plan.json")
        pair = emulator.portal.bundle(path, ttl=30)
        now = datetime.now(timezone.utc)
        _print_turn("login", f"in a file of its own; its access token is good until {instant(pair['expires_at'], now)}")
        base_url = emulator.anthropic_base_url
        plan = {"bundle": str(path), "auth_mode": "token_plan", "base_url": base_url}
        emulator.answer("Hello, over the other wire and with a fresh token.", reasoning="One line.")
        _print_turn("you", _PLAN)
        began = time.monotonic()
        with open_client(
            arguments, api_flavor="anthropic_messages", model="MiniMax-M2.5", requests_per_second=50.0, **plan
        ) as client:
            response = client.chat(_PLAN, **_OPTIONS)
        _print_turn("model", response.text)
        _note(response, began)
        from ..auth.token_plan import TokenPlan

        found = TokenPlan(path, base_url=base_url).status()
        if found.expires_at:
            _print_turn(
                "login", f"refreshed with {emulator.portal.posts} request; good until {instant(found.expires_at, now)}"
            )


def _show_login(settings: Settings) -> None:
    """Show that the login is fresh. It refreshes itself when it is due; nothing is forced on a real one."""
    plan = token_plan(settings)
    plan.bearer()
    found = plan.status()
    until = instant(found.expires_at, datetime.now(timezone.utc)) if found.expires_at else "further notice"
    _print_turn(
        "login",
        f"{found.path} is {found.state}: its access token is valid until {until} and is refreshed automatically",
    )


def _label(who: str) -> str:
    return dim(f"{who:<{_INDENT}}")


def _print_turn(who: str, text: str) -> None:
    print(_label(who) + printable(text).strip().replace("\n", "\n" + " " * _INDENT), flush=True)


def _note(response: ChatResponse, began: float) -> None:
    usage = response.usage
    seconds = time.monotonic() - began
    text = f"{response.finish_reason}, {usage.prompt_tokens} + {usage.completion_tokens} tokens, {seconds:.1f} s"
    print(_label("") + dim(text))


COMMAND = Command(
    "demo",
    "the main features end to end, on the service or on the emulator",
    """\
Chat, stream, call a tool and refresh a Token Plan login, and show the conversation.

With a credential all of it goes to the service, at the cost of four short answers; without one, to an emulator on this
machine. The first line names which. The refresh is shown on the emulator unless there is a login; a real login is used,
never refreshed before it is due.""",
    _run,
    examples="minimax-sync demo",
)
