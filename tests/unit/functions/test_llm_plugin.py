"""The plugin, driven by the real `llm`: its library and its command line, against the emulator."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llm
import pytest
from click.testing import CliRunner, Result
from llm.cli import cli
from support.canary import KEY

from minimax_sync.emulator import Emulator
from minimax_sync.errors import (
    ConfigError,
    CredentialInvalidError,
    RequestError,
    ResponseFormatError,
    ToolArgumentsError,
)
from minimax_sync.functions import llm_plugin
from minimax_sync.values.models import MODELS

PNG = b"\x89PNG\r\n\x1a\n" + bytes(32)
SCHEMA = {"type": "object", "properties": {"km": {"type": "integer"}}, "required": ["km"]}

# llm leaves its database to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")


@pytest.fixture(autouse=True)
def user_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path / "llm"))
    llm_plugin._open_client.cache_clear()
    yield tmp_path / "llm"
    llm_plugin._open_client.cache_clear()


@pytest.fixture
def emulator(configured_emulator: Emulator) -> Emulator:
    return configured_emulator


@pytest.fixture
def model() -> Any:
    return llm.get_model("minimax/MiniMax-M3")


def clock() -> str:
    "Return the time."
    return "12:00"


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(cli, list(arguments), **options)


def contents(emulator: Emulator) -> list[Any]:
    return [message.get("content") for message in emulator.journal[-1].body["messages"]]


def test_every_model_of_the_table_is_there_and_its_name_is_an_alias() -> None:
    assert {model.model_id for model in llm.get_models()} >= {f"minimax/{card.name}" for card in MODELS}
    assert all(llm.get_model(card.name).model_id == f"minimax/{card.name}" for card in MODELS)


@pytest.mark.parametrize("stream", [True, False])
def test_a_prompt_is_answered_with_thinking_usage_and_model(emulator: Emulator, model: Any, stream: bool) -> None:
    emulator.answer("The Loire.", reasoning="Rivers.")
    response = model.prompt("Name a river.", system="Be brief.", stream=stream, temperature=0.5, max_tokens=99)
    assert response.text() == "The Loire."
    body = emulator.journal[-1].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("MiniMax-M3", 0.5, 99)
    assert contents(emulator) == ["Be brief.", "Name a river."]
    assert bool(body.get("stream")) is stream
    assert response.usage().input > 0
    assert response.usage().output > 0
    assert response.resolved_model == "MiniMax-M3"
    (message,) = response.messages()
    assert [part.text for part in message.parts if getattr(part, "text", "")] == ["Rivers.", "The Loire."]


@pytest.mark.parametrize("wire", ["base_url", "anthropic_base_url"])
@pytest.mark.parametrize("stream", [True, False])
def test_a_conversation_replays_the_thinking_as_it_came(
    emulator: Emulator, model: Any, stream: bool, wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIMAX_BASE_URL", getattr(emulator, wire))
    conversation = model.conversation()
    emulator.answer("One.", reasoning="First thought.")
    conversation.prompt("hi", stream=stream).text()
    conversation.prompt("more", stream=stream).text()
    answer = next(message for message in emulator.journal[-1].body["messages"] if message["role"] == "assistant")
    assert "First thought." in json.dumps(answer)
    assert "signature" in json.dumps(answer) or "reasoning_details" in answer


def test_an_answer_that_was_changed_since_is_sent_as_it_is_now(emulator: Emulator, model: Any) -> None:
    emulator.answer("One.", reasoning="First thought.")
    first = model.prompt("hi")
    messages = [*first.prompt.messages, *first.messages()]
    messages[-1].parts[1].text = "Two."
    model.prompt("more", messages=messages).text()
    assert contents(emulator) == ["hi", "Two.", "more"]
    assert "First thought." not in json.dumps(emulator.journal[-1].body)


@pytest.mark.parametrize("kept", [{"minimax": {"odd": 1}}, {"minimax": "odd"}, {"anthropic": {"signature": "x"}}])
def test_the_thinking_of_others_is_left_out(emulator: Emulator, model: Any, kept: Any) -> None:
    from llm.parts import ReasoningPart, TextPart

    answer = llm.assistant(ReasoningPart("Secret.", provider_metadata=kept), TextPart("One."))
    model.prompt("more", messages=[llm.user("hi"), answer]).text()
    assert contents(emulator) == ["hi", "One.", "more"]


@pytest.mark.parametrize("stream", [True, False])
def test_tools_are_called_and_their_results_and_failures_sent(emulator: Emulator, model: Any, stream: bool) -> None:
    def get_weather(city: str) -> str:
        "Return the weather."
        return f"21 degrees in {city}"

    def get_time(zone: str) -> str:
        "Return the time."
        raise ValueError(f"no zone {zone}")

    emulator.answer("Look.", tool_calls=[("get_weather", {"city": "Paris"}), ("get_time", {"zone": "X"})])
    emulator.answer("It is warm.", reasoning="Enough.")
    chain = model.chain("How warm?", tools=[get_weather, get_time], stream=stream)
    assert chain.text().endswith("It is warm.")
    first, second = (received.body for received in emulator.journal)
    assert first["tools"][0]["function"]["parameters"]["properties"] == {"city": {"type": "string"}}
    answer, *results = second["messages"][1:]
    assert [call["function"]["name"] for call in answer["tool_calls"]] == ["get_weather", "get_time"]
    assert results[0]["content"] == "21 degrees in Paris"
    assert "no zone X" in results[1]["content"]
    assert [result["tool_call_id"] for result in results] == [call["id"] for call in answer["tool_calls"]]


@pytest.mark.parametrize("stream", [True, False])
def test_the_calls_of_an_answer_that_was_cut_are_not_run(emulator: Emulator, model: Any, stream: bool) -> None:
    def delete_all() -> str:
        "Delete everything."
        raise AssertionError("must not be called")

    emulator.answer("Now", tool_calls=[("delete_all", {})], finish_reason="length")
    response = model.prompt("Go.", tools=[delete_all], stream=stream)
    assert response.text() == "Now"
    assert response.tool_calls() == []


@pytest.mark.parametrize("stream", [True, False])
def test_a_schema_gives_valid_json_also_when_it_takes_a_repair(emulator: Emulator, model: Any, stream: bool) -> None:
    emulator.answer('```json\n{"km": "far"}\n```')
    emulator.answer('Here it is:\n```json\n{"km": 1006}\n```', reasoning="Long.")
    response = model.prompt("How long is the Loire?", schema=SCHEMA, stream=stream)
    assert json.loads(response.text()) == {"km": 1006}
    assert len(emulator.journal) == 2
    assert emulator.journal[0].body["response_format"]["json_schema"]["schema"] == SCHEMA
    for _ in range(3):
        emulator.answer("no")
    with pytest.raises(ResponseFormatError):
        model.prompt("How long?", schema=SCHEMA, stream=stream).text()


def test_a_schema_beside_tools_is_sent_as_the_format(emulator: Emulator, model: Any) -> None:
    emulator.answer(tool_calls=[("clock", {})])
    emulator.answer('{"km": 1}')
    assert json.loads(model.chain("How far?", tools=[clock], schema=SCHEMA).text()) == {"km": 1}
    assert emulator.journal[0].body["response_format"]["json_schema"]["schema"] == SCHEMA


def test_images_are_attached_by_bytes_path_and_url(emulator: Emulator, model: Any, tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(PNG)
    attachments = [
        llm.Attachment(content=PNG, type="image/png"),
        llm.Attachment(path=str(tmp_path / "image.png")),
        llm.Attachment(url="https://example.com/image.png", type="image/png"),
    ]
    model.prompt("What is this?", attachments=attachments).text()
    (content,) = contents(emulator)
    data = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    urls = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
    assert urls == [data, data, "https://example.com/image.png"]
    with pytest.raises(ValueError, match="does not support attachments"):
        llm.get_model("minimax/MiniMax-M2").prompt("What is this?", attachments=attachments)


def test_an_image_that_a_tool_returns_follows_its_result(emulator: Emulator, model: Any) -> None:
    def draw() -> llm.ToolOutput:
        "Draw."
        return llm.ToolOutput(output="drawn", attachments=[llm.Attachment(content=PNG, type="image/png")])

    emulator.answer(tool_calls=[("draw", {})])
    emulator.answer("Nice.")
    assert model.chain("Draw.", tools=[draw]).text() == "Nice."
    assert "data:image/png;base64," in json.dumps(emulator.journal[-1].body["messages"][-1])


@pytest.mark.parametrize("options", [{"temperature": 9}, {"effort": ""}, {"max_tokens": 0}])
def test_an_option_that_cannot_be_is_an_error_before_anything_is_sent(
    emulator: Emulator, model: Any, options: dict[str, Any]
) -> None:
    with pytest.raises(RequestError):
        model.prompt("hi", **options).text()
    assert emulator.journal == []


def test_arguments_that_are_not_json_are_an_error(emulator: Emulator, model: Any) -> None:
    emulator.answer(tool_calls=[("clock", '{"zone": ')])
    with pytest.raises(ToolArgumentsError):
        model.prompt("What time is it?", tools=[clock]).text()


def test_a_key_of_llm_goes_before_our_own_and_is_in_no_traceback(
    emulator: Emulator, model: Any, user_path: Path
) -> None:
    assert run("keys", "set", "minimax", "--value", "sk-of-llm").exit_code == 0
    with pytest.raises(CredentialInvalidError):
        model.prompt("hi").text()
    assert emulator.journal[-1].headers["Authorization"] == "Bearer sk-of-llm"
    model.prompt("hi", key=emulator.api_key).text()
    with pytest.raises(ConfigError) as caught:
        model.prompt("hi", key=f"{KEY} with spaces").text()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in shown.stack if "minimax_sync" in frame.filename and "/tests/" not in frame.filename]
    assert ours
    assert KEY not in str([frame.locals for frame in ours])


def test_without_a_key_the_client_looks_for_its_own(
    emulator: Emulator, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.prompt("hi").text()
    assert emulator.journal[-1].headers["Authorization"] == f"Bearer {emulator.api_key}"
    for name in ("MINIMAX_API_KEY", "MINIMAX_CODE_PLAN_KEY", "MINIMAX_CODING_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    llm_plugin._open_client.cache_clear()
    with pytest.raises(ConfigError, match="MINIMAX_API_KEY"):
        model.prompt("hi").text()


def test_the_command_line_streams_continues_and_logs(emulator: Emulator) -> None:
    emulator.answer("The Loire.", reasoning="Rivers.")
    result = run("-m", "MiniMax-M3", "-s", "Be brief.", "-o", "temperature", "0.5", "Name a river.")
    assert result.exit_code == 0, result.output
    assert result.stdout == "The Loire.\n"
    assert run("-c", "And another?").exit_code == 0
    assert contents(emulator) == ["Be brief.", "Name a river.", "The Loire.", "And another?"]
    assert "Rivers." in json.dumps(emulator.journal[-1].body)
    logged = json.loads(run("logs", "--json", "-n", "2").output)
    assert {entry["model"] for entry in logged} == {"minimax/MiniMax-M3"}


def test_the_command_line_shows_an_error_in_one_line(emulator: Emulator) -> None:
    emulator.fault(status=400, code=2013, message="invalid params")
    result = run("-m", "MiniMax-M3", "hi")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
