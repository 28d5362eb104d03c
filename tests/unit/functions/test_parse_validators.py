"""Validators of the user's own classes: what they raise is sent back to the model, on both wires and in `map`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import pydantic
import pytest

from minimax_sync import CredentialInvalidError, LlmError, MiniMaxClient, ResponseFormatError
from minimax_sync.emulator import Emulator

LENGTHS = {"Loire": 1006}


class NoText(Exception):
    """An exception without a text."""

    def __str__(self) -> str:
        raise ValueError("no text")


def check(name: str) -> None:
    """Raise what a validator may raise."""
    if name == "no text":
        raise NoText
    if name == "interrupt":
        raise KeyboardInterrupt
    if name == "no key":
        raise CredentialInvalidError("the key of the validator is not accepted")
    LENGTHS[name]


@dataclass
class River:
    name: str

    def __post_init__(self) -> None:
        check(self.name)


class StructRiver(msgspec.Struct):
    name: str

    def __post_init__(self) -> None:
        check(self.name)


class ModelRiver(pydantic.BaseModel):
    name: str

    @pydantic.field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        check(name)
        return name


@dataclass
class Country:
    river: ModelRiver


ANSWERS = [
    (River, '{"name": "%s"}'),
    (StructRiver, '{"name": "%s"}'),
    (ModelRiver, '{"name": "%s"}'),
    (list[ModelRiver], '[{"name": "%s"}]'),
    (Country, '{"river": {"name": "%s"}}'),
]


@pytest.mark.parametrize(("schema", "answer"), ANSWERS)
@pytest.mark.parametrize(("name", "problem"), [("Rhine", "KeyError"), ("no text", "NoText")])
def test_any_exception_of_a_validator_is_sent_back(
    emulator: Emulator, any_client: MiniMaxClient, schema: Any, answer: str, name: str, problem: str
) -> None:
    emulator.answer(answer % name)
    emulator.answer(answer % "Loire")
    parsed = any_client.parse("Which river?", schema, full=True)
    assert (parsed.repairs, len(emulator.journal)) == (1, 2)
    assert f"- $: {problem}" in str(emulator.journal[-1].body["messages"])


@pytest.mark.parametrize("schema", [River, StructRiver])
def test_a_lone_surrogate_in_the_text_of_an_exception_can_be_sent(
    emulator: Emulator, any_client: MiniMaxClient, schema: Any
) -> None:
    emulator.answer(r'{"name": "\ud800"}')
    emulator.answer('{"name": "Loire"}')
    assert any_client.parse("Which river?", schema).name == "Loire"


@pytest.mark.parametrize(("schema", "answer"), ANSWERS)
def test_an_answer_that_no_repair_makes_valid_is_an_error_of_its_input_alone(
    emulator: Emulator, any_client: MiniMaxClient, schema: Any, answer: str
) -> None:
    for name in ("Rhine", "Rhine", "Rhine", "Loire"):
        emulator.answer(answer % name)
    first, second = any_client.map(["one", "two"], workers=1, schema=schema)
    assert isinstance(first.error, ResponseFormatError)
    assert "Rhine" not in str(first.error)
    assert second.error is None
    assert second.value is not None


@pytest.mark.parametrize(("schema", "answer"), ANSWERS)
@pytest.mark.parametrize(("name", "error"), [("interrupt", KeyboardInterrupt), ("no key", LlmError)])
def test_an_interrupt_and_an_error_of_a_call_in_a_validator_are_raised(
    emulator: Emulator, any_client: MiniMaxClient, schema: Any, answer: str, name: str, error: type[BaseException]
) -> None:
    emulator.answer(answer % name)
    with pytest.raises(error):
        any_client.parse("Which river?", schema)
    assert len(emulator.journal) == 1
