"""The reliability table."""

import numpy as np
import pandas as pd
import pytest

from firmties.exhibits.reliability.summarize import compute_alpha, judge_alpha, summarize
from firmties.exhibits.reliability.tabulate import tabulate


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


# Reference: pingouin 0.7.0, cronbach_alpha(items.dropna()), which rounds the interval to three digits. (Given rows with
# gaps it leaves them out of alpha, but counts them in the degrees of freedom of the interval.)
def test_alpha_agrees_with_pingouin(items):
    assert compute_alpha(items)[0] == pytest.approx(0.7371733073682382, abs=1e-12)


def test_feldt_interval_agrees_with_pingouin(items):
    assert np.round(compute_alpha(items)[1:], 3).tolist() == [0.665, 0.796]


def test_alpha_of_one_item_is_missing(items):
    assert np.isnan(compute_alpha(items[["q1"]])).all()


@pytest.mark.parametrize(("alpha", "word"), [(0.70, "used"), (0.699, "shown only"), (0.599, "dropped"), (np.nan, "")])
def test_gate(alpha, word):
    assert judge_alpha(alpha) == word


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
