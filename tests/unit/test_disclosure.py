"""Masks of small cells, held against what a reader could work out by linear programming."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mask as script
from firmties.disclosure import (
    Counts,
    bound_hidden,
    find_minimum,
    hide_predicted,
    is_telling,
    list_crossed,
    list_margins,
    list_sums,
    mask_counts,
    mask_table,
    mask_tables,
    pool_reasons,
)

TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 30), min_size=width, max_size=width), min_size=2, max_size=4)
)


@pytest.mark.parametrize(
    ("counts", "mask"),
    [
        ([[10, 20], [30, 40]], [[False, False], [False, False]]),
        ([[0, 20], [30, 40]], [[False, False], [False, False]]),
        ([[3, 20], [30, 40]], [[True, True], [True, True]]),
        ([[3, 20, 30], [40, 50, 60], [70, 80, 90]], [[True, True, False], [True, True, False], [False] * 3]),
    ],
)
def test_mask_of_a_hand_made_table(counts: list[list[int]], mask: list[list[bool]]) -> None:
    assert mask_table(pd.DataFrame(counts), 5)[0].to_numpy().tolist() == mask


def test_two_small_categories_need_a_third() -> None:
    assert mask_counts(np.array([1, 1, 18, 40, 60]), [(4, [0, 1, 2, 3])], 5).tolist() == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_category_alone_hides_its_total() -> None:
    assert mask_counts(np.array([3, 3]), [(1, [0])], 5).tolist() == [True, True]


@settings(max_examples=40)
@given(TABLES)
def test_no_hidden_count_can_be_worked_out(rows: list[list[int]]) -> None:
    n = np.array(rows)
    values = np.concatenate([n.ravel(), n.sum(axis=1), n.sum(axis=0), [n.sum()]])
    sums = list_sums(*n.shape)
    hidden = mask_counts(values, sums, 5)
    bounds = bound_hidden(values, hidden, sums)
    assert all(high - low >= 5 for low, high in bounds.values()) or hidden[values > 0].all()


@settings(max_examples=40)
@given(TABLES)
def test_every_small_count_is_hidden(rows: list[list[int]]) -> None:
    counts = pd.DataFrame(rows)
    assert mask_table(counts, 5)[0].to_numpy()[((counts > 0) & (counts < 5)).to_numpy()].all()


def make_crossed(counts: list[list[int]], population: str) -> Counts:
    index = pd.MultiIndex.from_product([["a", "b", "c"], ["x", "y", "z"]], names=["kind", "place"])
    return Counts(population, pd.Series(np.ravel(counts), index), list_margins(["kind", "place"]))


LARGE = [[50, 60, 70], [80, 90, 40], [30, 20, 55]]


def test_tables_of_one_classification_share_a_mask() -> None:
    small = [[3, 60, 70], [80, 90, 40], [30, 20, 55]]
    alone = mask_tables([make_crossed(small, "one")], 5)
    assert mask_tables([make_crossed(LARGE, "other"), make_crossed(small, "one")], 5) == alone


def test_mask_of_another_table_is_taken_over() -> None:
    hidden = mask_tables([make_crossed(LARGE, "one")], 5, {"kind=a|place=x"})
    assert hidden == {"kind=a|place=x", "kind=c|place=x", "kind=c|place=y", "kind=a|place=y"}


def test_public_data_have_no_mask() -> None:
    assert mask_tables([make_crossed([[1, 2, 3]] * 3, "one")], find_minimum({"minimum_cell": 1})) == set()


def test_known_total_of_few_hides_its_parts_and_no_more() -> None:
    index = pd.MultiIndex.from_tuples([("a", 1), ("b", 1), ("a", 2), ("b", 2)], names=["answer", "wave"])
    cells = pd.Series([2, 5, 40, 60], index)
    assert mask_tables([Counts("", cells, (), [("wave",)])], 8) == {"answer=a|wave=1", "answer=b|wave=1"}


def test_margin_that_another_table_of_the_same_rows_publishes_is_looked_at() -> None:
    # Of the two-way table the total of kind a (3 + 4) is 7; the one-way table of the same rows prints it.
    two = make_crossed([[3, 4, 0], [80, 90, 40], [30, 20, 55]], "one")
    one = Counts("one", pd.Series([7, 210, 105], pd.Index(["a", "b", "c"], name="kind")))
    hidden = mask_tables([two, one], 5)
    assert {"kind=a|place=x", "kind=a|place=y"} <= hidden
    assert "kind=a" not in hidden


def test_those_of_a_column_who_are_not_of_a_code_are_counted() -> None:
    # Of 40 upstream firms 37 have a broker, among others: the column's total and the 37 would give the other three.
    panel = pd.DataFrame({"kind": ["a", "b"] * 40, "place": ["up"] * 40 + ["down"] * 40})
    panel["is_a"], panel["is_b"] = pd.array([at >= 3 for at in range(80)], dtype="boolean"), panel["kind"] == "b"
    tables = list_crossed(panel, {"rows": "kind", "columns": "place", "any": {"prefix": "is_"}})
    assert "kind=a|place=up" in mask_tables(tables, 5)


def make_predicted(n_cell: list[str], mean_cell: list[str], n_event: Sequence[str | None] = ()) -> pd.DataFrame:
    same = {"prediction": "p", "model": "M", "outcome": "y", "sample": "", "block": "", "level": ""}
    place = {"variable_1": "kind", "value_1": list("abcd")[: len(n_cell)], "variable_2": "", "value_2": ""}
    counts = {"n_cell": n_cell, "mean_cell": mean_cell, "n_event": list(n_event) or [None] * len(n_cell)}
    return pd.DataFrame(counts).assign(**same, **place)


def test_share_that_gives_a_small_number_is_hidden() -> None:
    # Of 30 cases of kind a 2 have the outcome; no cell is few itself. Those of kind b would give them away.
    rows = make_predicted(["30", "40", "50", "60"], [str(2 / 30), "0.25", "0.5", "0.5"], ["2", "10", "25", "30"])
    found = hide_predicted(rows, 5)
    assert found["n_cell"].notna().all()
    assert found["mean_cell"].notna().tolist() == [False, False, True, True]


def test_share_by_weights_or_over_sets_that_gives_a_small_number_is_hidden() -> None:
    rows = make_predicted(["30", "40", "50", "60"], ["0.0712", "0.2391", "0.5077", "0.4913"], ["2", "10", "25", "30"])
    assert hide_predicted(rows, 5)["mean_cell"].notna().tolist() == [False, False, True, True]


def test_number_with_the_outcome_is_not_published() -> None:
    assert "n_event" not in hide_predicted(make_predicted(["30"], ["0.5"], ["15"]), 5)


def test_means_that_are_no_shares_stay() -> None:
    assert hide_predicted(make_predicted(["30", "40"], ["0.0123", "0.25"]), 5)["mean_cell"].notna().all()


def test_reasons_are_pooled_until_they_are_not_few() -> None:
    counts = pd.Series({"no_answer": 20, "dont_know": 1, "refused": 2})
    assert pool_reasons(counts, 5) == ["no_answer", "dont_know", "refused"]


def test_cells_that_are_published_already_are_not_hidden() -> None:
    cells = pd.Series([20, 30, 3, 40], pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["wave", "answer"]))
    shown = {"answer=a|wave=1", "answer=b|wave=1"}
    hidden = mask_tables([Counts("", cells, [("answer",)], [(), ("wave",)])], 5, (), shown)
    assert hidden == {"answer=a|wave=2", "answer=b|wave=2", "answer=a", "answer=b"}


@pytest.mark.parametrize(
    ("values", "told"), [([1.0] * 4, True), ([0.0] * 30 + [1.0] * 4, True), ([0.0] * 30 + [1.0] * 5, False)]
)
def test_figures_of_few_are_told_apart(values: list[float], told: bool) -> None:
    assert is_telling(pd.Series(values), 5) is told


def test_total_that_tells_a_waves_few_is_hidden_in_the_cross_table(tmp_path: Path) -> None:
    numbers = [(1, "a", 20), (1, "b", 30), (2, "a", 3), (2, "b", 40)]
    rows = [(wave, code, "yes" if at % 2 else "no") for wave, code, n in numbers for at in range(n)]
    pd.DataFrame(rows, columns=["wave", "place", "export"]).to_parquet(tmp_path / "panel.parquet")
    words = pd.DataFrame({"variable": ["place", "export"], "origin": ["codebook", "derived"]})
    words.to_csv(tmp_path / "dictionary.csv", index=False)
    script.main(
        str(tmp_path / "panel.parquet"), str(tmp_path / "dictionary.csv"), [],
        [{"rows": "place", "columns": "export"}], 5, str(tmp_path / "masks.csv"),
    )  # fmt: skip
    assert {"place=a", "place=b"} <= set(pd.read_csv(tmp_path / "masks.csv")["cell"])
