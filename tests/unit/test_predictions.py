"""Average adjusted predictions, slopes and contrasts: against R, brute force, and laws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.estimation import fit_model
from firmties.expressions import ExpressionError
from firmties.predictions import (
    ContrastError,
    Predictor,
    combine,
    evaluate_contrast,
    parse_contrast,
    partial_residuals,
    read_level,
    tabulate_predictions,
)

REFERENCE = Path(__file__).parents[1] / "reference" / "r"
DICTIONARY = pd.DataFrame(
    {
        "variable": ["form", "wave", "stage"],
        "table": "panel",
        "label": ["Form", "Wave", "Stage"],
        "type": ["category", "ordinal", "ordinal"],
        "codes": ["single=S|hybrid=H|interrupted=I", "1=|2=|3=|4=", "1=|2=|3=|4=|5="],
        "reference": ["single", "1", ""],
    }
)
OUTCOMES = {"ols": "growth", "logit": "equity", "ordered_logit": "stage", "negative_binomial": "patents"}
LEVELS = {"ordered_logit": ">= 4"}
TABLE = pd.read_csv(REFERENCE / "inputs.csv").assign(recent=lambda table: (table["wave"] > 2).astype("boolean"))


def fit(estimator: str = "ols", formula: str = "form * x + I(x ^ 2) + z + wave", **changes: Any) -> dict[str, Any]:
    model = {
        "id": "m",
        "estimator": estimator,
        "outcomes": [OUTCOMES[estimator]],
        "formula": formula,
        "covariance": {"type": "cluster", "by": "firm"},
    } | changes
    return fit_model(model, TABLE, DICTIONARY)[-1]


def evaluate(contrast: str, estimator: str = "ols", **changes: Any) -> dict[str, Any]:
    return evaluate_contrast(fit(estimator, **changes), TABLE, contrast, LEVELS.get(estimator))


def differentiate(contrast: str, entry: dict[str, Any], level: str | None) -> np.ndarray:
    """Gradient of a contrast by central differences in the parameters."""

    def value_at(params: list[float]) -> float:
        return combine(contrast, Predictor(entry | {"params": params}, TABLE, level))["estimate"]

    gradient = []
    for position, param in enumerate(entry["params"]):
        step = 1e-5 * max(1.0, abs(param))
        moved = [[*entry["params"]] for _ in range(2)]
        moved[0][position] += step
        moved[1][position] -= step
        gradient.append((value_at(moved[0]) - value_at(moved[1])) / (2 * step))
    return np.array(gradient)


# --- R -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", ["estimate", "std_error"])
@pytest.mark.parametrize("estimator", OUTCOMES)
def test_contrast_agrees_with_r(estimator: str, quantity: str) -> None:
    values = pd.read_csv(REFERENCE / "values.csv")
    values = values.loc[(values["model"] == estimator) & (values["quantity"] == "hybrid minus others")]
    expected = float(values.set_index("term")["value"][quantity])
    found = evaluate("mu(form=hybrid) - others(form=hybrid)", estimator)
    assert found[quantity] == pytest.approx(expected, rel=1e-6)


# --- brute force ---------------------------------------------------------------------------------------------------

CONTRASTS = [
    "mu(form=hybrid)",
    "mu(form=[single, hybrid], wave=2) - others(form=hybrid, wave=[3, 4])",
    "slope(x)",
    "slope(x, x=minimum) - 2 * slope(x, form=hybrid)",
    "0.5 * (mu(x=1) + mu(x=-1)) - mu(x=0)",
]


@pytest.mark.parametrize("contrast", CONTRASTS)
@pytest.mark.parametrize("estimator", OUTCOMES)
def test_gradient_agrees_with_central_differences(estimator: str, contrast: str) -> None:
    entry = fit(estimator)
    found = combine(contrast, Predictor(entry, TABLE, LEVELS.get(estimator)))
    brute = differentiate(contrast, entry, LEVELS.get(estimator))
    np.testing.assert_allclose(found["gradient"], brute, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("estimator", OUTCOMES)
def test_slope_agrees_with_a_small_difference_of_predictions(estimator: str) -> None:
    step = 1e-5
    difference = evaluate(f"(mu(z={0.3 + step}) - mu(z={0.3 - step})) / {2 * step}", estimator)
    assert evaluate("slope(z, z=0.3)", estimator)["estimate"] == pytest.approx(difference["estimate"], rel=1e-7)


def test_mean_prediction_of_a_logit_with_intercept_is_the_observed_share() -> None:
    assert evaluate("mu()", "logit")["estimate"] == pytest.approx(TABLE["equity"].mean(), rel=1e-10)


def test_events_of_an_ordered_outcome_add_up_to_one() -> None:
    entry = fit("ordered_logit")
    shares = [evaluate_contrast(entry, TABLE, "mu(form=hybrid)", f"== {code}")["estimate"] for code in range(1, 6)]
    assert sum(shares) == pytest.approx(1.0, rel=1e-12)


# --- linear models -------------------------------------------------------------------------------------------------


def test_contrast_of_a_linear_model_is_the_combination_of_coefficients() -> None:
    entry = fit()
    b = dict(zip(entry["terms"], entry["params"], strict=True))
    found = evaluate("mu(form=hybrid, x=2) - mu(form=single, x=1)")["estimate"]
    expected = b["form[hybrid]"] + 2 * b["form[hybrid]:x"] + b["x"] + 3 * b["I(x ^ 2)"]
    assert found == pytest.approx(expected, rel=1e-12)


def test_standard_error_of_a_coefficient_as_contrast_is_its_own() -> None:
    entry = fit()
    found = evaluate("mu(wave=3) - mu(wave=1)")
    position = entry["terms"].index("wave[3]")
    assert found["std_error"] == pytest.approx(np.sqrt(entry["cov"][position][position]), rel=1e-12)


def test_slope_of_a_polynomial_is_exact() -> None:
    entry = fit(formula="x + I(x ^ 2) + I(x ^ 3)")
    b = dict(zip(entry["terms"], entry["params"], strict=True))
    x = TABLE["x"].min()
    found = evaluate("slope(x, x=minimum)", formula="x + I(x ^ 2) + I(x ^ 3)")["estimate"]
    assert found == pytest.approx(b["x"] + 2 * b["I(x ^ 2)"] * x + 3 * b["I(x ^ 3)"] * x**2, rel=1e-11)


def test_list_of_values_is_their_mean() -> None:
    listed = evaluate("mu(form=[single, hybrid], wave=[1, 2])")["estimate"]
    single = (
        "(mu(form=single, wave=1) + mu(form=single, wave=2) + mu(form=hybrid, wave=1) + mu(form=hybrid, wave=2)) / 4"
    )
    assert listed == pytest.approx(evaluate(single)["estimate"], rel=1e-12)


def test_others_weighs_levels_equally() -> None:
    assert evaluate("others(form=single)")["estimate"] == pytest.approx(
        evaluate("0.5 * mu(form=hybrid) + 0.5 * mu(form=interrupted)")["estimate"], rel=1e-12
    )


def test_boolean_is_set_by_true_and_false() -> None:
    formula = "recent + x"
    entry = fit(formula=formula)
    found = evaluate("mu(recent=true) - mu(recent=false)", formula=formula)["estimate"]
    assert found == pytest.approx(entry["params"][1], rel=1e-12)


def test_interval_uses_the_degrees_of_freedom_of_the_fit() -> None:
    found = evaluate("slope(z)")
    assert (found["conf_high"] - found["estimate"]) / found["std_error"] == pytest.approx(1.981967, abs=1e-6)


# --- laws ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", OUTCOMES)
@pytest.mark.parametrize("reference", ["hybrid", "interrupted"])
def test_reference_level_does_not_change_contrasts(estimator: str, reference: str) -> None:
    contrast = "mu(form=hybrid, wave=2) - others(form=hybrid, wave=2) + slope(x, form=single)"
    other = DICTIONARY.assign(reference=[reference, "3", ""])
    model = {"id": "m", "estimator": estimator, "outcomes": [OUTCOMES[estimator]], "formula": "form * x + wave"}
    one, two = (fit_model(model, TABLE, words)[-1] for words in (DICTIONARY, other))
    level = LEVELS.get(estimator)
    found = [
        evaluate_contrast(entry, TABLE, contrast, level)[key]
        for entry in (one, two)
        for key in ("estimate", "std_error")
    ]
    assert found[2:] == pytest.approx(found[:2], rel=1e-7)


@settings(max_examples=10)
@given(st.floats(-5, 5), st.floats(-5, 5))
def test_combinations_are_linear(a: float, b: float) -> None:
    entry = FITTED
    one, two = (evaluate_contrast(entry, TABLE, text)["estimate"] for text in ("mu(form=hybrid)", "slope(x)"))
    both = evaluate_contrast(entry, TABLE, f"({a:.6f}) * mu(form=hybrid) + slope(x) * ({b:.6f})")["estimate"]
    assert both == pytest.approx(round(a, 6) * one + round(b, 6) * two, abs=1e-9)


FITTED = fit()


# --- absorbed intercepts -------------------------------------------------------------------------------------------


def test_slopes_of_absorbed_models_are_given() -> None:
    changes: dict[str, Any] = {"formula": "x * z", "absorb": ["firm"]}
    entry = fit(**changes)
    b = dict(zip(entry["terms"], entry["params"], strict=True))
    found = evaluate("slope(x, z=1) - slope(x, z=0)", **changes)["estimate"]
    assert found == pytest.approx(b["x:z"], rel=1e-12)


def test_differences_of_absorbed_models_are_given() -> None:
    entry = fit(formula="form", absorb=["firm"])
    found = evaluate("mu(form=hybrid) - mu(form=single)", formula="form", absorb=["firm"])["estimate"]
    assert found == pytest.approx(dict(zip(entry["terms"], entry["params"], strict=True))["form[hybrid]"], rel=1e-12)


def test_levels_of_absorbed_models_are_refused() -> None:
    with pytest.raises(ContrastError, match="intercepts of firm are absorbed"):
        evaluate("mu(form=hybrid)", formula="form", absorb=["firm"])


# --- what is no contrast -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mu(form=a) * mu(form=b)", "only a number may multiply"),
        ("1 / mu(form=a)", "only a number may divide"),
        ("median(form=a)", "no function 'median'"),
        ("form", "'form' has no place here"),
        ("2 + 3", "names no prediction"),
        ("slope()", "needs the name of one variable"),
        ("others()", "needs a variable and its level"),
        ("mu(form)", "takes variable=value only"),
        ("mu(x=log(3))", "x= needs a level"),
        ("mu(x=1) ^ 2", "has no place here"),
        ("mu(x=1", "expected"),
    ],
)
def test_what_is_no_contrast_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        parse_contrast(text)


@pytest.mark.parametrize(
    ("contrast", "message"),
    [
        ("mu(form=merged)", "form = merged does not occur in the rows used"),
        ("mu(sector=a)", "'sector' is not in model m"),
        ("slope(form)", "'form' has levels"),
        ("mu(x=much)", "a number or one of its statistics"),
        ("others(form=[single, hybrid, interrupted])", "no other level"),
    ],
)
def test_what_a_fit_cannot_give_is_said(contrast: str, message: str) -> None:
    with pytest.raises(ContrastError, match=message):
        evaluate(contrast)


def test_failed_model_is_said_with_its_reason() -> None:
    with pytest.raises(ContrastError, match="model m failed: too little"):
        evaluate_contrast({"status": "failed", "model": "m", "reason": "too little"}, TABLE, "slope(x)")


def test_changed_table_is_noticed() -> None:
    with pytest.raises(StudyError, match="gives 300 rows, the fit had 376"):
        Predictor(FITTED, TABLE.head(300))


@pytest.mark.parametrize(
    ("level", "expected"),
    [(">= 2", [0, 1, 1]), ("<= 2", [1, 1, 0]), ("> 2", [0, 0, 1]), ("< 2", [1, 0, 0]), ("== 2", [0, 1, 0])],
)
def test_level_chooses_categories(level: str, expected: list[float]) -> None:
    assert read_level(level, {"estimator": "ordered_logit", "categories": ["1", "2", "3"]}).tolist() == expected


def test_ordered_outcome_needs_a_level() -> None:
    with pytest.raises(StudyError, match="an ordered outcome needs one"):
        Predictor(fit("ordered_logit"), TABLE)


# --- declared predictions ------------------------------------------------------------------------------------------


def tabulate(**setting: Any) -> pd.DataFrame:
    entries = [fit(), fit("ordered_logit")]
    declared = {"id": "p", "model": "m", "outcome": "growth"} | setting
    return tabulate_predictions([declared], entries, {"panel": TABLE})[0]


def test_predictions_by_two_variables_cover_all_cells() -> None:
    assert len(tabulate(by=["form", "wave"])) == 12


def test_cell_has_its_number_of_rows() -> None:
    row = tabulate(by=["form", "wave"]).query("value_1 == 'hybrid' and value_2 == '3'").iloc[0]
    assert row["n_cell"] == ((TABLE["form"] == "hybrid") & (TABLE["wave"] == 3)).sum()


def test_cell_has_its_raw_mean() -> None:
    row = tabulate(by=["form"]).query("value_1 == 'hybrid'").iloc[0]
    assert row["mean_cell"] == pytest.approx(TABLE.loc[TABLE["form"] == "hybrid", "growth"].mean())


def test_raw_mean_of_an_ordered_outcome_is_the_share_of_the_event() -> None:
    row = tabulate(by=["form"], outcome="stage", level=">= 4").query("value_1 == 'hybrid'").iloc[0]
    assert row["mean_cell"] == pytest.approx((TABLE.loc[TABLE["form"] == "hybrid", "stage"] >= 4).mean())


def test_predictions_by_level_are_those_of_contrasts() -> None:
    row = tabulate(by=["form"]).query("value_1 == 'hybrid'").iloc[0]
    found = evaluate("mu(form=hybrid)")
    assert [row["estimate"], row["std_error"]] == pytest.approx([found["estimate"], found["std_error"]], rel=1e-12)


def test_predictions_over_a_number_span_its_percentiles() -> None:
    table = tabulate(over={"variable": "x", "from_percentile": 5, "to_percentile": 95, "points": 11})
    expected = np.linspace(float(np.percentile(TABLE["x"], 5)), float(np.percentile(TABLE["x"], 95)), 11)
    np.testing.assert_allclose(table["value_1"].astype(float), expected)


def test_failed_model_gives_no_rows_but_a_remark() -> None:
    entry = fit() | {"status": "failed", "reason": "too little"}
    table, remarks = tabulate_predictions([{"id": "p", "model": "m", "outcome": "growth", "by": ["form"]}], [entry], {})
    assert (len(table), remarks) == (0, ["predictions: p: model m failed: too little"])


# --- partial residuals ---------------------------------------------------------------------------------------------


def test_partial_residuals_of_a_line_have_its_slope() -> None:
    entry = fit(formula="x + z")
    cases = partial_residuals(entry, TABLE, "z")
    slope = np.polyfit(cases["x"], cases["residual"], 1)[0]
    assert slope == pytest.approx(entry["params"][entry["terms"].index("z")], rel=1e-10)


def test_partial_residuals_lie_around_the_curve() -> None:
    cases = partial_residuals(FITTED, TABLE, "x")
    at = 17
    curve = evaluate(f"mu(x={TABLE['x'][at]})")["estimate"]
    predictor = Predictor(FITTED, TABLE)
    residual = TABLE["growth"][at] - float(predictor.design.matrix()[at] @ predictor.params)
    assert cases["residual"][at] == pytest.approx(curve + residual, rel=1e-10)


@pytest.mark.parametrize(
    "make", [lambda: fit("logit"), lambda: fit(formula="x", absorb=["firm"]), lambda: fit(formula="I(x * z)")]
)
def test_partial_residuals_need_an_additive_linear_model(make: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(ContrastError):
        partial_residuals(make(), TABLE, "x")
