"""Means over waves, and moves from one wave to the next."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.exhibits.trends.summarize import summarize

from .exhibit_frames import DICTIONARY, STUDY, WAVES, draw_anew, list_texts

TRUTH = pd.DataFrame([("plan", "panel", "Has a plan", "boolean", "", "")], columns=DICTIONARY.columns)
WORDS = pd.concat([DICTIONARY, TRUTH], ignore_index=True)
OPTIONS: dict[str, Any] = {
    "panels": [
        {"variables": ["growth"], "label": "Growth"},
        {"variables": ["plan"], "scale": 100},
        {"variables": ["kind"], "codes": ["a", "b"], "scale": 100},
    ],
    "transitions": [{"variable": "kind", "pool": {"label": "none", "missing": True}}],
}


@pytest.fixture
def panel() -> pd.DataFrame:
    """120 firms in wave 1, of which 90 are in wave 2 with 30 new ones; ten without a kind in each wave."""
    random = np.random.default_rng(5)
    firms = [*(f"f{number}" for number in range(120)), *(f"f{number}" for number in range(30, 150))]
    table = pd.DataFrame({"wave": [1] * 120 + [2] * 120, "firm_id": firms})
    table["growth"] = random.normal(0.1, 0.2, 240)
    table["plan"] = pd.array(random.random(240) < 0.4, dtype="boolean")
    table["kind"] = pd.Series(random.choice(["a", "b", "c"], 240, p=[0.5, 0.3, 0.2]))
    table.loc[table.index % 12 == 0, "kind"] = None
    return table


@pytest.fixture
def sources(panel: pd.DataFrame) -> dict[str, Any]:
    return {"panel": panel, "dictionary": WORDS, "waves": WAVES, "study": STUDY, "scales": pd.DataFrame()}


def means(sources: dict[str, Any], series: str, **options: Any) -> pd.DataFrame:
    numbers, _ = summarize(sources, OPTIONS | options)
    return numbers[(numbers["part"] == "mean") & (numbers["series"] == series)].reset_index(drop=True)


def flows(sources: dict[str, Any], **options: Any) -> pd.DataFrame:
    numbers, _ = summarize(sources, OPTIONS | options)
    return numbers[numbers["part"] == "flow"]


def test_unweighted_mean_and_error_are_those_of_a_simple_sample(sources: dict[str, Any]) -> None:
    first = sources["panel"].query("wave == 1")["growth"]
    found = means(sources, "growth").loc[0, ["estimate", "std_error"]].astype(float)
    np.testing.assert_allclose(found, [first.mean(), first.std() / np.sqrt(120)], rtol=1e-12)


def test_share_of_a_code_is_of_those_with_a_code(sources: dict[str, Any]) -> None:
    first = sources["panel"].query("wave == 1")["kind"].dropna()
    assert means(sources, "a").loc[0, "estimate"] == pytest.approx(100 * (first == "a").mean())


def test_weighted_mean_leaves_out_firms_without_a_weight(sources: dict[str, Any]) -> None:
    panel = sources["panel"].assign(weight=1.0, stratum="x", stratum_size=6000.0)
    panel.loc[panel.index % 2 == 0, "weight"] = 3.0
    panel.loc[:9, "weight"] = np.nan
    first = panel.query("wave == 1").dropna(subset="weight")
    found = means(sources | {"panel": panel}, "growth", weights="weight").loc[0]
    assert found["estimate"] == pytest.approx(np.average(first["growth"], weights=first["weight"]))
    assert found["n"] == 110


def test_share_of_few_is_not_shown(sources: dict[str, Any]) -> None:
    sources["panel"]["plan"] = pd.array([True] * 3 + [False] * 237, dtype="boolean")
    assert means(sources, "plan")["cell"].tolist() == ["suppressed", "shown"]


def test_wave_that_did_not_ask_leaves_a_gap(sources: dict[str, Any]) -> None:
    sources["panel"].loc[sources["panel"]["wave"] == 2, "growth"] = np.nan
    assert means(sources, "growth")["cell"].tolist() == ["shown", "empty"]


def test_variable_without_any_value_is_said_in_words(sources: dict[str, Any]) -> None:
    sources["panel"]["growth"] = np.nan
    numbers, notes = summarize(sources, OPTIONS)
    assert "no values" in list_texts(draw_anew("trends", numbers, notes, OPTIONS))


def test_flows_out_of_a_block_are_its_firms_in_both_waves(sources: dict[str, Any]) -> None:
    found = flows(sources | {"study": STUDY | {"minimum_cell": 1}})
    panel = sources["panel"].assign(kind=sources["panel"]["kind"].fillna("pooled"))
    both = set(panel.query("wave == 2")["firm_id"])
    staying = panel[(panel["wave"] == 1) & panel["firm_id"].isin(both)]["kind"].value_counts()
    out = found.groupby("code_before")["n"].sum()
    assert out[out > 0].to_dict() == staying.to_dict()


def test_firms_drawn_afresh_are_in_no_flow(sources: dict[str, Any]) -> None:
    assert set(flows(sources)["n_pairs"]) == {90}


def test_small_moves_are_hidden_with_others_that_would_give_them_away() -> None:
    # Two of x move to y, and would follow from the blocks if nothing else were hidden.
    moves = {("a", "a"): 30, ("a", "b"): 2, ("a", "c"): 8, ("b", "b"): 25, ("b", "a"): 9, ("c", "c"): 20, ("c", "b"): 7}
    rows = [pair for pair, n in moves.items() for _ in range(n)]
    panel = pd.DataFrame(
        {
            "wave": [1] * 101 + [2] * 101,
            "firm_id": [*range(101)] * 2,
            "kind": [one for one, _ in rows] + [two for _, two in rows],
        }
    ).assign(growth=0.0, plan=True)
    sources = {"panel": panel, "dictionary": WORDS, "waves": WAVES, "study": STUDY, "scales": pd.DataFrame()}
    found = flows(sources, transitions=[{"variable": "kind"}]).set_index(["code_before", "code_after"])["n"]
    hidden = found.isna()
    assert hidden["a", "b"]
    assert all(hidden.groupby(level=end).sum().ne(1).all() for end in (0, 1))
    assert found.dropna().gt(0).sum() > 0


def test_waves_without_common_firms_say_so(sources: dict[str, Any]) -> None:
    panel = sources["panel"].assign(firm_id=range(240))
    numbers, notes = summarize(sources | {"panel": panel}, OPTIONS)
    assert notes["remark_moves"] == "No firm is in two consecutive waves, so there are no moves to draw."
    assert "no firm in two consecutive waves" in " ".join(
        text.replace("\n", " ") for text in list_texts(draw_anew("trends", numbers, notes, OPTIONS))
    )


def test_scale_is_joined_only_where_invariance_reaches_so_far(sources: dict[str, Any]) -> None:
    scaled = sources | {"scales": pd.DataFrame({"name": ["growth"]})}
    assert summarize(scaled, OPTIONS)[1]["not_joined"] == ["growth"]
    told = {"scale": "growth", "grouping": ["wave"], "means_comparable": [True], "consequence": "means may be compared"}
    assert summarize(scaled | {"invariance": pd.DataFrame(told)}, OPTIONS)[1]["not_joined"] == []


@pytest.mark.parametrize("origin", ["= 2 * trust_z + x", "= trust / 7"])
def test_what_is_derived_from_a_scale_is_joined_no_further_than_the_scale(sources: dict[str, Any], origin: str) -> None:
    words = WORDS.assign(origin="codebook").set_index("variable")
    words.loc["growth", "origin"] = origin
    scaled = sources | {"dictionary": words.reset_index(), "scales": pd.DataFrame({"name": ["trust"]})}
    assert summarize(scaled, OPTIONS)[1]["not_joined"] == ["growth"]


def test_note_says_how_far_invariance_reaches(sources: dict[str, Any]) -> None:
    told = {"scale": "growth", "grouping": ["wave"], "means_comparable": [False], "consequence": "means not compared"}
    scaled = sources | {"scales": pd.DataFrame({"name": ["growth"]}), "invariance": pd.DataFrame(told)}
    assert summarize(scaled, OPTIONS)[1]["remark_comparable"] == (
        "Means of Growth are not joined by a line: over waves means not compared."
    )


def test_note_says_that_invariance_was_not_tested(sources: dict[str, Any]) -> None:
    _, notes = summarize(sources | {"scales": pd.DataFrame({"name": ["growth"]})}, OPTIONS)
    assert "that they may be compared over waves was not tested" in notes["remark_comparable"]


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"panels": [{"variables": ["kind"], "codes": ["brokr"]}]}, "panels: codes: 'brokr'"),
        ({"transitions": [{"variable": "kind", "pool": {"label": "x", "codes": ["bb"]}}]}, "pool: 'bb'"),
    ],
)
def test_unknown_code_is_named(sources: dict[str, Any], options: dict[str, Any], place: str) -> None:
    with pytest.raises(StudyError, match=f"{place} is no code of kind"):
        summarize(sources, OPTIONS | options)


@pytest.mark.parametrize("apart", [False, True])
def test_figure_names_every_block(sources: dict[str, Any], apart: bool) -> None:
    numbers, notes = summarize(sources | {"study": STUDY | {"minimum_cell": 1}}, OPTIONS | {"apart": apart})
    texts = " ".join(list_texts(draw_anew("trends", numbers, notes, OPTIONS)))
    assert all(word in texts for word in ("broker", "alone", "circle", "none", "2021", "2022"))
