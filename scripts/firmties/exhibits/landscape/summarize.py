"""The landscape of firms and partners: nodes and their places, degrees, small-world measures. No keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from firmties.disclosure import find_minimum
from firmties.display import as_codes, codes_of, describe_rows
from firmties.landscape import (
    build_landscape,
    compare_rewired,
    measure_betweenness,
    measure_small_world,
    place_nodes,
)

PIVOTS = 200
MOST_DRAWN = 8_000
"""Most nodes that are drawn; of more only the numbers are shown."""

LABELS = {"clustering": "Clustering", "path_length": "Mean path length"}
COLUMNS = [
    "part", "node", "other", "mode", "kind", "kind_label", "kind_place", "degree", "component", "x", "y", "degree_to",
    "n", "mean_degree", "mean_betweenness", "measure", "label", "value", "rewired", "rewired_low", "rewired_high",
]  # fmt: skip


def summarize(sources: dict[str, Any], options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Build the graph of firms and partners, measure it, and place its nodes where single firms may be shown.

    Returns
    -------
    numbers
        ``part`` *node*: node (numbered at random), mode (firm, partner), kind, kind_label, kind_place, degree,
        component (1 the largest), x, y; *edge*: node (a firm), other (a partner); *degree*: mode, degree to degree_to,
        n: how many nodes have so many ties; *kind*: mode, kind, n, mean_degree, mean_betweenness; *measure*: measure,
        label, value, and over the rewired graphs mean, 2.5th and 97.5th percentile. Nodes and edges are there only
        where single firms may be shown (docs/privacy.md); otherwise degrees of few are put together, and kinds of few
        left out.
    notes
        What the caption needs.
    """
    study, dictionary, seed = sources["study"], sources["dictionary"], int(options.get("seed", 1))
    alters, firm = sources["alters"], study["firm"]
    if "waves" in options:
        chosen = [alters["wave"].max()] if options["waves"] == "last" else options["waves"]
        alters = alters[alters["wave"].isin(chosen)]
    shown = bool(study.get("individuals"))
    few = 1 if shown else find_minimum(study)
    dictionary = dictionary[dictionary["table"] == "alters"]
    alters = alters.assign(**{options["symbol"]: as_codes(alters[options["symbol"]])})
    kinds = codes_of(dictionary, options["symbol"], alters[options["symbol"]].dropna())
    nodes, edges = build_landscape(alters, firm, options["key"], options["symbol"], list(kinds))
    notes = describe_rows(alters, study, sources.get("waves")) | {
        "n_nodes": len(nodes),
        "n_edges": len(edges),
        "n_components": int(nodes["component"].max()) if len(nodes) else 0,
        "n_largest": int((nodes["component"] == 1).sum()),
        "n_without_key": int(alters[options["key"]].isna().sum()),
        "seed": seed,
    }
    places = {code: place for place, code in enumerate(kinds)}
    nodes["kind_label"], nodes["kind_place"] = nodes["kind"].map(kinds), nodes["kind"].map(places)
    nodes["betweenness"] = measure_betweenness(nodes, edges, PIVOTS, seed) if len(nodes) else np.nan
    rewirings = int(options.get("rewirings", 200)) if edges["partner"].duplicated().any() else 0
    degrees, described = _count_degrees(nodes, few), _describe_kinds(nodes, few)
    if not shown and _tells_degrees(nodes, degrees):
        described["mean_degree"], notes["n_edges"] = np.nan, None
    parts = [degrees, described, _measure(edges, rewirings, seed)]
    if shown and 0 < len(nodes) <= MOST_DRAWN:
        nodes[["x", "y"]] = place_nodes(nodes, edges, seed)
        # In the order of keys a node's number would tell which it is.
        number = np.random.default_rng(seed).permutation(len(nodes)) + 1
        drawn = nodes.assign(part="node", node=number).drop(columns="betweenness")
        lines = pd.DataFrame({"part": "edge", "node": number[edges["firm"]], "other": number[edges["partner"]]})
        parts = [drawn.sort_values("node"), lines.sort_values(["node", "other"]), *parts]
    whole = ("node", "other", "kind_place", "degree", "component", "degree_to", "n")
    numbers = pd.concat(parts, ignore_index=True).reindex(columns=COLUMNS).astype(dict.fromkeys(whole, "Int64"))
    notes |= {
        "remark_graph": "A firm and a partner are joined where the firm named the partner. Firms are drawn into the "
        "survey, so their partners' other ties are unseen: degrees and components are smaller, and paths longer, than "
        "among all firms.",
        "remark_small_world": "Clustering and path length are those of firms that share a partner; "
        f"{rewirings} rewired graphs keep the number of ties of every firm and of every partner (mean, and 2.5th to "
        "97.5th percentile)."
        if rewirings
        else None,
        "remark_individuals": None
        if shown
        else "Single firms may not be shown (study: individuals), so no node is; degrees that few have stand together.",
        "remark_size": f"The graph has more than {MOST_DRAWN:,} nodes and is not drawn."
        if shown and len(nodes) > MOST_DRAWN
        else None,
        "remark_without_key": f"{notes['n_without_key']:,} partners have no key and are left out."
        if notes["n_without_key"]
        else None,
    }
    return numbers, notes


def _count_degrees(nodes: pd.DataFrame, few: int) -> pd.DataFrame:
    """How many nodes have how many ties; degrees that few have are put with the next smaller ones."""
    rows = []
    for mode, own in nodes.groupby("mode", sort=True):
        counts = own["degree"].value_counts().sort_index()
        runs = pool_counts(counts.index.tolist(), counts.tolist(), few)
        rows += [{"part": "degree", "mode": mode, "degree": low, "degree_to": high, "n": n} for low, high, n in runs]
    return pd.DataFrame(rows, columns=["part", "mode", "degree", "degree_to", "n"])


def _tells_degrees(nodes: pd.DataFrame, runs: pd.DataFrame) -> bool:
    """Whether the number of ties would tell how many nodes have each of few degrees that stand together.

    With how many nodes there are it is a second equation, enough for two degrees and close for three (`is_telling`).
    """
    for mode, own in nodes.groupby("mode"):
        alone = runs.loc[(runs["mode"] == mode) & (runs["degree"] == runs["degree_to"]), "degree"]
        if 0 < len(set(own["degree"]) - set(alone)) <= 3:
            return True
    return False


def pool_counts(values: list[int], counts: list[int], few: int) -> list[tuple[int, int, int]]:
    """Put neighbouring values together, from the largest down, until no count is small.

    Examples
    --------
    >>> pool_counts([1, 2, 3, 7], [30, 9, 4, 2], 5)
    [(1, 1, 30), (2, 2, 9), (3, 7, 6)]
    >>> pool_counts([1, 2], [3, 20], 5)
    [(1, 2, 23)]
    """
    runs: list[tuple[int, int, int]] = []
    for value, n in zip(reversed(values), reversed(counts), strict=True):
        if runs and runs[-1][2] < few:
            runs[-1] = (value, runs[-1][1], runs[-1][2] + n)
        else:
            runs.append((value, value, n))
    if len(runs) > 1 and runs[-1][2] < few:
        last = runs.pop()
        runs[-1] = (last[0], runs[-1][1], runs[-1][2] + last[2])
    return [run for run in reversed(runs) if run[2] >= few]


def _describe_kinds(nodes: pd.DataFrame, few: int) -> pd.DataFrame:
    """Number, mean degree and mean betweenness of firms and of each kind of partner; kinds of few are left out."""
    groups = nodes.assign(kind=nodes["kind"].fillna("")).groupby(["mode", "kind"], sort=False)
    table = groups.agg(
        n=("degree", "size"), mean_degree=("degree", "mean"), mean_betweenness=("betweenness", "mean"),
        kind_label=("kind_label", "first"), kind_place=("kind_place", "first"),
    ).reset_index()  # fmt: skip
    table = table[table["n"] >= few].sort_values(["mode", "kind_place"], kind="stable")
    # With the number of all partners, that of one kind left out would follow.
    lacking = table["n"].sum() < len(nodes)
    return table.assign(part="kind", n=table["n"].mask(lacking & (table["mode"] == "partner")))


def _measure(edges: pd.DataFrame, rewirings: int, seed: int) -> pd.DataFrame:
    """Clustering and path length, and what they are in rewired graphs."""
    generator = np.random.default_rng(seed)
    observed = measure_small_world(edges, generator)
    rewired = compare_rewired(edges, rewirings, seed)
    rows: list[dict[str, Any]] = [
        {
            "part": "measure",
            "measure": name,
            "label": label,
            "value": getattr(observed, name),
            "rewired": rewired[name].mean(),
            "rewired_low": rewired[name].quantile(0.025),
            "rewired_high": rewired[name].quantile(0.975),
        }
        for name, label in LABELS.items()
    ]
    first, second = rows
    if rewirings and all(row["value"] > 0 and row["rewired"] > 0 for row in rows):
        ratio = (first["value"] / first["rewired"]) / (second["value"] / second["rewired"])
        label = "Small-world quotient (C / C rewired) / (L / L rewired)"
        rows.append({"part": "measure", "measure": "quotient", "label": label, "value": ratio})
    return pd.DataFrame(rows)
