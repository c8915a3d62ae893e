"""Reliability, factorability and exploratory factors against psych, semTools and pingouin."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pingouin import cronbach_alpha

from firmties.estimators import FitError
from firmties.reliability import (
    compare_with_chance,
    compute_alpha,
    correlate_items_with_rest,
    describe_scale,
    explore_factors,
    find_alpha_without,
    find_sampling_adequacy,
    fit_congeneric,
    test_sphericity,
)

REFERENCE = Path(__file__).parents[1] / "reference"
SCALES = {factor: [f"{factor}{at}" for at in range(1, 6)] for factor in "ACENO"}
SCALES |= {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}


@pytest.fixture(scope="module")
def data():
    bfi = pd.read_csv(REFERENCE / "scales/bfi.csv")
    bfi = bfi.assign(**{item: 7 - bfi[item] for item in ("A1", "C4", "C5", "E1", "E2", "O2", "O5")})
    return {"bfi": bfi, "hs": pd.read_csv(REFERENCE / "scales/holzinger_swineford.csv").drop(columns="school")}


@pytest.fixture(scope="module")
def r():
    stored = pd.read_csv(REFERENCE / "r/scales/reliability.csv", keep_default_na=False)
    stored["value"] = pd.to_numeric(stored["value"], errors="coerce")
    return stored.set_index(["data", "quantity", "term"])["value"].sort_index()


def pick(data, scale):
    return data["hs" if SCALES[scale][0].startswith("x") else "bfi"][SCALES[scale]]


# --- one scale -------------------------------------------------------------------------------------------------------

QUANTITIES = {
    **{name: name for name in ("alpha", "alpha_low", "alpha_high", "omega", "mean_r")},
    "ave": "ave_standardized",
    "composite": "cr_standardized",
}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_scale_agrees_with_psych_and_semtools(data, r, scale, quantity):
    expected = r[(scale, QUANTITIES[quantity], "")]
    assert describe_scale(pick(data, scale))[quantity] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("scale", SCALES)
def test_item_rest_agrees_with_psych(data, r, scale):
    found = correlate_items_with_rest(pick(data, scale))
    assert found.to_dict() == pytest.approx(r[(scale, "item_rest")].to_dict(), rel=1e-10)


@pytest.mark.parametrize("scale", SCALES)
def test_alpha_without_each_item_agrees_with_psych(data, r, scale):
    found = find_alpha_without(pick(data, scale))
    assert found.to_dict() == pytest.approx(r[(scale, "alpha_dropped")].to_dict(), rel=1e-10)


# The values that psych's help prints for these five scales (from pairwise covariances; ours from complete rows).
@pytest.mark.parametrize(("scale", "printed"), [("A", 0.70), ("C", 0.73), ("E", 0.76), ("N", 0.81), ("O", 0.60)])
def test_alphas_of_bfi_as_published(data, r, scale, printed):
    assert round(r[(scale, "alpha_pairwise", "")], 2) == printed
    assert compute_alpha(pick(data, scale))[0] == pytest.approx(printed, abs=0.01)


@pytest.mark.parametrize("scale", SCALES)
def test_feldt_interval_agrees_with_pingouin(data, scale):
    _, bounds = cronbach_alpha(pick(data, scale).dropna())
    assert np.round(compute_alpha(pick(data, scale))[1:], 3).tolist() == pytest.approx(bounds.tolist(), abs=1e-9)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.floats(-3, 3), st.floats(0.1, 5))
def test_alpha_does_not_depend_on_centre_and_unit(seed, shift, unit):
    items = pd.DataFrame(np.random.default_rng(seed).normal(size=(30, 4)))
    assert compute_alpha(items * unit + shift) == pytest.approx(compute_alpha(items), rel=1e-9, abs=1e-9)


def test_omega_of_equal_loadings_is_alpha():
    # Items of one covariance: the one-factor model fits exactly, and the two are the same by algebra.
    root = np.linalg.cholesky(np.full((4, 4), 0.4) + 0.6 * np.eye(4))
    draw = np.random.default_rng(1).normal(size=(200, 4))
    draw -= draw.mean(axis=0)
    exact = draw @ np.linalg.inv(np.linalg.cholesky(draw.T @ draw / 200)).T @ root.T
    items = pd.DataFrame(exact, columns=list("abcd"))
    assert fit_congeneric(items).omega == pytest.approx(compute_alpha(items)[0], rel=1e-9)


def test_omega_interval_covers_what_was_drawn():
    # Loadings .8, .7, .6, residual variances .36, .51, .64: omega = 4.41 / 5.92. 300 samples of 400; exact bounds of
    # the binomial around .95 at 300 draws are .92 to .97.
    draw = np.random.default_rng(11)
    loading = np.array([0.8, 0.7, 0.6])
    covered = 0
    for _ in range(300):
        items = draw.normal(size=(400, 1)) * loading + draw.normal(size=(400, 3)) * np.sqrt(1 - loading**2)
        found = fit_congeneric(pd.DataFrame(items, columns=list("abc")))
        covered += found.conf_low < 4.41 / (4.41 + 1.51) < found.conf_high
    assert 0.92 <= covered / 300 <= 0.97


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"b": 3.0}, "constant: b"),
        ({"b": np.nan}, "no answer to b"),
        ({"c": lambda table: 2 * table["a"]}, "singular covariance of the items: c is determined by a"),
    ],
)
def test_omega_without_a_model_has_a_reason(change, reason):
    items = pd.DataFrame(np.random.default_rng(1).normal(size=(50, 3)), columns=list("abc")).assign(**change)
    found = fit_congeneric(items)
    assert (np.isnan(found.omega), found.reason) == (True, reason)


def test_omega_of_two_items_has_a_reason():
    items = pd.DataFrame(np.random.default_rng(1).normal(size=(50, 2)), columns=["a", "b"])
    assert describe_scale(items)["omega_reason"] == "one factor needs three items"


def test_heywood_case_gives_no_omega():
    draw = np.random.default_rng(4)
    a = draw.normal(size=100)
    items = pd.DataFrame({"a": a, "b": a + 0.5 * draw.normal(size=100), "c": a - 2 * draw.normal(size=100)})
    items["b"] += items["c"] * 0.0 + 0.3 * (items["c"] - a)
    found = fit_congeneric(items)
    assert found.reason.startswith("negative residual variance of")


# --- a set of items --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bfi", "hs"])
def test_sampling_adequacy_agrees_with_psych(data, r, name):
    overall, each = find_sampling_adequacy(data[name])
    assert overall == pytest.approx(r[(name, "kmo", "")], rel=1e-10)
    assert each.to_dict() == pytest.approx(r[(name, "kmo_item")].to_dict(), rel=1e-10)


@pytest.mark.parametrize("name", ["bfi", "hs"])
def test_sphericity_agrees_with_psych(data, r, name):
    statistic, df, _ = test_sphericity(data[name])
    assert (statistic, df) == (pytest.approx(r[(name, "bartlett", "")], rel=1e-10), r[(name, "bartlett_df", "")])


@pytest.mark.parametrize(("name", "kept"), [("bfi", 5), ("hs", 3)])
def test_parallel_analysis_keeps_what_the_items_were_made_for(data, name, kept):
    assert compare_with_chance(data[name], seed=1)["kept"].sum() == kept


# Two simulations, of 500 and of 2,000 draws; the standard error of a 95th percentile of 500 is about 0.5 % here.
@pytest.mark.parametrize("name", ["bfi", "hs"])
def test_chance_eigenvalues_agree_with_r(data, r, name):
    found = compare_with_chance(data[name], seed=1)["chance"]
    stored = r[(name, "parallel")]
    expected = [pytest.approx(stored[str(at + 1)], rel=0.015) for at in range(len(stored))]
    assert found[: len(stored)].tolist() == expected


def test_parallel_analysis_repeats_with_its_seed(data):
    pd.testing.assert_frame_equal(compare_with_chance(data["hs"], 3), compare_with_chance(data["hs"], 3))


# 1e-5 and 1e-4, absolute: two optimizers that stop at tolerances of their own, and rotations to 1e-5.
@pytest.mark.parametrize(("name", "m"), [("bfi", 5), ("hs", 3)])
def test_uniqueness_agrees_with_factanal(data, r, name, m):
    found = explore_factors(data[name], m).uniqueness
    assert found.to_dict() == pytest.approx(r[(name, "uniqueness")].to_dict(), abs=1e-5)


@pytest.mark.parametrize(("name", "m"), [("bfi", 5), ("hs", 3)])
@pytest.mark.parametrize("rotation", ["oblimin", "varimax"])
def test_rotated_loadings_agree_with_gparotation(data, r, name, m, rotation):
    found = explore_factors(data[name], m, rotation=rotation).loadings
    stored = r[(name, rotation)]
    theirs = np.array([[stored[f"{item} {at}"] for at in range(1, m + 1)] for item in found.index])
    order = np.abs(found.to_numpy().T @ theirs).argmax(axis=1)
    turned = theirs[:, order] * np.sign((found.to_numpy() * theirs[:, order]).sum(axis=0))
    assert sorted(order) == list(range(m))
    assert found.to_numpy() == pytest.approx(turned, abs=1e-4)


def test_too_many_factors_are_refused(data):
    with pytest.raises(FitError, match="6 factors of 9 items are not identified"):
        explore_factors(data["hs"], 6)
