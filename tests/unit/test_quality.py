"""Flags of careless responding."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.codebook import Variable
from firmties.quality import correlate_halves, find_distance_p, find_longest_runs, flag_responses, judge_blocks

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


def test_wave_without_times_flags_nobody_for_speed() -> None:
    table = pd.DataFrame({"w": 1, "r": ["a", "b"], "f": "f"})
    settings = {"speed": {"duration": "seconds", "below_share_of_median": 0.5}}
    assert flag_responses(table, [], settings, ["w", "r", "f"])["speed"].tolist() == [False, False]


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


def item(name: str, construct: str, reverse: bool = False) -> Variable:
    return Variable(name, construct=construct, scale="agree7", minimum=1, maximum=7, reverse=reverse)


PAIRS = [item(f"{construct}{number}", construct) for construct in "abc" for number in (1, 2)]


def answer(*answers: float | None, items: list[Variable] = PAIRS) -> tuple[pd.DataFrame, list[Variable]]:
    return pd.DataFrame([answers], columns=[variable.name for variable in items], dtype="float64"), items


def test_even_odd_is_corrected_by_spearman_brown() -> None:
    # Odd halves 1, 2, 3 and even halves 1, 3, 2 correlate .5; 2 * .5 / 1.5 = 2/3.
    assert correlate_halves(*answer(1, 1, 2, 3, 3, 2))[0] == pytest.approx(2 / 3)


def test_even_odd_recodes_reversed_items() -> None:
    items = [item(variable.name, variable.construct, variable.name.endswith("2")) for variable in PAIRS]
    assert correlate_halves(*answer(1, 7, 2, 5, 3, 6, items=items))[0] == pytest.approx(2 / 3)


def test_even_odd_goes_no_lower_than_minus_one() -> None:
    assert correlate_halves(*answer(1, 3, 2, 2, 3, 1))[0] == -1


@pytest.mark.parametrize("answers", [(4, 4, 4, 4, 4, 4), (1, 1, 2, 2, 3, None), (None,) * 6])
def test_even_odd_of_too_little_is_missing(answers: tuple[float | None, ...]) -> None:
    assert correlate_halves(*answer(*answers)).isna().all()


def test_even_odd_agrees_with_numpy() -> None:
    answers = np.random.default_rng(1).uniform(1, 7, (50, 6))
    table = pd.DataFrame(answers, columns=[variable.name for variable in PAIRS])
    r = np.array([np.corrcoef(row[0::2], row[1::2])[0, 1] for row in answers])
    np.testing.assert_allclose(correlate_halves(table, PAIRS), np.maximum(2 * r / (1 + r), -1))


def test_distance_agrees_with_a_second_formula() -> None:
    answers = np.random.default_rng(2).normal(size=(40, 3))
    centred = answers - answers.mean(axis=0)
    solved = np.linalg.solve(np.cov(answers, rowvar=False), centred.T).T
    distance = (centred * solved).sum(axis=1)
    # Upper tail of chi-square with 3 degrees of freedom in closed form.
    from scipy.special import erfc

    tail = erfc(np.sqrt(distance / 2)) + np.sqrt(2 * distance / np.pi) * np.exp(-distance / 2)
    np.testing.assert_allclose(find_distance_p(pd.DataFrame(answers)), tail, rtol=1e-9)


@pytest.mark.parametrize("answers", [[[1.0, 2.0]], [[4.0]] * 9, [[np.nan]] * 9])
def test_distance_of_too_little_is_missing(answers: list[list[float]]) -> None:
    assert find_distance_p(pd.DataFrame(answers)).isna().all()


def test_low_spread_is_judged_by_the_deviation_within_a_response() -> None:
    # Deviations 0.5 (three 4 and one 5) and 0.
    table = pd.DataFrame([[4, 4, 4, 5], [4, 4, 4, 4]], columns=["q1", "q2", "q3", "q4"]).assign(
        w=1, r=["a", "b"], f="f"
    )
    settings = {"low_spread": {"response_scale": "agree7", "below": 0.35}}
    assert flag_responses(table, VARIABLES, settings, ["w", "r", "f"])["low_spread"].tolist() == [False, True]


def test_self_report_is_judged_by_its_answer() -> None:
    table = pd.DataFrame({"w": 1, "r": ["a", "b", "c"], "f": "f", "use": pd.array([1, 0, None], dtype="Int64")})
    settings = {"self_report": {"items": {"use": 1}}}
    assert flag_responses(table, VARIABLES, settings, ["w", "r", "f"])["self_report"].tolist() == [False, True, False]


def test_pages_add_to_speed_and_their_absence_does_not_stop() -> None:
    table = pd.DataFrame({"w": 1, "r": ["a", "b"], "f": "f", "s": [99.0, 100.0], "times": ["[1, 98]", "[50, 50]"]})
    pages = {"times": "times", "items": [5, 5], "seconds_per_item": 2, "share": 0.5}
    settings = {"speed": {"duration": "s", "below_share_of_median": 0.5, "pages": pages}}
    found = [
        flag_responses(part, [], settings, ["w", "r", "f"])["speed"].tolist()
        for part in (table, table[["w", "r", "f", "s"]])
    ]
    assert found == [[True, False], [False, False]]


def test_flags_without_items_are_not_raised() -> None:
    rule = {"response_scale": "none", "below": 0.3, "p_below": 0.001}
    table = pd.DataFrame({"w": [1], "r": ["a"], "f": ["f"]})
    settings = dict.fromkeys(("even_odd", "mahalanobis", "low_spread"), rule)
    assert flag_responses(table, VARIABLES, settings, ["w", "r", "f"])["n_flags"].tolist() == [0]


def test_blocks_of_rows_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = pd.DataFrame(np.random.default_rng(1).integers(1, 8, (60, 5)).astype(float))
    answers.iloc[3:9, 1] = np.nan
    whole = find_distance_p(answers), judge_blocks(find_longest_runs, answers)
    monkeypatch.setattr("firmties.quality.BLOCK_ROWS", 7)
    pd.testing.assert_series_equal(find_distance_p(answers), whole[0])
    pd.testing.assert_series_equal(judge_blocks(find_longest_runs, answers), whole[1])
