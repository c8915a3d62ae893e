"""Measures of ego networks, against hand checks, networkx and igraph of R."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

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


REFERENCE = Path(__file__).parents[1] / "reference" / "r" / "networks"


def read_reference(part: str) -> pd.DataFrame:
    values = pd.read_csv(REFERENCE / "values.csv", skipinitialspace=True)
    return values[values["part"] == part].pivot(index="unit", columns="quantity", values="value")


def measure_reference() -> pd.DataFrame:
    alters, pairs = pd.read_csv(REFERENCE / "alters.csv"), pd.read_csv(REFERENCE / "pairs.csv")
    measured = measure_ego_networks(alters, pairs, ["ego"], 1, 1 / 3, slots=6, strength="strength", tie_maximum=2)
    return measured.set_index("ego")


@pytest.mark.parametrize(
    "quantity", ["ego_size", "density", "effsize", "efficiency", "constraint", "constraint_valued"]
)
def test_measure_agrees_with_igraph_of_r(quantity: str) -> None:
    expected = read_reference("ego")[quantity]
    np.testing.assert_allclose(measure_reference()[quantity].reindex(expected.index), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "size", "ties"),
    [("one", 1, {}), ("two_open", 2, {}), ("two_linked", 2, {(1, 2): 1.0}), ("five_open", 5, {})],
)
def test_textbook_constraint_is_that_of_igraph_of_r(name: str, size: int, ties: dict) -> None:
    assert measure(size, ties)["constraint"] == pytest.approx(read_reference("textbook").loc[name, "constraint"])


valued = st.integers(min_value=1, max_value=6).flatmap(
    lambda size: st.tuples(
        st.lists(st.floats(min_value=0.01, max_value=1), min_size=size, max_size=size),
        st.fixed_dictionaries({pair: st.sampled_from([0, 1, 2]) for pair in combinations(range(1, size + 1), 2)}),
    )
)


@given(valued)
def test_valued_constraint_agrees_with_networkx(network: tuple[list[float], dict[tuple[int, int], int]]) -> None:
    strengths, ties = network
    graph = networkx.Graph()
    graph.add_weighted_edges_from((0, alter, strength) for alter, strength in enumerate(strengths, 1))
    graph.add_weighted_edges_from((i, j, tie / 2) for (i, j), tie in ties.items() if tie)
    measured = measure_valued(strengths, {pair: float(tie) for pair, tie in ties.items()})
    assert measured["constraint_valued"] == pytest.approx(networkx.constraint(graph, weight="weight")[0])


def measure_valued(strengths: list[float], ties: dict[tuple[int, int], float]) -> pd.Series:
    alters = pd.DataFrame({"firm": "a", "alter": range(1, len(strengths) + 1), "ts": strengths})
    pairs = pd.DataFrame(
        [{"firm": "a", "alter_i": i, "alter_j": j, "tie": tie} for (i, j), tie in ties.items()],
        columns=["firm", "alter_i", "alter_j", "tie"],
    ).astype({"tie": "float64"})
    return measure_ego_networks(alters, pairs, ["firm"], 1, 1 / 3, strength="ts", tie_maximum=2).iloc[0]


@given(graphs)
def test_effective_size_agrees_with_networkx(graph: tuple[int, set[tuple[int, int]]]) -> None:
    size, ties = graph
    network = networkx.Graph([(0, alter) for alter in range(1, size + 1)] + list(ties))
    assert measure(size, dict.fromkeys(ties, 1.0))["effsize"] == pytest.approx(networkx.effective_size(network)[0])


@given(graphs)
def test_binary_constraint_does_not_depend_on_the_order_of_partners(graph: tuple[int, set[tuple[int, int]]]) -> None:
    size, ties = graph
    turned = {(size + 1 - j, size + 1 - i): 1.0 for i, j in ties}
    same = dict.fromkeys(ties, 1.0)
    assert measure(size, turned)["constraint"] == pytest.approx(measure(size, same)["constraint"])


def test_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure_reference()
    monkeypatch.setattr("firmties.ego_networks.MOST_CELLS", 100)
    pd.testing.assert_frame_equal(measure_reference(), whole, check_exact=True)


def test_valued_constraint_is_missing_where_a_strength_is_unknown() -> None:
    assert np.isnan(measure_valued([0.5, np.nan], {(1, 2): 1.0})["constraint_valued"])


def test_valued_constraint_is_missing_where_a_pair_is_unknown() -> None:
    assert np.isnan(measure_valued([0.5, 0.4, 0.3], {(1, 2): 1.0, (1, 3): 0.0})["constraint_valued"])


def test_effective_size_rests_on_the_known_pairs() -> None:
    assert measure(3, {(1, 2): 1.0, (1, 3): None})["effsize"] == 3 - 2 * 0.5


def test_one_partner_is_no_brokerage() -> None:
    assert np.isnan(measure(1, {})["broker"])


def test_open_pairs_are_set_against_those_that_the_slots_allow() -> None:
    alters = pd.DataFrame({"firm": "a", "alter": [1, 2, 3]})
    pairs = pd.DataFrame({"firm": "a", "alter_i": [1, 1, 2], "alter_j": [2, 3, 3], "tie": [1.0, 0, 0]})
    measured = measure_ego_networks(alters, pairs, ["firm"], 1, 1 / 3, slots=5)
    assert measured["broker_norm"].tolist() == [0.2]


class TestEgosWithoutPartners:
    alters = pd.DataFrame({"wave": [1, 1], "firm": "a", "alter": [1, 2]})
    pairs = pd.DataFrame({"wave": [1], "firm": ["a"], "alter_i": [1], "alter_j": [2], "tie": [1.0]})
    egos = pd.DataFrame({"wave": [1, 1, 2], "firm": ["nobody", "a", "a"]})
    measured = measure_ego_networks(alters, pairs, ["wave", "firm"], 1, 1 / 3, egos=egos)

    def test_no_row_is_lost(self) -> None:
        assert self.measured[["wave", "firm"]].values.tolist() == self.egos.values.tolist()

    def test_size_is_nought_and_missing_where_nobody_was_asked(self) -> None:
        np.testing.assert_array_equal(self.measured["ego_size"], [0, 2, np.nan])

    def test_the_rest_is_missing(self) -> None:
        assert self.measured.drop(columns=["wave", "firm", "ego_size"]).iloc[0].isna().all()


def test_valued_constraint_counts_a_partner_with_a_tie_of_zero_as_igraph_does() -> None:
    alters = pd.DataFrame({"firm": "a", "alter": [1, 2], "ts": [0.0, 0.5]})
    pairs = pd.DataFrame({"firm": ["a"], "alter_i": [1], "alter_j": [2], "tie": [1.0]})
    measured = measure_ego_networks(alters, pairs, ["firm"], 1, 1, strength="ts")
    # All of firm's tie goes to 2, of whose ties 2/3 go to 1: (0 + 2/3)² + 1²; igraph 1.3.5 of R gives 1.444444444.
    assert measured["constraint_valued"].tolist() == pytest.approx([13 / 9])
