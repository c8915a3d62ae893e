"""Structure of each firm's network of partners: density and Burt's constraint."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def measure_ego_networks(
    alters: pd.DataFrame, pairs: pd.DataFrame, keys: Sequence[str], tie_from: float, unknown_at_most: float
) -> pd.DataFrame:
    """Density and constraint of every firm-wave that named a partner.

    Parameters
    ----------
    alters
        One row a named partner: the keys and ``alter``.
    pairs
        One row a pair of named partners: the keys, ``alter_i``, ``alter_j``, ``tie`` (NA where unknown).
    keys
        Wave and firm.
    tie_from
        An answer of at least this is a tie.
    unknown_at_most
        Density is missing where a larger share of a firm's pairs is unknown.

    Returns
    -------
    pandas.DataFrame
        The keys; ``n_pairs_known``; ``density`` = ties / known pairs (missing for fewer than two partners);
        ``constraint``, missing if any pair is unknown.

    Notes
    -----
    Burt (1992): C = Σ_j (p_ej + Σ_q p_eq p_qj)², where p_ij is the share of i's ties that go to j, ties binary and
    undirected, ego among the others' ties. One partner gives 1, two unlinked partners 0.5, two linked ones 1.125.

    Examples
    --------
    >>> import pandas as pd
    >>> alters = pd.DataFrame({"firm": ["a", "a"], "alter": [1, 2]})
    >>> pairs = pd.DataFrame({"firm": ["a"], "alter_i": [1], "alter_j": [2], "tie": [1.0]})
    >>> measure_ego_networks(alters, pairs, ["firm"], 1, 0.34)[["density", "constraint"]].values.tolist()
    [[1.0, 1.125]]
    """
    firms = alters[list(keys)].drop_duplicates().reset_index(drop=True).reset_index(names="ego")
    seats = alters[[*keys, "alter"]].merge(firms, on=list(keys), how="left", validate="many_to_one")
    seats["seat"] = seats.groupby("ego").cumcount() + 1
    located = pairs.merge(firms, on=list(keys), how="inner", validate="many_to_one")
    for end in ("i", "j"):
        located = located.merge(
            seats[["ego", "alter", "seat"]].rename(columns={"alter": f"alter_{end}", "seat": f"seat_{end}"}),
            on=["ego", f"alter_{end}"],
            how="inner",
            validate="many_to_one",
        )
    tie = located["tie"].astype("Float64").astype("float64")
    partners = seats.groupby("ego").size().to_numpy()
    possible = partners * (partners - 1) / 2
    known = np.bincount(located["ego"][tie.notna()], minlength=len(firms))
    ties = np.bincount(located["ego"][tie >= tie_from], minlength=len(firms))
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.where((possible > 0) & (possible - known <= unknown_at_most * possible), ties / known, np.nan)

    adjacency = np.zeros((len(firms), partners.max(initial=0) + 1, partners.max(initial=0) + 1))
    adjacency[seats["ego"], 0, seats["seat"]] = adjacency[seats["ego"], seats["seat"], 0] = 1
    tied = located[tie >= tie_from]
    adjacency[tied["ego"], tied["seat_i"], tied["seat_j"]] = adjacency[tied["ego"], tied["seat_j"], tied["seat_i"]] = 1
    degree = adjacency.sum(axis=2, keepdims=True)
    share = np.divide(adjacency, degree, out=np.zeros_like(adjacency), where=degree > 0)
    direct = share[:, 0, 1:]
    indirect = np.einsum("fq,fqj->fj", direct, share[:, 1:, 1:])
    constraint = np.where(direct > 0, (direct + indirect) ** 2, 0).sum(axis=1)
    return firms[list(keys)].assign(
        n_pairs_known=known.astype("float64"),
        density=density,
        constraint=np.where(known == possible, constraint, np.nan),
    )
