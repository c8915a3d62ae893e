"""Structure of each firm's network of partners: size, density, effective size, brokerage, Burt's constraint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

MOST_CELLS = 4_000_000
"""Most cells of the adjacency matrices that are held at a time (32 MB)."""


def measure_ego_networks(
    alters: pd.DataFrame,
    pairs: pd.DataFrame,
    keys: Sequence[str],
    tie_from: float,
    unknown_at_most: float,
    *,
    egos: pd.DataFrame | None = None,
    slots: int | None = None,
    strength: str | None = None,
    tie_maximum: float = 1,
) -> pd.DataFrame:
    r"""Measure the network of partners of every firm-wave.

    Parameters
    ----------
    alters
        One row a named partner: the keys, ``alter``, and `strength` if it is named.
    pairs
        One row a pair of named partners: the keys, ``alter_i``, ``alter_j``, ``tie`` (NA where unknown). A pair that
        has no row is unknown, too.
    keys
        Wave and firm.
    tie_from
        An answer of at least this is a tie.
    unknown_at_most
        Density, and what follows from it, is missing where a larger share of a firm's pairs is unknown.
    egos
        The keys of all firm-waves, so that one that named nobody keeps its row; without it those of `alters`.
    slots
        How many partners could be named; ``broker_norm`` is left out without it.
    strength
        The column with the strength of the tie between firm and partner, 0 to 1; ``constraint_valued`` is left out
        without it.
    tie_maximum
        The answer that stands for the strongest tie of a pair; lower ones count in proportion (2 makes of the answers
        0, 1, 2 the values 0, .5, 1).

    Returns
    -------
    pandas.DataFrame
        A row an ego, in the order of `egos`; float64:

        - ``n_pairs_known``: pairs that were answered; missing without a partner.
        - ``density`` = ties / known pairs; missing for fewer than two partners.
        - ``constraint``: Burt's, of binary ties; missing if any pair is unknown.
        - ``ego_size``: named partners, 0 for nobody; missing in a wave in which no firm named one.
        - ``effsize``: effective size, :math:`n - (n-1)\,\text{density}`, and ``efficiency``, its share of n; for one
          partner both are 1.
        - ``broker`` = 1 − density: the share of pairs that are open.
        - ``broker_norm``: open pairs as a share of the pairs that `slots` partners could make,
          :math:`\text{broker}\cdot n(n-1)/(s(s-1))`, so that unknown pairs count as the known ones do; 0 for one
          partner.
        - ``constraint_valued``: Burt's, of valued ties; missing if a pair or a strength is unknown, or all are 0.

    Notes
    -----
    Burt (1992, *Structural Holes*): :math:`C = \sum_j (p_{ej} + \sum_q p_{eq} p_{qj})^2`, where :math:`p_{ij}` is the
    share of i's ties (by value) that go to j, ties undirected, ego among the others' ties. Of binary ties one partner
    gives 1, two unlinked partners .5, two linked ones 1.125, five unlinked ones .2. Valued ties are `strength` between
    firm and partner, and the answer / `tie_maximum` between partners, of whatever size (`tie_from` plays no part). The
    sum goes over all named partners, a tie of strength 0 included, as in R's igraph; networkx, asked
    for all nodes at once, leaves out ties of 0. Effective size is Burt's for binary ties as Borgatti (1997,
    *Connections* 20(1)) writes it, :math:`n - 2t/n`, where all pairs are known.

    Examples
    --------
    >>> import pandas as pd
    >>> alters = pd.DataFrame({"firm": ["a", "a"], "alter": [1, 2], "ts": [1.0, 0.5]})
    >>> pairs = pd.DataFrame({"firm": ["a"], "alter_i": [1], "alter_j": [2], "tie": [1.0]})
    >>> measure_ego_networks(alters, pairs, ["firm"], 1, 0.34)[["density", "constraint", "effsize"]].values.tolist()
    [[1.0, 1.125, 1.0]]
    >>> valued = measure_ego_networks(alters, pairs, ["firm"], 1, 0.34, strength="ts", tie_maximum=2)
    >>> valued["constraint_valued"].round(6).tolist()
    [1.003086]
    """
    # A key may be called "ego": what is numbered here has a name that no variable can have, until the keys are gone.
    firms = alters[list(keys)].drop_duplicates().reset_index(drop=True).reset_index(names="ego number")
    columns = ["alter", *([strength] if strength else [])]
    seats = alters[[*keys, *columns]].merge(firms, on=list(keys), how="left", validate="many_to_one")
    seats = seats[["ego number", *columns]].rename(columns={"ego number": "ego"})
    seats["seat"] = seats.groupby("ego").cumcount()
    located = pairs.merge(firms, on=list(keys), how="inner", validate="many_to_one")
    located = located[["ego number", "alter_i", "alter_j", "tie"]].rename(columns={"ego number": "ego"})
    for end in ("i", "j"):
        located = located.merge(
            seats[["ego", "alter", "seat"]].rename(columns={"alter": f"alter_{end}", "seat": f"seat_{end}"}),
            on=["ego", f"alter_{end}"],
            how="inner",
            validate="many_to_one",
        )
    located["tie"] = located["tie"].astype("Float64").astype("float64")
    n = seats.groupby("ego").size().to_numpy(dtype="float64")
    possible = n * (n - 1) / 2
    tied = located["tie"] >= tie_from
    known = np.bincount(located["ego"][located["tie"].notna()], minlength=len(firms))
    ties = np.bincount(located["ego"][tied], minlength=len(firms))
    with np.errstate(invalid="ignore", divide="ignore"):
        density = np.where((possible > 0) & (possible - known <= unknown_at_most * possible), ties / known, np.nan)
    effective = np.where(n == 1, 1, n - (n - 1) * density)

    measured = firms[list(keys)].assign(
        n_pairs_known=known.astype("float64"),
        density=density,
        constraint=np.where(known == possible, constrain(seats, located[tied].assign(value=1.0), len(firms)), np.nan),
        ego_size=n,
        effsize=effective,
        efficiency=effective / n,
        broker=1 - density,
    )
    if slots is not None and slots > 1:
        measured["broker_norm"] = np.where(n == 1, 0, (1 - density) * possible / (slots * (slots - 1) / 2))
    if strength is not None:
        given = seats.assign(value=seats[strength].astype("Float64").astype("float64"))
        unknown = np.bincount(given["ego"], weights=given["value"].isna(), minlength=len(firms)) > 0
        total = np.bincount(given["ego"], weights=given["value"].fillna(0), minlength=len(firms))
        answered = located[located["tie"] > 0].assign(value=lambda ends: ends["tie"] / tie_maximum)
        valued = constrain(given.fillna({"value": 0}), answered, len(firms))
        measured["constraint_valued"] = np.where((known == possible) & ~unknown & (total > 0), valued, np.nan)
    if egos is None:
        return measured
    measured = egos[list(keys)].merge(measured, on=list(keys), how="left", validate="one_to_one")
    # ASSUME a wave in which no firm named a partner did not ask for partners.
    named = measured["ego_size"].notna()
    asked = named.groupby(measured["wave"] if "wave" in keys else 0 * measured.index).transform("any")
    return measured.assign(ego_size=measured["ego_size"].mask(asked & ~named, 0))


def constrain(seats: pd.DataFrame, ties: pd.DataFrame, n_egos: int) -> np.ndarray:
    """Compute Burt's constraint of each ego; see :func:`measure_ego_networks`.

    Parameters
    ----------
    seats
        A row a partner: ``ego`` (0 to `n_egos` − 1), ``seat`` (its place among the ego's partners, from 0), ``value``
        of its tie to ego; without it all are 1.
    ties
        A row a tie between partners: ``ego``, ``seat_i``, ``seat_j``, ``value``; each pair once.

    Notes
    -----
    Egos with equally many partners are computed together, so that one with many costs the others nothing.

    Examples
    --------
    >>> seats = pd.DataFrame({"ego": [0, 0, 1], "seat": [0, 1, 0]})
    >>> constrain(seats, pd.DataFrame(columns=["ego", "seat_i", "seat_j", "value"], dtype=int), 2).tolist()
    [0.5, 1.0]
    """
    sizes = np.bincount(seats["ego"], minlength=n_egos)
    constraint = np.full(n_egos, np.nan)
    ego, seat = seats["ego"].to_numpy(), seats["seat"].to_numpy()
    direct_value = seats["value"].to_numpy() if "value" in seats else np.ones(len(seats))
    tied, ends = ties["ego"].to_numpy(dtype="int64"), ties[["seat_i", "seat_j"]].to_numpy(dtype="int64")
    tie_value = ties["value"].to_numpy(dtype="float64")
    place = np.full(n_egos, -1)
    for size, batch in _group_by_size(sizes):
        place[batch] = np.arange(len(batch))
        here, among = place[ego] >= 0, place[tied] >= 0
        adjacency = np.zeros((len(batch), size + 1, size + 1))
        at, own = place[ego[here]], seat[here] + 1
        adjacency[at, 0, own] = adjacency[at, own, 0] = direct_value[here]
        at, i, j = place[tied[among]], ends[among, 0] + 1, ends[among, 1] + 1
        adjacency[at, i, j] = adjacency[at, j, i] = tie_value[among]
        degree = adjacency.sum(axis=2, keepdims=True)
        share = np.divide(adjacency, degree, out=np.zeros_like(adjacency), where=degree > 0)
        direct = share[:, 0, 1:]
        indirect = np.einsum("fq,fqj->fj", direct, share[:, 1:, 1:])
        constraint[batch] = ((direct + indirect) ** 2).sum(axis=1)
        place[batch] = -1
    return constraint


def _group_by_size(sizes: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each number of partners with egos that have so many, as many at a time as may be held."""
    for size in np.unique(sizes[sizes > 0]):
        members = np.flatnonzero(sizes == size)
        step = max(1, MOST_CELLS // int(size + 1) ** 2)
        for start in range(0, len(members), step):
            yield int(size), members[start : start + step]
