"""Masks of small cells, held against what a reader could work out by linear programming."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmties.disclosure import bound_hidden, list_sums, mask_counts, mask_table

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


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_no_hidden_count_can_be_worked_out(rows: list[list[int]]) -> None:
    n = np.array(rows)
    values = np.concatenate([n.ravel(), n.sum(axis=1), n.sum(axis=0), [n.sum()]])
    sums = list_sums(*n.shape)
    hidden = mask_counts(values, sums, 5)
    bounds = bound_hidden(values, hidden, sums)
    assert all(high - low >= 5 for low, high in bounds.values()) or hidden[values > 0].all()


@settings(max_examples=40, deadline=None)
@given(TABLES)
def test_every_small_count_is_hidden(rows: list[list[int]]) -> None:
    counts = pd.DataFrame(rows)
    assert mask_table(counts, 5)[0].to_numpy()[((counts > 0) & (counts < 5)).to_numpy()].all()
