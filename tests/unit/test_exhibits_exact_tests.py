"""The exhibit kind exact_tests: p-values, intervals and the table against values worked out by hand."""

from __future__ import annotations

from math import comb, inf

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.exhibits.exact_tests.summarize import multiply_draws, summarize
from firmties.exhibits.exact_tests.tabulate import format_p, tabulate

BROKER = {
    "name": "Broker",
    "groups": ["hybrids", "others"],
    "counts": [5, 3],
    "of": [5, 15],
    "draws": [{"drawn": 2, "of": 4, "times": 4}, {"drawn": 3, "of": 4}],
    "sources": "S2:737-739",
    "note": "A limit.",
}
EQUITY = {"name": "Equity", "groups": ["SME-led", "others"], "counts": [5, 0], "of": [6, 14]}


def run(*tests: dict) -> pd.DataFrame:
    return summarize({"study": {"minimum_cell": 1}}, {"tests": list(tests)})[0]


def test_p_value_is_hypergeometric_where_all_of_the_first_group_have_the_feature() -> None:
    # All 5 hybrids among the 8 of 20 firms with a broker: C(8, 5) of the C(20, 5) ways to choose five firms.
    assert run(BROKER)["p_value"][0] == pytest.approx(comb(8, 5) / comb(20, 5), rel=1e-9)


def test_p_value_is_hypergeometric_where_all_with_the_feature_are_in_the_first_group() -> None:
    assert run(EQUITY)["p_value"][0] == pytest.approx(comb(6, 5) / comb(20, 5), rel=1e-9)


def test_two_sided_p_value_adds_the_tables_that_are_no_more_likely() -> None:
    # Fisher's tea: 3 of 4 against 1 of 4, two-sided 34/70, one-sided 17/70.
    tea = {"name": "tea", "groups": ["a", "b"], "counts": [3, 1], "of": [4, 4]}
    assert run(tea)["p_value"][0] == pytest.approx(34 / 70)


def test_one_sided_p_value_is_of_the_declared_side() -> None:
    tea = {"name": "tea", "groups": ["a", "b"], "counts": [3, 1], "of": [4, 4], "alternative": "greater"}
    assert run(tea)["p_value"][0] == pytest.approx(17 / 70)


def test_interval_is_open_above_where_the_estimate_is_infinite() -> None:
    found = run(BROKER)
    assert (found["odds_ratio"][0], found["conf_high"][0]) == (inf, inf)


def test_lower_bound_leaves_half_of_five_per_cent_above() -> None:
    # At the bound, seeing all five has a probability of 2.5 %: the last of the terms C(8, k) C(12, 5 - k) x^k.
    x = run(BROKER)["conf_low"][0]
    weights = [comb(8, k) * comb(12, 5 - k) * x**k for k in range(6)]
    assert weights[5] / sum(weights) == pytest.approx(0.025, rel=1e-6)


def test_odds_ratio_and_lower_bound_agree_with_r() -> None:
    # R 4.2: fisher.test(matrix(c(3, 1, 1, 3), 2)). R finds its roots to 1e-5 only.
    tea = run({"name": "tea", "groups": ["a", "b"], "counts": [3, 1], "of": [4, 4]})
    assert tea[["odds_ratio", "conf_low"]].to_numpy().ravel().tolist() == pytest.approx(
        [6.408308867, 0.2117329153], rel=2e-5
    )


def test_upper_bound_leaves_half_of_five_per_cent_below() -> None:
    # R's upper bound is 621.93, 0.7 % off, since it searches the reciprocal with a fixed tolerance.
    x = run({"name": "tea", "groups": ["a", "b"], "counts": [3, 1], "of": [4, 4]})["conf_high"][0]
    weights = [comb(4, k) * comb(4, 4 - k) * x**k for k in range(5)]
    assert sum(weights[:4]) / sum(weights) == pytest.approx(0.025, rel=1e-6)


def test_no_odds_ratio_where_nobody_has_the_feature() -> None:
    assert pd.isna(run({"name": "none", "groups": ["a", "b"], "counts": [0, 0], "of": [4, 4]})["odds_ratio"][0])


def test_draws_multiply() -> None:
    assert run(BROKER)["p_draws"][0] == (1 / 2) ** 4 * 3 / 4


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6), st.integers(1, 5)), min_size=1, max_size=4))
def test_draws_give_a_probability(parts: list[tuple[int, int, int]]) -> None:
    draws = [{"drawn": drawn, "of": drawn + more, "times": times} for drawn, more, times in parts]
    assert 0 < multiply_draws(draws) <= 1


def test_a_count_larger_than_its_group_is_refused_by_name() -> None:
    with pytest.raises(StudyError, match="'Equity': 7 of 6 SME-led: the count is larger than the group"):
        run({**EQUITY, "counts": [7, 0]})


def test_more_draws_than_columns_are_refused() -> None:
    with pytest.raises(StudyError, match="draws 5 of 4"):
        run({**BROKER, "draws": [{"drawn": 5, "of": 4}]})


def test_table_prints_counts_p_and_interval() -> None:
    numbers, notes = summarize({"study": {"minimum_cell": 1}}, {"tests": [BROKER, EQUITY]})
    table = tabulate(numbers, notes, {"title": "Two tests"})
    assert list(table.rows[0].cells) == [
        "Broker",
        "5 of 5 hybrids\n3 of 15 others",
        "∞\n[2.08, ∞]",
        "0.0036\ntwo-sided",
        "0.047",
        "S2:737-739",
    ]


def test_table_prints_the_limits_of_each_test() -> None:
    numbers, notes = summarize({"study": {"minimum_cell": 1}}, {"tests": [BROKER, EQUITY]})
    assert "Broker: A limit." in tabulate(numbers, notes, {"title": "Two tests"}).notes


def test_small_p_values_keep_two_figures() -> None:
    assert [format_p(p) for p in (0.000387, 0.00001, 0.5)] == ["0.00039", "< 0.0001", "0.50"]
