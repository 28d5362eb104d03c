"""What holds for every command: exit statuses, one line for an error, quiet pipes, and an instant `--help`."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from support.cli import Run
from support.run_python import run_python

import minimax_sync
from minimax_sync import __version__
from minimax_sync.cli import COMMANDS, account, main
from minimax_sync.cli.parser import Command, build_parser
from minimax_sync.cli.terminal import duration, printable
from minimax_sync.emulator import Emulator

Start = Callable[..., "subprocess.Popen[str]"]


def test_the_program_prints_its_version(run: Run) -> None:
    assert run("--version") == (0, f"minimax-sync {__version__}\n", "")


def test_help_and_a_program_without_arguments_list_every_command_with_its_summary(run: Run) -> None:
    helped, bare = run("--help"), run()
    assert (helped.status, helped.err, bare.status, bare.out) == (0, "", 2, "")
    for command in COMMANDS:
        for shown in (helped.out, bare.err):
            assert re.search(rf"^  {command.name} +{re.escape(command.summary)}$", shown, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself_with_the_files_and_the_environment_that_it_reads(
    run: Run, command: Command
) -> None:
    status, out, _ = run(command.name, "--help")
    assert status == 0
    parts = ["--config FILE", "--agent ID", "--base-url URL", "examples:", "exit status:", "130"]
    if command.has_settings:
        parts += ["./secrets/minimax_token_plan.json", "MINIMAX_CODE_PLAN_KEY"]
    assert [part for part in parts if part not in out] == []


def test_every_example_is_a_command_line_that_parses() -> None:
    parser = build_parser(COMMANDS)
    examples = [line for command in COMMANDS for line in command.examples.splitlines()]
    assert len(examples) > len(COMMANDS)
    for line in examples:
        words = re.search(r"minimax-sync (.*?)( [|>]+ .*)?$", line)
        assert words, line
        parser.parse_args(re.findall(r'"[^"]*"|\S+', words[1]))


def test_help_version_and_typing_mistakes_load_nothing_heavy() -> None:
    code = """
import sys
from minimax_sync.cli import main
for arguments in (["--version"], ["--help"], ["chat", "--help"], ["nonsense"], ["completion", "bash"]):
    main(arguments)
heavy = {"requests", "urllib3", "rich", "yaml", "filelock", "dateutil"} & set(sys.modules)
sys.exit(f"loaded: {heavy}" if heavy else 0)
"""
    run_python(code, silent=False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("guide", "nonsense"),
        ("chat", "hi", "-n", "--stdin"),
        ("chat", "-n"),
        ("chat", "-", "-n"),
        ("chat", "hi", "--json", "--schema", "x.json"),
        ("chat", "hi", "--nonsense"),
        ("emulator", "--port", "x"),
        ("emulator", "--port", "65536"),
        ("login", "--region", "mars"),
        ("login", "--region", "cn", "--base-url", "http://127.0.0.1:1"),
        ("chat", "--json"),
        ("chat", ""),
    ],
)
def test_a_wrong_command_line_ends_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert "minimax-sync" in err.splitlines()[-1]


def test_options_are_not_guessed_from_their_beginnings(run: Run) -> None:
    assert run("quota", "--js").status == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("chat", "hi", "--config", "nowhere.yaml"), "--config: nowhere.yaml cannot be read: No such file"),
        (("chat", "hi", "--agent", "nobody"), "--agent: no agent 'nobody'"),
        (("chat", "hi", "--base-url", "nonsense"), "--base-url: not a valid URL"),
        (("chat", "hi", "--image", "nowhere.png"), "cannot read the image 'nowhere.png'"),
        (("chat", "hi"), "no MiniMax credential"),
    ],
)
def test_an_error_is_one_line_on_stderr_and_ends_with_1(
    run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    if arguments == ("chat", "hi"):
        monkeypatch.delenv("MINIMAX_API_KEY")
    status, out, err = run(*arguments)
    assert (status, out) == (1, "")
    assert err.startswith("minimax-sync: ")
    assert words in err
    assert err.count("\n") == 1


def test_the_services_error_comes_with_its_request_id_and_without_the_key(run: Run, emulator: Emulator) -> None:
    emulator.fault(status=400, message=f"no good:\n\x1b[31m{emulator.api_key}")
    status, out, err = run("chat", "hi")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "no good:" in err
    assert re.search(r" \[request \w+\]$", err)
    assert emulator.api_key not in err
    assert "\x1b" not in err


def test_a_fault_of_the_program_itself_is_one_line_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(arguments: object) -> int:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("minimax_sync.cli.COMMANDS", (msgspec.structs.replace(account.MODELS, run=broken),))
    assert run("models") == (1, "", "minimax-sync: ZeroDivisionError: two lines\n")


def test_ctrl_c_ends_with_130_and_keeps_the_part_received(emulator: Emulator, program: Start) -> None:
    emulator.answer("first and then more and more of it", delay=0.1)
    process = program("chat", "hi")
    assert process.stdout is not None
    assert process.stdout.read(5) == "first"
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (130, "")
    assert rest.endswith("\n")
    assert "more of it" not in rest


def test_ctrl_c_while_waiting_for_the_answer_ends_with_130_and_prints_nothing(
    emulator: Emulator, program: Start
) -> None:
    emulator.fault("stall")
    process = program("chat", "hi")
    deadline = time.monotonic() + 10
    while not emulator.journal:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 130


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("chat",), 2, "the prompt is empty"),
        (("chat", "-"), 2, "the prompt is empty"),
        (("chat", "hi"), 0, ""),
        (("map", "-", "-o", "OUT.jsonl"), 0, ""),
    ],
)
def test_a_closed_stdin_is_an_empty_one(
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    status: int,
    words: str,
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    assert main(arguments) == status
    assert words in capsys.readouterr().err


def test_a_reader_that_closes_the_pipe_ends_the_program_without_a_message(emulator: Emulator, program: Start) -> None:
    emulator.answer("line\n" * 40_000)
    process = program("chat", "hi")
    assert process.stdout is not None
    assert process.stdout.readline() == "line\n"
    process.stdout.close()
    assert process.wait(10) == 1
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_a_full_disk_is_an_error_of_one_line(emulator: Emulator, program: Start) -> None:
    with Path("/dev/full").open("w") as full:
        process = program("models", stdout=full)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (1, "minimax-sync: No space left on device\n")


def test_text_for_a_terminal_has_no_foreign_control_characters() -> None:
    assert printable("a\x1b]52;c;aGk=\x07\tb\nc\r\x9b1md\x7f") == "a]52;c;aGk=\tb\nc1md"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (7260, "2 h 1 min"),
        (90061, "1 d 1 h"),
        (-5, "0 s"),
    ],
)
def test_durations_are_written_in_their_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize("topic", ["tools", "TOOLS", "tool", "tools.rst"])
def test_a_page_of_the_guide_is_found_by_the_beginning_of_its_name(run: Run, topic: str) -> None:
    status, out, err = run("guide", topic)
    page = Path(minimax_sync.__file__).parent / "guide" / "tools.rst"
    assert (status, out, err) == (0, page.read_text("utf-8"), "")


def test_the_guide_lists_its_pages(run: Run) -> None:
    status, out, _ = run("guide")
    assert status == 0
    for page in (Path(minimax_sync.__file__).parent / "guide").glob("*.rst"):
        assert page.stem == "index" or re.search(rf"^{page.stem} +\w", out, re.MULTILINE), page.stem


def test_an_unknown_page_of_the_guide_is_named_with_the_nearest(run: Run) -> None:
    assert "did you mean tools?" in run("guide", "toools").err
    assert "it may be" in run("guide", "s").err


@pytest.mark.parametrize("level", ["info", "DEBUG"])
def test_the_environment_turns_the_log_on(
    emulator: Emulator, program: Start, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    monkeypatch.setenv("MINIMAX_LOG", level)
    emulator.fault(status=429, retry_after=0)
    process = program("chat", "a secret question")
    out, err = process.communicate(timeout=30)
    assert out
    assert re.search(r"^\S+ \S+ INFO minimax_sync\S*: ", err, re.MULTILINE)
    assert "secret question" not in err
    assert emulator.api_key not in err


def test_another_level_of_the_log_is_an_error(run: Run, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIMAX_LOG", "loud")
    status, _, err = run("chat", "hi")
    assert (status, err) == (1, "minimax-sync: environment variable MINIMAX_LOG: must be one of info, debug\n")
