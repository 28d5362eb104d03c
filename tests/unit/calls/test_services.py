"""The calls besides chat, against the emulator, from a client on each wire."""

from __future__ import annotations

from typing import Any

import pytest

from minimax_sync import CredentialInvalidError, MiniMaxClient, QuotaLow, RequestError, RetryPolicy, ServerError
from minimax_sync.emulator import Emulator
from minimax_sync.wires.services import KNOWN_MODELS


def test_each_service_answers_on_either_wire(any_client: MiniMaxClient) -> None:
    embeddings = any_client.embed(["a", "b"], kind="query")
    assert len(embeddings.vectors) == 2
    assert embeddings.total_tokens > 0
    assert len(any_client.embed("one text").vectors) == 1
    assert "MiniMax-M2.5" in [model.id for model in any_client.models()]
    assert any_client.quota().windows[0].remaining_percent == 99
    assert any_client.balance().available > 0
    assert any_client.count_tokens("How long is the Loire?") > 0


def test_a_200_with_an_error_raises_it(emulator: Emulator, base_url: str) -> None:
    with MiniMaxClient("another-key", base_url=base_url, requests_per_second=None) as client:
        with pytest.raises(CredentialInvalidError):
            client.quota()
        with pytest.raises(CredentialInvalidError):
            client.embed("a")


def test_a_failure_is_retried_as_that_of_a_chat(any_client: MiniMaxClient, emulator: Emulator) -> None:
    patient = any_client.with_options(retry=RetryPolicy(initial_backoff_ms=1, max_backoff_ms=1))
    for ask in (patient.models, patient.quota, patient.balance, lambda: patient.embed("a")):
        emulator.fault(status=503)
        assert ask()
        emulator.fault(status=503)
        with pytest.raises(ServerError):
            any_client.with_options(retry=RetryPolicy(server_attempts=1)).quota()


def test_bad_texts_to_embed_are_refused_before_anything_is_sent(any_client: MiniMaxClient, emulator: Emulator) -> None:
    for texts, kind in (([], "db"), ([""], "db"), (["a"], "both")):
        with pytest.raises(RequestError):
            any_client.embed(texts, kind=kind)
    assert emulator.journal == []


def test_the_known_models_stand_in_for_a_list_that_is_not_there(any_client: MiniMaxClient, emulator: Emulator) -> None:
    emulator.fault(status=404)
    assert any_client.models() == KNOWN_MODELS
    emulator.fault(status=403)
    with pytest.raises(CredentialInvalidError):
        any_client.models()


def test_the_quota_alert_sees_the_windows(emulator: Emulator, base_url: str) -> None:
    events: list[object] = []
    emulator.plan.total, emulator.plan.used = 100, 95
    options: dict[str, Any] = {"base_url": base_url, "requests_per_second": None, "quota_alert_threshold": 10}
    with MiniMaxClient(emulator.api_key, hooks=[events.append], **options) as client:
        client.quota()
    assert [event.remaining for event in events if isinstance(event, QuotaLow)] == [5]
