"""The gallery: which firm is chosen, what is drawn of it, and that nothing says who it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.exhibits.ego_gallery.summarize import find_medoid, summarize
from firmties.study import inspect_study

from .exhibit_frames import STUDY, WAVES, draw_anew, list_texts

OPTIONS = {
    "groups": [{"label": "Alone", "when": "form == 'one'"}, {"label": "Empty", "when": "form == 'none'"}],
    "typical_by": ["size", "near"],
    "symbol": "type",
    "strength": "ts",
    "ties": {"1": "acquainted", "2": "work closely"},
    "route": {"field": "route", "codes": ["2"]},
    "status": {"field": "status", "codes": ["3"]},
    "share": "share",
}
WORDS = pd.DataFrame(
    [
        ("status", "panel", "Status", "category", "3=Screened out", ""),
        ("size", "panel", "Size", "integer", "", ""),
        ("type", "alters", "Type", "category", "sme=Small firm|uni=University", ""),
        ("route", "networks", "Route", "category", "1=direct|2=through another", ""),
        ("status", "networks", "Status", "category", "1=going on|3=stalled", ""),
    ],
    columns=["variable", "table", "label", "type", "codes", "reference"],
)
FIRMS = ["secret-a", "secret-b", "secret-c"]


@pytest.fixture(scope="module")
def sources() -> dict[str, Any]:
    """Three firms with three partners each, of which the second is in the middle."""
    panel = pd.DataFrame({"wave": 1, "firm_id": FIRMS, "form": "one", "size": 3, "near": [0.1, 0.4, 0.9]})
    alters = pd.DataFrame({"wave": 1, "firm_id": np.repeat(FIRMS, 3), "alter": [1, 2, 3] * 3})
    alters["type"], alters["ts"] = ["uni", "sme", None] * 3, [0.9, 0.3, np.nan] * 3
    pairs = pd.DataFrame({"wave": 1, "firm_id": FIRMS[1], "alter_i": [1, 1, 2], "alter_j": [2, 3, 3]})
    pairs["tie"] = pd.array([2, 0, None], dtype="Int64")
    networks = pd.DataFrame({"wave": 1, "firm_id": FIRMS[1], "network": [1, 2], "share": [30.0, 70.0]})
    networks["route"], networks["status"] = ["1", "2"], ["1", "3"]
    return {
        "panel": panel, "alters": alters, "alter_pairs": pairs, "networks": networks, "dictionary": WORDS,
        "study": STUDY, "waves": WAVES,
    }  # fmt: skip


@pytest.fixture(scope="module")
def numbers(sources: dict[str, Any]) -> pd.DataFrame:
    return summarize(sources, OPTIONS)[0]


def test_the_firm_in_the_middle_is_chosen(numbers: pd.DataFrame) -> None:
    assert (numbers["part"] == "pair").sum() == 3


def test_partners_stand_in_the_order_of_their_kinds(numbers: pd.DataFrame) -> None:
    partners = numbers[numbers["part"] == "partner"]
    assert partners["kind_label"].tolist() == ["Small firm", "University", ""]


def test_ties_go_with_their_partners(numbers: pd.DataFrame) -> None:
    pairs = numbers[numbers["part"] == "pair"]
    assert pairs[["node", "other"]].to_numpy().tolist() == [[1, 2], [2, 3], [1, 3]]
    assert pairs["tie"].fillna("?").tolist() == ["2", "0", "?"]


def test_route_and_status_are_those_of_the_largest_network(numbers: pd.DataFrame) -> None:
    firm = numbers[numbers["part"] == "firm"].iloc[0]
    assert firm[["route", "through", "status", "stopped"]].tolist() == ["through another", True, "stalled", True]


def test_no_key_is_in_numbers_or_notes(sources: dict[str, Any]) -> None:
    numbers, notes = summarize(sources, OPTIONS)
    assert "secret" not in numbers.to_csv() + str(notes)


def test_an_empty_group_is_told(sources: dict[str, Any]) -> None:
    assert summarize(sources, OPTIONS)[1]["remark_empty"] == "No firm-wave is Empty."


@pytest.mark.parametrize(
    "text",
    ["a  Alone", "through another, stalled", "University", "kind not known", "partners: not known", "stopped (grey)"],
)
def test_drawn_in_words(sources: dict[str, Any], text: str) -> None:
    assert text in list_texts(draw_anew("ego_gallery", *summarize(sources, OPTIONS), OPTIONS))


@given(st.lists(st.tuples(*[st.integers(min_value=-50, max_value=50)] * 2), min_size=1, max_size=30))
def test_medoid_has_the_smallest_sum_of_distances(rows: list[tuple[int, int]]) -> None:
    values = np.array(rows, dtype=float)
    spread = values.std(axis=0)
    z = values[:, spread > 0] / spread[spread > 0]
    sums = np.abs(z[:, None, :] - z[None, :, :]).sum(axis=(1, 2))
    assert sums[find_medoid(values)] == pytest.approx(sums.min(), abs=1e-5)


@pytest.mark.parametrize(
    ("words", "allowed"), [("", False), (", individuals: allowed", True), (", public: true", True)]
)
def test_single_firms_are_shown_where_the_study_allows_it(tmp_path: Any, words: str, allowed: bool) -> None:
    (tmp_path / "config.yaml").write_text(
        f"study: {{title: A study, firm: firm{words}}}\nwaves: [{{id: 1, file: one.csv}}]\n"
        "exhibits: [{id: F14, kind: ego_gallery, title: Networks, groups: [{label: all, when: 'x > 1'}], "
        "typical_by: [x], symbol: type, strength: ts, ties: {1: tie}}]\n",
        encoding="utf-8",
    )
    _, problems = inspect_study(tmp_path)
    told = [problem for problem in problems if "'ego_gallery' shows single firms" in problem]
    assert (not told) == allowed
