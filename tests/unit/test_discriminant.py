"""Discriminant validity and common-method checks, held against semTools and lavaan."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.discriminant import (
    adjust_for_marker,
    bootstrap_htmt,
    compute_htmt,
    correlate_factors,
    correlate_pairs,
    gather_pairs,
    judge_htmt,
    make_matrix,
    measure_factor,
    share_single_factor,
)
from firmties.scales import score_scale

FOLDER = Path(__file__).parents[1] / "reference" / "r" / "measures"
ITEMS = pd.read_csv(FOLDER / "items.csv")
REFERENCE = pd.read_csv(FOLDER / "discriminant.csv").set_index(["quantity", "term"])["value"]
SCALES = {name: [f"{name}{k}" for k in range(1, 4 if name == "d" else 5)] for name in "abcd"}
NAMES = [item for items in SCALES.values() for item in items]
COMPLETE = ITEMS.dropna(subset=NAMES)
PAIRS = [f"{one} {two}" for one, two in combinations(SCALES, 2)]


@pytest.mark.parametrize("ratio", ["htmt", "htmt2"])
@pytest.mark.parametrize("gaps", ["listwise", "pairwise"])
def test_ratios_agree_with_semtools(ratio, gaps):
    rows = COMPLETE if gaps == "listwise" else ITEMS
    moments = gather_pairs(rows[NAMES], rows["firm"])
    found = compute_htmt(correlate_pairs(moments.sums.sum(axis=0)), moments, SCALES, geometric=ratio == "htmt2")
    assert found[0] == pytest.approx([REFERENCE[f"{ratio} {gaps}", pair] for pair in PAIRS], rel=1e-12)


# 1e-6, as lavaan stops its search at about this distance from the maximum.
def test_ave_agrees_with_lavaan():
    found = [measure_factor(COMPLETE[items]).ave for items in SCALES.values()]
    assert found == pytest.approx([REFERENCE["ave", name] for name in SCALES], rel=1e-6)


def test_factor_correlations_agree_with_lavaan_sam():
    factors = {name: measure_factor(COMPLETE[items]) for name, items in SCALES.items()}
    found = correlate_factors(COMPLETE[NAMES].corr(), factors)
    expected = [REFERENCE["factor correlation", pair] for pair in PAIRS]
    assert [found.loc[pair[0], pair[2]] for pair in PAIRS] == pytest.approx(expected, rel=1e-6)


def test_share_of_a_single_factor_agrees_with_eigen():
    moments = gather_pairs(ITEMS[NAMES], ITEMS["firm"])
    found = share_single_factor(make_matrix(moments, correlate_pairs(moments.sums.sum(axis=0))[0]))
    expected = [REFERENCE["single factor", "share"], REFERENCE["single factor", "smallest"]]
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("at", [0, 1, 3])
def test_adjustment_for_a_marker_agrees_with_r(at):
    scores = {name: score_scale(ITEMS[items]) for name, items in SCALES.items()}
    marker = score_scale(ITEMS[["m1", "m2"]])
    lowest = min(r for r in (marker.corr(score) for score in scores.values()) if r > 0)
    quantity = ("adjusted", "adjusted t", None, "adjusted p")[at]
    found = {
        pair: adjust_for_marker(scores[pair[0]].corr(scores[pair[2]]), lowest, ITEMS["firm"].nunique())[at]
        for pair in PAIRS
    }
    assert found == pytest.approx({pair: REFERENCE[quantity, pair] for pair in PAIRS}, rel=1e-9)


def test_marker_correlations_agree_with_r():
    marker = score_scale(ITEMS[["m1", "m2"]])
    found = [marker.corr(score_scale(ITEMS[items])) for items in SCALES.values()]
    assert found == pytest.approx([REFERENCE["marker correlation", name] for name in SCALES], rel=1e-9)


def bootstrap(rows, **options):
    moments = gather_pairs(rows[NAMES], rows["firm"])
    return bootstrap_htmt(moments, SCALES, **{"draws": 150, "seed": 4, **options})


def test_same_seed_same_bounds():
    pd.testing.assert_frame_equal(bootstrap(ITEMS), bootstrap(ITEMS.sample(frac=1, random_state=1)))


def test_bounds_enclose_the_estimate():
    found = bootstrap(ITEMS)
    assert ((found["conf_low"] < found["estimate"]) & (found["estimate"] < found["conf_high"])).all()


# The draws as loops make them: rows of the firms drawn, stacked, and pandas' correlations.
def test_draws_are_those_of_whole_firms():
    moments = gather_pairs(COMPLETE[NAMES], COMPLETE["firm"])
    n = len(moments.clusters)
    counts = np.random.default_rng(4).multinomial(n, np.full(n, 1 / n), size=2)
    drawn = pd.concat(
        [
            COMPLETE[COMPLETE["firm"] == firm]
            for firm, k in zip(moments.clusters, counts[1], strict=True)
            for _ in range(k)
        ]
    )
    again = gather_pairs(drawn[NAMES], drawn["firm"])
    expected = compute_htmt(correlate_pairs(again.sums.sum(axis=0)), again, SCALES)
    assert compute_htmt(correlate_pairs(counts[[1]] @ moments.sums), moments, SCALES) == pytest.approx(
        expected, rel=1e-9
    )


def test_waves_of_a_firm_widen_the_interval():
    twice = pd.concat([ITEMS, ITEMS])
    apart = twice.assign(firm=np.arange(len(twice)))
    width = [found["conf_high"].sub(found["conf_low"]).mean() for found in (bootstrap(twice), bootstrap(apart))]
    assert width[0] > 1.2 * width[1]


@given(st.floats(0.1, 9), st.floats(-5, 5))
def test_ratio_does_not_depend_on_an_items_unit_or_direction(scale, shift):
    moved = COMPLETE.assign(a1=shift - scale * COMPLETE["a1"])
    found = []
    for rows in (COMPLETE, moved):
        moments = gather_pairs(rows[NAMES], rows["firm"])
        found.append(compute_htmt(correlate_pairs(moments.sums.sum(axis=0)), moments, SCALES))
    assert found[0] == pytest.approx(found[1], rel=1e-8)


def test_scale_with_one_item_has_no_ratio():
    moments = gather_pairs(ITEMS[["a1", "a2", "b1"]], ITEMS["firm"])
    assert np.isnan(bootstrap_htmt(moments, {"a": ["a1", "a2"], "b": ["b1"]}, draws=5)["conf_high"]).all()


def test_constant_item_has_no_correlation():
    moments = gather_pairs(ITEMS[["a1", "a2"]].assign(a2=4), ITEMS["firm"])
    assert np.isnan(correlate_pairs(moments.sums.sum(axis=0))).all()


def test_item_that_is_all_missing_has_no_correlation():
    moments = gather_pairs(ITEMS[["a1", "a2"]].assign(a2=np.nan), ITEMS["firm"])
    assert np.isnan(correlate_pairs(moments.sums.sum(axis=0))).all()


def test_negative_definite_matrix_says_its_smallest_eigenvalue():
    matrix = pd.DataFrame([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1]])
    assert share_single_factor(matrix)[1] == pytest.approx(-0.8)


def test_single_item_is_no_factor():
    assert measure_factor(ITEMS[["a1"]]).reason == "one item"


def test_two_items_that_disagree_are_no_factor():
    assert measure_factor(ITEMS[["a1", "a2"]].assign(a2=-ITEMS["a2"])).reason.startswith("two items that do not")


def test_constant_item_is_no_factor():
    assert measure_factor(ITEMS[["a1", "a2", "a3"]].assign(a3=4)).reason == "constant: a3"


def test_item_without_an_answer_is_no_factor():
    assert np.isnan(measure_factor(ITEMS[["a1", "a2", "a3"]].assign(a3=np.nan)).ave)


def test_ratio_above_the_looser_bound_is_not_distinct():
    assert judge_htmt(0.91, 0.95) == "not distinct"


def test_adjustment_without_degrees_of_freedom_has_no_test():
    assert np.isnan(adjust_for_marker(0.4, 0.1, 3)[3])
