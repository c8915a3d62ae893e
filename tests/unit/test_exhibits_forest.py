"""Coefficients across models."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from firmties.exhibits.forest.summarize import summarize

from .exhibit_frames import DICTIONARY, MODEL, STUDY, WAVES, draw_anew, list_texts

OPTIONS: dict[str, Any] = {"models": ["steps", "M1"], "terms": ["kind", "x"], "scale": 100}
TERMS = {
    "kind[b]": "Kind of network: broker",
    "kind[c]": "Kind of network: circle",
    "x": "Strength",
    "I(x ^ 2)": "Strength²",
    "place[down]": "",
    "kind[b]:x": "",
}


@pytest.fixture
def sources() -> dict[str, Any]:
    series = [
        ("M1", "growth", None, "ols"),
        ("M1", "x", None, "ols"),
        ("M5", "growth", None, "logit"),
        ("steps", "growth", "B1", "ols"),
        ("steps", "growth", "B2", "ols"),
    ]
    models = [MODEL | {"model": m, "outcome": o, "block": b, "estimator": e} for m, o, b, e in series]
    models.append(
        MODEL
        | {"model": "M5", "outcome": "x", "estimator": "logit", "status": "failed", "reason": "the outcome is constant"}
    )
    keys = ("model", "outcome", "sample", "block", "level", "estimator", "n_obs")
    values = {"estimate": 0.1, "conf_low": 0.0, "conf_high": 0.2, "p_value": 0.05}
    estimates = [
        {key: model[key] for key in keys} | {"term": term, "label": label} | values
        for model in models[:-1]
        for term, label in TERMS.items()
    ]
    return {
        "models": pd.DataFrame(models), "estimates": pd.DataFrame(estimates), "panel": pd.DataFrame({"wave": [1]}),
        "dictionary": DICTIONARY, "study": STUDY, "waves": WAVES,
    }  # fmt: skip


def test_a_variable_selects_its_levels_and_its_square(sources: dict[str, Any]) -> None:
    assert list(summarize(sources, OPTIONS)[0]["term"].unique()) == ["kind[b]", "kind[c]", "x", "I(x ^ 2)"]


def test_levels_stand_under_their_variable_and_reference(sources: dict[str, Any]) -> None:
    first = summarize(sources, OPTIONS)[0].iloc[0]
    assert (first["group"], first["term_label"]) == ("Kind of network (reference: alone)", "broker")


def test_a_ladder_shows_its_last_block(sources: dict[str, Any]) -> None:
    assert set(summarize(sources, OPTIONS)[0]["series"]) == {"steps B2", "M1"}


def test_blocks_can_be_chosen(sources: dict[str, Any]) -> None:
    assert set(summarize(sources, OPTIONS | {"blocks": ["B1"]})[0]["series"]) == {"steps B1", "M1"}


def test_outcomes_can_be_chosen(sources: dict[str, Any]) -> None:
    assert set(summarize(sources, OPTIONS | {"outcomes": ["x"]})[0]["outcome_label"]) == {"Strength"}


def test_coefficients_are_scaled(sources: dict[str, Any]) -> None:
    assert summarize(sources, OPTIONS)[0].iloc[0][["estimate", "conf_low", "conf_high"]].tolist() == [10, 0, 20]


def test_products_with_a_shown_variable_are_named(sources: dict[str, Any]) -> None:
    assert summarize(sources, OPTIONS)[1]["remark_products"].startswith(
        "Kind of network and Strength stand in products"
    )


def test_a_failed_model_is_named_with_its_reason(sources: dict[str, Any]) -> None:
    assert summarize(sources, OPTIONS | {"models": ["M5"]})[1]["remark_failed"] == [
        "Not estimated: M5, Strength (the outcome is constant)."
    ]


def test_estimators_have_panels_of_their_own(sources: dict[str, Any]) -> None:
    options = OPTIONS | {"models": ["M1", "M5"]}
    assert len(draw_anew("forest", *summarize(sources, options), options).axes) == 2


def test_models_differ_in_more_than_colour(sources: dict[str, Any]) -> None:
    figure = draw_anew("forest", *summarize(sources, OPTIONS), OPTIONS)
    shown = {
        handle.get_label(): handle
        for legend in figure.legends
        for handle in legend.legend_handles
        if handle is not None
    }
    assert shown["steps B2"].get_linestyle() != shown["M1"].get_linestyle()  # type: ignore[attr-defined]


def test_figure_of_no_coefficients_says_so(sources: dict[str, Any]) -> None:
    options = OPTIONS | {"terms": ["region"]}
    assert "no coefficient was estimated" in list_texts(draw_anew("forest", *summarize(sources, options), options))
