"""Moves between codes from wave to wave."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from firmties.transitions import count_transitions, pair_waves

PANEL = pd.DataFrame(
    [(1, "a", "x"), (2, "a", "y"), (3, "a", None), (1, "b", "x"), (3, "b", "x"), (2, "c", "y"), (3, "c", "y")],
    columns=["wave", "firm", "form"],
)
answers = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 9), st.sampled_from(["x", "y", None])),
    unique_by=lambda row: row[:2],
    max_size=25,
)


def test_firm_is_paired_over_consecutive_waves_only() -> None:
    pairs = pair_waves(PANEL, "form", "firm", [1, 2, 3])
    assert pairs[["before", "after", "firm"]].values.tolist() == [[1, 2, "a"], [2, 3, "a"], [2, 3, "c"]]


def test_missing_value_may_have_a_code_of_its_own() -> None:
    pairs = pair_waves(PANEL, "form", "firm", [1, 2, 3], missing="none")
    assert pairs["code_after"].tolist() == ["y", "none", "y"]


def test_missing_value_is_counted_nowhere_without_one() -> None:
    assert count_transitions(pair_waves(PANEL, "form", "firm", [1, 2, 3]), ["x", "y"])["n"].sum() == 2


def test_waves_without_common_firms_have_no_pairs() -> None:
    early, late = PANEL.query("wave == 1"), PANEL.query("wave == 2").head(1).assign(firm="z")
    assert pair_waves(pd.concat([early, late]), "form", "firm", [1, 2]).empty


def test_one_wave_has_no_pairs() -> None:
    assert count_transitions(pair_waves(PANEL, "form", "firm", [1]), ["x", "y"]).empty


@given(answers)
def test_flows_out_of_a_block_are_the_firms_of_the_block_that_are_in_both_waves(
    rows: list[tuple[int, int, str | None]],
) -> None:
    panel = pd.DataFrame(rows, columns=["wave", "firm", "form"]).astype({"form": "str"})
    moves = count_transitions(pair_waves(panel, "form", "firm", [1, 2, 3], missing="none"), ["x", "y", "none"])
    filled = panel.assign(form=panel["form"].fillna("none"))
    for (before, after, code), flows in moves.groupby(["before", "after", "code_before"]):
        firms = set(filled.loc[(filled["wave"] == before) & (filled["form"] == code), "firm"])
        assert flows["n"].sum() == len(firms & set(filled.loc[filled["wave"] == after, "firm"]))


@given(answers)
def test_further_wave_moves_no_earlier_transition(rows: list[tuple[int, int, str | None]]) -> None:
    panel = pd.DataFrame(rows, columns=["wave", "firm", "form"]).astype({"form": "str"})
    early = count_transitions(pair_waves(panel[panel["wave"] < 3], "form", "firm", [1, 2]), ["x", "y"])
    late = count_transitions(pair_waves(panel, "form", "firm", [1, 2, 3]), ["x", "y"])
    pd.testing.assert_frame_equal(late[late["after"] < 3].reset_index(drop=True), early, check_dtype=False)
