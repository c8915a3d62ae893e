"""Factor models pooled over imputed sets, against semTools."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmties.factor_models import fit_factor_model
from firmties.factor_pooling import find_alpha_error, pool_chi_squares, pool_factor_fits, pool_reliabilities

REFERENCE = Path(__file__).parents[1] / "reference"
THREE = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}


@pytest.fixture(scope="module")
def r():
    stored = pd.read_csv(REFERENCE / "r/scales/reliability.csv", keep_default_na=False)
    stored = stored.loc[stored["data"] == "pooled"]
    return stored.assign(value=pd.to_numeric(stored["value"])).set_index(["quantity", "term"])["value"].sort_index()


def fill(gaps, number):
    """Fill the gaps as the R script does: from another row of the same column, by a rule without chance."""
    filled = gaps.copy()
    for j, item in enumerate(gaps, start=1):
        missing = np.flatnonzero(gaps[item].isna()) + 1
        seen = np.flatnonzero(gaps[item].notna())
        filled.loc[missing - 1, item] = gaps[item].to_numpy()[seen[(missing * (number + 3) + j * number) % len(seen)]]
    return filled


@pytest.fixture(scope="module")
def fits():
    items = pd.read_csv(REFERENCE / "scales/holzinger_swineford.csv").drop(columns="school")
    at = np.arange(1, 302)
    gaps = items.assign(**{item: items[item].mask((at * 7 + j * 13) % 23 == 0) for j, item in enumerate(items, 1)})
    return [fit_factor_model(fill(gaps, number), THREE, means=False) for number in range(1, 6)]


@pytest.fixture(scope="module")
def pooled(fits):
    return pool_factor_fits(fits)


MEASURES = {
    "chi2": "chisq",
    "increase": "ariv",
    "scaling": "chisq.scaling.factor",
    "chi2_scaled": "chisq.scaled",
    "p_value_scaled": "pvalue.scaled",
    "baseline_chi2": "baseline.chisq",
    "baseline_scaling": "baseline.chisq.scaling.factor",
    "cfi": "cfi",
    "tli": "tli",
    "cfi_robust": "cfi.robust",
    "rmsea": "rmsea",
    "rmsea_low": "rmsea.ci.lower",
    "rmsea_high": "rmsea.ci.upper",
    "rmsea_robust": "rmsea.robust",
    "rmsea_low_robust": "rmsea.ci.lower.robust",
    "rmsea_high_robust": "rmsea.ci.upper.robust",
    "srmr": "srmr",
}


# 2e-5 of the p, 1e-6 of the others: lavaan's estimates in each set. (semTools 0.5-6 prints a robust TLI of exactly 1.)
@pytest.mark.parametrize("ours", MEASURES)
def test_indices_agree_with_semtools(pooled, r, ours):
    tolerance = 2e-5 if ours == "p_value_scaled" else 1e-6
    assert pooled.indices[ours] == pytest.approx(r[("measure", MEASURES[ours])], rel=tolerance)


@pytest.mark.parametrize("quantity", ["estimate", "std_error"])
def test_loadings_agree_with_semtools(pooled, r, quantity):
    rows = pooled.parameters.loc[(pooled.parameters["part"] == "loading") & pooled.parameters["free"]]
    ours = {f"{row.factor} -> {row.item}": getattr(row, quantity) for row in rows.itertuples()}
    assert ours == pytest.approx({term: r[(quantity, term)] for term in ours}, rel=5e-6)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("statistic", "F"), ("df2", "df2"), ("p_value", "pvalue"), ("increase", "ariv")]
)
def test_d2_agrees_with_semtools(fits, r, ours, theirs):
    test = pool_chi_squares([fit.indices["chi2"] for fit in fits], 24)
    assert getattr(test, ours) == pytest.approx(r[("d2", theirs)], rel=1e-8)


def test_equal_sets_pool_to_the_one(fits):
    pooled = pool_factor_fits([fits[0]] * 3)
    assert pooled.indices["chi2"] == pytest.approx(fits[0].indices["chi2"], rel=1e-12)
    pd.testing.assert_series_equal(pooled.parameters["std_error"], fits[0].parameters["std_error"], rtol=1e-12)


def test_fits_of_other_rows_are_not_pooled(fits):
    items = pd.read_csv(REFERENCE / "scales/holzinger_swineford.csv").head(200)
    with pytest.raises(ValueError, match="same rows"):
        pool_factor_fits([fits[0], fit_factor_model(items, THREE, means=False)])


def test_one_set_is_not_pooled(fits):
    with pytest.raises(ValueError, match="at least two"):
        pool_factor_fits(fits[:1])


def test_missing_chi_square_is_refused():
    with pytest.raises(ValueError, match="none of them missing"):
        pool_chi_squares([3.0, np.nan], 2)


def test_reliability_missing_in_a_set_is_missing_when_pooled():
    assert np.isnan(pool_reliabilities([0.8, np.nan], [0.02, 0.02])["estimate"])


def test_reliabilities_of_equal_sets_keep_their_error():
    found = pool_reliabilities([0.8] * 5, [find_alpha_error(0.8, 102, 4)] * 5)
    assert found["missing_information"] == 0.0
