"""Under the import hooks of beartype and typeguard, which check annotations at run time, calls go on as before."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.run_python import run_python

HOOKS = {
    "beartype": """
    from beartype import BeartypeConf
    from beartype.claw import beartype_package
    beartype_package("minimax_sync", conf=BeartypeConf(is_pep484_tower=True))  # an int counts as a float
    """,
    "typeguard": """
    from typeguard import install_import_hook
    install_import_hook("minimax_sync")
    """,
}

CODE = """
    from dataclasses import dataclass

    from minimax_sync import ChatResponse, MiniMaxClient, RetryPolicy, TokenBucket, TokenPlan
    from minimax_sync import otel_hook, prometheus_hook
    from minimax_sync.emulator import Emulator

    @dataclass
    class River:
        name: str
        km: int

    def get_weather(city: str) -> str:
        return f"Sun over {city}"

    with Emulator() as emulator:
        for url in (emulator.base_url, emulator.anthropic_base_url):
            events = []
            retry = RetryPolicy(initial_backoff_ms=0, max_backoff_ms=0)
            hooks = [events.append, otel_hook(), prometheus_hook()]
            limiter = TokenBucket(10_000)
            with MiniMaxClient(emulator.api_key, base_url=url, retry=retry, hooks=hooks, limiter=limiter) as client:
                emulator.fault(status=429, retry_after=0)
                answer = client.chat("hi")
                assert ChatResponse.from_dict(answer.to_dict()) == answer
                assert "".join(client.stream("hi").text_deltas()) == answer.text
                emulator.answer(tool_calls=[("get_weather", {"city": "Paris"})])
                assert len(client.run_tools("The weather?", [get_weather]).messages) == 4
                emulator.answer('{"name": "Loire", "km": 1006}')
                assert client.parse("Which river?", River) == River("Loire", 1006)
                assert [each.error for each in client.map(["a", "b"], checkpoint="done.jsonl")] == [None, None]
                conversation = client.conversation("Be brief.")
                conversation.say("hi")
                assert conversation.stream("hi").response.usage.total_tokens
                conversation.save("talk.json")
                client.quota(), client.balance(), client.models(), client.embed(["hi"]), client.count_tokens("hi")
                assert {type(event).__name__ for event in events} >= {"AttemptFailed", "CallEnded", "FirstToken"}
        emulator.portal.bundle("plan.json")
        plan = TokenPlan("plan.json", base_url=emulator.url)
        with MiniMaxClient(auth=plan, base_url=emulator.anthropic_base_url) as client:
            emulator.portal.expire_access()
            print(client.chat("hi").text, plan.status().state)
"""


@pytest.mark.parametrize("checker", HOOKS)
def test_calls_of_every_kind_pass_the_checks_of_annotations(checker: str, tmp_path: Path) -> None:
    code = HOOKS[checker] + CODE
    printed = run_python(code, flags=("-W", "ignore"), silent=False, cwd=tmp_path)
    assert printed == 'You said: "hi". fresh'
