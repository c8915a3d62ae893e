"""Density and constraint, against hand checks and networkx."""

from __future__ import annotations

from itertools import combinations

import networkx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.ego_networks import measure_ego_networks


def measure(size: int, ties: dict[tuple[int, int], float | None]) -> pd.Series:
    alters = pd.DataFrame({"firm": "a", "alter": range(1, size + 1)})
    pairs = pd.DataFrame(
        [
            {"firm": "a", "alter_i": i, "alter_j": j, "tie": ties.get((i, j), 0.0)}
            for i, j in combinations(range(1, size + 1), 2)
        ],
        columns=["firm", "alter_i", "alter_j", "tie"],
    )
    return measure_ego_networks(alters, pairs, ["firm"], 1, 1 / 3).iloc[0]


@pytest.mark.parametrize(
    ("size", "ties", "constraint"), [(1, {}, 1.0), (2, {}, 0.5), (2, {(1, 2): 1.0}, 1.125), (5, {}, 0.2)]
)
def test_constraint_by_hand(size: int, ties: dict, constraint: float) -> None:
    assert measure(size, ties)["constraint"] == pytest.approx(constraint)


def test_density_of_one_partner_is_undefined() -> None:
    assert np.isnan(measure(1, {})["density"])


def test_unknown_pair_leaves_numerator_and_denominator() -> None:
    assert measure(3, {(1, 2): 1.0, (1, 3): None})["density"] == 0.5


def test_constraint_is_missing_where_a_pair_is_unknown() -> None:
    assert np.isnan(measure(3, {(1, 2): 1.0, (1, 3): None})["constraint"])


def test_density_is_missing_where_too_many_pairs_are_unknown() -> None:
    assert np.isnan(measure(3, {(1, 2): None, (1, 3): None})["density"])


graphs = st.integers(min_value=2, max_value=6).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.sampled_from(list(combinations(range(1, size + 1), 2)))))
)


@given(graphs)
def test_constraint_and_density_agree_with_networkx(graph: tuple[int, set[tuple[int, int]]]) -> None:
    size, ties = graph
    network = networkx.Graph([(0, alter) for alter in range(1, size + 1)] + list(ties))
    measured = measure(size, dict.fromkeys(ties, 1.0))
    assert measured["constraint"] == pytest.approx(networkx.constraint(network)[0])
    assert measured["density"] == pytest.approx(len(ties) / (size * (size - 1) / 2))
