"""`chat`: the prompt and where it comes from, what is printed, and what a broken answer leaves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.cli import PNG, Run
from support.eventually import eventually
from support.typist import Typist

from minimax_sync.cli import main, stdin
from minimax_sync.emulator import Emulator


def sent(emulator: Emulator) -> dict[str, Any]:
    """Return the body of the last request."""
    return dict(emulator.journal[-1].body)


def contents(emulator: Emulator) -> list[object]:
    """Return the texts of the last request's messages."""
    return [message["content"] for message in sent(emulator)["messages"]]


def prompt(emulator: Emulator) -> object:
    return contents(emulator)[-1]


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


def test_piped_bytes_that_are_not_text_are_reported(run: Run, emulator: Emulator) -> None:
    status, _, err = run("chat", stdin=b"abc\xff")
    assert status == 1
    assert "byte 3 does not fit" in err
    assert emulator.journal == []


def test_an_argument_that_is_not_text_is_an_error_of_one_line(run: Run, emulator: Emulator) -> None:
    status, out, err = run("chat", "\udcff")
    assert (status, out, err.count("\n")) == (1, "", 1)


def test_model_system_and_images_are_sent(run: Run, emulator: Emulator) -> None:
    Path("a.png").write_bytes(PNG)
    options = ("-m", "MiniMax-M3", "-s", "Be brief.", "--image", "a.png", "--image", "https://example.com/b.png")
    assert run("chat", "Look.", *options).status == 0
    assert sent(emulator)["model"] == "MiniMax-M3"
    assert emulator.journal[-1].images == 2
    assert sent(emulator)["messages"][0] == {"role": "system", "content": "Be brief."}


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


def test_a_truncated_answer_is_reported_on_stderr(run: Run, emulator: Emulator) -> None:
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


def test_json_of_a_failure_holds_the_part_received_and_the_error(run: Run, emulator: Emulator) -> None:
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


def test_a_stream_that_breaks_off_leaves_the_part_received_and_the_reason(run: Run, emulator: Emulator) -> None:
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


def test_the_reason_of_a_wait_is_shown_on_a_terminal(emulator: Emulator) -> None:
    emulator.fault(status=429)
    with Typist("chat", "hi") as typist:
        typist.expect("RateLimitError; trying again in")
        assert typist.end() == 0
    assert 'You said: "hi".' in typist.plain


class Pipe:
    """A pipe as the stdin of commands in this process, which stays open until it is closed."""

    def __init__(self) -> None:
        reader, self._writer = os.pipe()
        self.file = os.fdopen(reader, encoding="utf-8")
        self._is_open = True

    def write(self, data: bytes) -> None:
        os.write(self._writer, data)

    def close(self) -> None:
        if self._is_open:
            os.close(self._writer)
        self._is_open = False

    @contextmanager
    def ends_later(self, data: bytes) -> Iterator[None]:
        """Write `data` and close the pipe in a tenth of a second, which is longer than the patience."""

        def finish() -> None:
            self.write(data)
            self.close()

        timer = threading.Timer(0.1, finish)
        timer.start()
        yield
        timer.join()


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    """Make a pipe the stdin of commands, and the patience with it short."""
    pipe = Pipe()
    monkeypatch.setattr("sys.stdin", pipe.file)
    monkeypatch.setattr("minimax_sync.cli.stdin.PATIENCE", 0.05)
    yield pipe
    pipe.close()
    pipe.file.close()


SILENT = "minimax-sync: stdin is silent, so it is ignored; --stdin waits for it, -n never reads it\n"


def test_beside_a_prompt_a_silent_pipe_is_left_alone_with_a_line_on_stderr(
    emulator: Emulator, pipe: Pipe, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chat", "hi"]) == 0
    assert capsys.readouterr().err == SILENT
    assert prompt(emulator) == "hi"


def test_a_pipe_whose_first_byte_has_come_is_read_to_its_end(emulator: Emulator, pipe: Pipe) -> None:
    pipe.write(b"x =")
    with pipe.ends_later(b" 1"):
        assert main(["chat", "Explain."]) == 0
    assert prompt(emulator) == "Explain.\n\nx = 1"


def test_a_pipe_that_ends_at_once_adds_nothing(
    emulator: Emulator, pipe: Pipe, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe.close()
    assert main(["chat", "hi"]) == 0
    assert capsys.readouterr().err == ""
    assert prompt(emulator) == "hi"


@pytest.mark.parametrize(
    ("arguments", "expected"), [(("-",), "late"), (("Explain.", "--stdin"), "Explain.\n\nlate"), ((), "late")]
)
def test_a_dash_or_an_option_waits_for_stdin(
    emulator: Emulator, pipe: Pipe, arguments: tuple[str, ...], expected: str
) -> None:
    with pipe.ends_later(b"late"):
        assert main(["chat", *arguments]) == 0
    assert prompt(emulator) == expected


def test_without_stdin_the_lines_of_a_loop_are_left_to_it(emulator: Emulator) -> None:
    loop = 'while read -r line; do {} -m minimax_sync chat -n --no-stream "$line" >/dev/null; echo "$line"; done'
    done = subprocess.run(
        ["bash", "-c", loop.format(sys.executable)], input="one\ntwo\n", capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("one\ntwo\n", "")
    assert len(emulator.journal) == 2


def test_a_file_is_read_at_once(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("notes.txt").write_text("x = 1")
    with Path("notes.txt").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert main(["chat", "Explain."]) == 0
    assert prompt(emulator) == "Explain.\n\nx = 1"


def test_sampling_options_are_sent(run: Run, emulator: Emulator) -> None:
    assert run("chat", "hi", "--temperature", "0.5", "--max-tokens", "77").status == 0
    assert (sent(emulator)["temperature"], sent(emulator)["max_tokens"]) == (0.5, 77)
    for option, field in (("--max-tokens", "max_tokens"), ("--temperature", "temperature")):
        status, _, err = run("chat", "hi", option, "-1")
        assert (status, field in err) == (1, True)
    status, _, err = run("chat", "hi", "--effort", " ")
    assert (status, "effort" in err) == (1, True)


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def test_a_schema_gives_the_value_alone(run: Run, emulator: Emulator) -> None:
    Path("city.json").write_text(json.dumps(SCHEMA))
    emulator.answer('It is:\n```json\n{"city": "Lyon"}\n```')
    assert run("chat", "Which city?", "--schema", "city.json") == (0, '{"city": "Lyon"}\n', "")
    for _ in range(3):
        emulator.answer("no idea")
    status, out, err = run("chat", "Which city?", "--schema", "city.json")
    assert (status, out) == (1, "")
    assert "does not fit the schema after 2 repairs" in err
    assert "what does not fit: the whole value" in err
    assert ".partial" not in err
    assert "$" not in err


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "No such file"), ("{", "not JSON in UTF-8"), ("[]", "a JSON schema is an object")],
)
def test_a_bad_schema_file_is_named(run: Run, emulator: Emulator, text: str | None, words: str) -> None:
    if text is not None:
        Path("s.json").write_text(text)
    result = run("chat", "hi", "--schema", "s.json")
    assert (result.status, result.out) == (1, "")
    assert "s.json" in result.err
    assert words in result.err
    assert emulator.journal == []


@pytest.mark.parametrize("how", [(), ("--no-stream",), ("--json",)])
def test_a_conversation_goes_on_where_it_stopped(run: Run, emulator: Emulator, how: tuple[str, ...]) -> None:
    emulator.answer("The Nile.", reasoning="Rivers.")
    assert run("chat", "Name a river.").status == 0
    assert run("chat", "-c", "How long is it?", *how).status == 0
    assert contents(emulator) == ["Name a river.", "The Nile.", "How long is it?"]
    assert run("chat", "--continue", "And wide?", *how).status == 0
    assert len(contents(emulator)) == 5
    assert run("chat", "Something else.").status == 0
    assert contents(emulator) == ["Something else."]
    kept = Path("../home/minimax-sync/conversation.json")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "Something else." in kept.read_text()


def test_a_turn_that_fails_is_not_kept(run: Run, emulator: Emulator) -> None:
    assert run("chat", "one").status == 0
    emulator.fault(status=400)
    assert run("chat", "-c", "two").status == 1
    assert run("chat", "-c", "three").status == 0
    assert [text for text in contents(emulator) if text in ("one", "two", "three")] == ["one", "three"]


def test_without_a_last_conversation_a_new_one_begins(run: Run, emulator: Emulator) -> None:
    assert run("chat", "-c", "hi").status == 0
    assert contents(emulator) == ["hi"]


def test_a_kept_conversation_that_is_broken_is_named(run: Run, emulator: Emulator) -> None:
    path = Path("../home/minimax-sync/conversation.json")
    path.parent.mkdir()
    path.write_text('{"messages": [{"role": "robot"}]}')
    status, out, err = run("chat", "-c", "hi")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "conversation.json does not hold a conversation" in err
    assert run("chat", "hi").status == 0
    assert run("chat", "-c", "hi").status == 0


def test_a_place_that_cannot_be_written_costs_the_history_alone(run: Run, emulator: Emulator) -> None:
    Path("../home/minimax-sync").write_text("a file")
    status, out, err = run("chat", "hi")
    assert (status, bool(out)) == (0, True)
    assert err.startswith("minimax-sync: the conversation could not be saved: ")


def test_without_a_home_directory_the_conversation_is_not_kept(
    run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)  # as for a user without an entry in /etc/passwd
    status, out, err = run("chat", "hi")
    assert (status, bool(out)) == (0, True)
    assert err == (
        "minimax-sync: the conversation could not be saved: there is no home directory: set HOME or XDG_STATE_HOME\n"
    )


def test_where_a_pipe_cannot_be_selected_a_thread_reads_it(pipe: Pipe) -> None:
    assert stdin._read_in_thread(0.05) is None
    pipe.write(b"first")  # taken by the thread that is still waiting
    pipe.close()
    assert eventually(lambda: all(thread.name != "minimax-stdin" for thread in threading.enumerate()))


def test_a_thread_reads_a_pipe_to_its_end(pipe: Pipe) -> None:
    pipe.write(b"first")
    with pipe.ends_later(b" second"):
        assert stdin._read_in_thread(5.0) == b"first second"


def kept_usage() -> dict[str, int]:
    kept = json.loads(Path("../home/minimax-sync/conversation.json").read_text())
    usage: dict[str, int] = kept["usage"]["MiniMax-M2.5"]
    return usage


@pytest.mark.parametrize("how", [(), ("--no-stream",), ("--json",), ("--schema", "city.json")])
def test_a_kept_conversation_has_the_usage_and_the_instruction_of_all_its_turns(
    run: Run, emulator: Emulator, how: tuple[str, ...]
) -> None:
    Path("city.json").write_text(json.dumps(SCHEMA))
    assert run("chat", "one", "-s", "Be brief.").status == 0
    first = kept_usage()
    assert run("chat", "-c", "two", *how).status == 0
    assert kept_usage()["total_tokens"] > first["total_tokens"] > 0
    assert str(contents(emulator)[0]).startswith("Be brief.")
    assert run("chat", "-c", "three", "-s", "Be long.").status == 0
    assert [text for text in contents(emulator) if "Be" in str(text)] == ["Be long."]
    assert run("chat", "-c", "four").status == 0
    assert contents(emulator)[0] == "Be long."
