"""The factor models against lavaan, published values, laws, and data that carry no factor model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.estimators import FitError
from firmties.factor_models import (
    Moments,
    build_structure,
    compare_nested,
    find_gradient,
    find_hessian,
    fit_factor_model,
    fit_moments,
    gather_moments,
)

REFERENCE = Path(__file__).parents[1] / "reference"
THREE = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}
FIVE = {factor: [f"{factor}{at}" for at in range(1, 6)] for factor in "ACENO"}
REVERSED = ["A1", "C4", "C5", "E1", "E2", "O2", "O5"]
STEPS = {
    "configural": {},
    "metric": {"equal": ["loadings"]},
    "scalar": {"equal": ["loadings", "intercepts"]},
    "partial": {"equal": ["loadings", "intercepts"], "freed": [("intercepts", "x3"), ("intercepts", "x7")]},
    "strict": {"equal": ["loadings", "intercepts", "residuals"]},
}
PAIRS = [("metric", "configural"), ("scalar", "metric"), ("partial", "metric"), ("strict", "scalar")]
CORRECTIONS = ["none", "mlm", "mlr"]


@pytest.fixture(scope="module")
def hs():
    return pd.read_csv(REFERENCE / "scales/holzinger_swineford.csv")


@pytest.fixture(scope="module")
def bfi():
    items = pd.read_csv(REFERENCE / "scales/bfi.csv")
    return items.assign(**{item: 7 - items[item] for item in REVERSED})


@pytest.fixture(scope="module")
def fits(hs, bfi):
    found = {
        "hs_none": fit_factor_model(hs, THREE, robust="none"),
        "hs_mlm": fit_factor_model(hs, THREE, robust="mlm"),
        "hs_mlr": fit_factor_model(hs, THREE),
        "hs_standardized": fit_factor_model(hs, THREE, identification="standardized"),
        "hs_correlated": fit_factor_model(hs, THREE, correlated=[("x7", "x8")]),
        "hs_cluster": fit_factor_model(hs, THREE, clusters=pd.Series(np.arange(len(hs)) // 5)),
        "hs_without_means": fit_factor_model(hs, THREE, means=False, robust="none"),
        "scalar_standardized": fit_factor_model(
            hs, THREE, hs["school"], equal=["loadings", "intercepts"], identification="standardized"
        ),
        "bfi_mlr": fit_factor_model(bfi, FIVE),
        "bfi_mlm": fit_factor_model(bfi, FIVE, robust="mlm"),
    }
    for step, held in STEPS.items():
        for robust in CORRECTIONS:
            found[f"{step}_{robust}"] = fit_factor_model(hs, THREE, hs["school"], robust=robust, **held)
    return found


MODELS = [
    *("hs_none", "hs_mlm", "hs_mlr", "hs_standardized", "hs_correlated", "hs_cluster", "hs_without_means"),
    *("scalar_standardized", "bfi_mlr", "bfi_mlm"),
    *(f"{step}_{robust}" for step in STEPS for robust in CORRECTIONS),
]


@pytest.fixture(scope="module")
def lavaan():
    stored = pd.read_csv(REFERENCE / "r/scales/factor_models.csv", keep_default_na=False)
    return stored.assign(value=pd.to_numeric(stored["value"], errors="coerce"))


def find_tolerance(model, quantity):
    """Relative: 1e-6 where lavaan comes to its minimum, otherwise what its estimates are off (0.5 to 4e-5)."""
    exact = {"chi2", "df", "baseline_chi2", "cfi", "tli", "rmsea", "log_likelihood", "aic", "bic", "n_parameters"}
    if quantity in exact:
        return 1e-8
    if quantity in ("rmsea_low", "rmsea_high", "rmsea_low_robust", "rmsea_high_robust", "rmsea_close_robust"):
        return 2e-5  # lavaan searches the bounds to 1e-7 of noncentrality, and its scaling factor
    if any(step in model for step in ("scalar", "partial", "strict")):
        return 1e-4  # with equal intercepts lavaan's optimizer stops at a gradient of 1e-6
    return 2e-6 if quantity.startswith("std") or "_std_" in quantity else 1e-5


def name_cells(fit):
    """Name the cells as the R script does."""
    words = {
        "loading": "{factor} -> {item}",
        "residual": "{first} ~~ {item}",
        "factor_covariance": "{factor} ~~ {item}",
        "intercept": "{item} intercept",
        "factor_mean": "{item} mean",
    }
    for row in fit.parameters.to_dict("records"):
        term = words[row["part"]].format(**row, first=row["factor"] or row["item"])
        yield term + (f" [{row['group']}]" if len(fit.groups) > 1 else ""), row


@pytest.mark.parametrize("model", MODELS)
def test_indices_agree_with_lavaan(fits, lavaan, model):
    stored = lavaan.loc[(lavaan["model"] == model) & (lavaan["term"] == "")].set_index("quantity")["value"]
    ours = fits[model].indices
    shared = [name for name in stored.index if name in ours]
    expected = {name: pytest.approx(stored[name], rel=find_tolerance(model, name), abs=1e-12) for name in shared}
    assert {name: ours[name] for name in shared} == expected


@pytest.mark.parametrize(
    "model", [model for model in MODELS if model.startswith(("hs", "bfi")) or model.endswith(("mlr", "standardized"))]
)
@pytest.mark.parametrize("quantity", ["estimate", "std_error", "standardized", "standardized_std_error"])
def test_parameters_agree_with_lavaan(fits, lavaan, model, quantity):
    stored = lavaan.loc[(lavaan["model"] == model) & (lavaan["quantity"] == quantity)].set_index("term")["value"]
    ours = {term: row[quantity] for term, row in name_cells(fits[model]) if term in stored.index}
    tolerance = find_tolerance(model, quantity)
    expected = {
        term: pytest.approx(stored[term], rel=tolerance, abs=tolerance * 0.1) if np.isfinite(value) else value
        for term, value in ours.items()
    }
    assert len(ours) >= 21
    assert {term: value for term, value in ours.items() if np.isfinite(value)} == {
        term: value for term, value in expected.items() if np.isfinite(ours[term])
    }


@pytest.mark.parametrize("robust", CORRECTIONS)
@pytest.mark.parametrize(("restricted", "free"), PAIRS)
def test_difference_tests_agree_with_lavaan(fits, lavaan, restricted, free, robust):
    stored = lavaan.loc[lavaan["model"] == f"{restricted}_{free}_{robust}"].set_index("quantity")["value"]
    found = compare_nested(fits[f"{restricted}_{robust}"], fits[f"{free}_{robust}"])
    assert (found.chi2, found.df, found.p_value) == (
        pytest.approx(stored["difference"], rel=1e-8 if robust == "none" else 5e-5),
        stored["difference_df"],
        pytest.approx(stored["difference_p"], rel=1e-8 if robust == "none" else 5e-4),
    )


# Published: Rosseel 2012, Journal of Statistical Software 48(2), section 3; without a mean structure.
@pytest.mark.parametrize(
    ("name", "value"),
    [("chi2", 85.306), ("df", 24), ("cfi", 0.931), ("tli", 0.896), ("rmsea", 0.092), ("srmr", 0.065)],
)
def test_holzinger_swineford_as_published(fits, name, value):
    assert round(fits["hs_without_means"].indices[name], 3) == value


@pytest.mark.parametrize("model", ["hs_mlr", "bfi_mlr", "scalar_mlr", "partial_mlr", "strict_mlr"])
def test_gradient_vanishes_at_the_minimum(fits, hs, bfi, model):
    fit = fits[model]
    data, factors = (bfi, FIVE) if model.startswith("bfi") else (hs, THREE)
    groups = None if len(fit.groups) == 1 else hs["school"]
    held = {"equal": (), "freed": (), "correlated": (), "identification": "marker"} | STEPS.get(model.split("_")[0], {})
    structure = build_structure(fit.items, factors, fit.groups, **held)
    moments = gather_moments(data[fit.items], groups)
    assert np.abs(find_gradient(structure, fit.params, moments)).max() < 1e-10


def test_hessian_is_the_derivative_of_the_gradient(hs):
    moments = gather_moments(hs[[f"x{at}" for at in range(1, 10)]])
    structure = build_structure(
        [f"x{at}" for at in range(1, 10)], THREE, [""], identification="marker", equal=(), freed=(), correlated=()
    )
    params = np.linspace(0.5, 1.5, len(structure.names))
    step = np.zeros(len(params))
    step[4] = 1e-6
    numeric = (
        find_gradient(structure, params + step, moments) - find_gradient(structure, params - step, moments)
    ) / 2e-6
    assert find_hessian(structure, params, moments)[4] == pytest.approx(numeric, rel=1e-6, abs=1e-8)


@settings(max_examples=10)
@given(st.lists(st.floats(0.1, 10), min_size=4, max_size=4), st.integers(0, 50))
def test_chi_square_does_not_depend_on_units(units, seed):
    draw = np.random.default_rng(seed)
    items = pd.DataFrame(draw.normal(size=(80, 1)) + draw.normal(size=(80, 4)), columns=list("abcd"))
    factors = {"f": list("abcd")}
    before = fit_factor_model(items, factors).indices
    after = fit_factor_model(items * units + units, factors).indices
    names = ["chi2", "scaling", "cfi_robust", "srmr"]
    assert [after[name] for name in names] == pytest.approx([before[name] for name in names], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("robust", CORRECTIONS)
def test_fit_does_not_depend_on_the_identification(hs, robust):
    marker = fit_factor_model(hs, THREE, robust=robust)
    standardized = fit_factor_model(hs, THREE, identification="standardized", robust=robust)
    pd.testing.assert_frame_equal(marker.loadings(), standardized.loadings(), rtol=1e-8)
    assert marker.indices == pytest.approx(standardized.indices, rel=1e-8)


def test_cluster_of_one_row_each_is_the_rows_times_g_over_g_minus_1(hs):
    alone = fit_factor_model(hs, THREE)
    clustered = fit_factor_model(hs, THREE, clusters=pd.Series(range(301)))
    assert clustered.cov == pytest.approx(alone.cov * 301 / 300, rel=1e-10)


def test_every_row_twice_in_clusters_tells_no_more_than_once(hs):
    twice = pd.concat([hs, hs], ignore_index=True)
    once = fit_factor_model(hs, THREE, clusters=pd.Series(range(301)))
    doubled = fit_factor_model(twice, THREE, clusters=pd.Series(list(range(301)) * 2))
    assert doubled.cov == pytest.approx(once.cov, rel=1e-9)
    assert doubled.indices["chi2_scaled"] == pytest.approx(once.indices["chi2_scaled"], rel=1e-9)


def test_clusters_may_span_groups(hs):
    twice = pd.concat([hs, hs], ignore_index=True)
    waves = pd.Series([1] * 301 + [2] * 301)
    equal = ["loadings", "intercepts", "residuals"]
    apart = fit_factor_model(twice, THREE, waves, equal=equal)
    joined = fit_factor_model(twice, THREE, waves, pd.Series(list(range(301)) * 2), equal=equal)
    at = apart.names.index("visual -> x2")
    assert joined.cov[at, at] == pytest.approx(2 * apart.cov[at, at] * 301 / 300, rel=1e-9)


def test_rows_with_gaps_are_left_out_and_counted(hs):
    gaps = hs.assign(x1=hs["x1"].mask(hs.index < 7))
    fit = fit_factor_model(gaps, THREE)
    assert (fit.n_obs, fit.n_left_out) == ([294], 7)
    assert fit.indices["chi2"] == pytest.approx(fit_factor_model(hs.iloc[7:], THREE).indices["chi2"], rel=1e-10)


def test_marker_passes_to_the_first_item_that_is_not_freed(hs):
    fit = fit_factor_model(hs, THREE, hs["school"], equal=["loadings"], freed=[("loadings", "x1")])
    rows = fit.parameters.set_index(["part", "item", "group"])
    assert rows.loc[("loading", "x2", "Pasteur"), "estimate"] == 1.0
    assert fit.indices["df"] == 53


def test_heywood_case_is_told():
    correlations = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, 0.7], [0.9, 0.7, 1.0]])
    fit = fit_moments([Moments("", 200, np.zeros(3), correlations)], list("abc"), {"f": list("abc")})
    assert fit.warnings == ["negative residual variance of a: -0.157"]


# --- data that carry no model ----------------------------------------------------------------------------------------


@pytest.fixture
def items():
    draw = np.random.default_rng(5)
    common = draw.normal(size=100)
    return pd.DataFrame({name: common + draw.normal(size=100) for name in ("q1", "q2", "q3", "q4")})


def refuse(items, factors, *arguments, **held):
    with pytest.raises(FitError) as error:
        fit_factor_model(items, factors, *arguments, **held)
    return str(error.value)


ONE = {"trust": ["q1", "q2", "q3", "q4"]}


def test_one_item(items):
    assert refuse(items, {"trust": ["q1"]}) == "one item (q1): a factor needs at least two"


def test_factor_of_one_item_beside_another(items):
    assert "factor power has one item (q4)" in refuse(items, {"trust": ["q1", "q2", "q3"], "power": ["q4"]})


def test_two_items_alone(items):
    assert "not identified (a factor alone needs three items)" in refuse(items, {"trust": ["q1", "q2"]})


def test_constant_item(items):
    assert refuse(items.assign(q2=4), ONE) == "constant: q2"


def test_constant_item_of_one_group(items):
    wave = pd.Series([1] * 50 + [2] * 50)
    assert refuse(items.assign(q2=items["q2"].where(wave == 1, 3.0)), ONE, wave) == "constant in group 2: q2"


def test_item_without_any_answer(items):
    assert refuse(items.assign(q3=np.nan), ONE) == "no answer to q3"


def test_fewer_rows_than_items(items):
    assert refuse(items.head(4), ONE).startswith("4 complete rows for 4 items")


def test_doubled_item(items):
    assert (
        refuse(items.assign(q4=2 * items["q1"] - 1), ONE) == "singular covariance of the items: q4 is determined by q1"
    )


def test_negative_definite_matrix():
    matrix = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    with pytest.raises(FitError, match=r"no covariance matrix: its correlations of a, b, c have the eigenvalue -0.8"):
        fit_moments([Moments("", 50, np.zeros(3), matrix)], list("abc"), {"f": list("abc")})


def test_infinite_answer(items):
    assert refuse(items.assign(q1=np.inf), ONE) == "infinite values in q1"


def test_item_in_words(items):
    assert refuse(items.assign(q2="often"), ONE) == "q2: answers in words; a factor model needs numbers"


def test_clustered_rows_of_one_firm(items):
    assert "need two clusters or more" in refuse(items, ONE, clusters=pd.Series([1] * 100))


def test_item_twice_in_a_factor(items):
    with pytest.raises(StudyError, match="factors: trust: q1 stands there 2 times"):
        fit_factor_model(items, {"trust": ["q1", "q1", "q2", "q3"]})


def test_model_that_does_not_converge_says_what_was_tried():
    # Two factors of two items each that have nothing to do with each other are not identified.
    matrix = np.array([[1.0, 0.5, 0.0, 0.0], [0.5, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.5], [0.0, 0.0, 0.5, 1.0]])
    with pytest.raises(FitError, match=r"did not converge \(principal components: .*; unit loadings: .*; draw 5: "):
        fit_moments([Moments("", 100, np.zeros(4), matrix)], list("abcd"), {"f": ["a", "b"], "g": ["c", "d"]})


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"equal": ["loading"]}, "equal: loading; did you mean 'loadings'?"),
        ({"robust": "mlx"}, "robust: mlx; did you mean"),
        ({"identification": "market"}, "identification: market; did you mean 'marker'?"),
        ({"equal": ["loadings"], "freed": [("loadings", "q9")]}, "freed: q9"),
        ({"freed": [("intercepts", "q1")]}, "freed: intercepts of q1 are not held equal"),
        (
            {"equal": ["loadings"], "freed": [("loadings", f"q{at}") for at in range(1, 5)]},
            "no item of trust keeps equal loadings",
        ),
    ],
)
def test_wrong_names(items, held, message):
    with pytest.raises(StudyError) as error:
        fit_factor_model(items, ONE, pd.Series([1, 2] * 50), **held)
    assert message in str(error.value)


def test_unknown_item(items):
    with pytest.raises(StudyError, match="q5 is not there; allowed: q1, q2"):
        fit_factor_model(items, {"trust": ["q1", "q2", "q5"]})


def test_models_of_other_rows_are_not_compared(hs):
    with pytest.raises(StudyError, match="same rows"):
        compare_nested(fit_factor_model(hs, THREE), fit_factor_model(hs.head(200), THREE))
