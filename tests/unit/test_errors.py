"""The tree of errors."""

from __future__ import annotations

import pickle

import pytest

from minimax_sync import errors
from minimax_sync.errors import LlmError


@pytest.mark.parametrize("kind", [kind for kind in vars(errors).values() if isinstance(kind, type)], ids=str)
def test_every_error_pickles_with_its_attributes(kind: type) -> None:
    if not issubclass(kind, LlmError):
        return
    error = kind("text", status=500, code=7, request_id="r", retry_after_ms=8, body="b")
    twin = pickle.loads(pickle.dumps(error))
    assert (type(twin), twin.args, vars(twin)) == (kind, error.args, vars(error))
