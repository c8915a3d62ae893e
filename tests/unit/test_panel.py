"""Firms followed over waves, and groups compared."""

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from firmties.errors import StudyError
from firmties.panel import compare_means, correct_bias, count_pairs, follow_successors, trace_panel

ANSWERS = pd.DataFrame({"wave": [1, 1, 1, 1, 2, 2, 3, 3], "firm": list("abcdaeab")})
GONE = pd.DataFrame({"wave": [2], "firm": ["c"]})


def trace(**more):
    return trace_panel(ANSWERS, "firm", [1, 2, 3], **more)


def status(table, firm):
    return table.loc[table["firm"] == firm, "status"].tolist()


def test_closed_firm_stays_closed():
    assert status(trace(closed=GONE), "c") == ["answered", "closed", "closed"]


def test_firm_is_before_its_first_answer():
    assert status(trace(), "e") == ["before", "answered", "absent"]


def test_return_after_absence_is_marked_once():
    table = trace()
    assert table.loc[table["returned"], ["wave", "firm"]].to_numpy().tolist() == [[3, "b"]]


def test_closed_firm_that_answers_later_is_refused():
    with pytest.raises(StudyError, match="firm 'b' was found closed in wave 2 and answers in wave 3"):
        trace(closed=pd.DataFrame({"wave": [2], "firm": ["b"]}))


def test_pairs_count_closed_firms_apart_from_leavers():
    pair = count_pairs(trace(closed=GONE), "firm", [1, 2, 3]).iloc[0]
    assert pair[["answered", "stayed", "left", "closed", "returned", "new"]].tolist() == [4, 1, 2, 1, 0, 1]


def test_retention_is_among_stayers_and_leavers():
    assert count_pairs(trace(closed=GONE), "firm", [1, 2, 3])["retention"].tolist() == [1 / 3, 1 / 2]


def test_parts_of_a_pair_add_up():
    pairs = count_pairs(trace(closed=GONE), "firm", [1, 2, 3])
    assert (pairs["answered"] == pairs[["stayed", "left", "closed"]].sum(axis=1)).all()


def test_one_wave_has_no_pairs():
    assert count_pairs(trace_panel(ANSWERS[:4], "firm", [1]), "firm", [1]).empty


def test_no_stayers_gives_retention_of_zero():
    answers = pd.DataFrame({"wave": [1, 2], "firm": ["a", "b"]})
    assert count_pairs(trace_panel(answers, "firm", [1, 2]), "firm", [1, 2])["retention"].tolist() == [0.0]


def test_successor_that_points_at_itself():
    with pytest.raises(StudyError, match="firm 'a' carries on itself \\(a -> a\\)"):
        follow_successors({"a": "a"}, ["a"])


def test_successors_in_a_ring():
    with pytest.raises(StudyError, match="a -> b -> a"):
        follow_successors({"a": "b", "b": "a"}, ["a", "b"])


def test_successor_of_an_unknown_firm():
    with pytest.raises(StudyError, match="carries on 'x', a firm of no wave"):
        follow_successors({"a": "x"}, ["a"])


def test_smd_by_hand():
    # Means 4 and 3, variances 4 and 1: 1 / sqrt(2.5).
    found = compare_means(pd.Series([2.0, 4, 6]), pd.Series([2.0, 3, 4, None]))
    assert found["smd"] == pytest.approx(1 / 2.5**0.5)


def test_hedges_g_by_hand():
    # The pooled variance is (2 * 4 + 2 * 1) / 4 = 2.5; J(4) = gamma(2) / (sqrt(2) gamma(3 / 2)) = sqrt(2 / pi).
    found = compare_means(pd.Series([2.0, 4, 6]), pd.Series([2.0, 3, 4]))
    assert found["hedges_g"] == pytest.approx((2 / math.pi) ** 0.5 / 2.5**0.5)


@given(st.integers(20, 2000))
def test_exact_correction_is_near_its_common_approximation(df):
    assert correct_bias(df) == pytest.approx(1 - 3 / (4 * df - 1), abs=1e-4)


@pytest.mark.parametrize("quantity", ["hedges_g", "g_low", "g_high", "p_value"])
@pytest.mark.parametrize(("variable", "first", "last"), [("growth", 40, 376), ("x", 4, 9)])
def test_comparison_of_means_agrees_with_r(variable, first, last, quantity):
    folder = Path(__file__).parents[1] / "reference" / "r"
    x = pd.read_csv(folder / "inputs.csv")[variable]
    expected = pd.read_csv(folder / "groups.csv").set_index(["test", "quantity"])["value"]
    found = compare_means(x[:first], x[first:last])[quantity]
    assert found == pytest.approx(expected["x, few" if variable == "x" else variable, quantity], rel=1e-10)


def test_welch_p_agrees_with_scipy():
    x, y = pd.Series([1.0, 2, 4, 8, 9]), pd.Series([3.0, 3, 5])
    assert compare_means(x, y)["p_value"] == pytest.approx(ttest_ind(x, y, equal_var=False).pvalue)


def test_group_of_one_has_no_smd():
    assert pd.isna(compare_means(pd.Series([1.0]), pd.Series([1.0, 2]))["smd"])
