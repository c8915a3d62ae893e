"""Weighted fits and their design-based errors against R's survey, sandwich and MASS, and laws they obey."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.estimation import fit_model, fit_waves, tabulate_estimates, tabulate_models
from firmties.predictions import Predictor, evaluate_contrast, tabulate_predictions

REFERENCE = Path(__file__).parents[1] / "reference" / "r" / "weighted"
INPUTS = pd.read_csv(REFERENCE / "inputs.csv")
VALUES = pd.read_csv(REFERENCE / "values.csv")
DICTIONARY = pd.DataFrame(
    {
        "variable": ["form", "wave", "stage"],
        "table": "panel",
        "label": ["Form", "Wave", "Stage"],
        "type": ["category", "ordinal", "ordinal"],
        "codes": ["single=|hybrid=|interrupted=", "1=|2=|3=|4=", "1=|2=|3=|4=|5="],
        "reference": ["single", "1", ""],
    }
)
OUTCOMES = {"ols": "growth", "logit": "equity", "ordered_logit": "stage", "negative_binomial": "patents"}
DESIGN = {"type": "design", "by": "firm", "strata": "stratum"}
CLUSTER, HC3 = {"type": "cluster", "by": "firm"}, {"type": "HC3"}
KINDS = {"whole": {}, "domain": {"samples": ["high"]}, "finite": {"covariance": DESIGN | {"population": "size"}}}
LEVEL = {"ordered_logit": ">= 4"}


def fit(estimator: str = "ols", table: pd.DataFrame = INPUTS, **changes: Any) -> dict[str, Any]:
    """Fit the weighted model of the R script, or what the changes make of it."""
    model = {
        "id": "m",
        "estimator": estimator,
        "outcomes": [OUTCOMES[estimator]],
        "formula": "form * x + I(x ^ 2) + z + wave",
        "weights": "weight",
        "covariance": DESIGN,
    } | changes
    return fit_model(model, table, DICTIONARY, samples={"high": "x > -1"})[-1]


def by_term(entry: dict[str, Any], quantity: str) -> dict[str, float]:
    values = entry["params"] if quantity == "estimate" else np.sqrt(np.diag(entry["cov"]))
    return dict(zip(entry["terms"], values, strict=True))


def find(model: str, quantity: str) -> pd.Series:
    rows = VALUES.loc[(VALUES["model"] == model) & (VALUES["quantity"] == quantity)]
    assert len(rows)
    return rows.set_index("term")["value"]


def compare(found: dict[str, float], model: str, quantity: str, tolerance: float) -> None:
    expected = find(model, quantity)
    np.testing.assert_allclose([found[term] for term in expected.index], expected, rtol=tolerance)


# Relative tolerances: polr and svyolr difference the gradient for the Hessian, and stop where their climb does.
TOLERANCE = {"ols": 1e-12, "logit": 1e-9, "ordered_logit": 1e-6, "negative_binomial": 1e-10}
DESIGNED = [(estimator, kind) for estimator in ("ols", "logit", "ordered_logit") for kind in KINDS]
DESIGNED.append(("negative_binomial", "whole"))


@pytest.mark.parametrize("quantity", ["estimate", "design"])
@pytest.mark.parametrize(("estimator", "kind"), DESIGNED)
def test_design_based_fits_agree_with_survey(estimator: str, kind: str, quantity: str) -> None:
    found = by_term(fit(estimator, **KINDS[kind]), quantity)
    compare(found, f"{estimator} {kind}", quantity, TOLERANCE[estimator])


@pytest.mark.parametrize(("estimator", "kind"), DESIGNED[:-1])
def test_degrees_of_freedom_of_a_design_agree_with_survey(estimator: str, kind: str) -> None:
    assert fit(estimator, **KINDS[kind])["df"] == find(f"{estimator} {kind}", "df")["df"]


def test_p_values_of_a_design_agree_with_survey() -> None:
    estimates = tabulate_estimates([fit()])
    compare(dict(zip(estimates["term"], estimates["p_value"], strict=True)), "ols whole", "p", 1e-9)


@pytest.mark.parametrize(("estimator", "covariance"), [("ols", HC3), *((estimator, CLUSTER) for estimator in OUTCOMES)])
def test_robust_errors_of_weighted_fits_agree_with_sandwich(estimator: str, covariance: dict[str, str]) -> None:
    found = by_term(fit(estimator, covariance=covariance), "std_error")
    compare(found, estimator, covariance["type"], TOLERANCE[estimator])


def test_weighted_r_squared_agrees_with_r() -> None:
    compare(fit()["fit"], "ols", "fit", 1e-12)


@pytest.mark.parametrize("covariance", [HC3, CLUSTER, DESIGN], ids=lambda value: value["type"])
def test_weighted_absorbed_intercepts_agree_with_r(covariance: dict[str, str]) -> None:
    entry = fit(formula="x + z", absorb=["firm"], covariance=covariance)
    compare(by_term(entry, "std_error"), "within", covariance["type"], 1e-10)


def test_weighted_absorbed_slopes_agree_with_r() -> None:
    entry = fit(formula="x + z", absorb=["firm"])
    compare(by_term(entry, "estimate"), "within", "estimate", 1e-10)


@pytest.mark.parametrize("quantity", ["estimate", "std_error"])
@pytest.mark.parametrize("estimator", ["ols", "logit", "ordered_logit"])
def test_weighted_contrast_agrees_with_r(estimator: str, quantity: str) -> None:
    found = evaluate_contrast(fit(estimator), INPUTS, "mu(form=hybrid) - others(form=hybrid)", LEVEL.get(estimator))
    expected = find(f"{estimator} whole", "hybrid minus others")[quantity]
    # The reference differences the gradient.
    assert found[quantity] == pytest.approx(expected, rel=1e-6)


# --- laws ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", OUTCOMES)
def test_equal_weights_give_the_unweighted_clustered_fit(estimator: str) -> None:
    weighted = fit(estimator, INPUTS.assign(weight=3.0), covariance=CLUSTER)
    plain = fit(estimator, weights="none", covariance=CLUSTER)
    np.testing.assert_allclose(weighted["cov"], plain["cov"], rtol=1e-6, atol=1e-12)


@settings(max_examples=10)
@given(st.floats(1e-3, 1e3))
@pytest.mark.parametrize("estimator", OUTCOMES)
def test_scale_of_the_weights_changes_nothing(estimator: str, scale: float) -> None:
    one, two = fit(estimator), fit(estimator, INPUTS.assign(weight=scale * INPUTS["weight"]))
    np.testing.assert_allclose(by_term(two, "se")["x"], by_term(one, "se")["x"], rtol=1e-7)


@pytest.mark.parametrize("estimator", OUTCOMES)
def test_whole_weights_give_the_estimates_of_repeated_rows(estimator: str) -> None:
    times = 1 + INPUTS.index % 3
    weighted = fit(estimator, INPUTS.assign(weight=times))
    repeated = fit(estimator, INPUTS.loc[INPUTS.index.repeat(times)], weights="none", covariance=CLUSTER)
    np.testing.assert_allclose(weighted["params"], repeated["params"], rtol=1e-7)


def test_one_stratum_is_the_clustered_covariance_without_its_small_sample_factor() -> None:
    entry = fit(covariance={"type": "design", "by": "firm"})
    clustered = fit(covariance=CLUSTER)
    n, k = len(INPUTS), len(entry["terms"])
    factor = (n - 1) / (n - k)
    np.testing.assert_allclose(np.array(clustered["cov"]), np.array(entry["cov"]) * factor, rtol=1e-9)


def test_mean_prediction_of_a_weighted_logit_is_the_weighted_share() -> None:
    found = Predictor(fit("logit"), INPUTS).predict().value
    assert found == pytest.approx(np.average(INPUTS["equity"], weights=INPUTS["weight"]), rel=1e-9)


def test_weighted_slope_is_the_weighted_mean_of_row_slopes() -> None:
    entry = fit(formula="x + I(x ^ 2)")
    _, b1, b2 = entry["params"]
    mean = np.average(INPUTS["x"], weights=INPUTS["weight"])
    assert evaluate_contrast(entry, INPUTS, "slope(x)")["estimate"] == pytest.approx(b1 + 2 * b2 * mean, rel=1e-9)


def test_weighted_mean_may_be_named_by_a_contrast() -> None:
    entry = fit(formula="x + I(x ^ 2)")
    _, b1, b2 = entry["params"]
    mean = np.average(INPUTS["x"], weights=INPUTS["weight"])
    assert evaluate_contrast(entry, INPUTS, "slope(x, x=mean)")["estimate"] == pytest.approx(b1 + 2 * b2 * mean)


def test_raw_mean_of_a_cell_is_weighted() -> None:
    setting = {"id": "p", "model": "m", "outcome": "growth", "by": ["form"]}
    table, _ = tabulate_predictions([setting], [fit()], {"panel": INPUTS})
    own = INPUTS.loc[INPUTS["form"] == "single"]
    mean = table.loc[table["value_1"] == "single", "mean_cell"].item()
    assert mean == pytest.approx(np.average(own["growth"], weights=own["weight"]))


def test_number_with_the_event_is_not_weighted() -> None:
    setting = {"id": "p", "model": "m", "outcome": "equity", "by": ["form"]}
    table, _ = tabulate_predictions([setting], [fit("logit")], {"panel": INPUTS})
    own = INPUTS.loc[INPUTS["form"] == "single"]
    assert table.loc[table["value_1"] == "single", "n_event"].item() == own["equity"].sum()


def test_waves_alone_are_weighted() -> None:
    table = INPUTS.assign(weight=INPUTS["weight"].where(INPUTS["wave"] > 1, 1.0))
    [first, *_] = fit_waves([fit(table=table, formula="x + z + wave")], table, DICTIONARY)
    own = INPUTS.loc[INPUTS["wave"] == 1]
    plain = fit(table=own, formula="x + z", weights="none", covariance=CLUSTER)
    np.testing.assert_allclose(first["params"], plain["params"], rtol=1e-10)


# --- rows and what is refused --------------------------------------------------------------------------------------


def test_rows_without_a_weight_are_left_out_and_counted() -> None:
    table = INPUTS.assign(weight=INPUTS["weight"].where(INPUTS.index >= 12))
    assert fit(table=table)["left_out"] == {"weight missing": 12}


def test_a_prediction_finds_the_rows_that_have_weights() -> None:
    table = INPUTS.assign(weight=INPUTS["weight"].where(INPUTS.index >= 12))
    assert len(Predictor(fit(table=table), table).rows) == len(INPUTS) - 12


@pytest.mark.parametrize(("wrong", "said"), [(0.0, "0"), (-0.5, "-0.5"), (np.inf, "inf")])
def test_weights_that_are_not_positive_stop_with_their_number(wrong: float, said: str) -> None:
    table = INPUTS.assign(weight=INPUTS["weight"].where(INPUTS.index >= 3, wrong))
    message = f"models: m: weights: 'weight' is 0, negative or infinite in 3 of {len(INPUTS)} rows .* {said}\\)"
    with pytest.raises(StudyError, match=message):
        fit(table=table)


def test_no_weights_at_all_leave_no_row() -> None:
    entry = fit(table=INPUTS.assign(weight=np.nan))
    assert entry["reason"] == f"sample all leaves no row: {len(INPUTS)} weight missing"


def test_classical_errors_of_weighted_fits_are_refused() -> None:
    with pytest.raises(StudyError, match="classical standard errors take weights for precisions"):
        fit(covariance={"type": "classical"})


def test_weights_that_are_no_variable_are_named() -> None:
    with pytest.raises(StudyError, match="weights: no variable 'weigth' in the table; did you mean 'weight'"):
        fit(weights="weigth")


def test_more_terms_than_sampling_units_fail() -> None:
    table = INPUTS.assign(firm=INPUTS["firm"] % 8, stratum="a")
    assert fit(table=table)["reason"] == "8 sampling units in 1 strata cannot carry 11 terms"


def test_population_smaller_than_the_sample_is_named() -> None:
    table = INPUTS.assign(size=INPUTS["size"].where(INPUTS["stratum"] != "b", 3))
    message = "models: m: covariance: stratum 'b': its population is 3, and the sample holds"
    with pytest.raises(StudyError, match=message):
        fit(table=table, covariance=KINDS["finite"]["covariance"])


def test_firm_in_two_strata_is_named() -> None:
    table = INPUTS.assign(stratum=np.where(INPUTS.index == 0, "d", INPUTS["stratum"]))
    with pytest.raises(StudyError, match="models: m: covariance: cluster '1' lies in more than one stratum"):
        fit(table=table)


def test_rows_without_a_stratum_are_left_out_and_counted() -> None:
    table = INPUTS.assign(stratum=INPUTS["stratum"].where(INPUTS.index >= 4))
    assert fit(table=table)["left_out"] == {"stratum missing": 4}


def test_likelihood_of_independent_rows_is_left_out_with_weights() -> None:
    assert not {"aic", "bic", "log_likelihood"} & fit()["fit"].keys()


def test_table_of_models_names_the_weights() -> None:
    assert tabulate_models([fit()])["weights"].tolist() == ["weight"]


def test_table_of_estimates_names_the_weights() -> None:
    assert set(tabulate_estimates([fit()])["weights"]) == {"weight"}
