"""The curve over one variable."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmties.estimation import fit_model, tabulate_models
from firmties.exhibits.curve.summarize import find_turning_point, summarize
from firmties.predictions import tabulate_predictions

from .exhibit_frames import DICTIONARY, STUDY, WAVES, draw_anew, list_texts

OPTIONS: dict[str, Any] = {"prediction": "curve", "bins": 20, "scale": 100, "label": "Growth (points)"}


def make_sources(formula: str = "x + I(x ^ 2)", rows: int = 400) -> dict[str, Any]:
    random = np.random.default_rng(5)
    panel = pd.DataFrame({"wave": 1, "firm_id": [f"f{i}" for i in range(rows)], "x": random.normal(size=rows)})
    panel["growth"] = 0.05 + 0.04 * panel["x"] - 0.04 * panel["x"] ** 2 + random.normal(0, 0.05, rows)
    settings = {
        "id": "M1",
        "estimator": "ols",
        "outcomes": ["growth"],
        "formula": formula,
        "covariance": {"type": "cluster", "by": "firm_id"},
    }
    fits = json.loads(json.dumps(fit_model(settings, panel, DICTIONARY)))
    over = {
        "id": "curve",
        "model": "M1",
        "outcome": "growth",
        "over": {"variable": "x", "from_percentile": 1, "to_percentile": 99, "points": 31},
    }
    predictions = tabulate_predictions([over], fits, {"panel": panel})[0]
    models = pd.DataFrame(tabulate_models(fits))
    return {
        "panel": panel,
        "fits": fits,
        "predictions": predictions,
        "models": models,
        "dictionary": DICTIONARY,
        "study": STUDY,
        "waves": WAVES,
    }


@pytest.fixture(scope="module")
def sources() -> dict[str, Any]:
    return make_sources()


@pytest.fixture(scope="module")
def numbers(sources: dict[str, Any]) -> pd.DataFrame:
    return summarize(sources, OPTIONS)[0]


def test_curve_runs_from_first_to_99th_percentile(sources: dict[str, Any], numbers: pd.DataFrame) -> None:
    curve = numbers.loc[numbers["part"] == "curve", "x"]
    assert [curve.min(), curve.max()] == pytest.approx(np.percentile(sources["panel"]["x"], [1, 99]))


def test_values_are_scaled_but_x_is_not(sources: dict[str, Any], numbers: pd.DataFrame) -> None:
    assert numbers.loc[numbers["part"] == "curve", "estimate"].to_list() == pytest.approx(
        100 * sources["predictions"]["estimate"]
    )


def test_there_are_twenty_bins_of_equal_size(numbers: pd.DataFrame) -> None:
    n = numbers.loc[numbers["part"] == "bin", "n"]
    assert (len(n), n.max() - n.min() <= 1) == (20, True)


def test_a_bin_is_the_mean_of_residual_plus_curve(sources: dict[str, Any], numbers: pd.DataFrame) -> None:
    # With nothing else in the model, the partial residual is the outcome itself.
    panel, ends = sources["panel"], np.percentile(sources["panel"]["x"], [1, 99])
    inside = panel.loc[panel["x"].between(*ends)].sort_values("x")
    first = numbers.loc[numbers["part"] == "bin"].iloc[0]
    assert first["estimate"] == pytest.approx(100 * inside["growth"].head(int(first["n"])).mean())


def test_density_counts_the_cases_in_range(sources: dict[str, Any], numbers: pd.DataFrame) -> None:
    ends = np.percentile(sources["panel"]["x"], [1, 99])
    density = numbers.loc[numbers["part"] == "density"]
    assert density["n"].sum() <= sources["panel"]["x"].between(*ends).sum()


def test_density_shows_no_bin_of_one_to_four(numbers: pd.DataFrame) -> None:
    assert not numbers.loc[numbers["part"] == "density", "n"].between(1, 4).any()


def test_turning_point_is_near_the_true_one(numbers: pd.DataFrame) -> None:
    point = numbers.loc[numbers["part"] == "turning_point"].iloc[0]
    assert point["conf_low"] < 0.5 < point["conf_high"]


def test_turning_point_agrees_with_statsmodels_delta_method() -> None:
    # Fieller's limits and a bootstrap would differ; the delta method by hand: sqrt(g'Vg), g = (-1/2b2, b1/2b2²).
    fit = {
        "terms": ["Intercept", "x", "I(x ^ 2)"],
        "params": [0.0, 2.0, -1.0],
        "cov": [[1, 0, 0], [0, 0.04, 0.01], [0, 0.01, 0.09]],
        "df": None,
    }
    gradient = np.array([0.5, 1.0])
    half = 1.959963984540054 * np.sqrt(gradient @ np.array([[0.04, 0.01], [0.01, 0.09]]) @ gradient)
    assert find_turning_point(fit, "x")[["conf_low", "conf_high"]].iloc[0].tolist() == pytest.approx(
        [1 - half, 1 + half]
    )


@pytest.mark.parametrize("terms", [["x"], ["x", "I(x ^ 2)", "kind[b]:x"], ["I(x ^ 2)"]])
def test_no_turning_point_without_a_plain_quadratic(terms: list[str]) -> None:
    fit = {"terms": terms, "params": [1.0] * len(terms), "cov": np.eye(len(terms)), "df": 9}
    assert find_turning_point(fit, "x").empty


def test_a_straight_line_has_no_turning_point() -> None:
    assert "turning_point" not in set(summarize(make_sources("x"), OPTIONS)[0]["part"])


def test_few_cases_make_fewer_bins() -> None:
    numbers = summarize(make_sources(rows=60), OPTIONS)[0]
    assert (numbers["part"] == "bin").sum() == 5


def test_figure_prints_the_turning_point(sources: dict[str, Any]) -> None:
    numbers, notes = summarize(sources, OPTIONS)
    assert any(text.startswith("turning point 0.") for text in list_texts(draw_anew("curve", numbers, notes, OPTIONS)))


def test_figure_without_prediction_says_so(sources: dict[str, Any]) -> None:
    numbers, notes = summarize(sources | {"predictions": sources["predictions"].iloc[:0]}, OPTIONS)
    assert "the prediction was not made" in list_texts(draw_anew("curve", numbers, notes, OPTIONS))
