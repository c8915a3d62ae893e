"""Average adjusted predictions, raw cell means and the contrasts between them."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from firmties.disclosure import find_minimum, hide_predicted
from firmties.display import (
    ENOUGH,
    as_codes,
    blank_small,
    codes_of,
    describe_models,
    describe_waves,
    label_of,
)

_VALUES = ["estimate", "conf_low", "conf_high", "mean_cell"]
_CONTRAST = ["hypothesis", "component", "model", "outcome", "block", "outcome_level", "contrast", *_VALUES[:3]]


def summarize(sources: dict[str, Any], options: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Collect the panels' predictions and the contrasts that belong to them.

    A contrast belongs to the first panel of the same model, outcome, block and level whose first variable it names.

    Returns
    -------
    numbers
        part (``prediction`` or ``contrast``), panel (0, 1, …), prediction, axis_label; of a prediction:
        variable_1, label_1, value_1, value_label_1 and the same with 2, estimate, conf_low, conf_high,
        mean_cell (scaled), n_cell, cell; of a contrast: hypothesis, component, estimate, conf_low, conf_high.
    notes
        What the caption needs.
    """
    predictions, dictionary, few = sources["predictions"], sources["dictionary"], find_minimum(sources["study"])
    masks = set(sources["masks"]["cell"]) if "masks" in sources else set()
    predictions = predictions.assign(counted=predictions["n_cell"])
    predictions = hide_predicted(predictions, few, masks)
    contrasts = sources.get("contrasts", pd.DataFrame(columns=_CONTRAST))
    contrasts = contrasts.loc[contrasts["hypothesis"].isin(options.get("hypotheses", []))]
    parts: list[pd.DataFrame] = []
    used: list[tuple[Any, ...]] = []
    taken: set[Any] = set()
    for place, panel in enumerate(options["panels"]):
        scale = panel.get("scale", 1)
        cells = predictions.loc[predictions["prediction"] == panel["prediction"]]
        shown = _label_cells(cells, dictionary)
        shown[_VALUES] = shown[_VALUES].astype(float) * scale
        hidden = cells["n_cell"].isna() & (cells["counted"] > 0)
        shown = blank_small(shown, "n_cell", _VALUES, hidden.reindex(shown.index))
        parts.append(shown.assign(part="prediction"))
        if not cells.empty:
            first = cells.iloc[0]
            used.append((first["model"], first["outcome"], "" if pd.isna(first["block"]) else first["block"]))
            same = (
                (contrasts["model"] == first["model"])
                & (contrasts["outcome"] == first["outcome"])
                & (contrasts["block"].fillna("") == ("" if pd.isna(first["block"]) else first["block"]))
                & (contrasts["outcome_level"].fillna("") == ("" if pd.isna(first["level"]) else first["level"]))
                & contrasts["contrast"].astype("str").str.contains(rf"\b{re.escape(str(first['variable_1']))}\b")
                & ~contrasts.index.isin(taken)
            )
            beside = contrasts.loc[same, ["hypothesis", "component", "estimate", "conf_low", "conf_high"]]
            taken |= set(beside.index)
            values = ["estimate", "conf_low", "conf_high"]
            beside[values] = beside[values].astype(float) * scale
            parts.append(beside.assign(part="contrast"))
        else:
            parts.append(pd.DataFrame({"part": ["prediction"], "cell": ["empty"]}))
        for added in parts[-2:]:
            if "panel" not in added:
                added.insert(0, "panel", place)
                added["prediction"], added["axis_label"] = panel["prediction"], panel["label"]
    columns = ["part", "panel", "prediction", "axis_label", "variable_1", "label_1", "value_1", "value_label_1"]
    columns += [
        "variable_2",
        "label_2",
        "value_2",
        "value_label_2",
        *_VALUES,
        "n_cell",
        "cell",
        "hypothesis",
        "component",
    ]
    numbers = pd.concat([part for part in parts if not part.empty], ignore_index=True).reindex(columns=columns)
    numbers["n_cell"] = numbers["n_cell"].astype("Int64")

    models = sources["models"]
    named = zip(models["model"], models["outcome"], models["block"].fillna(""), strict=True)
    chosen = pd.Series(list(named), index=models.index).isin(used)
    notes = describe_models(models.loc[chosen].drop_duplicates(["model", "outcome"], keep="last"), dictionary)
    notes["waves"] = describe_waves(sources["panel"]["wave"], sources.get("waves"))
    notes["remark_intervals"] = "Intervals are 95 %, by the delta method; raw means are not adjusted."
    notes["remark_small_cells"] = f"Cells with fewer than {ENOUGH} firm-waves show no estimate" + (
        f"; those with fewer than {few}, and those from which such a number would follow, are hidden."
        if few > 1
        else "."
    )
    return numbers, notes


def _label_cells(cells: pd.DataFrame, dictionary: pd.DataFrame) -> pd.DataFrame:
    """Add labels and put the cells in the order of the dictionary's codes."""
    out = cells[["variable_1", "value_1", "variable_2", "value_2", *_VALUES[:3], "mean_cell", "n_cell"]].copy()
    ranks = []
    for i in ("1", "2"):
        names = out[f"variable_{i}"].dropna()
        out[f"value_{i}"] = as_codes(out[f"value_{i}"])
        if names.empty:
            out[f"label_{i}"] = out[f"value_label_{i}"] = None
            continue
        codes = codes_of(dictionary, names.iloc[0], out[f"value_{i}"].dropna())
        out[f"label_{i}"] = label_of(dictionary, names.iloc[0])
        out[f"value_label_{i}"] = out[f"value_{i}"].map(codes)
        ranks.append(out[f"value_{i}"].map({code: rank for rank, code in enumerate(codes)}))
    if not ranks:
        return out
    order = pd.DataFrame({f"rank_{place}": rank for place, rank in enumerate(ranks)})
    return out.loc[order.sort_values(order.columns.to_list()).index]
