"""One typical network of partners a group, without anything that says whose it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from firmties.display import as_codes, codes_of, describe_waves, label_of
from firmties.expressions import evaluate
from firmties.tables import join_words


def summarize(sources: dict[str, Any], options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Choose the medoid of each group, and list its partners and their ties.

    A firm-wave can be chosen if it named two partners or more and all numbers of `typical_by` are known.

    Returns
    -------
    numbers
        ``part`` *firm*: a row a group: panel, panel_label, route and status (the labels of the main network's codes),
        through and stopped (whether they are among the codes named). *partner*: node (1, 2, … in the order of kinds),
        kind, kind_label, kind_place, strength. *pair*: node, other, tie (code, blank where unknown). No key, no wave.
    notes
        What the caption needs.
    """
    panel, alters, pairs = sources["panel"], sources["alters"], sources["alter_pairs"]
    dictionary, keys = sources["dictionary"], ["wave", sources["study"]["firm"]]
    by = options["typical_by"]
    named = alters.groupby(keys).size().rename("n named").reset_index()
    table = panel.merge(named, on=keys, how="left", validate="one_to_one")
    able = table[(table["n named"] >= 2) & table[by].notna().all(axis=1)].sort_values(keys, kind="stable")
    # Another table may have a variable of the same name.
    of_table = {name: dictionary[dictionary["table"] == name] for name in ("panel", "alters", "networks")}
    kinds = codes_of(of_table["alters"], options["symbol"], as_codes(alters[options["symbol"]]).dropna())
    rows: list[dict[str, Any]] = []
    empty = []
    for place, group in enumerate(options["groups"], 1):
        about = {"panel": place, "panel_label": group["label"]}
        members = able[evaluate(group["when"], able).astype("boolean").fillna(False).astype(bool)]
        if members.empty:
            empty.append(group["label"])
            rows.append({**about, "part": "firm"})
            continue
        chosen = members.iloc[[find_medoid(members[by].astype("float64").to_numpy())]][keys]
        main = _describe_network(sources["networks"], chosen, keys, of_table["networks"], options)
        rows.append({**about, "part": "firm", **main})
        rows += [{**about, **row} for row in _list_ties(alters, pairs, chosen, keys, kinds, options)]
    columns = [
        "panel", "panel_label", "part", "node", "other", "kind", "kind_label", "kind_place", "strength", "tie", "route",
        "through", "status", "stopped",
    ]  # fmt: skip
    whole = dict.fromkeys(("node", "other", "kind_place"), "Int64")
    numbers = pd.DataFrame(rows, columns=columns).astype(whole)
    words = [label_of(of_table["panel"], name) for name in by]
    notes = {
        "n_panels": len(options["groups"]),
        "n_firm_waves_able": len(able),
        "waves": describe_waves(able["wave"], sources.get("waves")),
        "weights": "none",
        "remark_choice": "Each network is the medoid of its group: of the firm-waves that named two partners or more, "
        f"the one with the smallest sum of distances to the others in {join_words(words)}, each in standard deviations "
        "of the group (city-block distance).",
        "remark_route": "Route and status are those of the firm's network with the largest share."
        if "route" in options or "status" in options
        else None,
        "remark_labels": "Labels are kinds of partners; nothing says which firm it is.",
        "remark_empty": f"No firm-wave is {join_words(empty)}." if empty else None,
    }
    return numbers, notes


def find_medoid(values: np.ndarray) -> int:
    """Find the row with the smallest sum of city-block distances to all others, in standard deviations.

    The sum of distances in one variable follows from its order: with the values sorted,
    :math:`\\sum_j |x_i - x_j| = (2i - n)\\,x_i + \\sum_j x_j - 2\\sum_{j<i} x_j` (i from 0). So no distance between two
    rows is computed, and a million rows are no matter. A variable that does not vary says nothing; of equal sums
    the first row is taken (Kaufman & Rousseeuw 1990, *Finding Groups in Data*).

    Examples
    --------
    >>> find_medoid(np.array([[0.0, 1.0], [1.0, 1.0], [5.0, 1.0]]))
    1
    """
    n = len(values)
    total = np.zeros(n)
    for x in values.T:
        spread = x.std()
        if not spread > 0:
            continue
        order = np.argsort(x, kind="stable")
        z = (x[order] - x.mean()) / spread
        before = np.concatenate([[0.0], np.cumsum(z)[:-1]])
        total[order] += (2 * np.arange(n) - n) * z + z.sum() - 2 * before
    # Sums that differ by less than rounding are equal, on any machine.
    return int(np.argmin(np.round(total, 6)))


def _describe_network(
    networks: pd.DataFrame, chosen: pd.DataFrame, keys: list[str], dictionary: pd.DataFrame, options: dict[str, Any]
) -> dict[str, Any]:
    """Route and status of the firm's network with the largest share; of equal ones the first reported."""
    wanted = {part: options[part] for part in ("route", "status") if part in options}
    own = networks.merge(chosen, on=keys, how="inner", validate="many_to_one") if wanted else networks.iloc[:0]
    if own.empty:
        return {}
    if "share" in options:
        own = own.sort_values([options["share"], "network"], ascending=[False, True], kind="stable", na_position="last")
    main = own.iloc[[0]]
    found: dict[str, Any] = {}
    for part, mark in (("route", "through"), ("status", "stopped")):
        if part in wanted:
            code = as_codes(main[wanted[part]["field"]]).iloc[0]
            known = not pd.isna(code)
            found[part] = codes_of(dictionary, wanted[part]["field"]).get(str(code), "") if known else ""
            found[mark] = known and str(code) in [str(entry) for entry in wanted[part]["codes"]]
    return found


def _list_ties(
    alters: pd.DataFrame,
    pairs: pd.DataFrame,
    chosen: pd.DataFrame,
    keys: list[str],
    kinds: dict[str, str],
    options: dict[str, Any],
) -> list[dict[str, Any]]:
    """Partners and pairs of the chosen firm-wave, numbered in the order of kinds."""
    own = alters.merge(chosen, on=keys, how="inner", validate="many_to_one")
    kind = as_codes(own[options["symbol"]])
    place = kind.map({code: at for at, code in enumerate(kinds)})
    strength = own[options["strength"]].astype("Float64").astype("float64").round(3)
    table = pd.DataFrame({"alter": own["alter"], "kind": kind, "kind_place": place, "strength": strength})
    table = table.sort_values(["kind_place", "alter"], kind="stable", ignore_index=True)
    nodes = {alter: at for at, alter in enumerate(table["alter"], 1)}
    rows: list[dict[str, Any]] = [
        {"part": "partner", "node": nodes[row["alter"]], "kind_label": kinds.get(row["kind"], "")}
        | {name: row[name] for name in ("kind", "kind_place", "strength")}
        for row in table.to_dict("records")
    ]
    tied = pairs.merge(chosen, on=keys, how="inner", validate="many_to_one")
    for i, j, tie in zip(tied["alter_i"], tied["alter_j"], as_codes(tied["tie"]), strict=True):
        first, second = sorted((nodes[i], nodes[j]))
        rows.append({"part": "pair", "node": first, "other": second, "tie": tie})
    return rows
