"""Means and shares of features by groups of firms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from firmties.catalogue import list_aggregates
from firmties.disclosure import Counts, find_minimum, is_telling, mask_tables, name_cell
from firmties.display import ENOUGH, as_codes, codes_of, describe_rows, label_of
from firmties.errors import StudyError, describe_allowed
from firmties.expressions import ExpressionError, evaluate
from firmties.survey_estimation import Design, estimate_mean, estimate_proportion

_VALUES = ["estimate", "std_error", "df", "conf_low", "conf_high"]


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Estimate each feature in each group, over the firm-waves of all waves, with intervals clustered by firm.

    Returns
    -------
    numbers
        One row a feature and group: group (place of the feature's group), group_label, variable, label, kind (``share``
        or ``mean``), digits, by, by_label, code, code_label, estimate, std_error, df, conf_low, conf_high (shares in
        per cent, means times `scale`), n (firm-waves with a value; blank where few), cell.
    notes
        What the caption needs.

    Raises
    ------
    StudyError
        If a code that an option names is none of the variable's, or a condition cannot be evaluated.
    """
    panel, dictionary, study = sources["panel"], sources["dictionary"], sources["study"]
    few, firm, weights = find_minimum(study), study["firm"], options.get("weights")
    rows = panel if weights is None else panel[panel[weights].notna()]
    design = make_design(rows, firm, weights)
    parts = []
    for place, group in enumerate(options["features"]):
        chosen = choose_rows(rows, group.get("when"), str(group.get("label", place + 1)))
        for variable in expand_variables(group["variables"], list(panel.columns)):
            for by in options["by"]:
                found = estimate_groups(rows, chosen, variable, by, dictionary, design, group, few)
                parts.append(found.assign(group=place, group_label=group.get("label", "")))
    numbers = pd.concat(parts, ignore_index=True).astype({"n": "Int64"})
    notes = describe_rows(rows, study, sources["waves"]) | {
        "weights": weights or "none",
        "standard_errors": "clustered by firm" if weights is None else "by strata, clustered by firm",
        "remark_left_out": f"{len(panel) - len(rows):,} firm-waves without a weight are left out."
        if len(panel) > len(rows)
        else None,
        "remark_small_cells": f"Cells of fewer than {ENOUGH} firm-waves show no estimate"
        + (
            f"; groups and shares of fewer than {few}, and those that would give them away, are hidden (×)."
            if few > 1
            else "."
        ),
    }
    return numbers, notes


def make_design(rows: pd.DataFrame, firm: str, weights: str | None) -> Design:
    """Make the design of firm-waves of several waves: strata where there are weights, firms as clusters.

    # ASSUME the population is large: the part of it that was drawn differs from wave to wave.
    """
    if weights is None:
        return Design(np.ones(len(rows)), cluster=rows[firm].to_numpy())
    stratum = rows["stratum"].to_numpy() if "stratum" in rows else None
    return Design(rows[weights].to_numpy(dtype=float), stratum, rows[firm].to_numpy())


def choose_rows(table: pd.DataFrame, condition: str | None, place: str) -> np.ndarray:
    """Choose the rows that meet a condition; one that cannot be judged is not met."""
    if condition is None:
        return np.ones(len(table), dtype=bool)
    try:
        return evaluate(condition, table).astype("boolean").fillna(False).to_numpy(dtype=bool)
    except ExpressionError as error:
        raise StudyError(f"config.yaml: exhibits: features: {place}: when: {error}") from error


def expand_variables(names: list[str], columns: list[str]) -> list[str]:
    """Put the choices of a field of several answers in its place.

    Examples
    --------
    >>> expand_variables(["power", "role"], ["power", "role__supply", "role__finance"])
    ['power', 'role__supply', 'role__finance']
    """
    return [made for name in names for made in list_aggregates({"name": name, "of": name}, columns)]


def estimate_groups(
    rows: pd.DataFrame,
    chosen: np.ndarray,
    variable: str,
    by: Mapping[str, Any],
    dictionary: pd.DataFrame,
    design: Design,
    group: Mapping[str, Any],
    few: int,
) -> pd.DataFrame:
    """Estimate one feature in the groups of one variable."""
    codes = as_codes(rows[by["variable"]])
    labels = codes_of(dictionary, by["variable"], codes.dropna())
    wanted = by.get("codes") or list(labels)
    for code in wanted:
        if code not in labels:
            raise StudyError(
                f"config.yaml: exhibits: by: codes: '{code}' is no code of {by['variable']}; "
                f"{describe_allowed(code, labels)}"
            )
    is_share = str(rows[variable].dtype) in ("boolean", "bool")
    values = rows[variable].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    known = chosen & np.isfinite(values)
    hidden = hide_groups(codes, values, known, is_share, few)
    scale = 100 if is_share else group.get("scale", 1)
    head = {
        "variable": variable,
        "label": label_of(dictionary, variable),
        "kind": "share" if is_share else "mean",
        "digits": group.get("digits", 0 if scale == 100 else 2),
        "by": by["variable"],
        "by_label": label_of(dictionary, by["variable"]),
    }
    found = []
    for code in wanted:
        domain = known & codes.eq(code).to_numpy(dtype=bool, na_value=False)
        n = int(domain.sum())
        state = "empty" if n == 0 else "suppressed" if hidden[code][0] else "no estimate" if n < ENOUGH else "shown"
        told: dict[str, float] = dict.fromkeys(_VALUES, np.nan)
        if state == "shown":
            estimate = estimate_proportion if is_share else estimate_mean
            result = estimate(np.where(domain, values, np.nan), design, domain)
            told = {name: scale * result[name] for name in _VALUES} | {"df": result["df"]}
        found.append(head | {"code": code, "code_label": labels[code], **told, "cell": state})
        found[-1]["n"] = pd.NA if n and hidden[code][1] else n
    return pd.DataFrame(found)


def hide_groups(
    codes: pd.Series, values: np.ndarray, known: np.ndarray, is_share: bool, few: int
) -> dict[str, tuple[bool, bool]]:
    """Say of each group whether its estimate would tell the answers of few, and whether its size would tell few.

    How many are in a group is an answer, too, and hidden with another group's where it is small; how many are in all
    groups is known. Of a truth value those who have it and those who have not are counted, and how many have it in all
    groups could be known. Where the size is hidden so is the estimate, from which it could follow.
    """
    told = pd.DataFrame({"group": codes.to_numpy(), "answer": values})[known].dropna()
    tables = [Counts("features", told.groupby("group").size())]
    if is_share:
        counts = told.groupby(["group", "answer"]).size()
        tables.append(Counts("shares", counts, [("answer",)], [(), ("group",)]))
    masked = [mask_tables([table], few) if len(told) else set() for table in tables]
    found = {}
    for code in codes.dropna().unique():
        small = name_cell(["group"], [code]) in masked[0]
        telling = (
            any(name_cell(["group", "answer"], [code, answer]) in masked[1] for answer in (0.0, 1.0))
            if is_share
            else is_telling(told.loc[told["group"] == code, "answer"], few)
        )
        found[code] = (small or telling, small)
    return found
