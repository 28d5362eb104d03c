"""One question as a call: here, and pickled for another process. Answers with a schema are values."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from minimax_sync import ChatMessage, ChatRequest, MiniMaxClient, ResponseFormatError
from minimax_sync.batch.asking import Ask, reference_of
from minimax_sync.emulator import Emulator

REQUEST = ChatRequest((ChatMessage.user("hi"),))


def test_a_pickled_question_opens_a_client_from_the_same_settings(configured_emulator: Emulator) -> None:
    configured_emulator.answer("Hello.")
    with MiniMaxClient() as client:
        ask = Ask(client, reference_of(client), REQUEST, None)
        answer = pickle.loads(pickle.dumps(ask))()
    assert answer.response.text == "Hello."


def test_results_of_a_map_with_a_schema_have_values(emulator: Emulator, any_client: MiniMaxClient) -> None:
    for text in ("1", "no", "2"):
        emulator.answer(text)
    results = list(any_client.map(["one", "two"], workers=1, schema=int))
    assert [result.value for result in results] == [1, 2]
    assert results[1].response is not None
    assert len(emulator.journal) == 3


def test_an_answer_that_never_fits_is_an_error(emulator: Emulator, any_client: MiniMaxClient) -> None:
    for _ in range(3):
        emulator.answer("no")
    (result,) = any_client.map(["one"], schema=int)
    assert isinstance(result.error, ResponseFormatError)
    assert result.value is None


def test_a_checkpoint_gives_values_again(emulator: Emulator, any_client: MiniMaxClient, tmp_path: Path) -> None:
    emulator.answer("1")
    for _ in range(2):
        (result,) = any_client.map(["one"], schema=int, checkpoint=tmp_path / "answers.jsonl")
        assert result.value == 1
    assert len(emulator.journal) == 1


def test_values_come_from_other_processes_too(configured_emulator: Emulator) -> None:
    configured_emulator.answer("1")
    with (
        MiniMaxClient() as client,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor,
    ):
        (result,) = client.map(["one"], executor=executor, schema=int)
    assert result.value == 1
