"""The reliability table."""

import numpy as np
import pandas as pd
import pytest

from firmties.exhibits.reliability.summarize import summarize
from firmties.exhibits.reliability.tabulate import tabulate
from firmties.reliability import compute_alpha, fit_congeneric


@pytest.fixture
def items():
    draw = np.random.default_rng(3)
    common = draw.normal(size=200)
    frame = pd.DataFrame({name: np.round(4 + common + draw.normal(size=200)) for name in ("q1", "q2", "q3")})
    frame.loc[:9, "q1"] = np.nan
    return frame


@pytest.fixture
def sources(items):
    return {
        "panel": items.assign(wave=1, firm=range(200), trust=items.mean(axis=1)),
        "scales": pd.DataFrame({"name": ["trust"], "label": ["Trust"], "items": [["q1", "q2", "q3"]]}),
        "waves": pd.DataFrame({"id": [1, 2], "label": ["2021", "2022"]}),
        "study": {"firm": "firm"},
    }


def test_omega_and_ave_are_those_of_the_answers_without_a_gap(sources, items):
    numbers, _ = summarize(sources, {})
    found = fit_congeneric(items)
    assert numbers.loc[0, ["omega", "ave"]].tolist() == pytest.approx([found.omega, found.ave])


def test_alpha_of_one_item_is_missing(items):
    assert np.isnan(compute_alpha(items[["q1"]])).all()


def test_of_few_complete_answers_nothing_is_told(sources):
    sources["study"]["minimum_cell"] = 191
    numbers, _ = summarize(sources, {})
    told = ["alpha", "omega", "ave", "composite", "mean_r", "rest_min", "drop_alpha"]
    assert numbers.loc[0, told].isna().all()


def test_item_whose_loss_would_help_is_named(sources):
    draw = np.random.default_rng(8)
    sources["panel"]["q3"] = draw.normal(size=200)
    numbers, notes = summarize(sources, {})
    assert any(
        "without one item: Trust 2021 (" in note and "without q3)" in note
        for note in tabulate(numbers, notes, {"title": "T"}).notes
    )


def make_assessed(**told):
    return pd.DataFrame([{"scale": "trust", "verdict": "used", "reason": "", "enter": 0.7, "drop": 0.6} | told])


def test_each_wave_is_judged_by_the_bounds_of_the_study(sources):
    assert summarize(sources, {})[0].loc[0, "gate"] == "used"
    sources["assessed"] = make_assessed(enter=0.95, drop=0.9)
    numbers, notes = summarize(sources, {})
    table = tabulate(numbers, notes, {"title": "T"})
    assert table.rows[1].cells[-1] == "below 0.90"
    assert any("used from 0.95, with caution from 0.90" in note for note in table.notes)


def test_verdict_of_the_gate_stands_beside_the_scale(sources):
    sources["assessed"] = make_assessed(verdict="left out", reason="α 0.500, ω 0.520")
    numbers, notes = summarize(sources, {})
    heading = tabulate(numbers, notes, {"title": "T"}).rows[0].cells[0]
    assert heading == "Trust (3 items): left out of models, α 0.500, ω 0.520"


def test_verdict_of_the_gate_is_in_no_row_of_a_wave(sources):
    before, _ = summarize(sources, {})
    sources["assessed"] = make_assessed(verdict="left out", reason="α 0.500, ω 0.520")
    pd.testing.assert_frame_equal(summarize(sources, {})[0], before)


def test_equal_imputed_sets_give_alpha_of_all_rows(sources, items):
    complete = sources["panel"].assign(q1=sources["panel"]["q1"].fillna(4.0))
    sources["completed"] = [lambda columns: complete[list(columns)]] * 3
    numbers, notes = summarize(sources, {})
    assert numbers.loc[0, "alpha_pooled"] == pytest.approx(compute_alpha(complete[["q1", "q2", "q3"]])[0])
    table = tabulate(numbers, notes, {"title": "T"})
    assert table.columns[8:11] == ["Lowest item-rest r", "α, imputed", "ω, imputed"]


def test_missing_is_the_share_of_item_answers(sources):
    numbers, _ = summarize(sources, {})
    assert numbers.loc[0, "missing"] == pytest.approx(10 / 600)


def test_wave_that_did_not_ask_says_so(sources):
    numbers, notes = summarize(sources, {})
    assert tabulate(numbers, notes, {"title": "T"}).rows[2].cells[1] == "not asked"


def test_forgotten_reversal_is_named(sources):
    sources["reversals"] = pd.DataFrame(
        [
            {
                "wave_label": "2021",
                "scale": "trust",
                "label": "Trust",
                "item": "q2",
                "r": -0.5,
                "conf_high": -0.4,
                "n": 190,
            }
        ]
    )
    numbers, notes = summarize(sources, {})
    assert (
        "Forgotten reversal? Against the rest of its scale runs q2 of Trust in wave 2021"
        in (tabulate(numbers, notes, {"title": "T"}).notes[-1])
    )


def test_only_the_scales_asked_for(sources):
    sources["scales"].loc[1] = ["other", "Other", ["q1", "q2"]]
    numbers, _ = summarize(sources, {"scales": ["other"]})
    assert set(numbers["scale"]) == {"other"}
