"""The table of the measurement model."""

import numpy as np
import pandas as pd
import pytest

from firmties.exhibits.measurement_model.summarize import summarize
from firmties.exhibits.measurement_model.tabulate import tabulate
from firmties.factor_models import fit_factor_model
from firmties.factor_pooling import pool_factor_fits

FACTORS = {"trust": ["t1", "t2", "t3"], "power": ["p1", "p2", "p3"]}
OPTIONS = {"scales": ["trust", "power"], "title": "T"}


@pytest.fixture
def panel():
    draw = np.random.default_rng(4)
    common = draw.multivariate_normal([0, 0], [[1, 0.4], [0.4, 1]], size=400)
    items = {name: common[:, at] + draw.normal(size=400) for at, names in enumerate(FACTORS.values()) for name in names}
    panel = pd.DataFrame(items).assign(wave=[1] * 200 + [2] * 200, firm=[*range(200)] * 2)
    return panel.assign(t1=panel["t1"].mask(panel.index < 10))


@pytest.fixture
def sources(panel):
    return {
        "panel": panel,
        "scales": pd.DataFrame({"name": list(FACTORS), "label": ["Trust", "Power"], "items": list(FACTORS.values())}),
        "waves": pd.DataFrame({"id": [1, 2], "label": ["2021", "2022"]}),
        "study": {"firm": "firm"},
    }


def take(numbers, **wanted):
    rows = numbers
    for name, value in wanted.items():
        rows = rows.loc[rows[name] == value]
    return rows


def test_fit_is_that_of_the_wave_alone(sources, panel):
    numbers, _ = summarize(sources, OPTIONS)
    expected = fit_factor_model(panel.loc[panel["wave"] == 1], FACTORS).indices["chi2_scaled"]
    assert take(numbers, wave=1, quantity="chi2_scaled")["value"].item() == pytest.approx(expected, rel=1e-9)


def test_answers_without_a_gap_are_counted(sources):
    numbers, _ = summarize(sources, OPTIONS)
    assert take(numbers, quantity="n")["value"].tolist() == [190, 200]


def test_later_wave_changes_nothing_of_an_earlier(sources, panel):
    both, _ = summarize(sources, OPTIONS)
    one, _ = summarize(sources | {"panel": panel.loc[panel["wave"] == 1], "waves": sources["waves"].head(1)}, OPTIONS)
    pd.testing.assert_frame_equal(take(both, wave=1).reset_index(drop=True), one)


def test_factor_that_was_not_asked_leaves_the_wave(sources, panel):
    sources["panel"] = panel.assign(**{item: panel[item].mask(panel["wave"] == 2) for item in FACTORS["power"]})
    numbers, notes = summarize(sources, OPTIONS)
    assert take(numbers, wave=2, part="loading")["factor"].unique().tolist() == ["trust"]
    assert notes["remark_waves"] == ["2022: Power was not asked."]


def test_rows_of_a_wave_that_did_not_ask_all_factors_count(sources, panel):
    sources["panel"] = panel.assign(**{item: panel[item].mask(panel["wave"] == 2) for item in FACTORS["power"]})
    assert summarize(sources, OPTIONS)[1]["n_firm_waves"] == 390


def test_factor_of_which_one_item_was_asked_leaves_the_wave_with_that_reason(sources, panel):
    sources["panel"] = panel.assign(**{item: panel[item].mask(panel["wave"] == 2) for item in ("p2", "p3")})
    assert summarize(sources, OPTIONS)[1]["remark_waves"] == ["2022: Power has one item, p1."]


def test_wave_without_a_model_says_why(sources, panel):
    sources["panel"] = panel.assign(t2=panel["t2"].mask(panel["wave"] == 2, 3.0))
    numbers, notes = summarize(sources, OPTIONS)
    assert "2022: not estimated, constant: t2." in tabulate(numbers, notes, OPTIONS).notes


def test_of_few_answers_nothing_is_told(sources):
    numbers, _ = summarize(sources | {"study": {"firm": "firm", "minimum_cell": 195}}, OPTIONS)
    assert take(numbers, wave=1)["part"].tolist() == ["fit", "reason"]


def test_imputed_sets_are_pooled_beside(sources, panel):
    filled = [panel.assign(t1=panel["t1"].fillna(value)) for value in (0.0, 0.5, 1.0)]
    sources["completed"] = [lambda columns, rows=rows: rows[list(columns)] for rows in filled]
    numbers, notes = summarize(sources, OPTIONS)
    pooled = pool_factor_fits([fit_factor_model(rows.loc[rows["wave"] == 1], FACTORS) for rows in filled])
    found = take(numbers, wave=1, basis="imputed", quantity="cfi_robust")["value"].item()
    assert found == pytest.approx(pooled.indices["cfi_robust"], rel=1e-9)
    assert tabulate(numbers, notes, OPTIONS).columns[1:] == ["2021", "2021, imputed", "2022", "2022, imputed"]


def test_loadings_stand_beneath_their_factor(sources):
    numbers, notes = summarize(sources, OPTIONS)
    stubs = [row.cells[0] for row in tabulate(numbers, notes, OPTIONS).rows]
    at = stubs.index("Trust, standardized loadings")
    assert stubs[at : at + 5] == ["Trust, standardized loadings", "t1", "t2", "t3", "Power, standardized loadings"]
