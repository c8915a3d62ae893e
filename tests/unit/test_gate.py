"""The reliability gate: verdicts, the terms that leave models, and what the fits, tables and contrasts say of it."""

import numpy as np
import pandas as pd
import pytest

from firmties.display import describe_models
from firmties.estimation import fit_model, tabulate_models
from firmties.gate import find_refused, leave_out_terms, mark_fit
from firmties.pooled_models import pool_fits
from firmties.predictions import ContrastError, evaluate_contrast
from firmties.reliability import assess_scales, judge_reliability

WORDS = pd.DataFrame(columns=["variable", "table", "label", "type", "codes", "reference"])
REFUSED = {"power_z": "Power (α 0.500, ω 0.520)"}
SCALE = [{"name": "trust", "label": "Trust", "items": ["a", "b", "c"]}]


def draw_items(loading, n=400, seed=1, waves=1):
    draw = np.random.default_rng(seed)
    items = loading * draw.normal(size=(n, 1)) + draw.normal(size=(n, 3))
    return pd.DataFrame(items, columns=list("abc")).assign(wave=np.arange(n) % waves + 1)


# --- verdicts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alpha", "omega", "verdict"),
    [
        (0.70, 0.70, "used"),
        (0.72, 0.699, "weak"),
        (0.60, np.nan, "weak"),
        (0.80, 0.599, "left out"),
        (0.599, np.nan, "left out"),
        (np.nan, np.nan, ""),
    ],
)
def test_lower_of_alpha_and_omega_decides(alpha, omega, verdict):
    assert judge_reliability(alpha, omega) == verdict


# Reliability of the sum: 3 L² / (3 L² + 1), .75 for L = 1, .66 for .8, .52 for .6.
@pytest.mark.parametrize(("loading", "verdict"), [(1.0, "used"), (0.8, "weak"), (0.6, "left out")])
def test_scale_is_judged_by_its_items(loading, verdict):
    assert assess_scales(draw_items(loading), SCALE, {}).loc[0, "verdict"] == verdict


def test_between_may_be_left_out():
    assert assess_scales(draw_items(0.8), SCALE, {"between": "leave_out"}).loc[0, "verdict"] == "left out"


def test_scale_stays_for_a_reason():
    found = assess_scales(draw_items(0.6), SCALE, {"keep": {"trust": "its long form is reliable"}}).loc[0]
    assert found["verdict"] == "kept"
    assert found["reason"].endswith("; kept: its long form is reliable")


def test_reason_to_keep_changes_no_scale_that_passes():
    assert assess_scales(draw_items(1.0), SCALE, {"keep": {"trust": "x"}}).loc[0, "verdict"] == "used"


def test_shift_between_waves_is_no_reliability():
    panel = draw_items(0.6, waves=2)
    shifted = panel.assign(**{item: panel[item] + 10 * panel["wave"] for item in "abc"})
    assert assess_scales(shifted, SCALE, {}).loc[0, "alpha"] == pytest.approx(
        assess_scales(panel, SCALE, {}).loc[0, "alpha"], rel=1e-9
    )


def test_later_wave_changes_no_verdict_of_waves_named():
    panel = draw_items(1.0)
    later = pd.concat([panel, draw_items(0.1, seed=2).assign(wave=2)])
    pd.testing.assert_frame_equal(assess_scales(later, SCALE, {"waves": [1]}), assess_scales(panel, SCALE, {}))


def test_wave_that_lacks_an_item_is_not_judged_by():
    panel = pd.concat([draw_items(1.0), draw_items(1.0).assign(wave=2, c=np.nan)])
    assert assess_scales(panel, SCALE, {}).loc[0, "waves"] == "1"


@pytest.mark.parametrize(
    ("panel", "reason"),
    [
        (draw_items(1.0, n=29), "29 complete rows; fewer than 30 are not judged"),
        (draw_items(1.0).drop(columns="c"), "0 complete rows; fewer than 30 are not judged"),
        (draw_items(1.0).assign(a=3.0, b=3.0, c=3.0), "its items have no variance, hence no α"),
    ],
)
def test_scale_that_cannot_be_judged_says_why(panel, reason):
    found = assess_scales(panel, SCALE, {}).loc[0]
    assert (found["verdict"], found["reason"]) == ("not judged", reason)


def test_scale_of_one_item_is_not_judged():
    found = assess_scales(draw_items(1.0), [{"name": "one", "label": "One", "items": ["a"]}], {}).loc[0]
    assert (found["verdict"], found["reason"]) == ("not judged", "one item, hence no α")


def test_only_scales_left_out_are_refused():
    assessed = pd.DataFrame(
        {"scale": ["s", "t"], "label": ["S", "T"], "verdict": ["weak", "left out"], "reason": ["α 0.65", "α 0.50"]}
    )
    assert find_refused(assessed, {"s_z": ["s"], "both": ["s", "t"]}) == {"both": "T (α 0.50)"}


# --- terms -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def table():
    draw = np.random.default_rng(2)
    table = pd.DataFrame(draw.normal(size=(80, 3)), columns=["x", "trust_z", "power_z"])
    return table.assign(y=table["x"] + draw.normal(size=80), wave=1)


def fit_gated(table, **model):
    settings = {"id": "M", "estimator": "ols", "outcomes": ["y"], "formula": "x + trust_z * power_z", **model}
    if "blocks" in model:
        del settings["formula"]
    passed, gone = leave_out_terms(settings, {}, REFUSED)
    return [mark_fit(fit, gone, REFUSED) for fit in fit_model(passed, table, WORDS)]


def test_terms_and_products_of_a_refused_scale_leave(table):
    [fit] = fit_gated(table)
    assert fit["terms"] == ["Intercept", "x", "trust_z"]


def test_rest_is_estimated_as_if_it_had_never_been_there(table):
    [fit] = fit_gated(table)
    [plain] = fit_model({"id": "M", "estimator": "ols", "outcomes": ["y"], "formula": "x + trust_z"}, table, WORDS)
    assert fit["params"] == plain["params"]


def test_rows_that_lack_the_scale_alone_come_back(table):
    table.loc[:9, "power_z"] = np.nan
    assert fit_gated(table)[0]["n_obs"] == 80


def test_fit_says_what_was_left_out(table):
    [fit] = fit_gated(table)
    assert fit["gate"] == {"power_z": REFUSED["power_z"], "trust_z:power_z": REFUSED["power_z"]}


def test_block_says_what_was_left_out_of_it_and_before(table):
    blocks = [{"name": "one", "add": "x"}, {"name": "two", "add": "power_z"}, {"name": "three", "add": "trust_z"}]
    assert [list(fit["gate"]) for fit in fit_gated(table, blocks=blocks)] == [[], ["power_z"], ["power_z"]]


def test_block_without_a_term_left_adds_nothing(table):
    blocks = [{"name": "one", "add": "x"}, {"name": "two", "add": "power_z"}]
    one, two = fit_gated(table, blocks=blocks)
    assert (two["terms"], two["status"]) == (one["terms"], "fitted")


def test_table_of_models_names_the_scale_once(table):
    assert tabulate_models(fit_gated(table)).loc[0, "gate"] == "Power (α 0.500, ω 0.520)"


def test_captions_say_it(table):
    notes = describe_models(tabulate_models(fit_gated(table)), WORDS)
    assert notes["remark_gate"] == "Left out of the models by the reliability gate: Power (α 0.500, ω 0.520)."


def test_contrast_that_rests_on_it_is_refused_with_the_reason(table):
    [fit] = fit_gated(table)
    with pytest.raises(
        ContrastError, match=r"'power_z' is left out of model M by the reliability gate: Power \(α 0.500"
    ):
        evaluate_contrast(fit, table, "slope(power_z)")


def test_contrast_that_does_not_is_estimated(table):
    [fit] = fit_gated(table)
    assert evaluate_contrast(fit, table, "slope(x)")["std_error"] > 0


def test_model_of_a_refused_outcome_fails_with_the_reason(table):
    [fit] = fit_gated(table, outcomes=["power_z"], formula="x")
    assert (fit["status"], fit["terms"]) == ("failed", [])
    assert fit["reason"] == "its outcome is left out by the reliability gate: Power (α 0.500, ω 0.520)"


def test_nothing_refused_changes_nothing(table):
    settings = {"id": "M", "estimator": "ols", "outcomes": ["y"], "formula": "x + trust_z * power_z"}
    assert leave_out_terms(settings, {}, {}) == (settings, {"": {}})


def test_fit_pooled_over_imputed_sets_says_it_too(table):
    [pooled] = pool_fits([fit_gated(table), fit_gated(table.assign(y=table["y"] + 0.1 * table["x"]))])
    assert (pooled["status"], list(pooled["gate"])) == ("fitted", ["power_z", "trust_z:power_z"])


def test_refused_outcome_pooled_over_imputed_sets_has_the_reason(table):
    [pooled] = pool_fits([fit_gated(table, outcomes=["power_z"], formula="x")] * 2)
    assert pooled["status"] == "failed"
    assert "its outcome is left out by the reliability gate: Power (α 0.500, ω 0.520)" in pooled["reason"]
