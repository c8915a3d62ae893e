"""Flags of careless responding."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from firmties.codebook import Variable
from firmties.quality import find_longest_runs, flag_responses

VARIABLES = [Variable(f"q{i}", scale="agree7") for i in range(1, 5)] + [Variable("att", scale="agree7")]
SETTINGS = {
    "attention": {"items": {"att": 5}},
    "speed": {"duration": "seconds", "below_share_of_median": 0.5},
    "identical_run": {"response_scale": "agree7", "except": ["att"], "at_least": 4},
}


def flags(**columns: list[object]) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    base = {
        "wave": 1,
        "resp": [f"r{i}" for i in range(size)],
        "firm": "f",
        "seconds": 100.0,
        "att": 5,
        "q1": 1,
        "q2": 2,
        "q3": 1,
        "q4": 2,
    }
    table = pd.DataFrame({**base, **columns}, index=range(size))
    return flag_responses(table, VARIABLES, SETTINGS, ["wave", "resp", "firm"])


def test_wrong_attention_answer_is_flagged_and_a_blank_is_not() -> None:
    assert flags(att=pd.array([5, 4, None], dtype="Int64"))["attention"].tolist() == [False, True, False]


def test_attention_item_that_is_a_category_is_compared_by_its_code() -> None:
    assert flags(att=pd.array(["5", "4"], dtype="str"))["attention"].tolist() == [False, True]


def test_speed_is_relative_to_the_median() -> None:
    assert flags(seconds=[100.0, 100.0, 100.0, 49.0, 50.0, None])["speed"].tolist() == [
        False,
        False,
        False,
        True,
        False,
        False,
    ]


def test_identical_run_leaves_out_the_attention_item() -> None:
    assert flags(q1=[2, 1], q3=[2, 1])["identical_run"].tolist() == [True, False]


def test_flags_are_counted() -> None:
    assert flags(att=[4, 5], q1=[2, 1], q3=[2, 1])["n_flags"].tolist() == [2, 0]


@given(st.lists(st.integers(min_value=1, max_value=3), min_size=1, max_size=30))
def test_longest_run_agrees_with_counting_by_hand(answers: list[int]) -> None:
    longest = max(
        stop - start
        for start in range(len(answers))
        for stop in range(start + 1, len(answers) + 1)
        if len(set(answers[start:stop])) == 1
    )
    assert find_longest_runs(pd.DataFrame([answers])).tolist() == [longest]
