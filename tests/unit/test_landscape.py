"""The graph of firms and partners, against R's igraph and networkx; rewired graphs; the figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networkx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.exhibits.landscape.summarize import pool_counts, summarize
from firmties.landscape import (
    build_landscape,
    compare_rewired,
    measure_betweenness,
    measure_small_world,
    place_nodes,
    swap_partners,
)

from .exhibit_frames import STUDY, WAVES, draw_anew, list_texts

REFERENCE = Path(__file__).parents[1] / "reference" / "r" / "networks"
TIES = pd.read_csv(REFERENCE / "landscape.csv").assign(kind="sme", wave=1)
VALUES = pd.read_csv(REFERENCE / "values.csv", skipinitialspace=True).query("part == 'landscape'")
NODES, EDGES = build_landscape(TIES, "firm", "partner", "kind")
GENERATOR = np.random.default_rng(1)


def read_reference(quantity: str) -> float:
    return float(VALUES.loc[(VALUES["quantity"] == quantity) & VALUES["unit"].isna(), "value"].iloc[0])


def test_components_agree_with_igraph_of_r() -> None:
    found = NODES["component"].max(), (NODES["component"] == 1).sum()
    assert found == (read_reference("n_components"), read_reference("largest"))


@pytest.mark.parametrize("quantity", ["clustering", "path_length"])
def test_small_world_measures_agree_with_igraph_of_r(quantity: str) -> None:
    measured = measure_small_world(EDGES, GENERATOR)
    assert getattr(measured, quantity) == pytest.approx(read_reference(quantity), rel=1e-12)


def test_betweenness_agrees_with_networkx() -> None:
    graph = networkx.Graph(EDGES.to_numpy().tolist())
    core = NODES.index[(NODES["component"] == 1) & ((NODES["mode"] == "firm") | (NODES["degree"] > 1))]
    expected = networkx.betweenness_centrality(graph.subgraph(core.tolist()))
    measured = measure_betweenness(NODES, EDGES, 10_000, 1)
    assert measured.dropna().to_dict() == pytest.approx(expected)


def test_a_tie_of_several_waves_is_one() -> None:
    twice = pd.concat([TIES, TIES.assign(wave=2)])
    pd.testing.assert_frame_equal(build_landscape(twice, "firm", "partner", "kind")[1], EDGES)


def test_order_of_rows_changes_nothing() -> None:
    nodes, edges = build_landscape(TIES.iloc[::-1], "firm", "partner", "kind")
    pd.testing.assert_frame_equal(nodes, NODES)
    pd.testing.assert_frame_equal(edges, EDGES)


def test_a_partner_without_a_key_is_left_out() -> None:
    ties = pd.DataFrame({"firm": ["a", "b"], "key": ["x", None], "kind": "sme"})
    assert len(build_landscape(ties, "firm", "key", "kind")[0]) == 2


graphs = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1)


@given(graphs, st.integers(0, 1000))
def test_swaps_keep_every_number_of_ties(ties: set[tuple[int, int]], seed: int) -> None:
    firm, partner = np.array(sorted(ties)).T
    swapped = swap_partners(firm, partner, 20, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(swapped), np.sort(partner))
    assert len(set(zip(firm.tolist(), swapped.tolist(), strict=True))) == len(ties)


def test_swaps_reach_every_graph_equally_often() -> None:
    """Three firms with one tie each to three partners: six graphs, each in a sixth of the draws."""
    firm, partner = np.arange(3), np.arange(3)
    generator, seen = np.random.default_rng(7), []
    for _ in range(3000):
        partner = swap_partners(firm, partner, 5, generator)
        seen.append(tuple(partner.tolist()))
    shares = pd.Series(seen).value_counts(normalize=True)
    np.testing.assert_allclose(shares, np.full(6, 1 / 6), atol=0.025)


def test_the_same_seed_gives_the_same_graphs() -> None:
    pd.testing.assert_frame_equal(compare_rewired(EDGES, 3, 5), compare_rewired(EDGES, 3, 5), check_exact=True)


@given(graphs)
def test_small_world_agrees_with_networkx(ties: set[tuple[int, int]]) -> None:
    edges = pd.DataFrame(sorted(ties), columns=["firm", "partner"])
    graph = networkx.Graph([(f"f{firm}", f"p{partner}") for firm, partner in ties])
    projected = networkx.bipartite.projected_graph(graph, {node for node in graph if node[0] == "f"})
    measured = measure_small_world(edges, GENERATOR)
    if projected.number_of_edges():
        largest = max(map(len, networkx.connected_components(projected)))
        lengths = [
            networkx.average_shortest_path_length(projected.subgraph(part))
            for part in networkx.connected_components(projected)
            if len(part) == largest
        ]
        assert any(measured.path_length == pytest.approx(length) for length in lengths)
    if any(degree > 1 for _, degree in projected.degree):
        assert measured.clustering == pytest.approx(networkx.transitivity(projected))


def test_every_node_has_a_place_of_its_own_seed() -> None:
    places = place_nodes(NODES, EDGES, 3)
    assert places.notna().all().all()
    pd.testing.assert_frame_equal(places, place_nodes(NODES, EDGES, 3), check_exact=True)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=12))
def test_pooled_counts_are_not_small_and_lose_nobody(counts: list[int]) -> None:
    runs = pool_counts(list(range(len(counts))), counts, 5)
    assert all(n >= 5 for _, _, n in runs)
    assert sum(n for _, _, n in runs) == (sum(counts) if sum(counts) >= 5 else 0)


OPTIONS: dict[str, Any] = {"key": "partner", "symbol": "kind", "rewirings": 5}
WORDS = pd.DataFrame(
    [("kind", "alters", "Kind", "category", "large=Large firm|sme=Small firm", "")],
    columns=["variable", "table", "label", "type", "codes", "reference"],
)


def make_sources(individuals: bool) -> dict[str, Any]:
    ties = TIES.rename(columns={"firm": "firm_id"})
    study = {**STUDY, "individuals": individuals}
    return {"alters": ties, "dictionary": WORDS, "study": study, "waves": WAVES}


@pytest.fixture(scope="module")
def shown() -> tuple[pd.DataFrame, dict[str, Any]]:
    return summarize(make_sources(True), OPTIONS)


def test_nodes_have_no_keys_and_numbers_at_random(shown: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    numbers, _ = shown
    nodes = numbers[numbers["part"] == "node"]
    assert nodes["node"].tolist() == list(range(1, len(NODES) + 1))
    assert nodes["mode"].tolist() != NODES["mode"].tolist()
    assert not set(numbers.to_numpy().ravel()[:].astype(str)) & {*TIES["firm"], *TIES["partner"]}


def test_ties_join_a_firm_and_a_partner(shown: tuple[pd.DataFrame, dict[str, Any]]) -> None:
    numbers, _ = shown
    mode = numbers[numbers["part"] == "node"].set_index("node")["mode"]
    edges = numbers[numbers["part"] == "edge"]
    assert set(mode[edges["node"]]) == {"firm"}
    assert set(mode[edges["other"]]) == {"partner"}


@pytest.mark.parametrize(
    "text",
    ["firm", "Small firm", f"{len(NODES):,} nodes (76 firms), 248 ties; 2 components, the largest with 127 nodes."],
)
def test_drawn_with_its_numbers(shown: tuple[pd.DataFrame, dict[str, Any]], text: str) -> None:
    texts = "\n".join(list_texts(draw_anew("landscape", *shown, OPTIONS)))
    assert text in texts


def test_no_node_where_single_firms_may_not_be_shown() -> None:
    numbers, notes = summarize(make_sources(False), OPTIONS)
    assert set(numbers["part"]) == {"degree", "kind", "measure"}
    assert (numbers.loc[numbers["part"] == "degree", "n"] >= 5).all()
    assert "Single firms may not be shown" in notes["remark_individuals"]
    assert "partners" in list_texts(draw_anew("landscape", numbers, notes, OPTIONS))


def test_ties_do_not_tell_how_many_have_each_of_two_degrees_that_stand_together() -> None:
    # 37 firms with one partner and 3 with two: of 40 firms together, 43 ties would tell the 3.
    ties = pd.DataFrame({"wave": 1, "firm_id": [f"f{at % 40}" for at in range(43)], "kind": "sme"})
    ties["partner"] = [f"p{at % 5}" for at in range(40)] + ["p4", "p4", "p0"]
    numbers, notes = summarize(make_sources(False) | {"alters": ties}, OPTIONS)
    firms = numbers[numbers["mode"] == "firm"]
    assert firms.loc[firms["part"] == "degree", ["degree", "degree_to", "n"]].values.tolist() == [[1, 2, 40]]
    assert notes["n_edges"] is None
    assert numbers["mean_degree"].isna().all()
    assert "ties;" not in "".join(list_texts(draw_anew("landscape", numbers, notes, OPTIONS)))


def test_a_graph_without_shared_partners_has_no_clustering() -> None:
    sources = make_sources(True)
    ties = sources["alters"].drop_duplicates("partner")
    numbers, _ = summarize(sources | {"alters": ties}, OPTIONS)
    assert numbers.loc[numbers["part"] == "measure", "value"].isna().all()


@pytest.mark.parametrize("waves", ["last", [2]])
def test_ties_of_the_waves_asked_for(waves: Any) -> None:
    sources = make_sources(True)
    both = pd.concat([sources["alters"], sources["alters"].iloc[:20].assign(wave=2)])
    _, notes = summarize(sources | {"alters": both}, OPTIONS | {"waves": waves})
    assert (notes["n_edges"], notes["waves"]) == (20, "2022")


@pytest.mark.parametrize("individuals", [True, False])
def test_without_a_key_the_figure_says_that_it_is_empty(individuals: bool) -> None:
    sources = make_sources(individuals)
    nobody = sources["alters"].assign(partner=pd.Series([None] * len(TIES), dtype="str"))
    numbers, notes = summarize(sources | {"alters": nobody}, OPTIONS)
    assert notes["remark_without_key"] == "248 partners have no key and are left out."
    assert "no degree that may be shown" in list_texts(draw_anew("landscape", numbers, notes, OPTIONS))
