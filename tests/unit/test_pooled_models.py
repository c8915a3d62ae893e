"""Models over imputed sets, against mice and mitml of R, and what happens where sets differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmties.estimation import fit_model, fit_waves, list_needed, tabulate_estimates, tabulate_models
from firmties.hypotheses import CONTRASTS, estimate_contrasts, pool_contrasts
from firmties.pooled_models import pool_fits, pool_rows
from firmties.predictions import evaluate_contrast, pool_predictions, tabulate_predictions

REFERENCE = Path(__file__).parents[1] / "reference" / "r" / "pooled"
COMPLETED = pd.read_csv(REFERENCE / "completed.csv")
VALUES = pd.read_csv(REFERENCE / "values.csv")
SETS = [rows.drop(columns="set").reset_index(drop=True) for _, rows in COMPLETED.groupby("set")]
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
OUTCOMES = {"ols": "growth", "logit": "equity", "ordered_logit": "stage"}
HYBRID = "mu(form=hybrid) - others(form=hybrid)"
CLUSTER = {"type": "cluster", "by": "firm"}
# Relative tolerances: R's glm and polr stop where their own criteria say.
TOLERANCE = {"ols": 1e-10, "logit": 1e-8, "ordered_logit": 1e-6}


def fit(table: pd.DataFrame, estimator: str = "ols", **changes: Any) -> list[dict[str, Any]]:
    """Fit the model of the R script, or what the changes make of it."""
    model = {
        "id": "m",
        "estimator": estimator,
        "outcomes": [OUTCOMES[estimator]],
        "formula": "form * x + I(x ^ 2) + z + wave",
    } | {key: value for key, value in changes.items() if key != "starts"}
    if "blocks" in changes:
        del model["formula"]
    return fit_model(model, table, DICTIONARY, samples={"high": "x > -1"}, starts=changes.get("starts", ()))


def pool(estimator: str = "ols", tables: list[pd.DataFrame] = SETS, **changes: Any) -> list[dict[str, Any]]:
    return pool_fits([fit(table, estimator, **changes) for table in tables])


def find(model: str, quantity: str) -> pd.Series:
    rows = VALUES.loc[(VALUES["model"] == model) & (VALUES["quantity"] == quantity)]
    assert len(rows)
    return rows.set_index("term")["value"]


# --- R ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quantity", ["estimate", "std_error", "df", "fmi"])
@pytest.mark.parametrize("estimator", OUTCOMES)
def test_pooled_coefficients_agree_with_mice(estimator: str, quantity: str) -> None:
    estimates = tabulate_estimates(pool(estimator)).set_index("term")
    expected = find(estimator, quantity)
    np.testing.assert_allclose(estimates.loc[expected.index, quantity], expected, rtol=TOLERANCE[estimator])


@pytest.mark.parametrize("quantity", ["std_error", "df", "fmi"])
def test_pooled_clustered_errors_agree_with_mice(quantity: str) -> None:
    estimates = tabulate_estimates(pool(covariance=CLUSTER)).set_index("term")
    expected = find("ols cluster", quantity)
    np.testing.assert_allclose(estimates.loc[expected.index, quantity], expected, rtol=1e-10)


def test_pooled_r_squared_agrees_with_mice() -> None:
    assert pool()[0]["fit"]["r_squared"] == pytest.approx(find("ols", "fit")["r_squared"], rel=1e-10)


def test_pooled_change_of_a_block_agrees_with_mitml() -> None:
    blocks = [{"name": "L0", "add": "form + z"}, {"name": "L1", "add": "form * x + I(x ^ 2) + wave"}]
    found, expected = pool(blocks=blocks)[-1]["fit"], find("ols", "change")
    np.testing.assert_allclose([found[key] for key in expected.index], expected, rtol=1e-10)


def test_pooled_contrast_agrees_with_mice() -> None:
    hypotheses = [{"id": "H", "components": [COMPONENT | {"model": "m", "outcome": "equity"}]}]
    row = pool_all(hypotheses, "logit").iloc[0]
    expected = find("logit", "hybrid minus others")
    np.testing.assert_allclose([row[key] for key in expected.index], expected, rtol=1e-7)


# --- laws ------------------------------------------------------------------------------------------------------------


def test_equal_sets_give_the_fit_itself() -> None:
    [single], [pooled] = fit(SETS[0]), pool(tables=[SETS[0]] * 3)
    np.testing.assert_allclose(pooled["cov"], single["cov"], rtol=1e-12)


def test_equal_sets_have_no_missing_information() -> None:
    assert set(pool(tables=[SETS[0]] * 3)[0]["fmi"]) == {0.0}


def test_degrees_of_freedom_of_equal_sets_are_those_of_the_fit() -> None:
    [single], [pooled] = fit(SETS[0]), pool(tables=[SETS[0]] * 3)
    assert set(pooled["df_terms"]) == {single["df"]}


def test_normal_reference_of_equal_sets_stays() -> None:
    assert pool("logit", [SETS[0]] * 2)[0]["df_terms"][0] is None


def test_order_of_sets_changes_nothing() -> None:
    one, two = pool()[0], pool(tables=SETS[::-1])[0]
    np.testing.assert_allclose(one["cov"], two["cov"], rtol=1e-12)


@pytest.mark.parametrize("estimator", ["logit", "ordered_logit"])
def test_start_of_the_climb_changes_nothing(estimator: str) -> None:
    near = fit(SETS[0], estimator)
    [one], [two] = fit(SETS[1], estimator), fit(SETS[1], estimator, starts=near)
    np.testing.assert_allclose(two["cov"], one["cov"], rtol=1e-9, atol=1e-14)


def test_start_without_hope_is_not_used() -> None:
    far = [
        entry | {"params": [50.0 * (-1) ** at for at in range(len(entry["params"]))]} for entry in fit(SETS[0], "logit")
    ]
    [one], [two] = fit(SETS[0], "logit"), fit(SETS[0], "logit", starts=far)
    np.testing.assert_allclose(two["params"], one["params"], rtol=1e-9)


def test_pooled_change_of_r_squared_is_the_difference_of_pooled_ones() -> None:
    blocks = [{"name": "a", "add": "form + z"}, {"name": "b", "add": "x"}]
    one, two = (entry["fit"] for entry in pool(blocks=blocks))
    assert two["r_squared_change"] == pytest.approx(two["r_squared"] - one["r_squared"])


def test_information_criteria_are_left_out() -> None:
    assert not {"aic", "bic"} & pool("logit")[0]["fit"].keys()


# --- where sets differ -----------------------------------------------------------------------------------------------


def test_model_that_fails_in_some_sets_has_no_numbers() -> None:
    flat = [SETS[0], SETS[1].assign(growth=0.5), SETS[2].assign(growth=0.5)]
    [entry] = pool(tables=flat)
    said = "in 2 of 3 imputed sets: the outcome growth is constant (0.5) in all 240 rows"
    assert (entry["status"], entry["reason"], entry["params"]) == ("failed", said, [])


def test_terms_that_differ_between_sets_have_no_numbers() -> None:
    table = SETS[1].assign(form=SETS[1]["form"].replace("interrupted", "hybrid"))
    [entry] = pool(tables=[SETS[0], table], formula="form + x")
    assert entry["reason"] == ("in 1 of 2 imputed sets: the terms are others than in the first set (form[interrupted])")


def test_rows_that_differ_between_sets_are_a_range() -> None:
    [entry] = pool(samples=["high"])
    numbers = [(table["x"] > -1).sum() for table in SETS]
    assert (entry["n_obs_least"], entry["n_obs_most"]) == (min(numbers), max(numbers))


def test_rows_that_do_not_differ_are_no_range() -> None:
    assert "n_obs_most" not in pool()[0]


def test_wave_without_rows_in_some_set_is_not_pooled() -> None:
    early = [SETS[0], SETS[1].assign(x=SETS[1]["x"].where(SETS[1]["wave"] != 4))]
    waves = pool_fits([fit_waves(fit(table, formula="x + z + wave"), table, DICTIONARY) for table in early])
    assert waves[-1]["reason"] == "in 1 of 2 imputed sets: no row is left"


def test_tables_say_how_many_sets_were_pooled() -> None:
    fits = pool()
    assert set(tabulate_estimates(fits)["n_imputations"]) | set(tabulate_models(fits)["n_imputations"]) == {5}


# --- predictions and contrasts ---------------------------------------------------------------------------------------

COMPONENT = {"name": "hybrids", "model": "m", "outcome": "growth", "contrast": HYBRID, "alternative": "greater"}
BY, OVER = (
    {"id": "by", "model": "m", "outcome": "growth", "by": ["form"]},
    {"id": "over", "model": "m", "outcome": "growth", "over": {"variable": "x", "points": 3}},
)


def stream(estimator: str = "ols", tables: list[pd.DataFrame] = SETS, **changes: Any) -> Any:
    for table in tables:
        yield fit(table, estimator, **changes), {"panel": table}


def pool_all(
    hypotheses: list[dict[str, Any]], estimator: str = "ols", tables: list[pd.DataFrame] = SETS
) -> pd.DataFrame:
    fits = [fit(table, estimator) for table in tables]
    apart = [fit_waves(own, table, DICTIONARY) for own, table in zip(fits, tables, strict=True)]
    complete = estimate_contrasts(hypotheses, fits[0], {"panel": tables[0]})
    sets = ((own, by, {"panel": table}) for own, by, table in zip(fits, apart, tables, strict=True))
    return pool_contrasts(hypotheses, sets, pool_fits(fits), pool_fits(apart), complete)


def test_pooled_prediction_is_the_mean_of_the_sets() -> None:
    table, _ = pool_predictions([BY], stream())
    each = [tabulate_predictions([BY], fit(rows), {"panel": rows})[0]["estimate"] for rows in SETS]
    np.testing.assert_allclose(table["estimate"], np.mean(each, axis=0), rtol=1e-12)


def test_variance_of_a_pooled_prediction_is_within_plus_between() -> None:
    table, _ = pool_predictions([BY], stream())
    each = [tabulate_predictions([BY], fit(rows), {"panel": rows})[0] for rows in SETS]
    within = np.mean([own["std_error"] ** 2 for own in each], axis=0)
    between = np.var([own["estimate"] for own in each], axis=0, ddof=1)
    np.testing.assert_allclose(table["std_error"] ** 2, within + 1.2 * between, rtol=1e-12)


def test_grid_is_the_mean_of_the_grids_of_the_sets() -> None:
    table, _ = pool_predictions([OVER], stream())
    starts = [np.percentile(rows["x"], 1) for rows in SETS]
    assert table["value_1"].iloc[0] == pytest.approx(np.mean(starts))


def test_prediction_of_a_model_that_fails_in_a_set_is_a_remark() -> None:
    table, remarks = pool_predictions([BY], stream(tables=[SETS[0], SETS[1].assign(growth=0.5)]))
    assert (len(table), remarks[0][:35]) == (0, "in 1 of 2 imputed sets: predictions")


def test_level_that_some_sets_lack_is_a_remark() -> None:
    less = SETS[1].assign(form=SETS[1]["form"].replace("interrupted", "hybrid"))
    table, remarks = pool_predictions([BY], stream(tables=[SETS[0], less]))
    assert (table["value_1"].tolist(), remarks) == (
        ["single", "hybrid"],
        ["predictions: by: 1 not given, as some sets lack them"],
    )


def test_pooled_contrasts_have_the_columns_of_others() -> None:
    assert pool_all([{"id": "H", "components": [COMPONENT]}]).columns.tolist() == CONTRASTS


def test_complete_cases_stand_beside_a_pooled_contrast() -> None:
    row = pool_all([{"id": "H", "components": [COMPONENT]}]).iloc[0]
    alone = evaluate_contrast(fit(SETS[0])[0], SETS[0], HYBRID)
    assert (row["complete_estimate"], row["complete_std_error"]) == (alone["estimate"], alone["std_error"])


def test_contrast_that_a_set_cannot_give_has_a_reason_and_no_number() -> None:
    less = SETS[1].loc[SETS[1]["form"] != "hybrid"]
    row = pool_all([{"id": "H", "components": [COMPONENT]}], tables=[SETS[0], less]).iloc[0]
    assert row["reason"].startswith("model m failed: in 1 of 2 imputed sets: the terms are others")
    assert np.isnan(row["estimate"])


def test_sign_in_a_wave_is_that_of_the_mean_over_the_sets() -> None:
    row = pool_all([{"id": "H", "components": [COMPONENT]}]).iloc[0]
    own = [rows.loc[rows["wave"] == 2] for rows in SETS]
    mean = np.mean(
        [evaluate_contrast(fit(rows, formula="form * x + I(x ^ 2) + z")[0], rows, HYBRID)["estimate"] for rows in own]
    )
    assert f"2={'+' if mean > 0 else '-'}" in row["signs"]


def test_one_sided_p_value_of_a_pooled_contrast_is_in_the_stated_direction() -> None:
    greater = {"id": "A", "components": [COMPONENT]}
    less = {"id": "B", "components": [COMPONENT | {"alternative": "less"}]}
    assert pool_all([greater, less])["p_value"].sum() == pytest.approx(1)


def test_rows_that_some_tables_lack_are_counted() -> None:
    one = pd.DataFrame({"term": ["a", "b"], "estimate": [1.0, np.nan], "std_error": 0.1, "df": 9.0})
    pooled, lost = pool_rows([one, one.assign(estimate=2.0)], ["term"])
    assert (pooled["term"].tolist(), lost) == (["a"], {("b",): 1})


def test_columns_that_fits_need_are_those_of_formula_sample_and_covariance() -> None:
    needed = list_needed(fit(SETS[0], formula="x", samples=["high"], covariance=CLUSTER))
    assert needed == ["growth", "x", "firm", "wave"]
