"""Early against late respondents."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.exhibits.early_late.summarize import split_thirds, summarize
from firmties.exhibits.early_late.tabulate import tabulate

from .exhibit_frames import DICTIONARY, STUDY, WAVES


def make_sources(**columns: Any) -> dict[str, Any]:
    """Sixty firms in wave 1, twenty each after one, two and three contacts; growth is 0, 1 or 2 in turn."""
    panel = pd.DataFrame({"wave": 1, "firm_id": [f"f{at}" for at in range(60)]})
    panel["contacts"] = [1 + at // 20 for at in range(60)]
    panel["growth"] = [float(at % 3) for at in range(60)]
    panel["place"] = ["up" if at % 2 else "down" for at in range(60)]
    return {"panel": panel.assign(**columns), "dictionary": DICTIONARY, "study": STUDY, "waves": WAVES}


def pick(numbers: pd.DataFrame, key: str, column: str) -> Any:
    return numbers.loc[(numbers["wave"] == 1) & (numbers["key"] == key), column].item()


def compare(*variables: str, by: str = "contacts", **columns: Any) -> pd.DataFrame:
    return summarize(make_sources(**columns), {"by": by, "variables": list(variables)})[0]


@pytest.mark.parametrize(("column", "expected"), [("mean_1", 19 / 20), ("mean_2", 21 / 20), ("difference", -0.1)])
def test_means_by_hand(column: str, expected: float) -> None:
    # Firms 0 to 19 have 7 zeros, 7 ones, 6 twos; firms 40 to 59 have 6 zeros, 7 ones, 7 twos.
    assert pick(compare("growth"), "growth", column) == pytest.approx(expected)


def test_times_make_thirds() -> None:
    times = [f"2021-03-01 {at // 60 + 9:02}:{at % 60:02}" for at in range(60)]
    numbers = compare("growth", by="end", end=times)
    assert (pick(numbers, "growth", "n_1"), pick(numbers, "growth", "n_2")) == (20, 20)


def test_of_a_time_only_the_day_is_said() -> None:
    times = [f"2021-03-01 {at // 60 + 9:02}:{at % 60:02}" for at in range(60)]
    assert pick(compare("growth", by="end", end=times), "growth", "early") == "to 2021-03-01"


def test_equal_values_stay_together() -> None:
    # Half of them answered at once, the others after one to three reminders.
    assert split_thirds(pd.Series([1] * 30 + [2] * 15 + [3] * 8 + [4] * 7)) == (1, 2)


def test_where_most_are_late_those_before_are_early() -> None:
    assert split_thirds(pd.Series([1, 2, 3, 3, 3, 3, 3, 3, 3])) == (2, 2)


def test_nobody_is_late_if_all_answered_at_once() -> None:
    assert split_thirds(pd.Series([1, 1, 1])) == (None, None)


@given(st.lists(st.integers(1, 5), min_size=2, max_size=40).filter(lambda values: len(set(values)) > 1))
def test_everybody_is_early_late_or_between_and_neither_group_is_empty(values: list[int]) -> None:
    order = pd.Series(values)
    first, last = split_thirds(order)
    n_early, n_late, n_between = (order <= first).sum(), (order > last).sum(), order.between(first, last, "right").sum()
    assert (min(n_early, n_late) > 0, n_early + n_late + n_between) == (True, len(values))


def test_a_wave_without_the_variable_has_a_reason() -> None:
    numbers = compare("growth")
    assert numbers.loc[numbers["wave"] == 2, "reason"].tolist() == ["contacts: not known"]


def test_a_wave_in_which_all_answered_at_once_has_a_reason() -> None:
    assert compare("growth", contacts=1)["reason"].iloc[0] == "contacts: does not vary"


def test_text_that_is_no_time_is_refused() -> None:
    with pytest.raises(StudyError, match="exhibits: by: 'place' orders answers by number or time; 'down' is neither"):
        compare("growth", by="place")


def test_categories_are_compared_as_shares() -> None:
    assert pick(compare("place"), "place[up]", "mean_1") == pytest.approx(0.5)


def test_share_of_few_is_hidden_with_those_that_give_it_away() -> None:
    places = ["up" if at < 3 else "down" for at in range(60)]
    numbers = compare("place", place=places)
    assert numbers.loc[numbers["wave"] == 1, "cell"].tolist() == ["suppressed", "suppressed"]


@pytest.mark.parametrize("column", ["mean_1", "difference", "hedges_g", "p_value"])
def test_hidden_share_stands_in_no_column(column: str) -> None:
    places = ["up" if at < 3 else "down" for at in range(60)]
    assert pd.isna(pick(compare("place", place=places), "place[up]", column))


def test_share_that_few_of_the_others_have_is_hidden() -> None:
    # Of the twenty between early and late two are upstream: all upstream firms, as the topline has them, less 20.
    places = ["up" if at < 10 or at in (20, 21) or at >= 50 else "down" for at in range(60)]
    assert compare("place", place=places)["cell"].head(2).tolist() == ["suppressed", "suppressed"]


def test_yes_of_few_is_hidden() -> None:
    few = pd.array([at in (1, 2) for at in range(60)], dtype="boolean")
    assert pick(compare("plan", plan=few), "plan", "cell") == "suppressed"


def test_group_of_fewer_than_ten_has_no_mean() -> None:
    growth = [1.0 * at if at > 12 else None for at in range(60)]
    assert pick(compare("growth", growth=growth), "growth", "cell") == "no estimate"


def test_heading_says_who_is_early_and_late() -> None:
    numbers, notes = summarize(make_sources(), {"by": "contacts", "variables": ["growth"]})
    assert tabulate(numbers, notes, {"title": "Early"}).rows[0].cells == ["2021 (early: to 1; late: after 2)"]


def test_row_as_printed() -> None:
    numbers, notes = summarize(make_sources(), {"by": "contacts", "variables": ["growth"]})
    row = tabulate(numbers, notes, {"title": "Early"}).rows[1].cells
    assert row == ["Growth", "20", "20", "0.95", "1.05", "−0.10", "−0.12", "[−0.74, 0.50]", "0.704"]
