"""In person, exchanges and slope by stage."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmties.estimation import fit_model, tabulate_models
from firmties.exhibits.stages.summarize import summarize

from .exhibit_frames import DICTIONARY, STUDY, WAVES, draw_anew, list_texts

OPTIONS = {
    "stage": "stage",
    "in_person": "met",
    "exchanges": ["talk", "x"],
    "model": "M6",
    "outcome": "idea",
    "slope_of": "met",
}


@pytest.fixture(scope="module")
def sources() -> dict[str, Any]:
    """600 partners of 100 firms in stages 1 and 2, none in 3; the slope is 2 in the first and −1 in the second."""
    random = np.random.default_rng(8)
    alters = pd.DataFrame(
        {"wave": 1, "firm_id": np.repeat([f"f{i}" for i in range(100)], 6), "alter": list(range(6)) * 100}
    )
    alters["stage"] = pd.array([1, 2] * 300, dtype="Int64")
    alters["met"] = random.uniform(0, 1, 600)
    alters["talk"] = alters["x"] = alters["stage"].astype(float) + random.normal(0, 0.1, 600)
    alters["idea"] = alters["met"] * alters["stage"].map({1: 2.0, 2: -1.0}).astype(float) + random.normal(0, 0.1, 600)
    settings = {
        "id": "M6", "table": "alters", "estimator": "ols", "outcomes": ["idea"], "formula": "stage * met",
        "absorb": ["wave", "firm_id"],
        "covariance": {"type": "cluster", "by": "firm_id"},
    }  # fmt: skip
    fits = json.loads(json.dumps(fit_model(settings, alters, DICTIONARY)))
    return {
        "alters": alters,
        "fits": fits,
        "models": pd.DataFrame(tabulate_models(fits)),
        "dictionary": DICTIONARY,
        "study": STUDY,
        "waves": WAVES,
    }


@pytest.fixture(scope="module")
def numbers(sources: dict[str, Any]) -> pd.DataFrame:
    return summarize(sources, OPTIONS)[0].set_index(["series", "panel", "stage"])


@pytest.mark.parametrize(("stage", "slope"), [("1", 2.0), ("2", -1.0)])
def test_slope_at_a_stage(numbers: pd.DataFrame, stage: str, slope: float) -> None:
    assert numbers.loc[("met", "slope", stage), "estimate"] == pytest.approx(slope, abs=0.1)


def test_mean_at_a_stage(sources: dict[str, Any], numbers: pd.DataFrame) -> None:
    alters = sources["alters"]
    assert numbers.loc[("met", "in_person", "1"), "estimate"] == pytest.approx(
        alters.loc[alters["stage"] == 1, "met"].mean()
    )


def test_stage_without_partners_is_marked_empty(numbers: pd.DataFrame) -> None:
    assert set(numbers.xs("3", level="stage")["cell"]) == {"empty"}


def test_partners_and_firms_are_counted(numbers: pd.DataFrame) -> None:
    cell = numbers.xs(("talk", "exchanges", "2"))
    assert (cell["n"], cell["n_clusters"]) == (300, 100)


def test_notes_say_whose_names_the_stages_have(sources: dict[str, Any]) -> None:
    assert "survey's own" in summarize(sources, OPTIONS)[1]["remark_stages"]


def test_without_the_model_the_other_panels_stand(sources: dict[str, Any]) -> None:
    numbers, notes = summarize(sources | {"fits": []}, OPTIONS)
    assert list_texts(draw_anew("stages", numbers, notes, OPTIONS)).count("not estimated") == 1


def test_figure_shows_the_stages_once(sources: dict[str, Any]) -> None:
    numbers, notes = summarize(sources, OPTIONS)
    figure = draw_anew("stages", numbers, notes, OPTIONS)
    shown = [[label.get_text() for label in axes.get_xticklabels()] for axes in figure.axes]
    assert shown == [[], [], ["first", "second", "third"]]


def test_slopes_of_imputed_sets_are_pooled(sources: dict[str, Any]) -> None:
    from firmties.pooled_models import pool_fits

    settings = {
        "id": "M6", "table": "alters", "estimator": "ols", "outcomes": ["idea"], "formula": "stage * met",
        "absorb": ["wave", "firm_id"], "covariance": {"type": "cluster", "by": "firm_id"},
    }  # fmt: skip
    tables = [sources["alters"], sources["alters"].assign(idea=2 * sources["alters"]["idea"])]
    each = [fit_model(settings, table, DICTIONARY) for table in tables]
    sets = [(own, {"alters": table}) for own, table in zip(each, tables, strict=True)]
    fits = pool_fits(each)
    imputed = {"fits": fits, "models": tabulate_models(fits), "sets": lambda: iter(sets)}
    found, notes = summarize(sources | imputed, OPTIONS)
    slope = found.loc[(found["panel"] == "slope") & (found["stage"] == "1"), "estimate"].item()
    assert (slope, notes["n_imputations"]) == (pytest.approx(3.0, abs=0.1), 2)
