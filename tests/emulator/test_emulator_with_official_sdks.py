"""The official SDKs, which do not know the emulator, read its answers as they read the service's.

They are 3,500 modules, so they are imported where they are used: pytest imports every test module into every worker.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from minimax_sync.emulator import Emulator

if TYPE_CHECKING:
    import anthropic
    import openai

MODEL = "MiniMax-M2.5"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
OPENAI_TOOLS: list[Any] = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
ANTHROPIC_TOOLS: list[Any] = [{"name": "weather", "input_schema": SCHEMA}]
HI: list[Any] = [{"role": "user", "content": "Hi"}]
SPLITS = pytest.mark.parametrize("split", ["fragments", "whole", "characters", "interleaved"])


@pytest.fixture
def openai_sdk(emulator: Emulator) -> Iterator[openai.OpenAI]:
    import openai

    with openai.OpenAI(api_key=emulator.api_key, base_url=emulator.base_url, max_retries=0) as client:
        yield client


@pytest.fixture
def anthropic_sdk(emulator: Emulator) -> Iterator[anthropic.Anthropic]:
    import anthropic

    key, url = emulator.api_key, emulator.anthropic_base_url
    with anthropic.Anthropic(auth_token=key, base_url=url, max_retries=0) as client:
        yield client


def test_openai_reads_a_whole_answer(emulator: Emulator, openai_sdk: openai.OpenAI) -> None:
    emulator.answer("Rhine, Elbe, Oder", reasoning="Three rivers.")
    answer = openai_sdk.chat.completions.create(model=MODEL, messages=HI, extra_body={"reasoning_split": True})
    assert answer.choices[0].message.content == "Rhine, Elbe, Oder"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.completion_tokens_details is not None
    assert 0 < (answer.usage.completion_tokens_details.reasoning_tokens or 0) < answer.usage.completion_tokens


def test_openai_reads_a_stream_to_its_usage(emulator: Emulator, openai_sdk: openai.OpenAI) -> None:
    emulator.answer("Once upon a time there was a river.")
    with openai_sdk.chat.completions.create(
        model=MODEL, messages=HI, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Once upon a time there was a river."
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens > 0


def test_openai_runs_a_round_with_tools(emulator: Emulator, openai_sdk: openai.OpenAI) -> None:
    emulator.answer(tool_calls=[("weather", {"city": "Berlin"}), ("weather", {"city": "Paris"})])
    messages: list[Any] = [{"role": "user", "content": "Weather in Berlin and Paris?"}]
    with openai_sdk.chat.completions.stream(model=MODEL, messages=messages, tools=OPENAI_TOOLS) as stream:
        first = stream.get_final_completion().choices[0]
    assert first.finish_reason == "tool_calls"
    calls = first.message.tool_calls or []
    assert [call.function.arguments for call in calls] == ['{"city": "Berlin"}', '{"city": "Paris"}']
    asked = [
        {"id": call.id, "type": "function", "function": {"name": "weather", "arguments": call.function.arguments}}
        for call in calls
    ]
    messages.append({"role": "assistant", "content": first.message.content, "tool_calls": asked})
    messages += [{"role": "tool", "tool_call_id": call.id, "content": "12 degrees"} for call in calls]
    second = openai_sdk.chat.completions.create(model=MODEL, messages=messages, tools=OPENAI_TOOLS)
    assert "12 degrees" in (second.choices[0].message.content or "")


def test_openai_raises_its_own_errors(emulator: Emulator, openai_sdk: openai.OpenAI) -> None:
    import openai

    emulator.fault(status=429, retry_after=7)
    with pytest.raises(openai.RateLimitError, match="1002") as caught:
        openai_sdk.chat.completions.create(model=MODEL, messages=HI)
    assert caught.value.response.headers["retry-after"] == "7"
    with pytest.raises(openai.BadRequestError, match="2013"):
        openai_sdk.chat.completions.create(model=MODEL, messages=[])


def test_openai_lists_the_models(openai_sdk: openai.OpenAI) -> None:
    assert MODEL in [model.id for model in openai_sdk.models.list()]


def test_anthropic_reads_a_whole_answer(emulator: Emulator, anthropic_sdk: anthropic.Anthropic) -> None:
    emulator.answer("Rhine, Elbe, Oder", reasoning="Three rivers.")
    answer = anthropic_sdk.messages.create(model=MODEL, max_tokens=100, messages=HI)
    thinking, text = answer.content
    assert thinking.type == "thinking"
    assert (thinking.thinking, len(thinking.signature)) == ("Three rivers.", 64)
    assert text.type == "text"
    assert text.text == "Rhine, Elbe, Oder"
    assert answer.stop_reason == "end_turn"
    assert answer.usage.output_tokens > 0


def test_anthropic_reads_a_stream(emulator: Emulator, anthropic_sdk: anthropic.Anthropic) -> None:
    emulator.answer("Once upon a time there was a river.", reasoning="A story.")
    with anthropic_sdk.messages.stream(model=MODEL, max_tokens=100, messages=HI) as stream:
        assert "".join(stream.text_stream) == "Once upon a time there was a river."
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text"]
    assert final.stop_reason == "end_turn"


def test_anthropic_runs_a_round_with_tools(emulator: Emulator, anthropic_sdk: anthropic.Anthropic) -> None:
    emulator.answer("I will look.", reasoning="Two cities.", tool_calls=[("weather", {"city": "Berlin"})])
    messages: list[Any] = [{"role": "user", "content": "Weather in Berlin?"}]
    with anthropic_sdk.messages.stream(model=MODEL, max_tokens=100, messages=messages, tools=ANTHROPIC_TOOLS) as stream:
        first = stream.get_final_message()
    assert first.stop_reason == "tool_use"
    call = first.content[-1]
    assert call.type == "tool_use"
    assert call.input == {"city": "Berlin"}
    messages.append({"role": "assistant", "content": first.content})
    messages.append(
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "12 degrees"}]}
    )
    second = anthropic_sdk.messages.create(model=MODEL, max_tokens=100, messages=messages, tools=ANTHROPIC_TOOLS)
    assert "12 degrees" in "".join(block.text for block in second.content if block.type == "text")


def test_anthropic_counts_tokens_and_lists_the_models(anthropic_sdk: anthropic.Anthropic) -> None:
    counted = anthropic_sdk.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "x" * 40}])
    assert counted.input_tokens == 11
    assert MODEL in [model.id for model in anthropic_sdk.models.list()]


def test_openai_sends_effort_and_reads_more_or_less_thinking(emulator: Emulator, openai_sdk: openai.OpenAI) -> None:
    counts = []
    for effort in ("low", "max"):
        answer = openai_sdk.chat.completions.create(
            model="MiniMax-M3.1-Flash", messages=HI, extra_body={"reasoning_effort": effort}
        )
        assert answer.usage is not None
        assert answer.usage.completion_tokens_details is not None
        counts.append(answer.usage.completion_tokens_details.reasoning_tokens or 0)
    assert 0 < counts[0] < counts[1]


@SPLITS
def test_openai_joins_calls_that_a_stream_cuts_in_any_way(
    emulator: Emulator, openai_sdk: openai.OpenAI, split: Any
) -> None:
    emulator.answer(tool_calls=[("weather", {"city": "Berlin"}), ("weather", {"city": "Paris"})], split=split)
    with openai_sdk.chat.completions.stream(model=MODEL, messages=HI, tools=OPENAI_TOOLS) as stream:
        calls = stream.get_final_completion().choices[0].message.tool_calls or []
    assert [call.function.arguments for call in calls] == ['{"city": "Berlin"}', '{"city": "Paris"}']


@SPLITS
def test_anthropic_joins_calls_that_a_stream_cuts_in_any_way(
    emulator: Emulator, anthropic_sdk: anthropic.Anthropic, split: Any
) -> None:
    emulator.answer(tool_calls=[("weather", {"city": "Berlin"}), ("weather", {"city": "Paris"})], split=split)
    with anthropic_sdk.messages.stream(model=MODEL, max_tokens=100, messages=HI, tools=ANTHROPIC_TOOLS) as stream:
        content = stream.get_final_message().content
    assert [block.input for block in content if block.type == "tool_use"] == [{"city": "Berlin"}, {"city": "Paris"}]


def test_both_read_a_stream_that_is_silent_and_kept_alive_before_it_begins(
    emulator: Emulator, openai_sdk: openai.OpenAI, anthropic_sdk: anthropic.Anthropic
) -> None:
    for _ in range(2):
        emulator.answer("At last.", silence=0.03, pings=2)
    stream = openai_sdk.chat.completions.create(model=MODEL, messages=HI, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "At last."
    with anthropic_sdk.messages.stream(model=MODEL, max_tokens=100, messages=HI) as messages:
        assert "".join(messages.text_stream) == "At last."


def test_both_raise_their_own_errors_for_a_retired_model(
    emulator: Emulator, openai_sdk: openai.OpenAI, anthropic_sdk: anthropic.Anthropic
) -> None:
    import anthropic
    import openai

    emulator.retired = "not_found"
    with pytest.raises(openai.NotFoundError, match=r"model 'MiniMax-M2\.5' not found"):
        openai_sdk.chat.completions.create(model=MODEL, messages=HI)
    with pytest.raises(anthropic.NotFoundError, match=r"model 'MiniMax-M2\.5' not found"):
        anthropic_sdk.messages.create(model=MODEL, max_tokens=9, messages=HI)
    emulator.retired = "in_stream"
    with pytest.raises(anthropic.APIStatusError, match="unknown model"):
        list(anthropic_sdk.messages.create(model=MODEL, max_tokens=9, messages=HI, stream=True))


@pytest.mark.parametrize("stream", [False, True])
def test_openai_is_recorded_and_replayed(emulator: Emulator, tmp_path: Path, stream: bool) -> None:
    import openai

    def ask(base_url: str, key: str) -> str:
        with openai.OpenAI(api_key=key, base_url=base_url, max_retries=0) as client:
            if not stream:
                return client.chat.completions.create(model=MODEL, messages=HI).choices[0].message.content or ""
            chunks = client.chat.completions.create(model=MODEL, messages=HI, stream=True)
            return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)

    emulator.answer("Loire")
    with Emulator(record=tmp_path, upstream=emulator.url) as recorder:
        assert ask(recorder.base_url, emulator.api_key) == "Loire"
    with Emulator(replay=tmp_path) as replay:
        assert ask(replay.base_url, "sk-any") == "Loire"
