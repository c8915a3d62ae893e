"""Firms followed over waves, and groups compared."""

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from firmties.errors import StudyError
from firmties.panel import (
    compare_means,
    correct_bias,
    count_pairs,
    find_closed,
    follow_successors,
    list_successors,
    rename_firms,
    trace_panel,
)

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


def follow(*reports, known="abcd", waves=(1, 2, 3)):
    told = pd.DataFrame(reports, columns=["wave", "firm", "successor_of"])
    return list_successors(told, list(known), waves)


def test_a_successor_is_followed_from_the_wave_on_that_reports_it():
    assert follow((2, "c", "a")).to_numpy().tolist() == [[2, "c", "a", "carries_on"], [3, "c", "a", "carries_on"]]


def test_a_chain_is_followed_to_its_oldest_firm_as_far_as_it_is_known_by_then():
    rows = follow((2, "c", "b"), (3, "b", "a"))
    assert rows.loc[rows["firm"] == "c", ["wave", "followed_as"]].to_numpy().tolist() == [[2, "b"], [3, "a"]]


def test_of_two_firms_that_merge_into_one_the_second_ends():
    rows = follow((2, "c", "a|b"))
    assert rows.loc[rows["how"] == "merged"].to_numpy().tolist() == [[2, "b", "a", "merged"]]


def test_a_firm_that_merges_ends_under_the_id_by_which_it_was_followed():
    # From wave 2 on c is followed as b; in wave 3 it merges into d, which goes on as a.
    rows = follow((2, "c", "b"), (3, "d", "a|c"))
    assert rows.loc[rows["how"] == "merged", ["wave", "firm"]].to_numpy().tolist() == [[3, "b"]]


def test_report_repeated_in_a_later_wave_changes_nothing():
    assert follow((2, "c", "a"), (3, "c", "a")).equals(follow((2, "c", "a")))


@pytest.mark.parametrize("blank", [None, "", " "])
def test_a_blank_cell_reports_nothing(blank):
    assert follow((2, "c", blank)).empty


def test_ring_of_successors_over_waves_is_refused():
    with pytest.raises(StudyError, match="carries on itself"):
        follow((2, "a", "b"), (3, "b", "a"))


def test_unknown_older_firm_is_refused_with_wave_and_nearest_match():
    message = "wave 2: successor_of: firm 'c' carries on 'f17', a firm of no wave; did you mean 'f117'"
    with pytest.raises(StudyError, match=message):
        follow((2, "c", "f17"), known=["c", *(f"e{at:02}" for at in range(20)), "f117"])


def test_two_older_firms_in_two_waves_are_refused():
    with pytest.raises(StudyError, match="wave 3: successor_of: firm 'c' carries on 'b', and in wave 2 'a'"):
        follow((2, "c", "a"), (3, "c", "b"))


def test_rows_of_earlier_waves_keep_their_firm():
    table = pd.DataFrame({"wave": [1, 2, 3], "firm": ["c", "c", "c"]})
    assert rename_firms(table, follow((2, "c", "a")), "firm")["firm"].tolist() == ["c", "a", "a"]


def test_a_merged_firm_is_not_renamed():
    table = pd.DataFrame({"wave": [2], "firm": ["b"]})
    assert rename_firms(table, follow((2, "c", "a|b")), "firm")["firm"].tolist() == ["b"]


def test_without_successors_a_table_is_left_as_it_is():
    table = pd.DataFrame({"wave": [1], "firm": ["c"]})
    assert rename_firms(table, follow(), "firm") is table


def test_merged_firm_is_closed_and_no_leaver():
    answers = pd.DataFrame({"wave": [1, 1, 2], "firm": ["a", "b", "c"]})
    lines = follow((2, "c", "a|b"), waves=(1, 2))
    status_ = trace_panel(rename_firms(answers, lines, "firm"), "firm", [1, 2], find_closed(None, [], "firm", lines))
    pair = count_pairs(status_, "firm", [1, 2]).iloc[0]
    assert pair[["answered", "stayed", "left", "closed", "new"]].tolist() == [2, 1, 0, 1, 0]


def test_firm_that_carries_on_another_has_ended_as_itself():
    # b goes on under a from wave 2.
    answers = pd.DataFrame({"wave": [1, 1, 2], "firm": ["a", "b", "b"]})
    lines = follow((2, "b", "a"), waves=(1, 2))
    table = trace_panel(rename_firms(answers, lines, "firm"), "firm", [1, 2], find_closed(None, [], "firm", lines))
    assert (status(table, "a"), status(table, "b")) == (["answered", "answered"], ["answered", "closed"])


@given(st.lists(st.tuples(st.sampled_from([2, 3]), st.sampled_from("bcd")), unique_by=lambda report: report[1]))
def test_every_line_ends_at_a_firm_that_carries_on_nobody(reports):
    rows = follow(*((wave, firm, chr(ord(firm) - 1)) for wave, firm in reports))
    for wave in (2, 3):
        here = rows.loc[rows["wave"] == wave]
        assert not set(here["followed_as"]) & set(here["firm"])


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
