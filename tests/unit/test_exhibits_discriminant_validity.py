"""The table of discriminant validity."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.exhibits.discriminant_validity.summarize import summarize
from firmties.exhibits.discriminant_validity.tabulate import tabulate

ITEMS = pd.read_csv(Path(__file__).parents[1] / "reference" / "r" / "measures" / "items.csv")
OPTIONS = {"draws": 100, "marker": ["m1", "m2"]}


def make_sources(**columns):
    scales = pd.DataFrame({"name": list("abc"), "label": ["Trust", "Reach", "Skill"]})
    scales["items"] = [[f"{name}{k}" for k in (1, 2, 3)] for name in "abc"]
    return {
        "panel": ITEMS.assign(**columns),
        "scales": scales,
        "waves": pd.DataFrame({"id": [1, 2, 3], "label": ["2021", "2022", "2023"]}),
        "study": {"firm": "firm", "minimum_cell": 5},
    }


def print_table(sources, options=OPTIONS):
    numbers, notes = summarize(sources, options)
    return tabulate(numbers, notes, {"title": "T", **options})


def test_ratio_stands_beneath_and_its_bound_above_the_diagonal():
    numbers, notes = summarize(make_sources(), OPTIONS)
    pair = numbers.loc[(numbers["part"] == "htmt") & (numbers["scale_2"] == "b")].iloc[0]
    rows = tabulate(numbers, notes, {"title": "T"}).rows
    assert (rows[1].cells[1], rows[0].cells[2]) == (f"{pair['estimate']:.2f}", f"{pair['conf_high']:.2f}")


def test_scales_that_measure_the_same_are_named():
    same = {f"b{k}": ITEMS[f"a{k}"] for k in (1, 2, 3)}
    assert "Not distinct: Trust with Reach." in print_table(make_sources(**same)).notes


def test_factors_that_share_more_than_their_items_are_named():
    same = {f"b{k}": ITEMS[f"a{k}"] for k in (1, 2, 3)}
    assert "It fails for Trust with Reach." in print_table(make_sources(**same)).notes


def test_thresholds_decide_the_verdict():
    numbers, _ = summarize(make_sources(), {**OPTIONS, "distinct": 0.1, "neighbouring": 0.15})
    assert set(numbers.loc[numbers["part"] == "htmt", "verdict"]) == {"not distinct"}


def test_thresholds_in_the_wrong_order_are_refused():
    with pytest.raises(StudyError, match=r"neighbouring: 0\.8 lies below distinct, 0\.85"):
        summarize(make_sources(), {"neighbouring": 0.8})


def test_without_a_marker_nothing_is_adjusted():
    assert len(print_table(make_sources(), {"draws": 100}).parts) == 1


def test_marker_without_a_positive_correlation_takes_nothing_out():
    draw = np.random.default_rng(3).normal(size=len(ITEMS))
    trait = ITEMS.filter(regex=r"^[abc]\d$").mean(axis=1)
    sources = make_sources(m1=draw - 2 * trait, m2=-trait)
    assert "The marker correlates with no scale above 0, so nothing is taken out." in print_table(sources).notes


def test_item_without_an_answer_is_named():
    notes = print_table(make_sources(a2=np.nan, b1=4.0)).notes
    assert "Left out: a2 (no answer), b1 (constant)." in notes


def test_scale_whose_items_are_all_lost_has_no_factor():
    lost = {f"a{k}": np.nan for k in (1, 2, 3)}
    assert "No factor of Trust: no item left." in print_table(make_sources(**lost)).notes


def test_few_firms_have_no_numbers():
    sources = make_sources()
    sources["panel"] = sources["panel"].loc[sources["panel"]["firm"] < 25]
    numbers, notes = summarize(sources, OPTIONS)
    assert numbers.empty
    assert "no numbers" in tabulate(numbers, notes, {"title": "T"}).notes[-1]


def test_empty_panel_has_no_numbers():
    sources = make_sources()
    sources["panel"] = sources["panel"].iloc[:0]
    assert summarize(sources, OPTIONS)[0].empty
