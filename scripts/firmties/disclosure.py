"""Small cells of published tables: what to hide so that no hidden count can be worked out from what is shown.

What is protected are counts of firms or answers in a cross-classification of answers or characteristics. Counts of
the flow, dispositions, and how many a model or a percentage rests on are always shown (docs/privacy.md).
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from firmties.formulas import as_codes

Sums = Sequence[tuple[int, Sequence[int]]]
"""A total and the cells that add up to it, by their positions."""


class Counts(NamedTuple):
    """A table of counts and what else of it is published.

    Attributes
    ----------
    population
        Which rows are counted; tables of one population share their margins.
    cells
        Counts, indexed by the codes of one or several variables, which the levels of the index are named after.
    margins
        Subsets of the variables whose totals are published or could be known. A total that is hidden is published
        nowhere, or its owner asks for the mask, too.
    known
        Subsets whose totals are always shown: the empty one is how many rows there are.
    """

    population: Hashable
    cells: pd.Series
    margins: Collection[tuple[str, ...]] = ()
    known: Collection[tuple[str, ...]] = ((),)


def find_minimum(study: Mapping[str, Any]) -> int:
    """Give the smallest count that is shown (`disclosure: minimum_cell`); 1, so that all are, where data are public."""
    return int(study.get("minimum_cell", 5))


def bound_hidden(values: np.ndarray, hidden: np.ndarray, sums: Sums, least: int = 1) -> dict[int, tuple[float, float]]:
    """Bound each hidden count by linear programming, as a reader could from the published ones.

    Parameters
    ----------
    values
        Counts of cells and totals, one array; those that are hidden are not looked at.
    hidden
        Which of them are hidden.
    sums
        Which add up to which.
    least
        What a reader knows a hidden count to be at least: 1 where empty cells are shown as such.

    Returns
    -------
    dict
        Position → smallest and largest value that agree with all published counts; infinite where nothing bounds it.

    Examples
    --------
    >>> bound_hidden(np.array([3, 17, 20]), np.array([True, True, False]), [(2, [0, 1])])
    {0: (1.0, 19.0), 1: (1.0, 19.0)}
    """
    from scipy.optimize import linprog

    places = np.flatnonzero(hidden)
    system = np.zeros((len(sums), len(values)))
    for at, (total, parts) in enumerate(sums):
        np.add.at(system[at], list(parts), 1)
        system[at, total] -= 1
    system = system[system[:, places].any(axis=1)]
    known = -system[:, ~hidden] @ values[~hidden].astype(float)
    unknown = system[:, places]
    bounds = {}
    for at, place in enumerate(places):
        ends = []
        for sign in (1, -1):
            aim = np.zeros(len(places))
            aim[at] = sign
            found = linprog(aim, A_eq=unknown, b_eq=known, bounds=(least, None), method="highs")
            ends.append(sign * float(round(found.fun, 6)) if found.status == 0 else sign * -np.inf)
        bounds[int(place)] = (abs(ends[0]) if ends[0] == 0 else ends[0], ends[1])
    return bounds


def mask_counts(
    values: np.ndarray,
    sums: Sums,
    minimum: int,
    *,
    known: Collection[int] = (),
    hidden: np.ndarray | None = None,
    names: Sequence[Hashable] | None = None,
) -> np.ndarray:
    """Choose the counts to hide: all from 1 to below the minimum, and as many others as protect them.

    A hidden count is protected if what is published leaves it an interval at least `minimum` wide. While one is not,
    the smallest other count is hidden in the sum that gives it away (that with the fewest hidden counts), a total only
    where no cell is left.

    Parameters
    ----------
    known
        Positions that are never hidden.
    hidden
        What is hidden already.
    names
        Counts of one name, such as those of one cell in two samples, are hidden together.

    Examples
    --------
    >>> mask_counts(np.array([3, 17, 30, 50]), [(3, [0, 1, 2])], 5).tolist()
    [True, True, False, False]
    """
    free = np.ones(len(values), dtype=bool)
    free[list(known)] = False
    groups: dict[Hashable, list[int]] = {}
    for place in np.flatnonzero(free & (values > 0)).tolist():
        groups.setdefault(place if names is None else names[place], []).append(place)

    def hide(places: Iterable[Any]) -> None:
        for place in places:
            chosen[groups.get(int(place) if names is None else names[place], [place])] = True

    chosen = np.zeros(len(values), dtype=bool) if hidden is None else hidden.copy()
    hide(np.flatnonzero(chosen | (free & (values > 0) & (values < minimum))))
    totals = {total for total, _ in sums}
    # Where all of a known total leaves no interval wide enough, its parts are hidden, and the rest is left alone.
    lost: set[int] = set()
    for total, parts in sums:
        if not free[total] and values[total] - np.count_nonzero(values[list(parts)]) < minimum:
            lost |= set(parts)
            hide(i for i in parts if values[i] > 0 and chosen[list(parts)].any())
    together = _label_parts([*([total, *parts] for total, parts in sums), *groups.values()], free)
    small = chosen.copy()
    widths: dict[int, float] = {}
    while chosen.any():
        widths = {place: high - low for place, (low, high) in bound_hidden(values, chosen, sums).items()}
        open_to = [place for place in widths if widths[place] < minimum and place not in lost and values[place] > 0]
        if not open_to:
            break
        # The sum with the fewest hidden counts gives a count away; of the open ones, the narrowest first.
        lines = [
            (int(chosen[line].sum()), widths[place], place, line)
            for place in open_to
            for line in ([total, *parts] for total, parts in sums)
            if place in line
        ]
        every = [*(line for *_, line in sorted(lines)), np.flatnonzero(np.isin(together, together[open_to])).tolist()]
        candidates = next(
            (open_ for line in every if (open_ := [i for i in line if free[i] and not chosen[i] and values[i] > 0])), []
        )
        if not candidates:
            break
        hide([min(candidates, key=lambda place: (place in totals, values[place], place))])
    # What follows from the rest anyway protects nothing, and to show it tells nothing.
    for members in groups.values():
        if not small[members].any() and all(widths.get(place) == 0 for place in members if chosen[place]):
            chosen[members] = False
    return chosen


def _label_parts(lines: Iterable[Sequence[int]], free: np.ndarray) -> np.ndarray:
    """Label the counts by the part of the system that they belong to; known totals join nothing."""
    labels = np.arange(len(free))
    for line in lines:
        joined = [i for i in line if free[i]]
        if joined:
            labels[np.isin(labels, labels[joined])] = labels[joined].min()
    return labels


def name_cell(variables: Sequence[str], codes: Sequence[Any]) -> str:
    """Name a cell or margin by its codes, in whatever order the variables stand.

    Examples
    --------
    >>> name_cell(["size", "place"], ["s", "north"])
    'place=north|size=s'
    """
    return "|".join(sorted(f"{variable}={code}" for variable, code in zip(variables, codes, strict=True)))


def list_margins(variables: Sequence[str]) -> list[tuple[str, ...]]:
    """List all proper subsets of some variables, the empty one first.

    Examples
    --------
    >>> list_margins(["a", "b"])
    [(), ('a',), ('b',)]
    """
    return [subset for size in range(len(variables)) for subset in combinations(variables, size)]


def mask_tables(
    tables: Sequence[Counts], minimum: int, hidden: Collection[str] = (), shown: Collection[str] = ()
) -> set[str]:
    """Choose one mask for tables of counts that share cells or margins; see :func:`mask_counts`.

    A cell that is hidden in one table is hidden in all, whichever rows they count: where one sample lies in another,
    the one would bound the other.

    Parameters
    ----------
    hidden, shown
        Names of cells that are hidden already, and of those that are published already, which cannot be hidden.

    Returns
    -------
    set of str
        Names of the hidden cells and totals, see :func:`name_cell`.

    Examples
    --------
    >>> index = pd.MultiIndex.from_product([["s", "l"], ["n", "w"]], names=["size", "place"])
    >>> cells = pd.Series([3, 20, 30, 40], index)
    >>> sorted(mask_tables([Counts("all", cells, list_margins(["size", "place"]))], 5))
    ['place=n|size=l', 'place=n|size=s', 'place=w|size=l', 'place=w|size=s']
    """
    places: dict[tuple[Hashable, str], int] = {}
    values: list[int] = []
    known: set[int] = set()
    sums: list[tuple[int, list[int]]] = []

    def find_place(population: Hashable, name: str, value: int) -> int:
        place = places.setdefault((population, name), len(values))
        if place == len(values):
            values.append(value)
        return place

    for population, cells, margins, always in tables:
        variables = [str(name) for name in cells.index.names]
        codes = [key if isinstance(key, tuple) else (key,) for key in cells.index]
        at = [find_place(population, name_cell(variables, key), int(n)) for key, n in zip(codes, cells, strict=True)]
        for subset in dict.fromkeys((*margins, *always)):
            chosen = [variables.index(name) for name in subset]
            parts: dict[tuple[Any, ...], list[int]] = {}
            for key, place in zip(codes, at, strict=True):
                parts.setdefault(tuple(key[i] for i in chosen), []).append(place)
            for key, places_of in parts.items():
                total = find_place(population, name_cell(subset, key), sum(values[place] for place in places_of))
                sums.append((total, places_of))
                if subset in always:
                    known.add(total)
    names = [name for _, name in places]
    if not values:
        return set()
    known |= {place for (_, name), place in places.items() if name in shown}
    masked = mask_counts(
        np.array(values), sums, minimum, known=known, hidden=np.array([name in hidden for name in names]), names=names
    )
    return {name for name, gone in zip(names, masked, strict=True) if gone}


def mask_waves(counts: pd.DataFrame, minimum: int) -> tuple[pd.DataFrame, list[Any]]:
    """Mask a question's answers by wave; how many answered in a wave is always shown.

    Over the waves, an answer's total could be known from another table. What is shown of a wave is chosen when it comes
    in, from it and those before it, so that a further wave moves nothing of an earlier one; where no mask of the new
    wave protects its counts, the answer's total must be hidden instead.

    Parameters
    ----------
    counts
        Waves down, in their order, answers across.

    Returns
    -------
    mask : DataFrame
        Which counts are hidden.
    totals : list
        Answers whose totals over all waves are to be hidden wherever they stand.

    Examples
    --------
    >>> mask, totals = mask_waves(pd.DataFrame({"a": [20, 3], "b": [30, 40]}), 5)
    >>> mask.values.tolist(), totals
    ([[False, False], [True, True]], ['a', 'b'])
    """
    table = counts.set_axis(range(counts.shape[1]), axis=1).reset_index(drop=True)
    cells = pd.Series(table.rename_axis(index="wave", columns="answer").stack())
    names = [[name_cell(["wave", "answer"], [wave, place]) for place in table] for wave in table.index]
    hidden: set[str] = set()
    masked: set[str] = set()
    for wave, own in enumerate(names):
        before = {name for row in names[:wave] for name in row}
        so_far = Counts("", cells.loc[:wave], [("answer",)], [(), ("wave",)])
        masked = mask_tables([so_far], minimum, hidden, before - hidden)
        hidden |= masked & set(own)
    mask = pd.DataFrame([[name in hidden for name in row] for row in names], counts.index, counts.columns, dtype=bool)
    return mask, [code for place, code in enumerate(counts) if name_cell(["answer"], [place]) in masked]


def is_telling(values: pd.Series, few: int) -> bool:
    """Tell figures from which the number of a few answers follows: of few answers, or of so few values.

    Mean, standard deviation and n are three equations, enough for the numbers of three values.

    Examples
    --------
    >>> is_telling(pd.Series([0] * 50 + [1] * 2), 5), is_telling(pd.Series(range(52)), 5)
    (True, False)
    """
    counts = values.dropna().value_counts()
    return bool(counts.sum() < few) or (len(counts) <= 3 and bool((counts < few).any()))


def is_asked(words: pd.DataFrame, variable: str) -> bool:
    """Whether a variable is one of the codebook, whose answers the topline counts wave by wave.

    Examples
    --------
    >>> words = pd.DataFrame({"variable": ["place", "form"], "origin": ["codebook", "derived"]})
    >>> is_asked(words, "place"), is_asked(words, "form")
    (True, False)
    """
    return "origin" not in words or bool((words.loc[words["variable"] == variable, "origin"] == "codebook").any())


POOLED = ("no_answer", "dont_know", "refused")
"""Reasons of missing answers that are a firm's own; what a rule removed belongs to the flow."""


def pool_reasons(counts: pd.Series, minimum: int) -> list[str]:
    """Choose the reasons of missing answers to a question in one wave that are only shown together.

    How many answered is always shown, and so is how many did not; which reason they had is an answer. A small reason is
    pooled, and as many others as make the pooled number large, and two reasons of it.

    Examples
    --------
    >>> pool_reasons(pd.Series({"no_answer": 20, "dont_know": 9, "refused": 3}), 5)
    ['dont_know', 'refused']
    """
    pooled = [str(name) for name, n in counts.items() if 0 < n < minimum]
    others = counts[counts >= minimum].sort_values(kind="stable")
    for name in others.index if pooled else ():
        if len(pooled) > 1 and counts[pooled].sum() >= minimum:
            break
        pooled.append(str(name))
    return [name for name in counts.index if name in pooled]


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
    """Mask a table of counts that is published with its margins and its grand total; see :func:`mask_counts`.

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
    values = np.concatenate(parts)
    known = [len(values) - 1] if columns_add else []
    hidden = mask_counts(values, list_sums(*n.shape, columns_add=columns_add), minimum, known=known)
    cells, rest = hidden[: n.size], hidden[n.size :].tolist()
    mask = pd.DataFrame(cells.reshape(n.shape), counts.index, counts.columns)
    return mask, rest[: len(n)], rest[len(n) : len(n) + n.shape[1]] if columns_add else []


def list_crossed(panel: pd.DataFrame, options: Mapping[str, Any]) -> list[Counts]:
    """List the tables of counts behind a cross-table of two variables of the panel.

    Where an indicator says that a firm is of a code, too (`any`), it may stand in several rows: the cells of a row add
    up, those of a column do not. Those of a column who are not of the code are counted, too: with the column's total
    their number follows.

    Examples
    --------
    >>> rows = pd.DataFrame({"size": ["s", "s", "l"], "place": ["n", "w", "n"]})
    >>> [counts] = list_crossed(rows, {"rows": "size", "columns": "place"})
    >>> counts.cells.to_dict()
    {('l', 'n'): 1, ('s', 'n'): 1, ('s', 'w'): 1}
    """
    names = [options["rows"], options["columns"]]
    rows, columns = (as_codes(panel[name]).rename(name) for name in names)
    tables = [Counts(("panel", *sorted(names)), _count_both(rows, columns), list_margins(names))]
    if "any" in options:
        prefix = options["any"]["prefix"]
        members = {
            code: as_codes(panel[prefix + code]) == "true" for code in rows.dropna().unique() if prefix + code in panel
        }
        for code, held in members.items():
            told = held.map({True: code, False: f"not {code}"}).where(panel[prefix + code].notna()).rename(names[0])
            tables.append(Counts(("any", prefix, code), _count_both(told, columns), [(names[0],), (names[1],)], ()))
    return tables


def list_combined(panel: pd.DataFrame, options: Mapping[str, Any]) -> list[Counts]:
    """List the table of counts behind combinations of indicators by a category, with the margins that are printed.

    Each indicator's total, that of each combination and each code, and of a code who have an indicator and who not.

    Examples
    --------
    >>> rows = pd.DataFrame({"a": [True, False], "b": [True, True], "size": ["s", "l"]})
    >>> [counts] = list_combined(rows, {"sets": ["a", "b"], "by": "size"})
    >>> counts.cells.to_dict()
    {('false', 'true', 'l'): 1, ('true', 'true', 's'): 1}
    """
    sets, by = list(options["sets"]), options["by"]
    codes = panel[[*sets, by]].apply(as_codes).dropna()
    margins = [tuple(sets), (by,), *((name,) for name in sets), *((name, by) for name in sets)]
    return [Counts(("panel", *sorted([*sets, by])), codes.groupby([*sets, by]).size(), margins)]


def _count_both(rows: pd.Series, columns: pd.Series) -> pd.Series:
    known = rows.notna() & columns.notna()
    return rows[known].groupby([rows[known], columns[known]]).size()


def list_predicted(predictions: pd.DataFrame) -> list[Counts]:
    """List the tables of counts behind predictions: a population is what one model was fitted on.

    Where raw means are shares, those of a cell who have the outcome and those who have not are counted, too: weights
    or imputed sets do not hide them, as a share by weights or over sets is near to that of the cases.

    Parameters
    ----------
    predictions
        Predictions; those without ``n_cell`` are passed over, and those without ``n_event`` are no shares.
    """
    counted = predictions.loc[predictions["n_cell"].notna() & (predictions["n_cell"].astype("str") != "")]
    tables = []
    keys = ["model", "outcome", "sample", "block", "prediction"]
    for (*population, _), cells in counted.fillna(dict.fromkeys(keys, "")).groupby(keys, sort=False):
        variables = [
            str(cells[name].iloc[0]) for name in ("variable_1", "variable_2") if _is_named(cells[name].iloc[0])
        ]
        codes = [as_codes(cells[f"value_{i + 1}"]) for i in range(len(variables))]
        index = pd.MultiIndex.from_arrays(codes, names=variables)
        n = pd.Series(cells["n_cell"].astype(float).astype(int).to_numpy(), index)
        tables.append(Counts(tuple(population), n, list_margins(variables)))
        events = pd.to_numeric(cells["n_event"]) if "n_event" in cells else pd.Series(dtype=float)
        if events.notna().any():
            having = pd.Series(events.fillna(0).astype(int).to_numpy(), index)
            outcome = _name_outcome(cells.iloc[0].to_dict())
            both = pd.concat({"1": having, "0": n - having}, names=[outcome])
            tables.append(Counts(tuple(population), both, [(outcome,), *list_margins(variables), tuple(variables)]))
    return tables


def _name_outcome(row: Mapping[Any, Any]) -> str:
    return f"{row['outcome']} {row['level']}".strip()


def _is_named(name: Any) -> bool:
    return not pd.isna(name) and str(name) != ""


def hide_predicted(predictions: pd.DataFrame, minimum: int, hidden: Collection[str] = ()) -> pd.DataFrame:
    """Blank the number and the raw mean of cells of predictions that the mask of their cross-classification hides.

    A mean that is a share is blank, too, where how many have the outcome, or have not, is hidden; ``n_event`` is left
    out.

    Parameters
    ----------
    predictions
        Rows of ``predictions.csv``.
    hidden
        Names of cells that other tables hide (``data/processed/masks.csv``).

    Examples
    --------
    >>> rows = pd.DataFrame({"prediction": "p", "outcome": "y", "sample": "", "block": "", "level": ""}, index=range(3))
    >>> rows["variable_1"], rows["value_1"], rows["variable_2"], rows["value_2"] = "x", list("abc"), "", ""
    >>> rows["model"], rows["n_cell"], rows["mean_cell"] = "M", ["3", "20", "30"], ["0.1", "0.2", "0.3"]
    >>> hide_predicted(rows, 5)[["n_cell", "mean_cell"]].fillna("").values.tolist()
    [['', ''], ['', ''], ['30', '0.3']]
    """
    masked = mask_tables(list_predicted(predictions), minimum, hidden)
    out = predictions.copy()
    parts = [
        [
            f"{name}={code}" if _is_named(name) else ""
            for name, code in zip(out[f"variable_{i}"], as_codes(out[f"value_{i}"]), strict=True)
        ]
        for i in (1, 2)
    ]
    names = ["|".join(sorted(filter(None, pair))) for pair in zip(*parts, strict=True)]
    out.loc[[name in masked for name in names], ["n_cell", "mean_cell"]] = None
    outcomes = [_name_outcome(row) for row in out[["outcome", "level"]].fillna("").to_dict("records")]
    shares = [
        any("|".join(sorted([f"{outcome}={code}", *filter(None, pair)])) in masked for code in "10")
        for outcome, *pair in zip(outcomes, *parts, strict=True)
    ]
    out.loc[shares, "mean_cell"] = None
    return out.drop(columns="n_event", errors="ignore")
