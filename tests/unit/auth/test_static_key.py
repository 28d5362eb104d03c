from __future__ import annotations

import copy
import pickle

import pytest

from minimax_sync.auth import StaticKey
from minimax_sync.errors import ConfigError, CredentialInvalidError

KEY = "sk-api-0123456789abcdefghij"


def test_it_hands_out_the_stripped_key() -> None:
    assert StaticKey(f"  {KEY}\n").bearer() == KEY
    assert StaticKey(KEY).bearer(0.0) == KEY


@pytest.mark.parametrize("bad", ["", "  ", "a b", "a\nb", "a\x00b", "a\x7fb", "schlüssel", b"bytes", None, 7])
def test_a_key_that_cannot_be_a_header_value_is_refused_with_its_source(bad: object) -> None:
    with pytest.raises(ConfigError, match="MINIMAX_API_KEY") as caught:
        StaticKey(bad, source="MINIMAX_API_KEY")  # type: ignore[arg-type]  # what users without mypy pass
    assert "schl" not in str(caught.value)


def test_a_rejected_key_has_no_successor() -> None:
    with pytest.raises(CredentialInvalidError, match=r"llm\.yaml") as caught:
        StaticKey(KEY, source="llm.yaml").force_refresh(KEY)
    assert KEY not in str(caught.value)


def test_it_shows_itself_nowhere_and_does_not_pickle() -> None:
    key = StaticKey(KEY)
    assert KEY not in repr(key)
    with pytest.raises(ConfigError, match="environment variable"):
        pickle.dumps(key)
    assert copy.deepcopy(key).bearer() == copy.copy(key).bearer() == KEY
