"""A conversation on a terminal: what is typed, what Ctrl-C and Ctrl-D do, and the commands."""

from __future__ import annotations

from pathlib import Path

from support.cli import PNG, Run
from support.typist import CTRL_C, CTRL_D, Typist

from minimax_sync.emulator import Emulator


def converse(typist: Typist, *dialogue: tuple[str, str]) -> None:
    """Type each line at its prompt, and wait for its answer and the next prompt."""
    for line, answer in dialogue:
        typist.types(f"{line}\r")
        typist.expect(answer)
        typist.expect("\n> ")


def sent(emulator: Emulator) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in emulator.journal[-1].body["messages"]]


def test_a_conversation_remembers_and_ends_with_ctrl_d(emulator: Emulator) -> None:
    with Typist("chat", "-s", "Be brief.") as typist:
        typist.expect("> ")
        converse(typist, *((line, "You said") for line in ("one", "two\\\rlines", '"""\rthree\r\r4"""')))
        typist.types(CTRL_D)
        assert typist.end() == 0
    assert [text for role, text in sent(emulator) if role != "assistant"] == [
        "Be brief.",
        "one",
        "two\nlines",
        "three\n\n4",
    ]


def test_ctrl_c_ends_the_answer_and_forgets_the_turn(emulator: Emulator) -> None:
    with Typist("chat") as typist:
        typist.expect("> ")
        typist.types("half typed")
        typist.expect("half typed")
        typist.interrupts(until="\n> ")
        emulator.answer("slow " * 200, delay=0.05)
        typist.types("first\r")
        typist.expect("slow slow")
        typist.types(CTRL_C)
        typist.expect("this turn is discarded\n> ")
        converse(typist, ("second", 'You said: "second"'))
        typist.types("/exit\r")
        assert typist.end() == 0
    assert sent(emulator) == [("user", "second")]


def test_an_error_is_shown_and_the_conversation_continues(emulator: Emulator) -> None:
    with Typist("chat") as typist:
        typist.expect("> ")
        emulator.fault(code=1008)
        converse(typist, ("first", "insufficient balance (1008)"), ("second", 'You said: "second"'))
    assert sent(emulator) == [("user", "second")]


def test_the_commands_change_the_conversation(emulator: Emulator) -> None:
    Path("a.png").write_bytes(PNG)
    with Typist("chat") as typist:
        dialogue = (
            ("/help", "/exit"),
            ("/nonsense", "there is no command /nonsense"),
            ("/usr/bin is a path", "You said"),
            ("/model MiniMax-M3", "model: MiniMax-M3"),
            ("/system Be brief.", "system: Be brief."),
            ("/thinking", "thinking is shown"),
            ("/image nowhere.png", "cannot read the image"),
            ("/image a.png", "1 image(s)"),
            ("look", "I see 1 image."),
            ("/usage", "USD at pay-as-you-go prices"),
            ("/save notes.md", "saved 4 messages"),
            ("/save a.png", "a.png: File exists"),
            ("/save ~nosuchuser/notes.md", "No such file"),
            ("/clear", "a new conversation"),
            ("/usage", "0 tokens in"),
            ("again", 'You said: "again"'),
        )
        typist.expect("> ")
        converse(typist, *dialogue)
    body = emulator.journal[-1].body
    assert body["model"] == "MiniMax-M3"
    assert sent(emulator) == [("system", "Be brief."), ("user", "again")]
    assert [received.images for received in emulator.journal] == [0, 1, 0]
    assert 'The user says "again"' in typist.plain, "the thinking was asked for"
    saved = Path("notes.md").read_text()
    assert saved.startswith('**user**\n\n/usr/bin is a path\n\n**assistant**\n\nYou said: "/usr/bin is a path".\n')
    assert Path("a.png").read_bytes() == PNG


def test_what_was_typed_is_kept_for_its_owner_alone(emulator: Emulator, own_world: Path) -> None:
    history = own_world.parent / "home" / "minimax-sync" / "history"
    with Typist("chat") as typist:
        typist.expect("> ")
        converse(typist, ("remember me", "You said"))
        typist.types(CTRL_D)
        assert typist.end() == 0
    assert history.read_text().splitlines()[-1] == "remember me"
    assert history.stat().st_mode & 0o777 == 0o600
    assert history.parent.stat().st_mode & 0o777 == 0o700
    with Typist("chat") as typist:
        typist.expect("> ")
        typist.types("\x1b[A\r")
        typist.expect('You said: "remember me"')


def test_a_conversation_needs_a_terminal(run: Run, emulator: Emulator) -> None:
    status, out, err = run("chat")
    assert (status, out) == (2, "")
    assert "the prompt is empty" in err


def test_a_saved_conversation_is_loaded_and_the_last_one_goes_on(emulator: Emulator) -> None:
    def chat(arguments: tuple[str, ...], *dialogue: tuple[str, str]) -> None:
        with Typist("chat", *arguments) as typist:
            typist.expect("> ")
            converse(typist, *dialogue)
            typist.types(CTRL_D)
            assert typist.end() == 0

    chat((), ("one", "You said"), ("/save talk.json", "saved 2 messages"), ("/save talk.json", "saved 2 messages"))
    chat((), ("/load nowhere.json", "No such file"), ("/load talk.json", "2 messages"), ("two", "You said"))
    assert [text for role, text in sent(emulator) if role == "user"] == ["one", "two"]
    chat(("-c",), ("three", "You said"))
    assert [text for role, text in sent(emulator) if role == "user"] == ["one", "two", "three"]
