"""The graph of all firms and the partners they named: components, clustering, path length, and where nodes stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

MOST_SOURCES = 500
"""Most firms from which path lengths are measured; of more, so many are drawn."""

ROUNDS_BEFORE, ROUNDS_BETWEEN = 50, 10
"""Rounds of swaps before the first rewired graph and between two; in a round each edge is in one attempt."""


class SmallWorld(NamedTuple):
    """Clustering and mean path length of firms that share a partner."""

    clustering: float
    path_length: float


def build_landscape(
    alters: pd.DataFrame, firm: str, key: str, kind: str, kinds: Sequence[str] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Join the networks of all firms at the partners that they have in common.

    Parameters
    ----------
    alters
        One row a partner of a firm, in one wave or several: a tie that is named twice is one.
    firm, key, kind
        The columns with the firm's key, the partner's key (the same across firms; without one a partner is left out)
        and the partner's kind.
    kinds
        Codes of kinds in their order. Where firms disagree on a partner's kind, the one named most is taken; of
        equally many the first.

    Returns
    -------
    nodes
        ``mode`` (firm, partner), ``kind`` (of a partner), ``degree``, ``component`` (1 the largest, of equally large
        ones that with the first node); firms first, each in the order of keys. The keys are not there.
    edges
        ``firm``, ``partner``: rows of `nodes`, sorted.

    Examples
    --------
    >>> alters = pd.DataFrame({"firm": list("aabc"), "key": list("xyxz"), "kind": ["sme", "sme", "large", "sme"]})
    >>> nodes, edges = build_landscape(alters, "firm", "key", "kind", ["large", "sme"])
    >>> nodes["component"].tolist(), nodes["kind"].fillna("").tolist(), edges.values.tolist()
    ([1, 1, 2, 1, 1, 2], ['', '', '', 'large', 'sme', 'sme'], [[0, 3], [0, 4], [1, 3], [2, 5]])
    """
    named = alters[alters[key].notna()]
    ties = named[[firm, key]].drop_duplicates().sort_values([firm, key], ignore_index=True)
    firms, partners = pd.Index(ties[firm].unique()), pd.Index(ties[key].drop_duplicates().sort_values())
    edges = pd.DataFrame(
        {
            "firm": firms.get_indexer(pd.Index(ties[firm])),
            "partner": len(firms) + partners.get_indexer(pd.Index(ties[key])),
        }
    )
    n = len(firms) + len(partners)
    order = {code: place for place, code in enumerate(kinds)}
    votes = named.groupby([key, kind]).size().rename("n").reset_index()
    votes["place"] = votes[kind].map(order).fillna(len(order))
    votes = votes.sort_values([key, "n", "place"], ascending=[True, False, True], kind="stable").drop_duplicates(key)
    nodes = pd.DataFrame({"mode": np.repeat(["firm", "partner"], [len(firms), len(partners)])})
    nodes["kind"] = [None] * len(firms) + votes.set_index(key)[kind].reindex(partners).tolist()
    nodes["degree"] = np.bincount(edges.to_numpy().ravel(), minlength=n)
    nodes["component"] = _rank_components(edges, n)
    return nodes, edges


def _rank_components(edges: pd.DataFrame, n: int) -> np.ndarray:
    """Number components by size, from 1."""
    links = sparse.coo_array((np.ones(len(edges)), (edges["firm"], edges["partner"])), shape=(n, n))
    _, labels = sparse.csgraph.connected_components(links.tocsr(), directed=False)
    sizes = np.bincount(labels, minlength=1)
    first = np.full(len(sizes), n)
    np.minimum.at(first, labels, np.arange(n))
    rank = np.empty(len(sizes), dtype=int)
    rank[np.lexsort((first, -sizes))] = np.arange(1, len(sizes) + 1)
    return rank[labels]


def measure_small_world(edges: pd.DataFrame, generator: np.random.Generator) -> SmallWorld:
    r"""Measure how firms that share a partner cluster, and how far they are apart.

    Firms are linked that share a partner. Clustering is transitivity, :math:`3 \times` triangles / connected triples;
    path length the mean number of links between two firms of the largest component, over all pairs, or over the pairs
    with one of `MOST_SOURCES` firms that are drawn. Missing without a triple, or a pair.

    Parameters
    ----------
    edges
        ``firm``, ``partner``: whole numbers; each pair once.

    Examples
    --------
    >>> edges = pd.DataFrame({"firm": [0, 1, 2, 2, 3], "partner": [0, 0, 0, 1, 1]})
    >>> measure_small_world(edges, np.random.default_rng(1))
    SmallWorld(clustering=0.6, path_length=1.3333333333333333)
    """
    shared = edges[edges.duplicated("partner", keep=False)]
    if shared.empty:
        return SmallWorld(np.nan, np.nan)
    firm, partner = (pd.factorize(shared[name], sort=True)[0] for name in ("firm", "partner"))
    two_mode = sparse.csr_array((np.ones(len(shared), dtype="float32"), (firm, partner)))
    links = (two_mode @ two_mode.T).tocsr()
    links.setdiag(0)
    links.eliminate_zeros()
    links.data[:] = 1
    degree = links.sum(axis=1).astype("float64")
    triples = (degree * (degree - 1)).sum()
    closed = float((links @ links).multiply(links).sum())
    _, labels = sparse.csgraph.connected_components(links, directed=False)
    core = np.flatnonzero(labels == np.argmax(np.bincount(labels)))
    sources = core if len(core) <= MOST_SOURCES else np.sort(generator.choice(core, MOST_SOURCES, replace=False))
    # Two steps by way of a partner are one link; the graph of both has fewer edges than that of firms.
    reached = np.zeros((links.shape[0], len(sources)), dtype=bool)
    reached[sources, np.arange(len(sources))] = True
    front, total, pairs, distance = reached, 0, 0, 0
    while front.any():
        distance += 1
        front = ((two_mode @ (two_mode.T @ front.astype("float32"))) > 0) & ~reached
        reached |= front
        found = int(front.sum())
        total, pairs = total + distance * found, pairs + found
    return SmallWorld(closed / float(triples) if triples else np.nan, total / pairs if pairs else np.nan)


def swap_partners(firm: np.ndarray, partner: np.ndarray, rounds: int, generator: np.random.Generator) -> np.ndarray:
    """Swap the partners of random pairs of ties, so that every firm and every partner keeps its number of ties.

    In a round the ties are put into random pairs; a pair (a, x), (b, y) becomes (a, y), (b, x) unless one of
    the new ties is there already, or another pair proposes it or one of the pair's own. Which pairs are swapped is
    the same forwards and backwards, so that in the long run every graph with these degrees is equally likely (the
    usual chain of swaps, many at a time).

    Returns
    -------
    numpy.ndarray
        The new partners, in the order of `firm`.

    Examples
    --------
    >>> firm, partner = np.array([0, 0, 1, 2]), np.array([0, 1, 0, 2])
    >>> swapped = swap_partners(firm, partner, 50, np.random.default_rng(1))
    >>> np.sort(swapped).tolist(), len(set(zip(firm.tolist(), swapped.tolist())))
    ([0, 0, 1, 2], 4)
    """
    partner, n = partner.copy(), len(firm)
    width = int(partner.max()) + 1 if n else 1
    for _ in range(rounds):
        order = generator.permutation(n)[: n - n % 2].reshape(2, -1)
        own = firm.astype("int64") * width + partner
        proposed = firm[order].astype("int64") * width + partner[order[::-1]]
        keys, counts = np.unique(np.concatenate([own, proposed.ravel()]), return_counts=True)
        alone = counts[np.searchsorted(keys, proposed)] == 1
        # A tie of the pair that is proposed by another pair stands there twice.
        free = counts[np.searchsorted(keys, own[order])] == 1
        swapped = order[:, alone.all(axis=0) & free.all(axis=0)]
        partner[swapped] = partner[swapped[::-1]]
    return partner


def compare_rewired(edges: pd.DataFrame, rewirings: int, seed: int) -> pd.DataFrame:
    """Measure clustering and path length of rewired graphs, in which every firm and partner keeps its number of ties.

    Returns
    -------
    pandas.DataFrame
        A row a rewired graph: ``clustering``, ``path_length``.
    """
    generator = np.random.default_rng(seed)
    edges = edges.sort_values(["firm", "partner"], ignore_index=True)
    firm, partner = edges["firm"].to_numpy(), edges["partner"].to_numpy()
    found = []
    for number in range(rewirings):
        partner = swap_partners(firm, partner, ROUNDS_BETWEEN if number else ROUNDS_BEFORE, generator)
        found.append(measure_small_world(pd.DataFrame({"firm": firm, "partner": partner}), generator))
    return pd.DataFrame(found, columns=list(SmallWorld._fields))


def measure_betweenness(nodes: pd.DataFrame, edges: pd.DataFrame, pivots: int, seed: int) -> pd.Series:
    """Estimate betweenness in the largest component, among firms and the partners that two or more of them named.

    Shortest paths from `pivots` nodes that are drawn (all, if there are no more) stand for all (Brandes & Pich 2007).
    Other nodes have missing values.
    """
    import networkx

    counted = (nodes["component"] == 1) & ((nodes["mode"] == "firm") | (nodes["degree"] > 1))
    graph = networkx.Graph()
    graph.add_nodes_from(nodes.index[counted])
    graph.add_edges_from(edges[counted[edges["partner"]].to_numpy() & counted[edges["firm"]].to_numpy()].to_numpy())
    n = graph.number_of_nodes()
    found = networkx.betweenness_centrality(graph, k=None if n <= pivots else pivots, seed=seed) if n > 2 else {}
    return pd.Series(found, dtype="float64").reindex(nodes.index)


def place_nodes(nodes: pd.DataFrame, edges: pd.DataFrame, seed: int, iterations: int = 50) -> pd.DataFrame:
    """Place nodes by forces: the largest component in the unit circle, the others beneath it.

    Firms and partners that two or more of them named are placed by networkx's spring layout (Fruchterman & Reingold
    1991); the partners of one firm alone stand in a ring around it.

    Returns
    -------
    pandas.DataFrame
        ``x``, ``y`` for each row of `nodes`, to three decimals.
    """
    places = np.full((len(nodes), 2), np.nan)
    inner = ((nodes["mode"] == "firm") | (nodes["degree"] > 1)).to_numpy()
    components = nodes["component"].to_numpy()
    ends = edges[["firm", "partner"]].to_numpy()
    by_component = dict(tuple(edges.groupby(components[ends[:, 0]])))
    n_small = int(components.max(initial=1)) - 1
    across = max(1, int(np.ceil(np.sqrt(12 * n_small))))
    step, below = 2.2 / across, 0.0
    for number in np.unique(components):
        members = np.flatnonzero(components == number)
        own = by_component[number].to_numpy()
        core = members[inner[members]]
        spots = _place_core(core, own[inner[own].all(axis=1)], seed, iterations)
        size = 1.0 if number == 1 else 0.5
        places[core] = size * spots
        ring = 0.035 if number == 1 else 0.55
        for firm, leaves in _list_leaves(own, inner):
            turn = 2 * np.pi * np.arange(len(leaves)) / len(leaves)
            places[leaves] = places[firm] + ring * np.column_stack([np.cos(turn), np.sin(turn)])
        if number == 1:
            below = float(places[members, 1].min()) - 0.1
        else:
            row, column = divmod(int(number) - 2, across)
            middle = np.array([(column + 0.5) * step - 1.1, below - (row + 0.5) * step])
            reach = max(1.0, float(np.abs(places[members]).max()))
            places[members] = middle + 0.42 * step * places[members] / reach
    return pd.DataFrame(np.round(places, 3), columns=["x", "y"], index=nodes.index)


def _place_core(core: np.ndarray, edges: np.ndarray, seed: int, iterations: int) -> np.ndarray:
    """Spring layout within the unit circle; a node that is alone stands in the middle."""
    import networkx

    if len(core) == 1:
        return np.zeros((1, 2))
    graph = networkx.Graph()
    graph.add_nodes_from(core.tolist())
    graph.add_edges_from(edges.tolist())
    layout: dict[int, Any] = networkx.spring_layout(graph, seed=seed, iterations=iterations, method="force")
    spots = np.array([layout[node] for node in core.tolist()])
    spots -= spots.mean(axis=0)
    return spots / np.sqrt((spots**2).sum(axis=1)).max()


def _list_leaves(edges: np.ndarray, inner: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Each firm with its partners whom no other firm named."""
    own = edges[~inner[edges[:, 1]]]
    if not len(own):
        return []
    firms, starts = np.unique(own[:, 0], return_index=True)
    return list(zip(firms.tolist(), np.split(own[:, 1], starts[1:]), strict=True))
