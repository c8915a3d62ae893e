"""Fits against NIST's certified values and R, laws they obey, and models that the data cannot carry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.estimation import (
    find_interval,
    find_p_value,
    fit_model,
    label_term,
    select_rows,
    tabulate_estimates,
    tabulate_models,
)
from firmties.estimators import fit_likelihood, fit_ols
from firmties.formulas import parse_formula

REFERENCE = Path(__file__).parents[1] / "reference"
NOTHING = pd.DataFrame(columns=["variable", "table", "label", "type", "codes", "reference"])
DICTIONARY = pd.DataFrame(
    {
        "variable": ["form", "wave", "stage"],
        "table": "panel",
        "label": ["Form of the networks", "Wave", "Stage"],
        "type": ["category", "ordinal", "ordinal"],
        "codes": [
            "single=single|hybrid=hybrid|interrupted=interrupted",
            "1=2021|2=2022|3=2023|4=2024",
            "1=|2=|3=|4=|5=",
        ],
        "reference": ["single", "1", ""],
    }
)
CLASSICAL, HC3, CLUSTER = {"type": "classical"}, {"type": "HC3"}, {"type": "cluster", "by": "firm"}
OUTCOMES = {"ols": "growth", "logit": "equity", "ordered_logit": "stage", "negative_binomial": "patents"}


@pytest.fixture(scope="module")
def inputs() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "r" / "inputs.csv")


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "r" / "values.csv")


def fit(table: pd.DataFrame, estimator: str = "ols", **changes: Any) -> dict[str, Any]:
    """Fit the model of the R script, or what the changes make of it; its last block."""
    model = {
        "id": "m",
        "estimator": estimator,
        "outcomes": [OUTCOMES[estimator]],
        "formula": "form * x + I(x ^ 2) + z + wave",
        "covariance": CLASSICAL,
    } | {key: value for key, value in changes.items() if key not in ("samples_of", "sets")}
    if "blocks" in changes:
        del model["formula"]
    return fit_model(model, table, DICTIONARY, changes.get("sets"), changes.get("samples_of"))[-1]


def errors_of(entry: dict[str, Any]) -> dict[str, float]:
    return dict(zip(entry["terms"], np.sqrt(np.diag(entry["cov"])), strict=True))


def compare(entry: dict[str, float], expected: pd.DataFrame, model: str, quantity: str, tolerance: float) -> None:
    rows = expected.loc[(expected["model"] == model) & (expected["quantity"] == quantity)]
    assert len(rows)
    found = [entry[term] for term in rows["term"]]
    np.testing.assert_allclose(found, rows["value"].astype(float), rtol=tolerance, err_msg=f"{model} {quantity}")


# --- NIST ----------------------------------------------------------------------------------------------------------

# Relative tolerances. Filip's powers up to x^10 are rounded when they are computed, so that double precision gives
# 7 digits at best; Wampler5 has 10,000 times the error of Wampler3.
NIST = {
    "longley": 1e-12,
    "filip": 1e-6,
    "wampler1": 1e-10,
    "wampler2": 1e-10,
    "wampler3": 1e-10,
    "wampler4": 1e-9,
    "wampler5": 1e-8,
}
HAS_EXTENDED = np.finfo(np.longdouble).eps < 1e-16


def fit_nist(name: str) -> tuple[dict[str, Any], pd.DataFrame]:
    certified = pd.read_csv(REFERENCE / "nist" / "certified.csv").query("data == @name").set_index("term")
    file = name if name in ("longley", "filip") else "wampler"
    degree = {"filip": 10}.get(name, 5)
    formula = " + ".join(["x", *(f"I(x ^ {power})" for power in range(2, degree + 1))])
    model = {
        "id": name,
        "estimator": "ols",
        "outcomes": ["y" if file == name else name],
        "formula": " + ".join(f"x{number}" for number in range(1, 7)) if name == "longley" else formula,
    }
    [entry] = fit_model(model, pd.read_csv(REFERENCE / "nist" / f"{file}.csv").astype(float), NOTHING)
    return entry, certified


@pytest.mark.parametrize("name", NIST)
def test_coefficients_have_the_certified_digits(name: str) -> None:
    if name == "wampler5" and not HAS_EXTENDED:
        pytest.skip("long doubles of this platform are no longer than doubles, which leaves 6 digits")
    entry, certified = fit_nist(name)
    np.testing.assert_allclose(entry["params"], certified["estimate"].loc[entry["terms"]], rtol=NIST[name])


@pytest.mark.parametrize("name", NIST)
def test_standard_errors_have_the_certified_digits(name: str) -> None:
    entry, certified = fit_nist(name)
    found = np.sqrt(np.diag(entry["cov"]))
    np.testing.assert_allclose(found, certified["std_error"].loc[entry["terms"]], rtol=NIST[name], atol=1e-9)


@pytest.mark.parametrize("name", NIST)
def test_r_squared_has_the_certified_digits(name: str) -> None:
    entry, certified = fit_nist(name)
    assert entry["fit"]["r_squared"] == pytest.approx(certified["estimate"]["r_squared"], rel=1e-10)


# --- R -------------------------------------------------------------------------------------------------------------

# Relative tolerances: R's glm keeps weights of the last step but one (1e-7 in standard errors), its polr differences
# the gradient for the Hessian.
R_TOLERANCE = {"ols": 1e-12, "logit": 1e-6, "ordered_logit": 1e-6, "negative_binomial": 1e-8}


@pytest.mark.parametrize("estimator", OUTCOMES)
def test_coefficients_agree_with_r(estimator: str, inputs: pd.DataFrame, expected: pd.DataFrame) -> None:
    entry = fit(inputs, estimator)
    params = dict(zip(entry["terms"], entry["params"], strict=True))
    compare(params, expected, estimator, "estimate", R_TOLERANCE[estimator])


@pytest.mark.parametrize(
    ("estimator", "covariance"),
    [("ols", HC3), *((estimator, covariance) for estimator in OUTCOMES for covariance in (CLASSICAL, CLUSTER))],
    ids=lambda value: value if isinstance(value, str) else value["type"],
)
def test_standard_errors_agree_with_r(
    estimator: str, covariance: dict[str, str], inputs: pd.DataFrame, expected: pd.DataFrame
) -> None:
    entry = fit(inputs, estimator, covariance=covariance)
    compare(errors_of(entry), expected, estimator, covariance["type"], R_TOLERANCE[estimator])


@pytest.mark.parametrize("estimator", OUTCOMES)
def test_figures_of_fit_agree_with_r(estimator: str, inputs: pd.DataFrame, expected: pd.DataFrame) -> None:
    compare(fit(inputs, estimator)["fit"], expected, estimator, "fit", 1e-10)


def test_p_values_agree_with_r(inputs: pd.DataFrame, expected: pd.DataFrame) -> None:
    estimates = tabulate_estimates([fit(inputs)])
    compare(dict(zip(estimates["term"], estimates["p_value"], strict=True)), expected, "ols", "p_classical", 1e-9)


def test_change_of_a_block_agrees_with_r(inputs: pd.DataFrame, expected: pd.DataFrame) -> None:
    blocks = [{"name": "L0", "add": "form + z"}, {"name": "L1", "add": "form * x + I(x ^ 2) + wave"}]
    compare(fit(inputs, blocks=blocks)["fit"], expected, "ols", "change", 1e-10)


@pytest.mark.parametrize("covariance", [CLASSICAL, HC3, CLUSTER], ids=lambda value: value["type"])
def test_absorbed_intercepts_agree_with_r(
    covariance: dict[str, str], inputs: pd.DataFrame, expected: pd.DataFrame
) -> None:
    entry = fit(inputs, formula="x + z", absorb=["firm"], covariance=covariance)
    compare(errors_of(entry), expected, "within", covariance["type"], 1e-12)


def test_absorbed_slopes_agree_with_r(inputs: pd.DataFrame, expected: pd.DataFrame) -> None:
    entry = fit(inputs, formula="x + z", absorb=["firm"])
    compare(dict(zip(entry["terms"], entry["params"], strict=True)), expected, "within", "estimate", 1e-12)


# --- rules ---------------------------------------------------------------------------------------------------------


def test_degrees_of_freedom_of_clusters_are_their_number_less_one(inputs: pd.DataFrame) -> None:
    assert fit(inputs, covariance=CLUSTER)["df"] == inputs["firm"].nunique() - 1


def test_degrees_of_freedom_of_least_squares_are_rows_less_terms(inputs: pd.DataFrame) -> None:
    assert fit(inputs)["df"] == len(inputs) - 11


def test_likelihood_models_have_a_normal_reference(inputs: pd.DataFrame) -> None:
    assert fit(inputs, "logit")["df"] is None


def test_small_sample_rule_is_stated(inputs: pd.DataFrame) -> None:
    assert fit(inputs, covariance=CLUSTER)["small_sample"] == "CR1: G/(G-1) (n-1)/(n-k), t(G-1)"


def test_intercepts_of_singletons_leave_their_rows_out(inputs: pd.DataFrame) -> None:
    table = inputs.drop_duplicates("firm").iloc[:7]
    table = pd.concat([table, inputs.loc[~inputs["firm"].isin(table["firm"])]])
    assert fit(table, formula="x", absorb=["firm"])["left_out"] == {"alone in its firm": 7}


def test_rows_left_out_are_counted_once_for_their_first_reason() -> None:
    table = pd.DataFrame(
        {"y": [1.0, np.nan, 3.0, 4.0, 5.0], "x": [1, np.nan, np.nan, 2, 3], "g": ["a", "a", "a", None, "b"]}
    )
    _, left_out = select_rows(table, "y < 5 or is_missing(y)", "y", parse_formula("x"), ["g"])
    assert left_out == {"outside sample": 1, "outcome missing": 1, "x missing": 1, "g missing": 1}


def test_row_where_the_condition_is_unknown_is_outside_the_sample() -> None:
    table = pd.DataFrame({"y": [1.0, 2.0], "size": [3.0, np.nan]})
    assert select_rows(table, "size < 5", "y", [])[0].tolist() == [True, False]


def test_logarithm_of_zero_leaves_the_row_out() -> None:
    table = pd.DataFrame({"y": [1.0, 2.0], "x": [0.0, 2.0]})
    assert select_rows(table, None, "y", parse_formula("log(x)"))[1] == {"log(x) missing": 1}


def test_all_blocks_use_the_rows_of_the_last(inputs: pd.DataFrame) -> None:
    table = inputs.assign(z=inputs["z"].where(inputs.index >= 20))
    model = {
        "id": "m",
        "estimator": "ols",
        "outcomes": ["growth"],
        "blocks": [{"name": "a", "add": "x"}, {"name": "b", "add": "z"}],
    }
    assert [entry["n_obs"] for entry in fit_model(model, table, DICTIONARY)] == [len(inputs) - 20] * 2


def test_blocks_add_up(inputs: pd.DataFrame) -> None:
    blocks = [{"name": "a", "add": "x"}, {"name": "b", "add": "z"}]
    assert fit(inputs, blocks=blocks)["formula"] == "x + z"


def test_each_sample_and_outcome_has_its_entry(inputs: pd.DataFrame) -> None:
    model = {"id": "m", "estimator": "ols", "outcomes": ["growth", "x"], "formula": "z", "samples": ["early", "late"]}
    fits = fit_model(model, inputs, DICTIONARY, {}, {"early": "wave <= 2", "late": "wave > 2"})
    keys = [(entry["outcome"], entry["sample"]) for entry in fits]
    assert keys == [("growth", "early"), ("growth", "late"), ("x", "early"), ("x", "late")]


def test_outcome_of_two_codes_counts_the_second_as_the_event(inputs: pd.DataFrame) -> None:
    codes = pd.DataFrame(
        [{"variable": "paid", "table": "panel", "label": "Paid", "type": "category", "codes": "no=No|yes=Yes"}]
    )
    table = inputs.assign(paid=inputs["equity"].map({0: "no", 1: "yes"}))
    [entry] = fit_model({"id": "m", "estimator": "logit", "outcomes": ["paid"], "formula": "x"}, table, codes)
    np.testing.assert_allclose(entry["params"], fit(inputs, "logit", formula="x")["params"], rtol=1e-12)


def test_order_of_an_ordered_outcome_is_that_of_the_dictionary(inputs: pd.DataFrame) -> None:
    codes = pd.DataFrame([{"variable": "phase", "table": "panel", "label": "", "type": "ordinal", "codes": "c=|b=|a="}])
    table = inputs.assign(phase=inputs["stage"].map({1: "c", 2: "c", 3: "b", 4: "b", 5: "a"}))
    [entry] = fit_model({"id": "m", "estimator": "ordered_logit", "outcomes": ["phase"], "formula": "x"}, table, codes)
    assert entry["terms"] == ["x", "threshold[c|b]", "threshold[b|a]"]


def test_ordered_logit_of_two_categories_is_the_logit(inputs: pd.DataFrame) -> None:
    x = np.column_stack([np.ones(len(inputs)), inputs["x"]])
    y = inputs["equity"].to_numpy()
    ordered = fit_likelihood("ordered_logit", x, y, ["Intercept", "x"], categories=["0", "1"])
    logit = fit_likelihood("logit", x, y.astype(float), ["Intercept", "x"])
    np.testing.assert_allclose(ordered.params, [logit.params[1], -logit.params[0]], rtol=1e-9)


def test_labels_of_terms_come_from_the_dictionary() -> None:
    label = label_term("form[hybrid]:wave[2]", {"formula": "form * wave"}, DICTIONARY)
    assert label == "Form of the networks: hybrid × Wave: 2022"


def test_table_of_models_counts_rows_left_out(inputs: pd.DataFrame) -> None:
    table = inputs.assign(z=inputs["z"].where(inputs.index >= 20))
    row = tabulate_models([fit(table)]).iloc[0]
    assert (row["n_left_out"], row["left_out"]) == (20, "z missing: 20")


@pytest.mark.parametrize(("alternative", "expected_p"), [("two_sided", 0.0734), ("greater", 0.0367), ("less", 0.9633)])
def test_p_value_follows_the_alternative(alternative: str, expected_p: float) -> None:
    assert find_p_value(2.0, 10, alternative) == pytest.approx(expected_p, abs=5e-5)


def test_interval_uses_the_t_distribution() -> None:
    assert find_interval(0.0, 1.0, 3) == pytest.approx((-3.18245, 3.18245), abs=1e-5)


# --- laws ----------------------------------------------------------------------------------------------------------


@settings(max_examples=4)
@given(st.randoms(use_true_random=False))
@pytest.mark.parametrize("estimator", OUTCOMES)
def test_order_of_rows_changes_nothing(estimator: str, random: Any) -> None:
    inputs = pd.read_csv(REFERENCE / "r" / "inputs.csv")
    order = list(inputs.index)
    random.shuffle(order)
    one, two = fit(inputs, estimator, covariance=CLUSTER), fit(inputs.loc[order], estimator, covariance=CLUSTER)
    np.testing.assert_allclose(list(errors_of(two).values()), list(errors_of(one).values()), rtol=1e-7)


@settings(max_examples=25)
@given(st.floats(1e-4, 1e4), st.floats(-1e3, 1e3))
def test_scale_of_a_predictor_scales_its_coefficient(scale: float, shift: float) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=40), rng.normal(size=40)
    one = fit_ols(np.column_stack([np.ones(40), x]), y, ["Intercept", "x"])
    two = fit_ols(np.column_stack([np.ones(40), scale * x + shift]), y, ["Intercept", "x"])
    assert two.params[1] * scale == pytest.approx(one.params[1], rel=1e-6)


def test_clusters_of_one_row_give_hc1(inputs: pd.DataFrame) -> None:
    table = inputs.assign(row=range(len(inputs)))
    found = errors_of(fit(table, formula="x", covariance={"type": "cluster", "by": "row"}))["x"]
    x = np.column_stack([np.ones(len(table)), table["x"]])
    residuals = table["growth"] - x @ np.linalg.lstsq(x, table["growth"], rcond=None)[0]
    inverse = np.linalg.inv(x.T @ x)
    scores = x * residuals.to_numpy()[:, None]
    hc1 = len(x) / (len(x) - 2) * inverse @ scores.T @ scores @ inverse
    assert found == pytest.approx(np.sqrt(hc1[1, 1]), rel=1e-12)


# --- what the data cannot carry, and what the configuration may not ask -----------------------------------------------


def test_constant_outcome_fails_with_its_value(inputs: pd.DataFrame) -> None:
    entry = fit(inputs.assign(growth=0.2))
    assert entry["reason"] == f"the outcome growth is constant (0.2) in all {len(inputs)} rows"


def test_failed_fit_has_no_numbers(inputs: pd.DataFrame) -> None:
    entry = fit(inputs.assign(growth=0.2))
    assert (entry["status"], entry["terms"], entry["params"], entry["fit"]) == ("failed", [], [], {})


def test_empty_sample_fails_with_its_condition(inputs: pd.DataFrame) -> None:
    entry = fit(inputs, samples=["none"], samples_of={"none": "x > 99"})
    assert entry["reason"] == f"sample none (x > 99) leaves no row: {len(inputs)} outside sample"


def test_linear_combination_is_named_with_what_determines_it(inputs: pd.DataFrame) -> None:
    entry = fit(inputs.assign(both=inputs["x"] + 2 * inputs["z"] + 3), formula="x + z + both")
    assert entry["reason"] == "rank-deficient design: both is determined by Intercept, x, z"


@pytest.mark.parametrize("estimator", OUTCOMES)
def test_every_estimator_refuses_linear_combinations(estimator: str, inputs: pd.DataFrame) -> None:
    entry = fit(inputs.assign(twice=2 * inputs["x"]), estimator, formula="x + twice")
    assert entry["reason"] == "rank-deficient design: twice is determined by x"


def test_empty_cell_of_an_interaction_is_named(inputs: pd.DataFrame) -> None:
    table = inputs.loc[~((inputs["form"] == "hybrid") & (inputs["wave"] == 4))]
    assert fit(table, formula="form * wave")["reason"] == "rank-deficient design: form[hybrid]:wave[4] is always 0"


def test_factor_of_one_level_is_named(inputs: pd.DataFrame) -> None:
    entry = fit(inputs.assign(form="single"))
    assert entry["reason"] == "rank-deficient design: form has only the level single in this sample"


def test_variable_constant_within_absorbed_cells_is_named(inputs: pd.DataFrame) -> None:
    table = inputs.assign(born=inputs["firm"] * 0.1)
    assert fit(table, formula="x + born", absorb=["firm"])["reason"] == "rank-deficient design: born is always 0"


def test_more_terms_than_rows_fail(inputs: pd.DataFrame) -> None:
    assert fit(inputs.head(8))["reason"].startswith("8 rows cannot carry")


def test_separation_is_named(inputs: pd.DataFrame) -> None:
    table = inputs.assign(equity=inputs["equity"].where(inputs["form"] != "interrupted", 1))
    number = int((inputs["form"] == "interrupted").sum())
    reason = fit(table, "logit", formula="form + x")["reason"]
    assert f"perfect separation: form[interrupted] = 1 (all {number} rows have the same outcome)" in reason


def test_separation_by_a_number_is_noticed(inputs: pd.DataFrame) -> None:
    entry = fit(inputs.assign(equity=(inputs["x"] > 0.1).astype(int)), "logit", formula="x + z")
    assert entry["reason"].startswith("separation: some of the terms (among them Intercept, x, z) predict the outcome")


def test_separation_by_a_cell_is_noticed(inputs: pd.DataFrame) -> None:
    cell = (inputs["form"] == "hybrid") & (inputs["z"] > 0)
    table = inputs.assign(equity=inputs["equity"].where(~cell, 0), positive=(inputs["z"] > 0).astype(int))
    assert "perfect separation: form[hybrid]:positive" in fit(table, "logit", formula="form * positive + x")["reason"]


def test_counts_that_are_all_zero_in_a_level_are_named(inputs: pd.DataFrame) -> None:
    table = inputs.assign(patents=inputs["patents"].where(inputs["form"] != "hybrid", 0))
    assert "perfect separation: form[hybrid] = 1" in fit(table, "negative_binomial", formula="form + x")["reason"]


def test_separation_of_an_ordered_outcome_is_named(inputs: pd.DataFrame) -> None:
    table = inputs.assign(stage=inputs["stage"].where(inputs["form"] != "hybrid", 1))
    assert "perfect separation: form[hybrid] = 1" in fit(table, "ordered_logit", formula="form + x")["reason"]


def test_counts_without_overdispersion_fail() -> None:
    table = pd.DataFrame({"patents": [1, 2] * 50, "x": np.linspace(0, 1, 100)})
    assert "not overdispersed" in fit(table, "negative_binomial", formula="x")["reason"]


def test_single_cluster_fails(inputs: pd.DataFrame) -> None:
    entry = fit(inputs.assign(firm=1), covariance=CLUSTER)
    assert entry["reason"] == "clustered standard errors need two clusters or more, here is one"


def test_leverage_of_one_makes_hc3_undefined(inputs: pd.DataFrame) -> None:
    table = inputs.assign(single=(inputs.index == 5).astype(float))
    reason = fit(table, formula="x + single", covariance=HC3)["reason"]
    assert reason == "HC3 is undefined: 1 rows alone determine a coefficient (single)"


def test_a_failed_outcome_leaves_the_others(inputs: pd.DataFrame) -> None:
    model = {"id": "m", "estimator": "ols", "outcomes": ["flat", "growth"], "formula": "x"}
    fits = fit_model(model, inputs.assign(flat=1.0), DICTIONARY)
    assert [entry["status"] for entry in fits] == ["failed", "fitted"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"estimator": "logit", "covariance": HC3}, "HC3 is defined for estimator ols only"),
        ({"estimator": "logit", "absorb": ["firm"]}, "absorbed with estimator ols only"),
        ({"estimator": "probit"}, "'probit'; did you mean 'logit'|allowed: ols"),
        ({"formula": "form + zz"}, "formula: no variable 'zz' in the table"),
        ({"formula": "form +"}, "models: m: formula: 'form \\+'|expected"),
        ({"outcomes": ["grwth"]}, "no variable 'grwth' in the table; did you mean 'growth'"),
        ({"samples": ["late"]}, "no sample 'late'"),
        ({"outcomes": ["form"]}, "this holds text"),
        ({"estimator": "logit", "outcomes": ["stage"]}, "needs a yes-no answer"),
        ({"estimator": "negative_binomial", "outcomes": ["growth"]}, "needs counts"),
    ],
)
def test_faults_of_the_configuration_stop_the_run(changes: dict[str, Any], message: str, inputs: pd.DataFrame) -> None:
    model = {
        "id": "m",
        "estimator": "ols",
        "outcomes": ["growth"],
        "formula": "form",
        "covariance": CLASSICAL,
    } | changes
    with pytest.raises(StudyError, match=message):
        fit_model(model, inputs, DICTIONARY, {}, {"early": "wave < 3"})
