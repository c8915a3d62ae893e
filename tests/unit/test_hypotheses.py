"""Hypotheses: p-values by side, intersection-union, adjustment within families, verdicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.estimation import fit_model, fit_waves
from firmties.hypotheses import adjust_p_values, estimate_contrasts, is_on_side, judge, judge_hypotheses

FAMILIES = {"main": {"adjust": "holm", "level": 0.05}, "side": {"adjust": "bh", "level": 0.10}}
rng = np.random.default_rng(7)
TABLE = pd.DataFrame({"up": rng.normal(size=200), "down": rng.normal(size=200), "flat": rng.normal(size=200)})
TABLE["y"] = 0.5 * TABLE["up"] - 0.5 * TABLE["down"] + rng.normal(size=200)
WORDS = pd.DataFrame(columns=["variable", "table", "label", "type", "codes", "reference"])
FITS = fit_model({"id": "m", "estimator": "ols", "outcomes": ["y"], "formula": "up + down + flat"}, TABLE, WORDS)


def hypothesis(name: str, *components: tuple[str, str], **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "family": "main",
        "claim": f"claim {name}",
        "components": [
            {"name": text, "model": "m", "outcome": "y", "contrast": text, "alternative": side}
            for text, side in components
        ],
    } | changes


def tabulate(*hypotheses: dict[str, Any], fits: list[dict[str, Any]] = FITS) -> pd.DataFrame:
    contrasts = estimate_contrasts(hypotheses, fits, {"panel": TABLE})
    return judge_hypotheses(hypotheses, FAMILIES, contrasts).set_index(["hypothesis", "component"])


RISES = hypothesis("H1", ("slope(up)", "greater"))
BOTH = hypothesis("H2", ("slope(up)", "greater"), ("slope(flat)", "greater"))
WRONG = hypothesis("H3", ("slope(down)", "greater"))


# --- adjustment ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["holm", "bh"])
def test_adjusted_p_values_agree_with_statsmodels(method: str) -> None:
    from statsmodels.stats.multitest import multipletests

    p_values = [0.001, 0.2, 0.04, 0.03, 0.0499, 0.9, 0.04]
    expected = multipletests(p_values, method={"bh": "fdr_bh"}.get(method, method))[1]
    np.testing.assert_allclose(adjust_p_values(p_values, method), expected, rtol=1e-12)


@given(st.lists(st.floats(0, 1), max_size=12))
def test_adjusted_p_values_are_never_smaller_and_never_above_one(p_values: list[float]) -> None:
    for method in ("holm", "bh"):
        adjusted = np.array(adjust_p_values(p_values, method))
        assert ((adjusted >= np.array(p_values) - 1e-15) & (adjusted <= 1)).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_benjamini_hochberg_is_never_stricter_than_holm(p_values: list[float]) -> None:
    assert (np.array(adjust_p_values(p_values, "bh")) <= np.array(adjust_p_values(p_values, "holm")) + 1e-12).all()


def test_no_adjustment_leaves_p_values() -> None:
    assert adjust_p_values([0.3, 0.01], "none") == [0.3, 0.01]


def test_unknown_adjustment_is_refused() -> None:
    with pytest.raises(StudyError, match="families: adjust: 'bonferoni'"):
        adjust_p_values([0.1], "bonferoni")


# --- components ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("alternative", "side"), [("greater", 1.0), ("less", -1.0)])
def test_one_sided_p_value_is_in_the_stated_direction(alternative: str, side: float) -> None:
    row = tabulate(hypothesis("H", ("slope(flat)", alternative))).iloc[0]
    two_sided = tabulate(hypothesis("H", ("slope(flat)", "two_sided"))).iloc[0]
    half = two_sided["p_value"] / 2
    assert row["p_value"] == pytest.approx(half if row["estimate"] * side > 0 else 1 - half, rel=1e-10)


def test_interval_is_two_sided_whatever_the_alternative() -> None:
    rows = [tabulate(hypothesis("H", ("slope(up)", side))).iloc[0] for side in ("greater", "two_sided")]
    assert list(rows[0][["conf_low", "conf_high"]]) == list(rows[1][["conf_low", "conf_high"]])


def test_p_value_of_a_hypothesis_is_the_largest_of_its_components() -> None:
    table = tabulate(BOTH)
    assert table["p_hypothesis"].tolist() == [table["p_value"].max()] * 2


def test_adjustment_counts_each_hypothesis_once() -> None:
    table = tabulate(RISES, BOTH)
    smaller, larger = sorted([table["p_hypothesis"].iloc[0], table["p_hypothesis"].iloc[1]])
    assert sorted(table["p_adjusted"].unique()) == pytest.approx([2 * smaller, max(2 * smaller, larger)])


def test_families_are_adjusted_apart() -> None:
    table = tabulate(RISES, hypothesis("H9", ("slope(flat)", "greater"), family="side"))
    assert table["p_adjusted"].tolist() == table["p_hypothesis"].tolist()


# --- verdicts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entry", "verdict"), [(RISES, "supported"), (BOTH, "undecided"), (WRONG, "against")], ids=["H1", "H2", "H3"]
)
def test_verdict(entry: dict[str, Any], verdict: str) -> None:
    assert set(tabulate(entry)["verdict"]) == {verdict}


def test_adjusted_p_above_the_level_leaves_a_hypothesis_undecided() -> None:
    assert judge([{"conf_low": 0.01, "conf_high": 0.1, "alternative": "greater"}], 0.06, 0.05) == "undecided"


def test_two_sided_hypothesis_is_supported_on_either_side() -> None:
    assert judge([{"conf_low": -0.2, "conf_high": -0.1, "alternative": "two_sided"}], 0.01, 0.05) == "supported"


@given(st.floats(-1, 1), st.floats(0.001, 1))
def test_sides_mirror_each_other(middle: float, reach: float) -> None:
    low, high = middle - reach, middle + reach
    assert is_on_side(low, high, "greater") == is_on_side(-high, -low, "less")


def test_pending_hypothesis_is_shown_but_not_judged() -> None:
    row = tabulate(hypothesis("H", ("slope(up)", "greater"), pending="the second test")).iloc[0]
    assert row["verdict"] == "pending the second test"


def test_pending_hypothesis_counts_in_its_family() -> None:
    table = tabulate(RISES, hypothesis("H9", ("slope(up)", "greater"), pending="the second test"))
    assert table["p_adjusted"].iloc[0] == 2 * table["p_value"].iloc[0]


def test_pending_hypothesis_has_no_adjusted_p() -> None:
    table = tabulate(RISES, hypothesis("H9", ("slope(up)", "greater"), pending="the second test"))
    assert np.isnan(table["p_adjusted"].iloc[1])


def test_failed_model_makes_a_hypothesis_not_estimable() -> None:
    failed = [FITS[0] | {"status": "failed", "reason": "too little"}]
    row = tabulate(RISES, fits=failed).iloc[0]
    assert (row["verdict"], row["reason"]) == ("not estimable", "model m failed: too little")


def test_one_component_that_cannot_be_estimated_is_enough() -> None:
    table = tabulate(hypothesis("H", ("slope(up)", "greater"), ("slope(size)", "greater")))
    assert set(table["verdict"]) == {"not estimable"}


def test_planted_value_is_carried_through() -> None:
    entry = hypothesis("H", ("slope(up)", "greater"))
    entry["components"][0]["planted"] = 0.5
    assert tabulate(entry)["planted"].tolist() == [0.5]


def test_no_hypotheses_give_an_empty_table_with_its_columns() -> None:
    assert "verdict" in judge_hypotheses([], FAMILIES, estimate_contrasts([], [], {})).columns


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (hypothesis("H", ("slope(up)", "greater"), family="mian"), "no family 'mian'; did you mean 'main'"),
        (hypothesis("H", ("slope(up", "greater")), "hypotheses: H: slope\\(up"),
    ],
)
def test_faults_of_the_configuration_are_named(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        tabulate(entry)


# --- signs by wave -------------------------------------------------------------------------------------------------


def two_waves() -> pd.DataFrame:
    """One wave with a slope of 2 and groups a and b 1 apart, one with a slope of -3 and group a alone."""
    draw = np.random.default_rng(3)
    table = pd.DataFrame({"wave": [1] * 60 + [2] * 60, "x": draw.normal(size=120), "group": ["a", "b"] * 60})
    table.loc[table["wave"] == 2, "group"] = "a"
    table["y"] = table["x"] * table["wave"].map({1: 2.0, 2: -3.0}) + (table["group"] == "b") + draw.normal(0, 0.1, 120)
    return table


def find_signs(contrast: str, formula: str = "wave + x + group", **changes: Any) -> str:
    table, level = changes.pop("table", two_waves()), changes.pop("level", None)
    settings = {"id": "m", "estimator": "ols", "outcomes": ["y"], "formula": formula} | changes
    fits = fit_model(settings, table, WORDS, {}, {"none": "x > 99"})
    component = {"name": "c", "model": "m", "outcome": "y", "contrast": contrast, "alternative": "greater"}
    component |= {"level": level} if level else {}
    apart = fit_waves(fits, table, WORDS)
    return str(estimate_contrasts([{"id": "H1", "components": [component]}], fits, {"panel": table}, apart)["signs"][0])


def test_sign_of_a_contrast_in_each_wave() -> None:
    assert find_signs("slope(x)") == "1=+|2=-"


def test_wave_without_a_level_gives_no_sign() -> None:
    assert find_signs("mu(group=b) - mu(group=a)") == "1=+|2=?"


def test_mean_of_the_others_needs_all_levels() -> None:
    table = two_waves().assign(group=["a", "b", "c"] * 40)
    table.loc[(table["wave"] == 2) & (table["group"] == "c"), "group"] = "a"
    assert find_signs("others(group=b) - mu(group=b)", table=table).endswith("2=?")


def test_product_with_the_wave_leaves_the_other_factor() -> None:
    assert find_signs("slope(x)", "wave + x:wave") == "1=+|2=-"


def test_model_without_rows_has_no_signs() -> None:
    assert find_signs("slope(x)", samples=["none"]) == ""


def test_wave_in_which_every_term_is_constant_gives_no_sign() -> None:
    table = two_waves().assign(firm=[i // 2 for i in range(120)])
    table.loc[table["wave"] == 1, "x"] = 0.0
    assert find_signs("slope(x)", "x", table=table, absorb=["firm"]) == "1=?|2=-"


def test_wave_without_the_level_of_an_ordered_outcome_gives_no_sign() -> None:
    table = two_waves()
    table["y"] = pd.cut(table["x"], [-9, -0.5, 0.5, 9], labels=False).astype(float)
    table.loc[(table["wave"] == 1) & (table["y"] == 2), "y"] = 1.0
    assert find_signs("slope(x)", "x", table=table, estimator="ordered_logit", level=">= 2").startswith("1=?|2=")


def test_wave_of_few_firms_gives_no_sign_and_says_why() -> None:
    # 60 rows of 20 firms in wave 1: errors are clustered, so firms count.
    table = two_waves().assign(firm=[i // 3 if i < 60 else i for i in range(120)])
    settings = {"id": "m", "estimator": "ols", "outcomes": ["y"], "formula": "wave + x"}
    fits = fit_model(settings | {"covariance": {"type": "cluster", "by": "firm"}}, table, WORDS)
    component = {"name": "c", "model": "m", "outcome": "y", "contrast": "slope(x)", "alternative": "greater"}
    hypotheses = [{"id": "H1", "components": [component]}]
    found = estimate_contrasts(hypotheses, fits, {"panel": table}, fit_waves(fits, table, WORDS)).iloc[0]
    assert (found["signs"], found["signs_reason"]) == (
        "1=?|2=-",
        "1: 20 respondents; fewer than 30 are not judged alone",
    )


def test_waves_have_the_rows_of_the_whole_fit() -> None:
    table = two_waves()
    table["w"] = table["x"].where(table["wave"] == 2) + np.arange(120) % 5
    blocks = [{"name": "one", "add": "x"}, {"name": "two", "add": "w"}]
    fits = fit_model({"id": "m", "estimator": "ols", "outcomes": ["y"], "blocks": blocks}, table, WORDS)
    apart = fit_waves(fits, table, WORDS)
    assert [(fit["wave"], fit["block"], fit["n_obs"]) for fit in apart] == [(2, "one", 60), (2, "two", 60)]
