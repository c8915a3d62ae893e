"""What a reader could work out of a study's published results: hidden counts bounded by linear programming.

It reads the files under reports/ alone and does without the functions that chose the masks.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import linprog

Equation = tuple[Sequence[Hashable], float]
"""Counts and what they add up to."""


def read(study: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(study / "reports" / "results" / f"{name}.csv", keep_default_na=False, na_values=[""])


def list_equations(study: Path, topline: str, crosstab: str | None = None) -> Iterator[list[Equation]]:
    """List what is published, a group of equations for each part that shares no count with another.

    Of the topline: a question's answers add up to those who answered, and so do a choice and those who did not make it.
    Of the cross-table: the rows' and columns' totals that are shown, and the number of rows.
    """
    numbers = read(study, topline)
    for _, rows in numbers.loc[numbers["part"].isin(["answered", "answer", "choice"])].groupby("question"):
        answered = rows.loc[rows["part"] == "answered"].set_index("wave")["value"]
        answers = rows.loc[rows["part"] == "answer"]
        if answers["value"].isna().any():
            yield [
                *(
                    (list(zip(own["row"], own["wave"], strict=True)), answered[wave])
                    for wave, own in answers.groupby("wave")
                ),
                *(([(row, wave)], value) for row, wave, value in _shown(answers, "row", "wave", "value")),
            ]
        for choice, own in rows.loc[rows["part"] == "choice"].groupby("row"):
            if own["value"].isna().any():
                yield [
                    *(([(choice, wave), ("other", wave)], answered[wave]) for wave in own["wave"]),
                    *(([(row, wave)], value) for row, wave, value in _shown(own, "row", "wave", "value")),
                ]
    if crosstab:
        cells = read(study, crosstab)
        cells = cells.loc[cells["panel"] == "single"]
        keys = list(zip(cells["row"], cells["column"], strict=True))
        total = pd.read_json(study / "reports" / "results" / f"{crosstab}.json", typ="series")["n_firm_waves"]
        yield [
            (keys, float(total)),
            *(([(r, c)], n) for r, c, n in _shown(cells, "row", "column", "n")),
            *(([k for k in keys if k[0] == r], n) for r, n in _shown(cells.drop_duplicates("row"), "row", "row_n")),
            *(
                ([k for k in keys if k[1] == c], n)
                for c, n in _shown(cells.drop_duplicates("column"), "column", "column_n")
            ),
        ]


def list_frame(study: Path, frame: str, topline: str) -> Iterator[list[Equation]]:
    """List what is published of respondents by each variable of the frame, with what the topline says of the same.

    The categories of a wave add up to those who answered, as any variable without a hidden count gives them.
    """
    cells, answers = read(study, frame).query("part == 'category'"), read(study, topline).query("part == 'answer'")
    totals = cells.groupby(["wave", "variable"])["n"].agg(lambda n: n.sum(skipna=False)).groupby("wave").max()
    answers = answers.assign(row=answers["row"].str.replace(r"^-?\d+ ", "", regex=True))
    for variable, own in cells.groupby("variable"):
        same = answers.loc[answers["question"] == variable]
        counts = [*_shown(own, "category_label", "wave", "n"), *_shown(same, "row", "wave", "value")]
        yield [
            *(
                ([(label, wave) for label in part["category_label"]], totals[wave])
                for wave, part in own.groupby("wave")
            ),
            *(([(label, wave)], n) for label, wave, n in counts),
        ]


def list_shares(study: Path, early_late: str) -> Iterator[list[Equation]]:
    """List what is published of early and of late respondents: a category's shares and the groups' sizes."""
    rows = read(study, early_late)
    rows = rows.loc[rows["key"].str.endswith("]", na=False) & (rows["cell"] != "no estimate")]
    for _, own in rows.groupby(["wave", rows["key"].str.partition("[")[0]]):
        for at in (1, 2):
            n = own[f"n_{at}"].iloc[0]
            yield [(list(own["key"]), n), *(([key], share * n) for key, share in _shown(own, "key", f"mean_{at}"))]


def list_cells(study: Path) -> Iterator[list[Equation]]:
    """List what is published of the cells of predictions: their numbers add up to those that the model rests on."""
    model = ["model", "outcome", "sample", "block"]
    n_obs = read(study, "models").astype(dict.fromkeys(model, "object")).fillna(dict.fromkeys(model, ""))
    n_obs = n_obs.set_index(model)["n_obs"]
    named = [*model, "value_2"]
    cells = read(study, "predictions").astype(dict.fromkeys(named, "object")).fillna(dict.fromkeys(named, ""))
    # Along a number there are no cells.
    cells = cells.loc[pd.to_numeric(cells["value_1"], errors="coerce").isna()]
    for (*fit, _), own in cells.groupby([*model, "prediction"]):
        own = own.assign(cell=list(zip(own["value_1"], own["value_2"], strict=True)))
        yield [(list(own["cell"]), n_obs[tuple(fit)]), *(([cell], n) for cell, n in _shown(own, "cell", "n_cell"))]


def _shown(table: pd.DataFrame, *columns: str) -> list[tuple]:
    return list(table[list(columns)].dropna().itertuples(index=False, name=None))


def bound(equations: Sequence[Equation]) -> dict[Hashable, tuple[float, float]]:
    """Bound each count that no equation states alone: the smallest and the largest value that agree with all."""
    counts = list(dict.fromkeys(key for keys, _ in equations for key in keys))
    stated = {keys[0] for keys, _ in equations if len(keys) == 1}
    place = {key: at for at, key in enumerate(counts)}
    system = np.zeros((len(equations), len(counts)))
    for line, (keys, _) in enumerate(equations):
        system[line, [place[key] for key in keys]] = 1
    sides = [value for _, value in equations]
    least = [(1, None) if key not in stated else (0, None) for key in counts]
    bounds = {}
    for key in counts:
        if key in stated:
            continue
        aim = np.zeros(len(counts))
        aim[place[key]] = 1
        ends = [linprog(sign * aim, A_eq=system, b_eq=sides, bounds=least, method="highs") for sign in (1, -1)]
        assert [end.status for end in ends] == [0, 0]
        bounds[key] = (ends[0].fun, -ends[1].fun)
    return bounds
