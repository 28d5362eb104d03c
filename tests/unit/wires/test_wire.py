"""The rows of the wires: consistent, and chosen by the endpoint."""

from __future__ import annotations

import pytest

from minimax_sync.settings.endpoints import resolve_endpoint
from minimax_sync.wires.table import NATIVE_PATH, WIRES, Flavor
from minimax_sync.wires.wire import Wire, wire_for


@pytest.mark.parametrize("flavor", WIRES)
def test_a_row_is_filed_under_its_name_and_its_codec_can_be_loaded(flavor: Flavor) -> None:
    row = WIRES[flavor]
    assert row.flavor == flavor
    assert row.chat_path.startswith("/")
    assert Wire(flavor).headers == row.headers


def test_aliases_name_one_wire_each() -> None:
    names = [name for row in WIRES.values() for name in (row.flavor, *row.aliases)]
    assert len(names) == len(set(names))


def test_a_server_that_serves_the_native_path_counts_as_minimax() -> None:
    assert wire_for(resolve_endpoint("https://api.minimax.io", chat_path="/chat/completions")).is_minimax
    assert not wire_for(resolve_endpoint("http://127.0.0.1:1/v1", chat_path="/chat/completions")).is_minimax
    assert wire_for(resolve_endpoint("http://127.0.0.1:1/v1", chat_path=NATIVE_PATH)).is_minimax
