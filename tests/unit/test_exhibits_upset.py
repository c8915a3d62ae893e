"""Which indicators go together: counts, order, hidden numbers, the share printed."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmties.disclosure import bound_hidden, list_combined
from firmties.exhibits.upset.summarize import summarize

from .exhibit_frames import STUDY, WAVES, draw_anew, list_texts

SETS = ["any_a", "any_b", "any_c"]
OPTIONS = {"sets": SETS, "by": "form", "share": {"of": "any_a", "among": "many"}}
WORDS = pd.DataFrame(
    [
        ("form", "panel", "Form", "category", "none=none|one=one|many=many", ""),
        *((f"any_{name}", "panel", f"Any {name}", "boolean", "", "") for name in "abc"),
    ],
    columns=["variable", "table", "label", "type", "codes", "reference"],
)


def make_panel(counts: dict[str, int]) -> pd.DataFrame:
    """As many firms as said with each combination, such as ``ab``; the form follows from their number."""
    members = [names for names, n in counts.items() for _ in range(n)]
    table = pd.DataFrame({f"any_{name}": [name in names for names in members] for name in "abc"})
    form = [("none", "one", "many")[min(len(names), 2)] for names in members]
    return table.assign(wave=1, firm_id=[f"f{at}" for at in range(len(members))], form=form)


def make_sources(counts: dict[str, int]) -> dict[str, Any]:
    return {"panel": make_panel(counts), "dictionary": WORDS, "study": STUDY, "waves": WAVES}


COUNTS = {"": 11, "a": 30, "b": 20, "ab": 40, "bc": 10, "abc": 20}


def test_combinations_stand_by_size_and_then_by_the_order_of_the_indicators() -> None:
    numbers, _ = summarize(make_sources(COUNTS), OPTIONS)
    totals = numbers[numbers["part"] == "total"]
    assert totals["members"].tolist() == ["any_a|any_b", "any_a", "any_a|any_b|any_c", "any_b", "", "any_b|any_c"]


def test_every_firm_wave_is_in_one_combination() -> None:
    numbers, notes = summarize(make_sources(COUNTS), OPTIONS)
    sums = numbers.groupby("part")["n"].sum()
    assert sums["cell"] == sums["total"] == notes["n_firm_waves"] == 131


def test_the_share_among_a_code_is_printed() -> None:
    _, notes = summarize(make_sources(COUNTS), OPTIONS)
    assert notes["remark_share"] == "Any a: 60 of 70 firm-waves that are “many”, 86 %."


def test_the_share_is_hidden_where_few_have_not_the_indicator() -> None:
    _, notes = summarize(make_sources(COUNTS | {"bc": 3}), OPTIONS)
    assert notes["remark_share"] == "Any a: the share among those that are “many” is hidden."


def test_a_small_combination_is_hidden_and_stands_last() -> None:
    numbers, _ = summarize(make_sources(COUNTS | {"ab": 3}), OPTIONS)
    totals = numbers[numbers["part"] == "total"]
    hidden = totals["n"].isna().to_numpy()
    assert "any_a|any_b" in totals.loc[totals["n"].isna(), "members"].tolist()
    assert (np.diff(hidden.astype(int)) >= 0).all()


def test_order_of_hidden_combinations_tells_no_size() -> None:
    orders = []
    for small in ({"a": 3, "b": 4}, {"a": 4, "b": 3}):
        numbers, _ = summarize(make_sources(COUNTS | small), OPTIONS)
        totals = numbers[numbers["part"] == "total"]
        orders.append(totals.loc[totals["n"].isna(), "members"].tolist())
    assert orders[0] == orders[1]


def test_rows_with_a_missing_indicator_are_counted() -> None:
    sources = make_sources(COUNTS)
    panel = sources["panel"].astype(dict.fromkeys(SETS, "boolean"))
    panel.loc[:3, "any_a"] = pd.NA
    _, notes = summarize(sources | {"panel": panel}, OPTIONS)
    assert notes["remark_left_out"] == "4 firm-waves lack one of the answers and are left out."


@pytest.mark.parametrize(
    "numbers_of", [[11, 3, 20, 9, 30, 2, 8, 1], [0, 4, 4, 30, 12, 0, 1, 6], [2, 40, 1, 0, 9, 5, 0, 3]]
)
def test_no_hidden_number_can_be_bound_closely(numbers_of: list[int]) -> None:
    names = [
        "".join(name for name, held in zip("abc", flags, strict=True) if held) for flags in product([0, 1], repeat=3)
    ]
    counts = dict(zip(names, numbers_of, strict=True))
    numbers, _ = summarize(make_sources(counts), OPTIONS)
    totals = numbers[numbers["part"] == "total"]
    sets = numbers[numbers["part"] == "set"]
    values = [
        counts["".join(member[-1] for member in str(row.members).split("|"))] if row.members else counts[""]
        for row in totals.itertuples()
    ]
    values += [int(make_panel(counts)[name].sum()) for name in sets["members"]] + [sum(numbers_of)]
    hidden = np.array([*totals["n"].isna(), *sets["n"].isna(), False])
    sums = [
        (len(totals) + at, [place for place, members in enumerate(totals["members"]) if name in members])
        for at, name in enumerate(sets["members"])
    ]
    sums.append((len(values) - 1, list(range(len(totals)))))
    for place, (low, high) in bound_hidden(np.array(values), hidden, sums).items():
        assert high - low >= STUDY["minimum_cell"], (place, low, high)


def test_the_table_behind_it_counts_each_code_with_each_indicator() -> None:
    [counts] = list_combined(make_panel(COUNTS), OPTIONS)
    assert ("any_a", "form") in counts.margins


@pytest.fixture(scope="module")
def texts() -> list[str]:
    numbers, notes = summarize(make_sources(COUNTS), OPTIONS)
    return list_texts(draw_anew("upset", numbers, notes, OPTIONS))


@pytest.mark.parametrize("text", ["40", "Any a (n = 90)", "many", "Firm-waves"])
def test_drawn(texts: list[str], text: str) -> None:
    assert text in texts


def test_hidden_is_said_in_words() -> None:
    numbers, notes = summarize(make_sources(COUNTS | {"ab": 3}), OPTIONS)
    assert "hidden" in list_texts(draw_anew("upset", numbers, notes, OPTIONS))


def test_no_row_says_so() -> None:
    sources = make_sources(COUNTS)
    numbers, notes = summarize(sources | {"panel": sources["panel"].iloc[:0]}, OPTIONS)
    assert "no row has all answers" in list_texts(draw_anew("upset", numbers, notes, OPTIONS))
