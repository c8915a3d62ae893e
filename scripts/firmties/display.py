"""What a reader sees in place of a name or code: labels in the dictionary's order, and what a caption says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from firmties.formulas import as_codes as as_codes
from firmties.formulas import list_variables, parse_formula
from firmties.tables import join_words

ENOUGH = 10
"""Cells with fewer observations show their number, but no estimate."""


def _find_entry(dictionary: pd.DataFrame, variable: str) -> pd.Series | None:
    found = dictionary.loc[dictionary["variable"] == variable]
    return None if found.empty else found.iloc[0]


def label_of(dictionary: pd.DataFrame, variable: str) -> str:
    """Give a variable's label; its name where the dictionary has none.

    Examples
    --------
    >>> words = pd.DataFrame({"variable": ["size"], "label": ["Size class"], "codes": ["s=small|m=medium"]})
    >>> label_of(words, "size"), label_of(words, "colour")
    ('Size class', 'colour')
    """
    entry = _find_entry(dictionary, variable)
    return variable if entry is None or pd.isna(entry["label"]) or entry["label"] == "" else str(entry["label"])


def codes_of(dictionary: pd.DataFrame, variable: str, present: Iterable[object] = ()) -> dict[str, str]:
    """Give a variable's codes and labels in display order; codes that are present but not listed come last.

    Examples
    --------
    >>> words = pd.DataFrame({"variable": ["size"], "label": ["Size class"], "codes": ["s=small|m=medium"]})
    >>> codes_of(words, "size", present=["m", "x"])
    {'s': 'small', 'm': 'medium', 'x': 'x'}
    """
    entry = _find_entry(dictionary, variable)
    listed = "" if entry is None or pd.isna(entry["codes"]) else str(entry["codes"])
    codes = dict(pair.partition("=")[::2] for pair in listed.split("|") if pair)
    return codes | {code: code for code in sorted({str(value) for value in present} - codes.keys())}


def reference_of(dictionary: pd.DataFrame, variable: str) -> str | None:
    """Give the reference code of a variable, if the dictionary states one."""
    entry = _find_entry(dictionary, variable)
    return None if entry is None or pd.isna(entry["reference"]) or entry["reference"] == "" else str(entry["reference"])


def describe_waves(present: Iterable[object], waves: pd.DataFrame | None) -> str:
    """List the waves that have data, by their labels.

    Examples
    --------
    >>> describe_waves([2, 1, 2], pd.DataFrame({"id": [1, 2], "label": ["2021", "2022"]}))
    '2021, 2022'
    """
    labels = {} if waves is None else dict(zip(waves["id"].astype(str), waves["label"].astype(str), strict=True))
    ordered = pd.Series(list(present)).dropna().drop_duplicates().sort_values()
    return ", ".join(labels.get(str(wave), str(wave)) for wave in ordered)


def describe_rows(table: pd.DataFrame, study: dict[str, Any], waves: pd.DataFrame | None) -> dict[str, Any]:
    """Count the firms, rows and waves of a firm × wave table for a caption."""
    return {
        "n_firms": int(table[study["firm"]].nunique()),
        "n_firm_waves": int(table[["wave", study["firm"]]].drop_duplicates().shape[0]),
        "waves": describe_waves(table["wave"], waves),
        "weights": "none",
    }


MANY = 6
"""More variables than this are counted in a caption and listed at the report's end; more models give a range."""


def describe_models(models: pd.DataFrame, dictionary: pd.DataFrame) -> dict[str, Any]:
    """Say for a caption how many rows and clusters models used, how they adjust, and their standard errors.

    Parameters
    ----------
    models
        Rows of models.csv. Where they differ, each value is followed by its model, or a range is given.
    dictionary
        Gives the labels of the variables that stand in the formula.

    Returns
    -------
    dict
        n_firm_waves, n_firms, adjustment, standard_errors, estimator, weights, n_imputations; and, for each model, all
        its variables by their labels under ``adjusted_<model>``; remarks where imputed sets differ in rows and where
        the reliability gate left scales out (``remark_gate``).
    """
    fitted = models.loc[models["status"] != "failed"] if not models.empty else models
    columns = {
        "n_firm_waves": "n_obs",
        "n_firms": "n_clusters",
        "standard_errors": "covariance",
        "estimator": "estimator",
        "weights": "weights",
        "n_imputations": "n_imputations",
    }
    notes: dict[str, Any] = {"weights": "none"}
    for note, column in columns.items():
        if column not in fitted:
            continue
        values = fitted[["model", "outcome", column]].dropna()
        if note.startswith("n_"):
            values = values.assign(**{column: values[column].astype(int)})
        distinct = values[column].drop_duplicates()
        by_model = values.groupby("model", sort=False)[column].nunique().max() == 1
        if len(distinct) == 1:
            notes[note] = distinct.iloc[0].item() if isinstance(distinct.iloc[0], np.generic) else distinct.iloc[0]
        elif len(distinct) > 1 and not by_model and note.startswith("n_firm"):
            notes[note] = f"{_print_plainly(distinct.min())} to {_print_plainly(distinct.max())}"
        elif len(distinct) > 1:
            names = values["model"] if by_model else values["model"] + " " + values["outcome"]
            shown = pd.DataFrame({"value": values[column].map(_print_plainly), "name": names}).drop_duplicates()
            together = shown.groupby("value", sort=False)["name"].agg(", ".join)
            notes[note] = "; ".join(f"{value} ({names})" for value, names in together.items())
    notes["remark_rows_of_sets"] = word_ranges(fitted)
    refused = list(fitted["gate"].dropna()) if "gate" in fitted else []
    if gate := "; ".join(dict.fromkeys(words for text in refused for words in str(text).split("; ") if words)):
        notes["remark_gate"] = f"Left out of the models by the reliability gate: {gate}."
    formulas = fitted[["model", "formula"]].dropna().drop_duplicates("model", keep="last")
    if len(formulas):
        notes["adjustment"] = _word_adjustment(formulas, dictionary)
        notes |= {f"adjusted_{name}": _list_labels(formula, dictionary) for name, formula in formulas.to_numpy()}
    return notes


def word_ranges(models: pd.DataFrame) -> str | None:
    """Say between how many rows imputed sets differ, as samples may rest on imputed answers; None if they do not.

    Examples
    --------
    >>> word_ranges(pd.DataFrame({"model": ["M1"], "outcome": ["y"], "n_obs_least": [310.0], "n_obs_most": [1020.0]}))
    'Imputed sets differ in rows (the first one is counted here): 310 to 1,020 (M1).'
    """
    if "n_obs_most" not in models or models["n_obs_most"].isna().all():
        return None
    ranges = models.loc[models["n_obs_most"].notna()]
    words = [
        f"{int(rows['n_obs_least'].min()):,} to {int(rows['n_obs_most'].max()):,} ({model})"
        for model, rows in ranges.groupby("model", sort=False)
    ]
    return f"Imputed sets differ in rows (the first one is counted here): {'; '.join(words)}."


def _word_adjustment(formulas: pd.DataFrame, dictionary: pd.DataFrame) -> str:
    """Name the variables of the one formula if they are few, else the models that hold them."""
    n_variables = len(list_variables(parse_formula(formulas["formula"].iloc[0])))
    if formulas["formula"].nunique() == 1 and n_variables <= MANY:
        return _list_labels(formulas["formula"].iloc[0], dictionary)
    names = join_words(formulas["model"])
    if len(formulas) == 1:
        return f"the {n_variables - 1} other variables of model {names} (listed at the end)"
    return f"the other variables of models {names} (listed at the end)"


def _list_labels(formula: str, dictionary: pd.DataFrame) -> str:
    """List the variables of a formula by their labels, and say if it has products."""
    terms = parse_formula(formula)
    labels = ", ".join(label_of(dictionary, name) for name in list_variables(terms))
    products = [
        " × ".join(label_of(dictionary, name) for name in list_variables([term])) for term in terms if len(term) > 1
    ]
    return f"{labels}; with the products {', '.join(products)}" if products else labels


def _print_plainly(value: object) -> str:
    return f"{value:,}" if isinstance(value, int | np.integer) else str(value)


def estimate_means(table: pd.DataFrame, value: str, by: str, cluster: str, level: float = 0.95) -> pd.DataFrame:
    r"""Estimate the mean of a variable in each group, with an interval that allows for repeated clusters.

    The variance is that of a regression on the constant with clustered errors,
    :math:`G/(G-1)\,\sum_g(\sum_{i\in g}(x_i-\bar x))^2/n^2`, and t has G − 1 degrees of freedom
    (Cameron & Miller 2015, *Journal of Human Resources* 50(2)).

    Parameters
    ----------
    table
        Rows with `value`, `by` and `cluster`; rows where one is missing are left out.

    Returns
    -------
    DataFrame
        One row a group: `by`, estimate, std_error, df, conf_low, conf_high, n, n_clusters. With one
        cluster there is a mean but no interval.

    Examples
    --------
    >>> rows = pd.DataFrame({"x": [1.0, 3.0, 5.0], "stage": [1, 1, 1], "firm": ["a", "b", "c"]})
    >>> estimate_means(rows, "x", "stage", "firm")[["estimate", "std_error", "df"]].round(4).values.tolist()
    [[3.0, 1.1547, 2.0]]
    """
    from scipy.special import stdtrit

    kept = table[[value, by, cluster]].dropna()
    rows = []
    for group, members in kept.groupby(by):
        x = members[value].astype(float)
        sums = (x - x.mean()).groupby(members[cluster]).sum()
        n, n_clusters = len(x), len(sums)
        df = n_clusters - 1
        std_error = float(np.sqrt(n_clusters / df * (sums**2).sum()) / n) if df else np.nan
        half = std_error * stdtrit(df, 0.5 + level / 2) if df else np.nan
        rows.append((group, x.mean(), std_error, df, x.mean() - half, x.mean() + half, n, n_clusters))
    return pd.DataFrame(rows, columns=[by, "estimate", "std_error", "df", "conf_low", "conf_high", "n", "n_clusters"])


def blank_small(numbers: pd.DataFrame, n: str, estimates: list[str], hidden: pd.Series) -> pd.DataFrame:
    """Take the estimates out of small cells, and the number out of hidden ones.

    Below :data:`ENOUGH` the estimates become missing; where hidden (:mod:`firmties.disclosure`) the number, too. The
    column `cell` says which: ``shown``, ``no estimate``, ``suppressed`` or ``empty``.

    Examples
    --------
    >>> cells = pd.DataFrame({"n": [12, 7, 3, 0], "mean": [1.0, 2.0, 3.0, None]})
    >>> blank_small(cells, "n", ["mean"], cells["n"] == 3)["cell"].tolist()
    ['shown', 'no estimate', 'suppressed', 'empty']
    """
    count = numbers[n].fillna(0)
    state = np.select([hidden, count == 0, count < ENOUGH], ["suppressed", "empty", "no estimate"], "shown")
    out = numbers.assign(cell=state)
    out[estimates] = out[estimates].where(out["cell"] == "shown")
    out[n] = out[n].where(out["cell"] != "suppressed")
    return out
