"""Means and shares over waves, and moves between codes from one wave to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from firmties.disclosure import Counts, find_minimum, is_telling, mask_tables, mask_waves, name_cell
from firmties.display import ENOUGH, as_codes, codes_of, describe_rows, describe_waves, label_of
from firmties.errors import StudyError, describe_allowed
from firmties.slices import list_scales_behind
from firmties.survey_estimation import Design, estimate_mean, estimate_proportion
from firmties.tables import join_words
from firmties.transitions import count_transitions, pair_waves

_VALUES = ["estimate", "std_error", "df", "conf_low", "conf_high"]
POOLED = "pooled"
"""The code of the block in which codes stand together."""
MEAN_COLUMNS = [
    "part", "panel", "panel_label", "series", "series_label", "wave", "wave_label", *_VALUES, "n", "cell",
]  # fmt: skip
FLOW_COLUMNS = [
    "variable", "variable_label", "pair", "before_label", "after_label", "code_before", "label_before", "code_after",
    "label_after", "n_before", "n_after", "share", "n_pairs",
]  # fmt: skip


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Estimate the panels wave by wave, and count the moves of firms that are in two consecutive waves.

    Returns
    -------
    numbers
        Rows of two parts. ``mean``: one a panel, series and wave. ``flow``: one a variable, pair of waves and pair of
        codes; ``n`` is the number of firms, hidden where it is small. Where pairs of waves are taken together, a firm
        counts once a pair.
    notes
        What the caption needs; ``not_joined``: series whose means may not be compared over waves.

    Raises
    ------
    StudyError
        If a code that an option names is none of the variable's.
    """
    panel, dictionary, study, waves = (sources[name] for name in ("panel", "dictionary", "study", "waves"))
    few, firm = find_minimum(study), study["firm"]
    weighted, weights = panel, options.get("weights")
    if weights:
        weighted = panel[panel[weights].notna()]
    comparable = find_comparable(sources.get("scales"), sources.get("invariance"), dictionary)
    means = [
        estimate_panel(weighted, place, entry, dictionary, waves, firm, weights, few)
        for place, entry in enumerate(options["panels"])
    ]
    flows = [
        count_moves(panel, entry, dictionary, waves, firm, few, bool(options.get("apart")))
        for entry in options.get("transitions", [])
    ]
    numbers = pd.concat([*means, *flows], ignore_index=True)
    numbers = numbers.reindex(columns=[*MEAN_COLUMNS, *FLOW_COLUMNS]).astype(
        {"wave": "Int64", "panel": "Int64", "n": "Int64", "n_before": "Int64", "n_after": "Int64", "n_pairs": "Int64"}
    )
    notes = describe_rows(weighted, study, waves) | {"weights": weights or "none"}
    notes |= _describe_flows(panel, numbers, firm, waves)
    used = {name for entry in options["panels"] for name in entry["variables"]}
    # Not in the rows of a wave: what invariance reaches may change with a further wave, its means may not.
    apart = [name for name, held in comparable.items() if name in used and not held[0]]
    reasons = {held[1] for name, held in comparable.items() if name in used and not held[0]}
    notes |= {
        "not_joined": apart,
        "remark_means": "Lines: "
        + ("weighted means and shares, design-based intervals." if weights else "means and shares with intervals.")
        + " The axes show the range of the data and do not begin at 0.",
        "remark_unweighted": f"{len(panel) - len(weighted):,} firm-waves without a weight are in the moves only."
        if len(panel) > len(weighted)
        else None,
        "remark_comparable": "Means of "
        + join_words(label_of(dictionary, name) for name in apart)
        + f" are not joined by a line: {join_words(sorted(reasons))}."
        if apart
        else None,
        "remark_small_cells": f"Points of fewer than {ENOUGH} firms are not drawn"
        + (
            f"; nor are shares of fewer than {few}. Moves of fewer than {few}, and those that would give them away, "
            "stand together in grey."
            if few > 1
            else "."
        ),
    }
    return numbers, notes


def find_comparable(
    scales: pd.DataFrame | None, invariance: pd.DataFrame | None, dictionary: pd.DataFrame
) -> dict[str, tuple[bool, str]]:
    """Say of each number that rests on scales whether its means may be compared over waves, and if not, why.

    Parameters
    ----------
    scales
        The study's scales, with ``name``.
    invariance
        Verdicts on measurement invariance: ``scale``, ``grouping`` (those over ``wave`` are read),
        ``means_comparable``, ``consequence`` (in words); None where the study has none.
    dictionary
        Says by ``origin`` what a derived variable is computed from; one of several scales needs all of them.
    """
    names = [] if scales is None or scales.empty else list(scales["name"])
    untested = "that they may be compared over waves was not tested"
    found = dict.fromkeys(names, (False, untested))
    if invariance is not None:
        over_waves = invariance[invariance["grouping"].astype("str") == "wave"]
        for row in over_waves.to_dict("records"):
            if row["scale"] in found:
                held = str(row["means_comparable"]).lower() == "true"
                found[row["scale"]] = (held, f"over waves {row['consequence']}")
    words = dictionary[(dictionary["table"] == "panel") & (dictionary["type"] != "category")]
    origins = words["origin"].astype("str") if "origin" in words else pd.Series("", words.index)
    derived = [
        {"name": name, "value": origin.removeprefix("= ")}
        for name, origin in zip(words["variable"], origins, strict=True)
        if origin.startswith("= ")
    ]
    behind = list_scales_behind({"scales": [{"name": name} for name in names], "derived": derived})
    return {
        name: next((found[scale] for scale in own if not found[scale][0]), found[own[0]])
        for name, own in behind.items()
    }


def estimate_panel(
    table: pd.DataFrame,
    place: int,
    entry: Mapping[str, Any],
    dictionary: pd.DataFrame,
    waves: pd.DataFrame,
    firm: str,
    weights: str | None,
    few: int,
) -> pd.DataFrame:
    """Estimate one panel: a row a series and wave."""
    names = list(entry["variables"])
    rows = []
    for series, label, values, is_share, hidden in _list_series(table, entry, dictionary, waves, few):
        for wave in waves.itertuples(index=False):
            here = table["wave"] == wave.id
            own, rows_of_wave = values[here].to_numpy(dtype=float, na_value=np.nan), table[here]
            n = int(np.isfinite(own).sum())
            state = "empty" if n == 0 else "suppressed" if hidden[wave.id] else "no estimate" if n < ENOUGH else "shown"
            found: dict[str, float] = dict.fromkeys(_VALUES, np.nan)
            if state == "shown":
                estimate = estimate_proportion if is_share else estimate_mean
                told = estimate(own, make_design(rows_of_wave, firm, weights))
                found = {name: entry.get("scale", 1) * told[name] for name in _VALUES} | {"df": told["df"]}
            rows.append(
                {
                    "part": "mean",
                    "panel": place,
                    "panel_label": entry.get("label") or label_of(dictionary, names[0]),
                    "series": series,
                    "series_label": label,
                    "wave": wave.id,
                    "wave_label": str(wave.label),
                    "n": n,
                    "cell": state,
                    **found,
                }
            )
    return pd.DataFrame(rows)


def make_design(rows: pd.DataFrame, firm: str, weights: str | None) -> Design:
    """Make the design of one wave's rows: strata and their sizes where there are weights, else a simple sample."""
    if weights is None:
        return Design(np.ones(len(rows)), cluster=rows[firm].to_numpy())
    population = rows["stratum_size"].to_numpy(dtype=float) if "stratum_size" in rows else None
    stratum = rows["stratum"].to_numpy() if "stratum" in rows else None
    return Design(rows[weights].to_numpy(dtype=float), stratum, rows[firm].to_numpy(), population)


def _list_series(
    table: pd.DataFrame, entry: Mapping[str, Any], dictionary: pd.DataFrame, waves: pd.DataFrame, few: int
) -> Iterable[tuple[str, str, pd.Series, bool, dict[Any, bool]]]:
    """List a panel's series: name, label, values, whether they are shares, and in which waves they are hidden."""
    first = entry["variables"][0]
    kind = dictionary.loc[dictionary["variable"] == first, "type"]
    if len(kind) and kind.iloc[0] == "category":
        codes = as_codes(table[first])
        labels = codes_of(dictionary, first, codes.dropna())
        wanted = entry.get("codes") or list(labels)
        for code in wanted:
            if code not in labels:
                raise StudyError(
                    f"config.yaml: exhibits: panels: codes: '{code}' is no code of {first}; "
                    f"{describe_allowed(code, labels)}"
                )
        counts = pd.crosstab(table["wave"], codes).reindex(index=list(waves["id"]), columns=list(labels)).fillna(0)
        mask, _ = mask_waves(counts.astype(int), few)
        for code in wanted:
            values = codes.eq(code).astype("Float64").mask(codes.isna())
            yield code, labels[code], values, True, mask[code].to_dict()
        return
    for name in entry["variables"]:
        values = table[name].astype("Float64")
        telling = {wave: is_telling(values[table["wave"] == wave], few) for wave in waves["id"]}
        yield name, label_of(dictionary, name), values, str(table[name].dtype) == "boolean", telling


def count_moves(
    panel: pd.DataFrame,
    entry: Mapping[str, Any],
    dictionary: pd.DataFrame,
    waves: pd.DataFrame,
    firm: str,
    few: int,
    apart: bool,
) -> pd.DataFrame:
    """Count the moves between the blocks of one variable; small numbers are hidden, with those that give them away."""
    variable, pool = entry["variable"], entry.get("pool", {})
    codes = as_codes(panel[variable])
    labels = codes_of(dictionary, variable, codes.dropna())
    for code in pool.get("codes", []):
        if code not in labels:
            raise StudyError(
                f"config.yaml: exhibits: transitions: pool: '{code}' is no code of {variable}; "
                f"{describe_allowed(code, labels)}"
            )
    pooled = codes.mask(codes.isin(pool.get("codes", [])), POOLED)
    blocks = {code: label for code, label in labels.items() if code not in pool.get("codes", [])}
    blocks |= {POOLED: pool["label"]} if pool else {}
    missing = POOLED if pool.get("missing") else None
    pairs = pair_waves(panel.assign(**{variable: pooled}), variable, firm, list(waves["id"]), missing)
    names = dict(zip(waves["id"], waves["label"].astype(str), strict=True))
    consecutive = pairs[["before", "after"]].drop_duplicates().to_numpy().tolist()
    if apart or len(consecutive) < 2:
        ends_of = {(before, after): (names[before], names[after]) for before, after in consecutive}
    else:
        pairs = pairs.assign(before=0, after=1)
        ends_of = {(0, 1): ("one wave", "the next wave")}
    moves = count_transitions(pairs, list(blocks))
    if moves.empty:
        nothing = {"part": "flow", "variable": variable, "cell": "empty", "n_pairs": 0}
        return pd.DataFrame([nothing | {"variable_label": _title(entry, dictionary)}])
    parts = []
    for number, ((before, after), own) in enumerate(moves.groupby(["before", "after"], sort=True)):
        ends = ["before", "after"]
        counts = own.set_index(["code_before", "code_after"])["n"].rename_axis(index=ends)
        hidden = mask_tables([Counts(variable, counts, [("before",), ("after",)])], few)
        cells = np.array([name_cell(ends, both) in hidden for both in counts.index], dtype=bool)
        blocked = {
            end: np.array([name_cell([end], [code]) in hidden for code in own[f"code_{end}"]], dtype=bool)
            for end in ends
        }
        # With a shown number, a share would give the hidden block's, and the other way round.
        unshared = cells | blocked["before"]
        parts.append(
            own.assign(
                part="flow",
                pair=number,
                before_label=ends_of[(before, after)][0],
                after_label=ends_of[(before, after)][1],
                n_pairs=int(own["n"].sum()),
                cell=np.where(cells, "suppressed", np.where(own["n"] == 0, "empty", "shown")),
                n=own["n"].mask(cells),
                share=own["share"].mask(unshared),
                **{f"n_{end}": own[f"n_{end}"].mask(blocked[end]) for end in ends},
            )
        )
    table = pd.concat(parts, ignore_index=True).drop(columns=["before", "after"])
    return table.assign(
        variable=variable,
        variable_label=_title(entry, dictionary),
        label_before=table["code_before"].map(blocks),
        label_after=table["code_after"].map(blocks),
    )


def _title(entry: Mapping[str, Any], dictionary: pd.DataFrame) -> str:
    return str(entry.get("label") or label_of(dictionary, entry["variable"]))


def _describe_flows(panel: pd.DataFrame, numbers: pd.DataFrame, firm: str, waves: pd.DataFrame) -> dict[str, Any]:
    """Say how many firms were in two consecutive waves, and that the others are in no flow."""
    flows = numbers[numbers["part"] == "flow"]
    if flows.empty:
        return {}
    if (flows["n_pairs"] == 0).all():
        return {"remark_moves": "No firm is in two consecutive waves, so there are no moves to draw."}
    pairs = pair_waves(panel, firm, firm, list(waves["id"]))
    counted = "; ".join(
        f"{variable}: {int(own.drop_duplicates('pair')['n_pairs'].sum()):,}"
        for variable, own in flows.groupby("variable_label", sort=False)
    )
    return {
        "n_panel_firms": int(pairs[firm].nunique()),
        "remark_moves": f"Moves: firms in two consecutive waves ({describe_waves(panel['wave'], waves)}), counted once "
        f"a pair of waves ({counted}); firms drawn afresh, back after a gap, or gone are in none.",
    }
