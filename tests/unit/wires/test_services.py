"""The services besides chat: requests and answers as bytes."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from minimax_sync.errors import LlmError, RateLimitError, RequestError, ResponseFormatError
from minimax_sync.values.request import as_request
from minimax_sync.wires import services


def test_an_error_in_a_200_is_raised_and_a_good_body_returned() -> None:
    with pytest.raises(RateLimitError):
        services.checked(b'{"base_resp": {"status_code": 1002, "status_msg": "slow"}}')
    assert services.checked(b'{"base_resp": {"status_code": 0}}') == b'{"base_resp": {"status_code": 0}}'
    with pytest.raises(LlmError):
        services.checked(b"<html>")


@pytest.mark.parametrize(("texts", "kind"), [([], "db"), ([""], "db"), (["a"], "other"), ([5], "db")])
def test_texts_that_cannot_be_embedded_are_refused(texts: list[str], kind: str) -> None:
    with pytest.raises(RequestError):
        services.encode_embeddings(texts, kind, "embo-01")


def test_embeddings_are_as_many_as_the_texts() -> None:
    written = json.loads(services.encode_embeddings(("a", "b"), "query", "embo-01"))
    assert written == {"model": "embo-01", "texts": ["a", "b"], "type": "query"}
    body = b'{"vectors": [[1, 0], [0, 1]], "total_tokens": 4}'
    assert services.decode_embeddings(body, 2).vectors == ((1.0, 0.0), (0.0, 1.0))
    with pytest.raises(ResponseFormatError, match="expected 3 vectors"):
        services.decode_embeddings(body, 3)


def test_models_are_read_in_the_shape_of_either_wire() -> None:
    day = datetime(2026, 1, 1, tzinfo=timezone.utc)
    openai = b'{"data": [{"id": "M", "created": %d, "owned_by": "minimax"}]}' % day.timestamp()
    anthropic = b'{"data": [{"id": "M", "created_at": "2026-01-01T00:00:00Z"}, {"id": "N", "created_at": "x"}]}'
    assert services.decode_models(openai)[0].created_at == day
    assert [model.created_at for model in services.decode_models(anthropic)] == [day, None]


def test_a_count_is_asked_for_like_a_message_without_its_limit() -> None:
    written = json.loads(services.encode_count(as_request("Hi", {}), "M"))
    assert written["messages"][0]["role"] == "user"
    assert "max_tokens" not in written
    assert services.decode_count(b'{"input_tokens": 7}') == 7
