"""Small cells of published tables: what to hide so that no hidden count can be worked out from what is shown."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

Sums = Sequence[tuple[int, Sequence[int]]]
"""A total and the cells that add up to it, by their positions."""


def bound_hidden(values: np.ndarray, hidden: np.ndarray, sums: Sums) -> dict[int, tuple[float, float]]:
    """Bound each hidden count by linear programming, as a reader could from the published ones.

    Parameters
    ----------
    values
        Counts of cells and totals, one array; those that are hidden are not looked at.
    hidden
        Which of them are hidden.
    sums
        Which add up to which.

    Returns
    -------
    dict
        Position → smallest and largest value that agree with all published counts, counts being 0 or more;
        infinite where nothing bounds it.

    Examples
    --------
    >>> bound_hidden(np.array([3, 17, 20]), np.array([True, True, False]), [(2, [0, 1])])
    {0: (0.0, 20.0), 1: (0.0, 20.0)}
    """
    from scipy.optimize import linprog

    places = np.flatnonzero(hidden)
    system = np.zeros((len(sums), len(values)))
    for at, (total, parts) in enumerate(sums):
        system[at, list(parts)] = 1
        system[at, total] -= 1
    known = -system[:, ~hidden] @ values[~hidden].astype(float)
    unknown = system[:, places]
    bounds = {}
    for at, place in enumerate(places):
        ends = []
        for sign in (1, -1):
            aim = np.zeros(len(places))
            aim[at] = sign
            found = linprog(aim, A_eq=unknown, b_eq=known, bounds=(0, None), method="highs")
            ends.append(sign * float(round(found.fun, 6)) if found.status == 0 else sign * -np.inf)
        bounds[int(place)] = (abs(ends[0]) if ends[0] == 0 else ends[0], ends[1])
    return bounds


def mask_counts(values: np.ndarray, sums: Sums, minimum: int) -> np.ndarray:
    """Choose the counts to hide: all from 1 to below the minimum, and as many others as protect them.

    A hidden count is protected if what is published leaves it an interval at least `minimum` wide. While one is not,
    the smallest other count is hidden in the sum that gives it away (that with the fewest hidden counts), a total only
    where no cell is left. The choice follows from the counts alone, so exhibits of one table have one mask.

    Examples
    --------
    >>> mask_counts(np.array([3, 17, 30, 50]), [(3, [0, 1, 2])], 5).tolist()
    [True, True, False, False]
    """
    hidden = (values > 0) & (values < minimum)
    totals = {total for total, _ in sums}
    while hidden.any():
        widths = {place: high - low for place, (low, high) in bound_hidden(values, hidden, sums).items()}
        open_to = [place for place in widths if widths[place] < minimum]
        if not open_to:
            break
        # The sum with the fewest hidden counts gives a count away; of the open ones, the narrowest first.
        lines = [
            (int(hidden[line].sum()), widths[place], place, line)
            for place in open_to
            for line in ([total, *parts] for total, parts in sums)
            if place in line
        ]
        every = [*(line for *_, line in sorted(lines)), list(range(len(values)))]
        candidates = next(
            (open_ for line in every if (open_ := [i for i in line if not hidden[i] and values[i] > 0])), []
        )
        if not candidates:
            break
        hidden[min(candidates, key=lambda place: (place in totals, values[place], place))] = True
    return hidden


def list_sums(n_rows: int, n_columns: int, columns_add: bool = True) -> list[tuple[int, list[int]]]:
    """Sums of a table whose cells stand row by row, then the rows' totals, the columns' totals and the grand total.

    Examples
    --------
    >>> list_sums(1, 2)
    [(2, [0, 1]), (3, [0]), (4, [1]), (5, [2]), (5, [3, 4])]
    """
    cells = n_rows * n_columns
    rows = [(cells + i, [i * n_columns + j for j in range(n_columns)]) for i in range(n_rows)]
    if not columns_add:
        return rows
    grand = cells + n_rows + n_columns
    columns = [(cells + n_rows + j, [i * n_columns + j for i in range(n_rows)]) for j in range(n_columns)]
    ends = [list(range(cells, cells + n_rows)), list(range(cells + n_rows, grand))]
    return [*rows, *columns, *((grand, end) for end in ends)]


def mask_table(
    counts: pd.DataFrame, minimum: int, *, columns_add: bool = True
) -> tuple[pd.DataFrame, list[bool], list[bool]]:
    """Mask a table of counts that is published with its margins; see :func:`mask_counts`.

    Parameters
    ----------
    columns_add
        Whether columns add up to published totals, too; not where a case may stand in several rows.

    Returns
    -------
    tuple
        Which cells, which rows' totals and which columns' totals are hidden.

    Examples
    --------
    >>> cells, rows, columns = mask_table(pd.DataFrame([[3, 20, 30], [40, 50, 60]]), 5)
    >>> cells.values.tolist(), rows, columns
    ([[True, True, False], [True, True, False]], [False, False], [False, False, False])
    """
    n = counts.to_numpy(dtype=int)
    parts = [n.ravel(), n.sum(axis=1)]
    if columns_add:
        parts += [n.sum(axis=0), [n.sum()]]
    hidden = mask_counts(np.concatenate(parts), list_sums(*n.shape, columns_add=columns_add), minimum)
    cells, rest = hidden[: n.size], hidden[n.size :].tolist()
    mask = pd.DataFrame(cells.reshape(n.shape), counts.index, counts.columns)
    return mask, rest[: len(n)], rest[len(n) : len(n) + n.shape[1]] if columns_add else []


def hide_cells(predictions: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Blank the number and the raw mean of cells that the mask of their cross-classification hides.

    Parameters
    ----------
    predictions
        Rows of ``predictions.csv``; each prediction, outcome and sample is one table of counts, ``n_cell``.

    Examples
    --------
    >>> rows = pd.DataFrame({"prediction": "p", "outcome": "y", "sample": "", "block": "", "level": ""}, index=range(3))
    >>> rows["variable_1"], rows["value_1"], rows["variable_2"], rows["value_2"] = "x", list("abc"), "", ""
    >>> rows["n_cell"], rows["mean_cell"] = ["3", "20", "30"], ["0.1", "0.2", "0.3"]
    >>> hide_cells(rows, 5)[["n_cell", "mean_cell"]].values.tolist()
    [['', ''], ['', ''], ['30', '0.3']]
    """
    out = predictions.copy()
    counted = out[out["n_cell"] != ""]
    for _, cells in counted.groupby(["prediction", "outcome", "sample", "block", "level"], sort=False):
        n = cells["n_cell"].astype(float).astype(int)
        counts = n.groupby([cells["value_1"], cells["value_2"]]).sum().unstack(fill_value=0)
        hidden = mask_table(counts, minimum)[0]
        places = zip(cells["value_1"], cells["value_2"], strict=True)
        gone = cells.index[[bool(hidden.loc[row, column]) for row, column in places]]
        out.loc[gone, ["n_cell", "mean_cell"]] = ""
    return out
