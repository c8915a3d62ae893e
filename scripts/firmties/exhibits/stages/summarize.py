"""Means by stage of the relation, and the slope of the outcome at each stage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from firmties.disclosure import Counts, find_minimum, mask_tables, name_cell
from firmties.display import (
    ENOUGH,
    as_codes,
    blank_small,
    codes_of,
    describe_models,
    describe_waves,
    estimate_means,
    label_of,
)

_VALUES = ["estimate", "std_error", "df", "conf_low", "conf_high"]


def summarize(sources: dict[str, Any], options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Estimate the three panels: in person, exchanges, slope.

    Means are over partners, with intervals clustered by firm. Slopes are average marginal effects in
    the fitted model, each stage by itself.

    Returns
    -------
    numbers
        One row a panel, series and stage: panel (``in_person``, ``exchanges``, ``slope``), panel_label, series,
        series_label, stage, stage_label, estimate, std_error, df, conf_low, conf_high, n (partners), n_clusters
        (firms), cell.
    notes
        What the caption needs.
    """
    alters, dictionary, study = sources["alters"], sources["dictionary"], sources["study"]
    stage, firm, few = options["stage"], study["firm"], find_minimum(study)
    table = alters.assign(**{stage: as_codes(alters[stage])})
    codes = codes_of(dictionary, stage, table[stage].dropna())
    panels = [("in_person", [options["in_person"]]), ("exchanges", options["exchanges"])]
    parts = []
    for panel, variables in panels:
        for variable in variables:
            means = estimate_means(table, variable, stage, firm).rename(columns={stage: "stage"})
            label = _begin(label_of(dictionary, variable))
            parts.append(
                means.assign(
                    panel=panel,
                    panel_label=label if len(variables) == 1 else "Mean answer",
                    series=variable,
                    series_label=label,
                )
            )
    fit = _find_fit(sources.get("fits", []), options)
    if fit is not None:
        label = (
            f"“{label_of(dictionary, options['outcome'])}” per unit of “{label_of(dictionary, options['slope_of'])}”"
        )
        if fit["n_imputations"]:
            slopes = pool_slopes(sources["sets"](), codes, options, firm)
        else:
            slopes = estimate_slopes(fit, alters, codes, options, firm)
        parts.append(
            slopes.assign(
                panel="slope", panel_label=f"Slope: change in {label}", series=options["slope_of"], series_label=label
            )
        )
    numbers = pd.concat(parts, ignore_index=True)
    # A stage without partners keeps its place, as an empty cell.
    series = numbers[["panel", "panel_label", "series", "series_label"]].drop_duplicates()
    every = series.merge(pd.DataFrame({"stage": list(codes), "stage_label": list(codes.values())}), how="cross")
    numbers = every.merge(numbers, on=[*series.columns, "stage"], how="left", validate="one_to_one")
    hidden = hide_stages(numbers, few)
    numbers = blank_small(numbers, "n", _VALUES, hidden)
    numbers["n_clusters"] = numbers["n_clusters"].mask(hidden)
    columns = [
        "panel",
        "panel_label",
        "series",
        "series_label",
        "stage",
        "stage_label",
        *_VALUES,
        "n",
        "n_clusters",
        "cell",
    ]
    numbers = numbers.reindex(columns=columns).astype({"n": "Int64", "n_clusters": "Int64"})

    models = sources["models"]
    chosen = models.loc[(models["model"] == options["model"]) & (models["outcome"] == options["outcome"])].tail(1)
    notes = describe_models(chosen, dictionary)
    notes |= {
        "n_partners": int(table[stage].notna().sum()),
        "n_partners_in_model": notes.pop("n_firm_waves", None),
        "n_firms": int(table.loc[table[stage].notna(), firm].nunique()),
        "n_firm_waves": int(table.loc[table[stage].notna(), ["wave", firm]].drop_duplicates().shape[0]),
        "waves": describe_waves(table["wave"], sources.get("waves")),
        "remark_stages": "The names of the stages are the survey's own.",
        "remark_means": "Panels a and b: unadjusted means over partners, intervals clustered by firm. "
        f"Panel c: average slopes in the model{', pooled over imputed sets' if notes.get('n_imputations') else ''}.",
        "remark_small_cells": f"Stages with fewer than {ENOUGH} partners show no estimate"
        + (
            f"; those with fewer than {few} partners or firms, and those that would give them away, are hidden."
            if few > 1
            else "."
        ),
        "remark_failed": None if fit is not None else f"Panel c is empty: model {options['model']} was not estimated.",
    }
    return numbers, notes


def hide_stages(numbers: pd.DataFrame, few: int) -> pd.Series:
    """Choose the stages to hide: few partners, or partners of few firms, in any series; all series have one mask.

    Examples
    --------
    >>> rows = pd.DataFrame({"panel": "a", "series": "x", "stage": ["1", "2", "3"], "n": [8, 20, 30]})
    >>> hide_stages(rows.assign(n_clusters=[2, 9, 9]), 5).tolist()
    [True, True, False]
    """
    counted = numbers.assign(n=numbers["n"].fillna(0).astype(int)).groupby(["panel", "series"], sort=False)
    scant = numbers.loc[(numbers["n_clusters"] > 0) & (numbers["n_clusters"] < few), "stage"]
    tables = [Counts(series, own.set_index("stage")["n"]) for series, own in counted]
    hidden = mask_tables(tables, few, {name_cell(["stage"], [stage]) for stage in scant})
    return (numbers["n"] > 0) & pd.Series(
        [name_cell(["stage"], [stage]) in hidden for stage in numbers["stage"]], numbers.index
    )


def _begin(label: str) -> str:
    """Begin a label with a capital, as it heads a panel."""
    return label[:1].upper() + label[1:]


def _find_fit(fits: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any] | None:
    """Find the last block of the model that was fitted."""
    found = [
        fit
        for fit in fits
        if (fit["model"], fit["outcome"]) == (options["model"], options["outcome"]) and fit["status"] != "failed"
    ]
    return found[-1] if found else None


def pool_slopes(
    sets: Iterable[tuple[list[dict[str, Any]], dict[str, pd.DataFrame]]],
    codes: dict[str, str],
    options: dict[str, Any],
    firm: str,
) -> pd.DataFrame:
    """Estimate the average slope at each stage in each imputed set and pool them; cases are those of the first set."""
    from firmties.pooled_models import pool_rows

    slopes = []
    for fits, tables in sets:
        fit = _find_fit(fits, options)
        assert fit is not None
        slopes.append(estimate_slopes(fit, tables[fit["table"]], codes, options, firm))
    return pool_rows(slopes, ["stage"])[0].reindex(columns=slopes[0].columns)


def estimate_slopes(
    fit: dict[str, Any], alters: pd.DataFrame, codes: dict[str, str], options: dict[str, Any], firm: str
) -> pd.DataFrame:
    """Estimate the average slope at each stage that occurs in the rows that the fit used."""
    from firmties.estimation import sample_rows
    from firmties.predictions import ContrastError, evaluate_contrast

    stage = options["stage"]
    used = sample_rows(fit, alters)
    members = used.groupby(as_codes(used[stage]))[firm].agg(n="size", n_clusters="nunique")
    rows = []
    for code in codes:
        try:
            found = evaluate_contrast(fit, alters, f"slope({options['slope_of']}, {stage}={code})")
        except ContrastError:  # a stage without partners, or a model without this variable
            continue
        rows.append({"stage": code} | {name: found[name] for name in _VALUES})
    return pd.DataFrame(rows, columns=["stage", *_VALUES]).join(members, on="stage")
