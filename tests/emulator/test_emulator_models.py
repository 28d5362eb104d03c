"""The models of the emulator: how much they think, and how retired ones are refused or replaced."""

from __future__ import annotations

from typing import Any

import pytest
from support.emulator_calls import ANTHROPIC, BODIES, OPENAI, WIRES, anthropic, get, openai, post

from minimax_sync.emulator import Emulator

M25, M3, M31 = "MiniMax-M2.5", "MiniMax-M3", "MiniMax-M3.1-Flash"


def _with_effort(path: str, effort: str | None) -> dict[str, Any]:
    if effort is None:
        return {}
    return {"reasoning_effort": effort} if path == OPENAI else {"output_config": {"effort": effort}}


@WIRES
def test_effort_changes_how_much_the_newest_model_thinks_and_unset_means_max(
    minimax_emulator: Emulator, path: str
) -> None:
    efforts = ("low", "medium", "high", "xhigh", "max", None)
    thoughts = [
        post(minimax_emulator, path, BODIES[path](model=M31, **_with_effort(path, effort))).thinking
        for effort in efforts
    ]
    lengths = [len(text) for text in thoughts]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) == 5
    assert thoughts[-1] == thoughts[-2]


@pytest.mark.parametrize(
    ("path", "thinking", "thinks"),
    [
        (OPENAI, None, True),
        (ANTHROPIC, None, False),
        *((path, "adaptive", True) for path in BODIES),
        *((path, "enabled", True) for path in BODIES),
        *((path, "disabled", False) for path in BODIES),
    ],
)
def test_m3_thinks_as_asked_and_without_the_field_on_the_openai_wire_only(
    minimax_emulator: Emulator, path: str, thinking: str | None, thinks: bool
) -> None:
    fields: dict[str, Any] = {} if thinking is None else {"thinking": {"type": thinking}}
    minimax_emulator.answer("Hello!", reasoning="A greeting.")
    scripted = post(minimax_emulator, path, BODIES[path](model=M3, **fields))
    default = post(minimax_emulator, path, BODIES[path](model=M3, **fields))
    assert scripted.thinking == ("A greeting." if thinks else "")
    assert bool(default.thinking) == thinks
    if path == OPENAI:
        tokens = default.value["usage"]["completion_tokens_details"]["reasoning_tokens"]
        assert bool(tokens) == thinks


@WIRES
def test_older_models_think_even_if_the_request_disables_it(minimax_emulator: Emulator, path: str) -> None:
    answer = post(minimax_emulator, path, BODIES[path](thinking={"type": "disabled"}))
    assert answer.thinking


@WIRES
@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        ("minimax-m3", M3),
        ("minimax/minimax-m3.1-flash", M31),
        ("MiniMaxAI/MiniMax-M2.5", M25),
        ("MiniMax-M2.5-lightning", "MiniMax-M2.5-highspeed"),
        ("MiniMax-M3.1-Flash-Preview", M31),
    ],
)
def test_a_model_answers_under_every_spelling_of_its_name(
    minimax_emulator: Emulator, path: str, asked: str, answers: str
) -> None:
    assert post(minimax_emulator, path, BODIES[path](model=asked)).value["model"] == answers


def test_the_openai_wire_serves_a_name_that_it_does_not_know_without_rules(minimax_emulator: Emulator) -> None:
    answer = post(minimax_emulator, OPENAI, openai(model="my-own", temperature=0, thinking={"type": "disabled"}))
    assert (answer.value["model"], answer.thinking) == ("my-own", "")


REFUSALS = {
    "unknown": "invalid params, unknown model 'MiniMax-M2.5' (2013)",
    "unsupported": "invalid params, unsupported model: MiniMax-M2.5 (2013)",
    "retired": "invalid params, model MiniMax-M2.5 has been retired, please use MiniMax-M3.1-Flash (2013)",
    "in_stream": "invalid params, unknown model 'MiniMax-M2.5' (2013)",
}


@WIRES
@pytest.mark.parametrize("how", REFUSALS)
def test_a_retired_model_is_refused_with_400_in_these_words(path: str, how: Any) -> None:
    with Emulator(retired=how) as emulator:
        answer = post(emulator, path, BODIES[path]())
        assert (answer.status, answer.value["error"]["message"]) == (400, REFUSALS[how])
        assert post(emulator, path, BODIES[path](model=M3)).status == 200


@WIRES
@pytest.mark.parametrize("stream", [False, True])
def test_a_retired_model_is_not_found(path: str, stream: bool) -> None:
    with Emulator(retired="not_found") as emulator:
        answer = post(emulator, path, BODIES[path](stream=stream))
    error = answer.value["error"]
    assert (answer.status, error["type"], error["message"]) == (
        404,
        "not_found_error",
        "model 'MiniMax-M2.5' not found",
    )


def test_a_retired_model_is_refused_in_a_200() -> None:
    with Emulator(retired="base_resp") as emulator:
        whole = post(emulator, OPENAI, openai())
        [event] = post(emulator, OPENAI, openai(stream=True)).events
        other = post(emulator, ANTHROPIC, anthropic())
    assert (whole.status, whole.value["choices"], whole.value["base_resp"]["status_code"]) == (200, None, 2013)
    assert event["base_resp"] == whole.value["base_resp"]
    assert other.status == 400


@WIRES
def test_a_retired_model_is_refused_in_a_stream_before_the_first_delta(path: str) -> None:
    with Emulator(retired="in_stream") as emulator:
        answer = post(emulator, path, BODIES[path](stream=True))
    [event] = answer.events
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    assert "unknown model" in str(event.get("base_resp") or event["error"])


@WIRES
@pytest.mark.parametrize(("how", "answers"), [("successor", M31), ("under_old_name", M25)])
def test_a_retired_model_is_answered_by_its_successor(path: str, how: Any, answers: str) -> None:
    with Emulator(retired=how) as emulator:
        answer = post(emulator, path, BODIES[path]())
        image = {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://x.io/a"}}]}
        seen = post(emulator, ANTHROPIC, anthropic([image]))
    assert answer.value["model"] == answers
    assert "step 8" in answer.thinking
    assert seen.status == 200, "the successor sees images"


@WIRES
def test_any_model_can_be_retired(path: str) -> None:
    with Emulator(retired={M3: "unknown"}) as emulator:
        assert post(emulator, path, BODIES[path](model=M3)).status == 400
        assert post(emulator, path, BODIES[path]()).status == 200
        emulator.retired = None
        assert post(emulator, path, BODIES[path](model=M3)).status == 200


def test_tokens_of_a_retired_model_are_not_counted() -> None:
    with Emulator(retired="unknown") as emulator:
        assert post(emulator, f"{ANTHROPIC}/count_tokens", anthropic()).status == 400


@pytest.mark.parametrize("path", ["/v1/models", "/anthropic/v1/models"])
@pytest.mark.parametrize(
    ("retired", "is_listed"),
    [(None, True), ("unknown", False), ("successor", True), ({M25: "not_found"}, False), ({M3: "not_found"}, True)],
)
def test_refused_models_are_not_listed(path: str, retired: Any, is_listed: bool) -> None:
    with Emulator(retired=retired) as emulator:
        names = [model["id"] for model in get(emulator, path).value["data"]]
    assert (M25 in names) == is_listed
    assert M31 in names


@pytest.mark.parametrize(
    ("retired", "words"),
    [
        ("gone", r"unknown retired 'gone': use one of unknown, unsupported"),
        ({M3: "gone"}, r"unknown retired 'gone'"),
        ({"M3": "unknown"}, r"retired: unknown model 'M3': use one of MiniMax-M2.5, "),
    ],
)
def test_an_impossible_way_to_retire_is_an_error(retired: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Emulator(retired=retired)
