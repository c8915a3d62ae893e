"""The table of descriptives and correlations."""

import numpy as np
import pandas as pd
import pytest

from firmties.exhibits.descriptives.summarize import compute_icc, correlate, describe_values, summarize
from firmties.exhibits.descriptives.tabulate import tabulate
from firmties.tables import write_csv


@pytest.fixture
def sources():
    draw = np.random.default_rng(5)
    panel = pd.DataFrame(draw.normal(size=(60, 3)), columns=["x", "y", "z"]).assign(
        firm=np.repeat(range(20), 3), wave=np.tile([1, 2, 3], 20)
    )
    panel.loc[:4, "z"] = np.nan
    dictionary = pd.DataFrame({"variable": ["x", "y"], "label": ["Age", "Size"], "codes": ["", ""]})
    waves = pd.DataFrame({"id": [1, 2, 3], "label": ["a", "b", "c"]})
    return {"panel": panel, "dictionary": dictionary, "study": {"firm": "firm"}, "waves": waves}


# Reference: pingouin 0.7.0, corr(x, y) and the row ICC(1,1) of intraclass_corr; it rounds the interval to two digits.
def test_correlation_agrees_with_pingouin(sources):
    assert correlate(sources["panel"]["x"], sources["panel"]["y"])[1] == pytest.approx(0.016031218852940246, abs=1e-12)


def test_interval_agrees_with_pingouin(sources):
    assert np.round(correlate(sources["panel"]["x"], sources["panel"]["y"])[2:], 2).tolist() == [-0.24, 0.27]


def test_icc_agrees_with_pingouin(sources):
    assert compute_icc(sources["panel"]["x"], sources["panel"]["firm"]) == pytest.approx(0.15214936623509398, abs=1e-12)


def test_icc_of_single_values_is_missing():
    assert np.isnan(compute_icc(pd.Series([1.0, 2.0]), pd.Series(["a", "b"])))


def test_constant_has_no_correlation():
    assert np.isnan(correlate(pd.Series([1.0] * 5), pd.Series(range(5)))[1])


@pytest.mark.parametrize(("both", "shown"), [(2, False), (6, True)])
def test_correlation_of_yes_and_no_that_gives_few_is_hidden(sources, both, shown):
    # Ten say yes to each question, of whom so many to both.
    sources["panel"] = sources["panel"].assign(
        x=[1.0] * 10 + [0.0] * 50, y=[0.0] * (10 - both) + [1.0] * 10 + [0.0] * (40 + both)
    )
    sources["study"] = {"firm": "firm", "minimum_cell": 3}
    numbers, _ = summarize(sources, {"variables": ["x", "y"]})
    assert numbers["r"].notna().any() == shown


def test_ends_do_not_tell_how_many_gave_the_last_code():
    # The mean of the five smallest, 1.4, would say that three answered 1.
    values = pd.Series([1.0] * 3 + [2.0] * 20 + [3.0] * 20 + [4.0] * 20)
    found = describe_values(values, pd.Series(1, index=values.index), 5)
    assert (np.isnan(found["minimum"]), found["maximum"]) == (True, 4.0)


def test_mean_of_all_waves_does_not_give_that_of_a_wave_of_few():
    values = pd.Series(np.arange(60.0))
    found = [describe_values(values, pd.Series([1] * (60 - last) + [2] * last), 5)["mean"] for last in (4, 20)]
    assert np.isnan(found).tolist() == [True, False]


def test_pairs_count_complete_answers(sources):
    numbers, _ = summarize(sources, {"variables": ["x", "y", "z"]})
    assert numbers.loc[(numbers["variable"] == "z") & (numbers["with"] == "x"), "n"].item() == 55


def test_print_shows_the_lower_triangle(sources):
    numbers, notes = summarize(sources, {"variables": ["x", "y", "z"]})
    triangle = tabulate(numbers, notes, {"title": "T"}).parts[0]
    assert [sum(cell != "" for cell in row.cells) for row in triangle.rows] == [2, 3]


def test_csv_holds_the_intervals(sources):
    numbers, notes = summarize(sources, {"variables": ["x", "y"]})
    assert write_csv(tabulate(numbers, notes, {"title": "T"})).splitlines()[0].endswith("with,r,r_low,r_high")


def test_no_stars(sources):
    numbers, notes = summarize(sources, {"variables": ["x", "y", "z"]})
    table = tabulate(numbers, notes, {"title": "T"})
    assert not any("*" in cell for part in (table, *table.parts) for row in part.rows for cell in row.cells)
