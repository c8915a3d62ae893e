"""Adjusted predictions and the contrasts beside them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from firmties.exhibits.adjusted_predictions.summarize import summarize

from .exhibit_frames import DICTIONARY, MODEL, STUDY, WAVES, draw_anew, list_texts

OPTIONS = {
    "panels": [
        {"prediction": "both", "label": "Growth (points)", "scale": 100},
        {"prediction": "one", "label": "Growth (points)", "scale": 100},
    ],
    "hypotheses": ["H1", "H2"],
}


def make_cell(prediction: str, first: str, one: str, second: str | None, two: str | None, n: int) -> dict[str, Any]:
    return {
        "prediction": prediction, "model": "M1", "outcome": "growth", "sample": "all", "block": None, "level": None,
        "variable_1": first, "value_1": one, "variable_2": second, "value_2": two,
        "estimate": 0.05, "std_error": 0.01, "df": 99, "conf_low": 0.03, "conf_high": 0.07, "n_cell": n,
        "mean_cell": 0.06 if n else None,
    }  # fmt: skip


def make_contrast(hypothesis: str, contrast: str, estimate: float | None = 0.02) -> dict[str, Any]:
    return {
        "hypothesis": hypothesis,
        "component": "growth",
        "model": "M1",
        "outcome": "growth",
        "block": None,
        "outcome_level": None,
        "contrast": contrast,
        "estimate": estimate,
        "conf_low": -0.01,
        "conf_high": 0.05,
    }


@pytest.fixture
def sources() -> dict[str, Any]:
    sizes = {("a", "up"): 40, ("a", "down"): 9, ("b", "up"): 3, ("b", "down"): 4, ("c", "up"): 6, ("c", "down"): 5}
    sizes |= {("d", "up"): 0, ("d", "down"): 0}
    cells = [make_cell("both", "kind", kind, "place", place, n) for (kind, place), n in sizes.items()]
    cells += [make_cell("one", "place", place, None, None, n) for place, n in (("down", 18), ("up", 49))]
    contrasts = [
        make_contrast("H1", "mu(kind=a) - mu(kind=b)"),
        make_contrast("H2", "mu(place=up) - mu(place=down)"),
        make_contrast("H3", "mu(kind=a)"),
    ]
    return {
        "predictions": pd.DataFrame(cells), "contrasts": pd.DataFrame(contrasts), "models": pd.DataFrame([MODEL]),
        "panel": pd.DataFrame({"wave": [1, 2]}), "dictionary": DICTIONARY, "study": STUDY, "waves": WAVES,
    }  # fmt: skip


def find(numbers: pd.DataFrame, one: str, two: str) -> pd.Series:
    return numbers.loc[(numbers["value_1"] == one) & (numbers["value_2"] == two)].iloc[0]


def test_values_are_scaled(sources: dict[str, Any]) -> None:
    cell = find(summarize(sources, OPTIONS)[0], "a", "up")
    assert [round(cell[name], 9) for name in ("estimate", "conf_low", "conf_high", "mean_cell")] == [5, 3, 7, 6]


def test_cells_keep_the_dictionary_order(sources: dict[str, Any]) -> None:
    numbers = summarize(sources, OPTIONS)[0]
    shown = numbers.loc[numbers["panel"] == 0, ["value_1", "value_2"]].dropna().values.tolist()
    assert shown == [[kind, place] for kind in "bacd" for place in ("up", "down")]


@pytest.mark.parametrize(
    ("one", "two", "state"), [("a", "down", "no estimate"), ("b", "up", "suppressed"), ("d", "down", "empty")]
)
def test_small_cells_show_no_estimate(sources: dict[str, Any], one: str, two: str, state: str) -> None:
    cell = find(summarize(sources, OPTIONS)[0], one, two)
    assert (cell["cell"], pd.isna(cell["estimate"])) == (state, True)


def test_a_contrast_stands_beside_the_panel_of_its_variable(sources: dict[str, Any]) -> None:
    numbers = summarize(sources, OPTIONS)[0]
    beside = numbers.loc[numbers["part"] == "contrast"]
    assert dict(zip(beside["hypothesis"], beside["panel"], strict=True)) == {"H1": 0, "H2": 1}


def test_a_contrast_at_another_level_of_the_outcome_is_not_shown(sources: dict[str, Any]) -> None:
    sources["contrasts"]["outcome_level"] = ">= 4"
    assert "contrast" not in set(summarize(sources, OPTIONS)[0]["part"])


def test_panels_of_one_label_share_a_row_of_the_figure(sources: dict[str, Any]) -> None:
    figure = draw_anew("adjusted_predictions", *summarize(sources, OPTIONS), OPTIONS)
    assert len({round(axes.get_position().y0, 6) for axes in figure.axes}) == 1


def test_figure_prints_the_contrast(sources: dict[str, Any]) -> None:
    texts = list_texts(draw_anew("adjusted_predictions", *summarize(sources, OPTIONS), OPTIONS))
    assert "H1 growth\n   2.0 [−1.0, 5.0]" in texts


def test_figure_writes_hidden_for_a_suppressed_cell(sources: dict[str, Any]) -> None:
    assert "hidden" in list_texts(draw_anew("adjusted_predictions", *summarize(sources, OPTIONS), OPTIONS))


def test_figure_without_predictions_says_so(sources: dict[str, Any]) -> None:
    sources["predictions"] = sources["predictions"].iloc[:0]
    texts = list_texts(draw_anew("adjusted_predictions", *summarize(sources, OPTIONS), OPTIONS))
    assert texts.count("no cell has enough firms") == 2


def test_a_contrast_of_another_block_is_not_shown(sources: dict[str, Any]) -> None:
    sources["contrasts"]["block"] = "later"
    assert "contrast" not in set(summarize(sources, OPTIONS)[0]["part"])
