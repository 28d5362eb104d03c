from __future__ import annotations

from minimax_sync.settings.spelling import did_you_mean


def test_the_nearest_name_is_offered_and_none_where_none_is_near() -> None:
    assert did_you_mean("modle", ["model", "timeout"]) == "; did you mean model?"
    assert did_you_mean("zzz", ["model", "timeout"]) == ""


def test_a_prefix_that_all_names_have_does_not_count() -> None:
    known = ["MINIMAX_DEFAULT", "MINIMAX_TIMEOUT", "MINIMAX_PROXY"]
    assert did_you_mean("MINIMAX_TIME_OUT", known, "MINIMAX_") == "; did you mean MINIMAX_TIMEOUT?"
    assert did_you_mean("MINIMAX_EFFORT", known, "MINIMAX_") == ""
