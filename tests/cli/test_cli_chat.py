"""`chat`: the prompt and where it comes from, what is printed, and what a broken answer leaves."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cli import PNG, Run
from support.typist import Typist

from minimax_sync.emulator import Emulator


def sent(emulator: Emulator) -> dict[str, object]:
    body = emulator.journal[-1].body
    assert isinstance(body, dict)
    return body


def prompt(emulator: Emulator) -> object:
    messages = sent(emulator)["messages"]
    assert isinstance(messages, list)
    return messages[-1]["content"]


def test_an_answer_is_streamed_to_stdout_alone(run: Run, emulator: Emulator) -> None:
    emulator.answer("The Nile.", reasoning="Rivers.")
    assert run("chat", "Name a river.") == (0, "The Nile.\n", "")
    assert sent(emulator)["stream"] is True


def test_what_is_piped_in_is_the_prompt(run: Run, emulator: Emulator) -> None:
    assert run("chat", stdin=b"\xef\xbb\xbfgr\xc3\xbc\xc3\x9fe\n").status == 0
    assert prompt(emulator) == "grüße"


def test_what_is_piped_in_stands_behind_the_prompt(run: Run, emulator: Emulator) -> None:
    assert run("chat", "Explain this.", stdin=b"x = 1\n").status == 0
    assert prompt(emulator) == "Explain this.\n\nx = 1"


def test_piped_bytes_that_are_no_text_are_named(run: Run, emulator: Emulator) -> None:
    status, _, err = run("chat", stdin=b"abc\xff")
    assert status == 1
    assert "byte 3 does not fit" in err
    assert emulator.journal == []


def test_an_argument_that_is_no_text_is_an_error_of_one_line(run: Run, emulator: Emulator) -> None:
    status, out, err = run("chat", "\udcff")
    assert (status, out, err.count("\n")) == (1, "", 1)


def test_model_system_and_images_are_sent(run: Run, emulator: Emulator) -> None:
    Path("a.png").write_bytes(PNG)
    options = ("-m", "MiniMax-M3", "-s", "Be brief.", "--image", "a.png", "--image", "https://example.com/b.png")
    assert run("chat", "Look.", *options).status == 0
    body = sent(emulator)
    assert body["model"] == "MiniMax-M3"
    assert emulator.journal[-1].images == 2
    messages = body["messages"]
    assert isinstance(messages, list)
    assert messages[0] == {"role": "system", "content": "Be brief."}


def test_agent_config_and_base_url_are_obeyed(run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIMAX_BASE_URL")
    Path("elsewhere/agents.d").mkdir(parents=True)
    Path("elsewhere/llm.yaml").write_text("providers: {minimax: {group_id: '77'}}\n")
    Path("elsewhere/agents.d/a.yaml").write_text("agents: [{id: ana, model: {model: MiniMax-M2.1}}]\n")
    options = ("--config", "elsewhere/llm.yaml", "--agent", "ana", "--base-url", emulator.anthropic_base_url)
    assert run("chat", "hi", *options).status == 0
    assert emulator.journal[-1].route == "/anthropic/v1/messages"
    assert emulator.journal[-1].headers["X-MiniMax-Group-Id"] == "77"
    assert sent(emulator)["model"] == "MiniMax-M2.1"


def test_thinking_goes_to_stderr_when_asked_for(run: Run, emulator: Emulator) -> None:
    emulator.answer("The Nile.", reasoning="Rivers.")
    assert run("chat", "hi", "--show-thinking") == (0, "The Nile.\n", "Rivers.\n")


def test_without_streaming_the_whole_answer_is_printed(run: Run, emulator: Emulator) -> None:
    emulator.answer("The Nile.", reasoning="Rivers.")
    assert run("chat", "hi", "--no-stream", "--show-thinking") == (0, "The Nile.\n", "Rivers.\n")
    assert "stream" not in sent(emulator)


def test_an_answer_that_was_cut_says_so_on_stderr(run: Run, emulator: Emulator) -> None:
    emulator.answer("The Ni", finish_reason="length")
    status, out, err = run("chat", "hi")
    assert (status, out) == (0, "The Ni\n")
    assert "reached the limit of tokens" in err


@pytest.mark.parametrize("more", [(), ("--no-stream",)])
def test_json_is_one_object_with_every_field(run: Run, emulator: Emulator, more: tuple[str, ...]) -> None:
    emulator.answer("Grüße", reasoning="Why?", tool_calls=[("look", {"at": "it"}), ("spoil", "{broken")])
    status, out, err = run("chat", "hi", "--json", *more)
    assert (status, err, out.count("\n")) == (0, "", 1)
    answer = json.loads(out)
    usage, calls = answer.pop("usage"), answer.pop("tool_calls")
    assert answer == {
        "index": 0,
        "id": None,
        "text": "Grüße",
        "reasoning": "Why?",
        "finish_reason": "tool_calls",
        "model": "MiniMax-M2.5",
        "error": None,
    }
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    assert [(call["name"], call["arguments"]) for call in calls] == [("look", {"at": "it"}), ("spoil", "{broken")]


def test_json_of_a_failure_holds_what_had_come_and_the_error(run: Run, emulator: Emulator) -> None:
    emulator.answer("The Nile and the Amazon.")
    emulator.fault("truncate")
    status, out, err = run("chat", "hi", "--json")
    answer = json.loads(out)
    assert status == 1
    assert "The Nile".startswith(answer["text"][:8])
    assert answer["text"]
    assert answer["error"]["type"] == "StreamInterruptedError"
    assert err.startswith(f"minimax-sync: {answer['error']['message'][:30]}")


def test_json_of_a_refusal_has_no_answer(run: Run, emulator: Emulator) -> None:
    emulator.fault(code=1008)
    status, out, _ = run("chat", "hi", "--json")
    answer = json.loads(out)
    assert (status, answer["text"], answer["error"]["type"]) == (1, "", "InsufficientBalanceError")


def test_a_stream_that_breaks_off_leaves_what_had_come_and_says_why(run: Run, emulator: Emulator) -> None:
    emulator.answer("The Nile and the Amazon.")
    emulator.fault("truncate")
    status, out, err = run("chat", "hi")
    assert status == 1
    assert out.startswith("The Nile")
    assert out.endswith("\n")
    assert err.startswith("minimax-sync: the stream ")
    assert ".partial" not in err
    assert err.count("\n") == 1


def test_text_comes_as_it_is_written(emulator: Emulator, program: Callable[..., subprocess.Popen[str]]) -> None:
    emulator.answer("x" * 200, delay=0.02)
    process = program("chat", "hi")
    assert process.stdout is not None
    assert process.stdout.read(1) == "x"
    assert process.poll() is None
    assert process.stdout.read() == "x" * 199 + "\n"
    assert process.wait(10) == 0


def test_a_terminal_gets_markdown_drawn_once(emulator: Emulator) -> None:
    emulator.answer("# Rivers\n\nThe **Nile**.\n\n- one\n- two\n\nEnd\x1b]0;title\x07.", delay=0.01)
    with Typist("chat", "hi", NO_COLOR="") as typist:
        typist.expect("End")
        assert typist.end() == 0
    assert "**" not in typist.plain
    assert "# Rivers" not in typist.plain
    assert "\x1b]0;" not in typist.seen
    assert "\x1b[" in typist.seen


def test_an_answer_longer_than_the_screen_is_whole_in_the_end(emulator: Emulator) -> None:
    lines = [f"line {number}" for number in range(60)]
    emulator.answer("One\u2028paragraph.\n\n```\n" + "\n".join(lines) + "\n```")
    with Typist("chat", "hi", NO_COLOR="") as typist:
        assert typist.end() == 0
    drawn_for_good = typist.plain_after("\x1b[?25h").split("\n")
    assert [line.strip() for line in drawn_for_good if "line" in line] == lines


def test_no_color_gives_plain_text_on_a_terminal(emulator: Emulator) -> None:
    emulator.answer("The **Nile**.\x1b[31m\n", reasoning="Hm.")
    with Typist("chat", "hi", "--show-thinking") as typist:
        assert typist.end() == 0
    assert typist.seen.replace("\r", "") == "Hm.\n\nThe **Nile**.[31m\n\n"


def test_a_terminal_is_told_why_it_waits(emulator: Emulator) -> None:
    emulator.fault(status=429)
    with Typist("chat", "hi") as typist:
        typist.expect("RateLimitError; trying again in")
        assert typist.end() == 0
    assert 'You said: "hi".' in typist.plain
