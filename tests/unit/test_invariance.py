"""Measurement invariance: the ladder against lavaan, planted differences, and data that carry no comparison."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.factor_models import gather_moments
from firmties.invariance import (
    CUT_OFFS,
    JUDGED,
    climb_ladder,
    code_groups,
    compare_loadings,
    compare_scales,
    describe_means,
    draw_one_row,
    examine_invariance,
    judge_step,
    look_up_fit,
    repeat_ladder,
)

FOLDER = Path(__file__).parents[1] / "reference" / "r" / "measures"
ITEMS = pd.read_csv(FOLDER / "items.csv")
REFERENCE = (
    pd.read_csv(FOLDER / "invariance.csv").set_index(["estimator", "scale", "step", "quantity"])["value"].sort_index()
)
SCALES = {name: [f"{name}{k}" for k in range(1, 4 if name == "d" else 5)] for name in "abcd"}
ESTIMATORS = {"ML": "none", "MLR": "mlr"}


@pytest.fixture(scope="module")
def ladders():
    return {
        (estimator, name): climb_ladder(gather_moments(ITEMS[items], ITEMS["wave"]), items, robust=robust)
        for estimator, robust in ESTIMATORS.items()
        for name, items in SCALES.items()
    }


def collect(ladders, estimator, name, read):
    """What is read of each step of a ladder, and lavaan's value beside it."""
    pairs = [
        (read(step, quantity), REFERENCE[estimator, name, step.name, quantity])
        for step in ladders[estimator, name]
        for quantity in REFERENCE[estimator, name, step.name].index
        if not np.isnan(read(step, quantity))
    ]
    assert pairs, "nothing was compared"
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


# lavaan stops at a relative change of 1e-10 of the function, which leaves its SRMR up to 2e-7 and means 2e-6 off.
@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_indices_of_every_step_agree_with_lavaan(ladders, estimator, name):
    def read(step, quantity):
        return look_up_fit(step.fit, quantity) if quantity in JUDGED else np.nan

    ours, theirs = collect(ladders, estimator, name, read)
    assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_tests_of_every_step_agree_with_lavaan(ladders, estimator, name):
    def read(step, quantity):
        if quantity not in ("chi2", "df") or step.fit.indices["df"] == 0:
            return np.nan
        ending = "_scaled" if estimator == "MLR" and quantity == "chi2" else ""
        return step.fit.indices[quantity + ending]

    ours, theirs = collect(ladders, estimator, name, read)
    assert ours == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("name", SCALES)
def test_congruence_of_loadings_agrees_with_lavaan(ladders, name):
    found = compare_loadings(ladders["ML", name][0].fit)
    assert found == pytest.approx(REFERENCE["ML", name, "configural", "congruence"], rel=1e-6)


@pytest.mark.parametrize("name", SCALES)
def test_factor_means_agree_with_lavaan(ladders, name):
    step = ladders["ML", name][-1]
    ours = {f"mean {row['group']}": row["mean"] for row in describe_means(step)[1:]}
    theirs = REFERENCE["ML", name, step.name]
    assert ours == pytest.approx(theirs[theirs.index.str.startswith("mean ")].to_dict(), rel=1e-4, abs=1e-5)


def examine(name, **columns):
    table = ITEMS.assign(**columns)
    return examine_invariance(table[SCALES[name]], table["wave"], table["firm"])[0]


@pytest.mark.parametrize(
    ("name", "level", "freed"),
    [("a", "scalar", []), ("b", "partial scalar", ["b3"]), ("c", "partial scalar", ["c2"]), ("d", "scalar", [])],
)
def test_planted_difference_is_found(name, level, freed):
    found = examine(name)
    assert (found["level"], found["freed"]) == (level, freed)


def test_factor_mean_that_rises_is_found():
    table, scale = ITEMS, SCALES["a"]
    means = examine_invariance(table[scale], table["wave"], table["firm"])[2]
    # Planted: .30 standard deviations in wave 3.
    assert means[2]["conf_low"] < 0.30 < means[2]["conf_high"]


def test_items_of_two_factors_in_one_wave_leave_each_wave_by_itself():
    shuffled = ITEMS[["a3", "a4"]].sample(frac=1, random_state=1).set_axis(ITEMS.index)
    found = examine("a", **{item: ITEMS[item].where(ITEMS["wave"] < 3, shuffled[item]) for item in ("a3", "a4")})
    assert (found["level"], found["consequence"]) == ("none", "each group by itself")


def test_items_without_correlations_are_said_to_have_no_minimum():
    draw = np.random.default_rng(1)
    noise = {f"a{k}": ITEMS[f"a{k}"].where(ITEMS["wave"] < 3, draw.permutation(ITEMS[f"a{k}"])) for k in (1, 2, 3)}
    found = examine("a", **noise)
    assert (found["level"], found["reason"][:16]) == ("not tested", "did not converge")


def test_at_most_half_of_the_items_are_freed():
    shifts = {f"a{k}": ITEMS[f"a{k}"] + shift * (ITEMS["wave"] == 2) for k, shift in ((1, 1), (2, -1), (3, 2))}
    table = ITEMS.assign(**shifts)
    steps = climb_ladder(gather_moments(table[SCALES["a"]], table["wave"]), SCALES["a"])
    assert max(len(step.freed) for step in steps) == 2


def test_metric_alone_pools_regressions_and_compares_no_means():
    shifts = {f"a{k}": ITEMS[f"a{k}"] + shift * (ITEMS["wave"] == 2) for k, shift in ((1, 1), (2, -1), (3, 2))}
    found = examine("a", **shifts)
    assert (found["slopes_comparable"], found["means_comparable"]) == (True, False)


@pytest.mark.parametrize("small", [True, False])
@pytest.mark.parametrize("step", ["metric", "scalar"])
@pytest.mark.parametrize("other", ["rmsea", "srmr"])
def test_a_step_fails_where_two_indices_reach_their_cut_offs(step, small, other):
    bound = CUT_OFFS[step, small]
    changes = {"cfi": -bound.cfi, "rmsea": 0.0, "srmr": 0.0} | {other: getattr(bound, other)}
    assert not judge_step(changes, step, small=small)


@pytest.mark.parametrize("step", ["metric", "scalar"])
def test_a_fall_of_cfi_alone_is_not_enough(step):
    assert judge_step({"cfi": -0.5, "rmsea": 0.0, "srmr": 0.0}, step, small=True)


def test_item_that_one_wave_did_not_ask_is_left_out():
    found = examine("a", a4=ITEMS["a4"].where(ITEMS["wave"] != 2))
    assert (found["items"], found["dropped_items"]) == (["a1", "a2", "a3"], {"a4": [2]})


def test_score_with_an_item_that_one_wave_did_not_ask_is_not_compared():
    found = examine("a", a4=ITEMS["a4"].where(ITEMS["wave"] != 2))
    assert (found["means_comparable"], found["consequence"].endswith("not all groups asked a4")) == (False, True)


def test_wave_that_asked_nothing_of_the_scale_is_no_group():
    missing = {item: ITEMS[item].where(ITEMS["wave"] != 1) for item in SCALES["a"]}
    found = examine("a", **missing)
    assert (found["groups"], found["level"]) == ([2, 3], "scalar")


def test_group_of_few_rows_is_left_out():
    table = ITEMS.drop(index=ITEMS.index[ITEMS["wave"] == 3][25:])
    found = examine_invariance(table[SCALES["a"]], table["wave"], table["firm"])[0]
    assert (found["dropped_groups"], found["groups"]) == ([3], [1, 2])


def test_single_group_is_not_tested():
    table = ITEMS.loc[ITEMS["wave"] == 1]
    found = examine_invariance(table[SCALES["a"]], table["wave"], table["firm"])[0]
    assert (found["level"], found["reason"]) == ("not tested", "fewer than two groups with 30 complete rows")


@pytest.mark.parametrize(("items", "words"), [(["a1"], "1 common item;"), (["a1", "a2"], "2 common items;")])
def test_too_few_items_are_not_tested(items, words):
    found = examine_invariance(ITEMS[items], ITEMS["wave"], ITEMS["firm"])[0]
    assert found["reason"].startswith(words)


def test_constant_item_is_named_with_its_group():
    found = examine("a", a2=ITEMS["a2"].where(ITEMS["wave"] != 2, 4))
    assert found["reason"] == "constant in group 2: a2"


def test_item_without_an_answer_is_left_out():
    found = examine("a", a2=np.nan)
    assert (found["items"], found["level"]) == (["a1", "a3", "a4"], "scalar")


def test_repeated_item_is_named():
    found = examine("a", a2=ITEMS["a1"])
    assert (found["level"], "singular" in found["reason"]) == ("not tested", True)


def test_group_in_which_no_factor_can_be_found_is_said():
    # In wave 2 the first item agrees with the second alone, which no factor with positive variances can do.
    draw = np.random.default_rng(2)
    here = ITEMS["wave"] == 2
    table = pd.DataFrame({"x1": draw.normal(size=len(ITEMS))})
    table["x2"] = np.where(here, table["x1"] + 0.1 * draw.normal(size=len(ITEMS)), draw.normal(size=len(ITEMS)))
    table["x3"] = draw.normal(size=len(ITEMS))
    verdict = examine_invariance(table, ITEMS["wave"])[0]
    assert (verdict["means_comparable"], verdict["reason"] != "") == (False, True)


def draw_two_groups(seed):
    """Two groups of 60 rows, as few as make improper solutions."""
    draw = np.random.default_rng(seed)
    parts = []
    for loadings in ([0.9, 0.5, 0.4, 0.4], [0.8, 0.6, 0.3, 0.5]):
        factor = draw.normal(size=60)
        parts.append(np.column_stack([loading * factor + 0.7 * draw.normal(size=60) for loading in loadings]))
    return pd.DataFrame(np.concatenate(parts), columns=list("abcd")), pd.Series([1] * 60 + [2] * 60)


def test_a_step_with_a_negative_residual_variance_does_not_hold():
    items, groups = draw_two_groups(40)
    last = climb_ladder(gather_moments(items, groups), list(items))[-1]
    assert (last.name, last.holds, last.reason[:29]) == ("partial metric", False, "negative residual variance of")


def test_a_negative_scaling_factor_gives_no_robust_index_and_stops_nothing():
    items, groups = draw_two_groups(63)
    indices = climb_ladder(gather_moments(items, groups), list(items))[0].fit.indices
    missing = [name for name in ("chi2_scaled", "cfi_robust", "rmsea_robust") if np.isnan(indices[name])]
    assert (indices["scaling"] < 0, missing) == (True, ["chi2_scaled", "cfi_robust", "rmsea_robust"])


def test_one_row_of_each_firm_is_drawn():
    firms = ITEMS["firm"]
    chosen = firms.iloc[draw_one_row(firms, 3)]
    assert sorted(chosen) == sorted(firms.unique())


def test_what_holds_on_all_rows_alone_does_not_count(monkeypatch):
    # Loadings of f and intercepts of b differ; one row of each firm is made to fail the last step.
    draw = np.random.default_rng(5)
    loadings, intercepts = np.full((2, 6), 0.8), np.zeros((2, 6))
    loadings[1, 5], intercepts[1, 1] = 0.25, 0.9
    parts = [
        draw.normal(size=(500, 1)) * loadings[wave] + intercepts[wave] + 0.6 * draw.normal(size=(500, 6))
        for wave in (0, 1)
    ]
    items = pd.DataFrame(np.concatenate(parts), columns=list("abcdef"))
    waves, firms = pd.Series([1] * 500 + [2] * 500), pd.Series([*range(500)] * 2)
    assert examine_invariance(items, waves, firms)[0]["freed"] == ["f", "b"]

    def fail_last(*arguments):
        steps = repeat_ladder(*arguments)
        steps[-1].holds = False
        return steps

    monkeypatch.setitem(examine_invariance.__globals__, "repeat_ladder", fail_last)
    verdict, _, means = examine_invariance(items, waves, firms)
    assert (verdict["level"], verdict["freed"], means) == ("partial metric", ["f"], [])


def test_order_of_the_rows_does_not_matter():
    scales = [{"name": "b", "items": SCALES["b"]}]
    first = compare_scales(ITEMS, scales, ["wave"], "firm")
    again = compare_scales(ITEMS.sample(frac=1, random_state=2), scales, ["wave"], "firm")
    pd.testing.assert_frame_equal(first[1], again[1])


def test_variable_with_many_values_is_refused():
    with pytest.raises(StudyError, match="over: 'firm' has 413 values in the panel"):
        compare_scales(ITEMS, [{"name": "a", "items": SCALES["a"]}], ["firm"], "firm")


def test_without_scales_the_tables_are_empty():
    assert [len(table) for table in compare_scales(ITEMS, [], ["wave"], "firm")] == [0, 0, 0]


def test_truth_values_make_groups():
    assert code_groups(pd.Series([True, False, None], dtype="boolean")).dropna().tolist() == ["true", "false"]
