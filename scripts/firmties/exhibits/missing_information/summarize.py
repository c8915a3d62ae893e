"""Numbers of the table of missing information: a row a variable, over the waves that asked it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from firmties.disclosure import find_minimum, is_telling
from firmties.display import label_of
from firmties.errors import StudyError, describe_allowed

KINDS = {"no_answer": "no answer", "dont_know": "don't know", "refused": "refused", "lost": "removed as implausible"}


def group_variables(names: list[str], scales: pd.DataFrame, dictionary: pd.DataFrame) -> dict[str, str]:
    """Variable → heading: its scale, or else its section's construct."""
    items = {item: row["label"] for row in scales.to_dict("records") for item in row.get("items", [])}
    constructs = dictionary.drop_duplicates("variable").set_index("variable")["construct"].to_dict()
    return {name: str(items.get(name) or constructs.get(name) or "other").capitalize() for name in names}


def pool_moments(counts: pd.Series, means: pd.Series, spreads: pd.Series) -> tuple[float, float]:
    """Mean and standard deviation over groups of which n, mean and standard deviation are known.

    Examples
    --------
    >>> pool_moments(pd.Series([2, 2]), pd.Series([1.0, 3.0]), pd.Series([0.0, 0.0]))
    (2.0, 1.1547005383792515)
    """
    total = counts.sum()
    if not total:
        return np.nan, np.nan
    mean = float((counts * means.fillna(0)).sum() / total)
    squares = ((counts - 1) * spreads.fillna(0) ** 2 + counts * (means - mean).fillna(0) ** 2).sum()
    return mean, float(np.sqrt(squares / (total - 1))) if total > 1 else np.nan


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Add the waves up; what would tell the number of a few answers is left blank.

    # ASSUME which reason a firm had not to answer a question is an answer of its own: reasons are counted over all
    variables only.
    """
    few = find_minimum(sources["study"])
    models, dictionary = sources["imputations"], sources["dictionary"]
    models = models[models["table"].isin(options.get("tables", ["panel", "alters"]))]
    if unknown := [name for name in options.get("only", []) if name not in set(models["variable"])]:
        raise StudyError(
            f"exhibits: only: '{unknown[0]}' was not to be imputed; {describe_allowed(unknown[0], models['variable'])}"
        )
    if "only" in options:
        models = models[models["variable"].isin(options["only"])]
    missing = [f"n_{kind}" for kind in KINDS]
    scales = sources.get("scales", pd.DataFrame())
    headings = group_variables(list(models["variable"].unique()), scales, dictionary)
    rows = []
    for (table, name), part in models.groupby(["table", "variable"], sort=False):
        n_missing = int(part[missing].to_numpy().sum())
        if not n_missing:
            continue
        answers, waves = sources[table][name], sources[table]["wave"]
        hidden = any(
            is_telling(answers[waves == wave], few) for wave in part["wave"] if answers[waves == wave].notna().any()
        )
        observed = pool_moments(part["n_observed"], part["mean_observed"], part["sd_observed"])
        imputed = pool_moments(part["n_imputed"], part["mean_imputed"], part["sd_imputed"])
        if hidden or part["mean_observed"].isna().all():
            observed = imputed = (np.nan, np.nan)
        label = label_of(dictionary[dictionary["table"] == table], name)
        rows.append(
            {
                "table": table,
                "heading": f"{headings[name]} (partners)" if table == "alters" else headings[name],
                "variable": name,
                "label": label,
                "method": part["method"].iloc[0],
                "n_observed": int(part["n_observed"].sum()),
                "n_missing": n_missing,
                "n_imputed": int(part["n_imputed"].sum()),
                "mean_observed": observed[0],
                "sd_observed": observed[1],
                "mean_imputed": imputed[0],
                "sd_imputed": imputed[1],
                "missing_information": part["missing_information"].max(),
                "reason": "; ".join(
                    reason
                    for reason in part["reason"].dropna().unique()
                    if "observed" in reason or "not imputed" in reason
                ),
            }
        )
    numbers = pd.DataFrame(rows)
    totals = models[missing].sum()
    counted = ", ".join(f"{int(totals[f'n_{kind}'])} {words}" for kind, words in KINDS.items())
    labels = dict(zip(sources["waves"]["id"], sources["waves"]["label"].astype(str), strict=True))
    notes = {
        "n_firm_waves": len(sources["panel"]),
        "waves": ", ".join(labels[wave] for wave in models["wave"].unique()),
        "remark_kinds": f"Missing over all variables: {counted}.",
    }
    return numbers, notes
