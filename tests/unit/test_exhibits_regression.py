"""Regression tables."""

from typing import Any

import pandas as pd
import pytest

from firmties.estimation import fit_model, tabulate_estimates, tabulate_models
from firmties.exhibits.regression.summarize import choose_terms, name_columns, split_term, summarize
from firmties.exhibits.regression.tabulate import tabulate


@pytest.fixture
def dictionary():
    return pd.DataFrame(
        {
            "variable": ["form", "x", "y", "bought"],
            "table": "panel",
            "label": ["Form", "Age", "Growth", "Bought"],
            "type": ["category", "number", "number", "boolean"],
            "codes": ["single=single|hybrid=hybrid", "", "", ""],
            "reference": ["single", "", "", ""],
        }
    )


@pytest.fixture
def sources(dictionary):
    panel = pd.DataFrame(
        {
            "form": ["single", "hybrid"] * 20,
            "x": [float(at % 7) for at in range(40)],
            "y": [0.3 * (at % 7) + (at % 2) + 0.1 * (at % 5) for at in range(40)],
            "bought": pd.array([(at * at + at // 3) % 3 == 0 for at in range(40)], dtype="boolean"),
            "same": 1.0,
        }
    )
    blocks: Any = [{"name": "L0", "add": "x"}, {"name": "L1", "add": "form"}]
    models: list[Any] = [
        {"id": "ladder", "estimator": "ols", "outcomes": ["y"], "blocks": blocks},
        {"id": "buy", "estimator": "logit", "outcomes": ["bought"], "formula": "form + x"},
        {"id": "flat", "estimator": "ols", "outcomes": ["same"], "formula": "form"},
        {"id": "both", "estimator": "ols", "outcomes": ["y"], "formula": "form * x"},
    ]
    fits = [fit for model in models for fit in fit_model(model, panel, dictionary)]
    return {
        "fits": fits,
        "panel": panel,
        "estimates": tabulate_estimates(fits, dictionary),
        "models": tabulate_models(fits),
        "dictionary": dictionary,
    }


def print_table(sources, **options):
    numbers, notes = summarize(sources, options)
    return tabulate(numbers, notes, {"title": "T", **options})


def find_row(table, label):
    return next(list(row.cells) for row in table.rows if row.cells[0] == label)


def test_term_with_a_level_of_a_category_is_split():
    assert split_term("a[x]:b") == [("a", "x"), ("b", None)]


def test_square_follows_its_variable():
    assert choose_terms(["z", "I(z ^ 2)", "a", "Intercept"], ["a", "z"]) == ["a", "z", "I(z ^ 2)"]


def test_terms_by_default_leave_out_the_constant():
    assert choose_terms(["Intercept", "a", "threshold[1|2]", "alpha"], None) == ["a"]


def test_blocks_are_columns(sources):
    assert list(print_table(sources, model="ladder").columns) == ["", "L0", "L1"]


def test_reference_is_named(sources):
    rows = print_table(sources, model="ladder", show=["form"]).rows
    assert rows[0].cells == ["Form (reference: single)"]


def test_coefficient_stands_over_its_standard_error(sources):
    fit = sources["estimates"].query("block == 'L1' and term == 'x'").iloc[0]
    cell = find_row(print_table(sources, model="ladder", show=["x"]), "Age")[2]
    assert cell == f"{fit['estimate']:.3f}\n({fit['std_error']:.3f})"


def test_term_absent_from_a_block_leaves_a_blank(sources):
    assert find_row(print_table(sources, model="ladder", show=["form"]), "hybrid")[1] == ""


def test_change_in_r_squared_is_that_of_models_csv(sources):
    expected = sources["models"].query("block == 'L1'")["r_squared_change"].item()
    assert find_row(print_table(sources, model="ladder"), "Change in R²")[2] == f"{expected:.3f}"


def test_of_several_models_the_last_block_is_shown(sources):
    assert len(print_table(sources, models=["ladder", "buy"]).columns) == 3


def test_estimators_span_their_columns(sources):
    assert print_table(sources, models=["ladder", "buy"]).spans == [[("", 1), ("OLS", 1), ("Logit", 1)]]


def test_scale_of_a_nonlinear_model_is_said(sources):
    assert "Logit: log odds" in print_table(sources, models=["ladder", "buy"]).notes[0]


def test_failed_model_says_why(sources):
    table = print_table(sources, models=["both", "flat"])
    assert find_row(table, "Status") == ["Status", "fitted", "failed"]


def test_reason_of_a_failed_model_is_a_note(sources):
    reason = sources["models"].query("model == 'flat'")["reason"].item()
    assert any(reason in note for note in print_table(sources, models=["both", "flat"]).notes)


def test_products_not_shown_are_pointed_out(sources):
    assert any(
        note.startswith("both: the model also holds products")
        for note in print_table(sources, model="both", show=["x"]).notes
    )


def test_effects_of_a_nonlinear_model_are_a_part(sources):
    effects = print_table(sources, models=["ladder", "buy"], show=["form", "x"], effects=True).parts[0]
    assert (effects.title, len(effects.columns)) == ("Average marginal effects", 2)


def test_effect_of_a_level_is_the_difference_of_predictions(sources):
    from firmties.predictions import evaluate_contrast

    fit = next(fit for fit in sources["fits"] if fit["model"] == "buy")
    expected = evaluate_contrast(fit, sources["panel"], "mu(form=hybrid) - mu(form=single)")["estimate"]
    numbers, _ = summarize(sources, {"models": ["buy"], "show": ["form"], "effects": True})
    assert numbers.loc[numbers["part"] == "effect", "estimate"].item() == pytest.approx(expected, rel=1e-12)


def test_interval_beneath(sources):
    cell = find_row(print_table(sources, model="ladder", show=["x"], beneath=["interval"]), "Age")[1]
    assert cell.split("\n")[1].startswith("[")


def test_heading_leaves_out_a_block_that_a_model_does_not_have():
    columns = pd.DataFrame({"column": [1, 2], "outcome": ["y", "x"], "sample": "", "block": ["L1", ""]})
    words = pd.DataFrame({"variable": ["y", "x"], "label": ["Growth", "Patents"]})
    headed = name_columns(columns.assign(estimator=["ols", "logit"]), words)
    assert list(headed["heading"]) == ["Growth, L1", "Patents"]


def test_two_models_of_one_outcome_are_told_apart_by_their_names():
    words = pd.DataFrame({"variable": ["y"], "label": ["Growth"]})
    columns = pd.DataFrame({"column": [1, 2], "model": ["all", "within"], "outcome": "y", "sample": "", "block": ""})
    headed = name_columns(columns.assign(estimator="ols"), words)
    assert headed[["span", "heading"]].values.tolist() == [["all", "Growth"], ["within", "Growth"]]


# --- weights and imputed sets ----------------------------------------------------------------------------------------


@pytest.fixture
def weighted(sources, dictionary):
    """The ladder with weights beside: the weights follow form, the outcome does, too."""
    panel = sources["panel"].assign(
        weight=[1.0, 3.0] * 20, firm=range(40), y=sources["panel"]["y"] + sources["panel"]["x"] * ([0.0, 0.5] * 20)
    )
    blocks: Any = [{"name": "L0", "add": "x"}, {"name": "L1", "add": "form"}]
    design = {"type": "design", "by": "firm"}
    models: list[Any] = [
        {"id": "ladder", "estimator": "ols", "outcomes": ["y"], "blocks": blocks},
        {
            "id": "heavy",
            "estimator": "ols",
            "outcomes": ["y"],
            "blocks": blocks,
            "weights": "weight",
            "covariance": design,
        },
    ]
    fits = [fit for model in models for fit in fit_model(model, panel, dictionary)]
    tables = {"estimates": tabulate_estimates(fits, dictionary), "models": tabulate_models(fits)}
    return sources | tables | {"fits": fits, "panel": panel}


BESIDE = {"model": "ladder", "beside": {"model": "heavy", "blocks": ["L1"]}}


def test_weighted_column_stands_beside_the_unweighted_one(weighted):
    assert print_table(weighted, **BESIDE).columns == ["", "L0", "L1", "L1, weighted"]


def test_steps_of_the_model_beside_have_no_change(weighted):
    assert find_row(print_table(weighted, **BESIDE), "Change in R²")[3] == ""


def test_difference_of_more_than_a_standard_error_is_said(weighted):
    [remark] = summarize(weighted, BESIDE)[1]["remark_weights"]
    assert remark == (
        "L1, weighted against L1: the estimates differ by more than one standard error of the unweighted one in 2 of 3 "
        "coefficients: constant; Age."
    )


def test_no_difference_is_said_too(weighted, dictionary):
    panel = weighted["panel"].assign(weight=2.0)
    design = {"type": "design", "by": "firm"}
    even = {"id": "heavy", "estimator": "ols", "outcomes": ["y"], "blocks": [{"name": "L1", "add": "x + form"}]}
    fits = [*weighted["fits"][:2], *fit_model(even | {"weights": "weight", "covariance": design}, panel, dictionary)]
    tables = {"estimates": tabulate_estimates(fits, dictionary), "models": tabulate_models(fits)}
    [remark] = summarize(weighted | tables | {"fits": fits}, BESIDE)[1]["remark_weights"]
    assert "no more than one standard error of the unweighted one in all 3 coefficients" in remark


def test_notes_say_what_is_weighted(weighted):
    notes = print_table(weighted, **BESIDE).notes
    assert any("Unweighted (ladder), weighted by weight (heavy); complete cases" in note for note in notes)


def impute(sources, dictionary, estimator="logit"):
    """Two sets that differ in a few answers, with the fits pooled over them."""
    from firmties.pooled_models import pool_fits

    model = {"id": "buy", "estimator": estimator, "outcomes": ["bought"], "formula": "form + x"}
    panels = [sources["panel"].assign(x=sources["panel"]["x"] + shift) for shift in ([0.0] * 40, [0.0, 0.4] * 20)]
    each = [fit_model(model, panel, dictionary) for panel in panels]
    fits = pool_fits(each)
    tables = {"estimates": tabulate_estimates(fits, dictionary), "models": tabulate_models(fits)}
    return each, panels, sources | tables | {
        "fits": fits, "sets": lambda: iter([(own, {"panel": panel}) for own, panel in zip(each, panels, strict=True)]),
    }  # fmt: skip


def test_marginal_effects_are_pooled_over_the_sets(sources, dictionary):
    from firmties.predictions import evaluate_contrast

    each, panels, imputed = impute(sources, dictionary)
    numbers, _ = summarize(imputed, {"models": ["buy"], "effects": True})
    effect = numbers.loc[(numbers["part"] == "effect") & (numbers["row"] == "x"), "estimate"].item()
    alone = [
        evaluate_contrast(fits[0], panel, "slope(x)")["estimate"] for fits, panel in zip(each, panels, strict=True)
    ]
    assert effect == pytest.approx(sum(alone) / 2)


def test_an_effect_that_cannot_be_given_is_told(sources, dictionary):
    model = {"id": "buy", "estimator": "logit", "outcomes": ["bought"], "formula": "form + x + sqrt(x)"}
    fits = fit_model(model, sources["panel"], dictionary)
    tables = {"estimates": tabulate_estimates(fits, dictionary), "models": tabulate_models(fits)}
    numbers, notes = summarize(sources | tables | {"fits": fits}, {"models": ["buy"], "effects": True})
    assert set(numbers.loc[numbers["part"] == "effect", "row"]) == {"form[hybrid]"}
    assert notes["remark_effects"] == ["Bought: no average marginal effect: the slope of x is not finite in every row."]


def test_table_of_imputed_sets_says_so(sources, dictionary):
    notes = print_table(impute(sources, dictionary)[2], models=["buy"]).notes
    assert any("2 imputations, pooled by Rubin's rules, Barnard-Rubin degrees of freedom" in note for note in notes)
