"""Raking: margins met, weights trimmed, R's rake."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.raking import Margin, measure_design_effect, rake

FOLDER = Path(__file__).parents[1] / "reference/r/survey"


def make_margins(seed: int, n: int = 400) -> tuple[np.ndarray, list[Margin]]:
    """Start weights and margins that some weights meet."""
    generator = np.random.default_rng(seed)
    wanted = generator.gamma(2, 1, n)
    margins = []
    for size in (3, 4, 2):
        codes = generator.permutation(np.arange(n) % size)
        margins.append((codes, np.bincount(codes, weights=wanted)))
    return generator.gamma(2, 1, n) + 0.1, margins


@given(st.integers(0, 10_000))
def test_every_margin_is_met(seed: int) -> None:
    start, margins = make_margins(seed)
    raked = rake(start, margins)
    gaps = [np.abs(np.bincount(codes, weights=raked.weights) / targets - 1).max() for codes, targets in margins]
    assert max(gaps) < 1e-11


@given(st.integers(0, 10_000))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    start, margins = make_margins(seed)
    order = np.random.default_rng(seed).permutation(len(start))
    other = rake(start[order], [(codes[order], targets) for codes, targets in margins], 5)
    np.testing.assert_allclose(other.weights, rake(start, margins, 5).weights[order], rtol=1e-9)


def test_rows_of_one_cell_keep_their_ratio() -> None:
    start, margins = make_margins(1)
    ratio = rake(start, margins).weights / start
    cell = margins[0][0] * 100 + margins[1][0] * 10 + margins[2][0]
    assert pd.Series(ratio).groupby(cell).agg(np.ptp).max() < 1e-12


def test_weights_are_trimmed_and_margins_hold() -> None:
    start, margins = make_margins(2)
    raked = rake(start, margins, 3)
    assert raked.largest <= 3 * (1 + 2e-9)
    assert raked.gap <= 1e-12
    assert raked.n_trimmed > 0


def test_a_limit_that_contradicts_the_margins_is_told() -> None:
    codes = np.array([0] * 99 + [1])
    raked = rake(np.ones(100), [(codes, np.array([50.0, 50.0]))], 5)
    assert raked.largest > 5
    assert raked.gap <= 1e-12


def test_margins_that_contradict_each_other_leave_a_gap() -> None:
    one, two = np.array([0, 0, 1]), np.array([0, 0, 1])
    raked = rake(np.ones(3), [(one, np.array([1.0, 2.0])), (two, np.array([2.0, 1.0]))])
    assert raked.gap > 0.4


def test_nothing_is_trimmed_where_margins_contradict_each_other() -> None:
    codes, start = np.array([0] * 5 + [1] * 5), np.array([1.0] * 9 + [50.0])
    assert rake(start, [(codes, np.array([5.0, 5.0])), (codes, np.array([4.0, 6.0]))], 2).rounds == 0


def test_many_categories_are_met_too() -> None:
    generator = np.random.default_rng(3)
    margins = []
    for _ in range(4):
        codes = np.concatenate([np.arange(50), generator.integers(0, 50, 950)])
        margins.append((codes, np.full(50, 20.0)))
    assert rake(np.ones(1000), margins).gap <= 1e-12


def test_raking_is_that_of_r() -> None:
    table = pd.read_csv(FOLDER / "apiclus1.csv")
    values = pd.read_csv(FOLDER / "values.csv", dtype={"term": "str"})
    expected = values.loc[(values["design"] == "raked") & (values["quantity"] == "weight"), "value"]
    margins = [
        (table["stype"].map({"E": 0, "H": 1, "M": 2}).to_numpy(), np.array([4421.0, 755.0, 1018.0])),
        (table["sch.wide"].map({"No": 0, "Yes": 1}).to_numpy(), np.array([1072.0, 5122.0])),
    ]
    # R raked to 1e-10.
    np.testing.assert_allclose(rake(table["pw"].to_numpy(), margins).weights, expected, rtol=1e-9)


def test_the_design_effect_is_that_of_kish() -> None:
    weights = np.array([1.0, 2.0, 3.0])
    assert measure_design_effect(weights) == pytest.approx(1 + (np.std(weights) / np.mean(weights)) ** 2)
