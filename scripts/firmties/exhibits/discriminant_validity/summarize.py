"""Numbers of the table of discriminant validity: a row a scale, and several a pair of scales."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from firmties.discriminant import (
    adjust_for_marker,
    bootstrap_htmt,
    correlate_factors,
    correlate_pairs,
    gather_pairs,
    judge_htmt,
    make_matrix,
    measure_factor,
    share_single_factor,
)
from firmties.display import describe_rows
from firmties.errors import StudyError
from firmties.scales import score_scale

LEAST = 30
"""With fewer firms there are no numbers."""
COLUMNS = [
    "part", "scale_1", "label_1", "scale_2", "label_2", "estimate", "conf_low", "conf_high", "raw", "t", "df",
    "p_value", "n", "verdict",
]  # fmt: skip


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Compare all pairs of scales; all waves together, answers as deviations from their wave's mean.

    Returns
    -------
    numbers
        ``part``: ``scale`` (AVE, n complete rows, why there is none), ``htmt`` (of each pair, with percentile bounds
        and a verdict), ``factors`` (squared correlation of the factors; whether both AVE exceed it), ``marker``
        (correlation of each scale's score with the marker), ``adjusted`` (``raw`` correlation of two scores, and as it
        is with the marker taken out, with t, df, p; n counts firms).
    notes
        Besides what the caption needs: single_factor (share), marker_correlation (what was taken out).
    """
    panel, scales, study = sources["panel"], sources["scales"], sources["study"]
    if options.get("neighbouring", 0.9) < options.get("distinct", 0.85):
        raise StudyError(
            f"config.yaml: exhibits: neighbouring: {options.get('neighbouring', 0.9):g} lies below distinct, "
            f"{options.get('distinct', 0.85):g}; it is the looser bound, so set it as high or higher"
        )
    wanted = options.get("scales", "all")
    if wanted != "all":
        scales = scales.set_index("name").loc[wanted].reset_index()
    labels = dict(zip(scales["name"], scales["label"], strict=True)) if len(scales) else {}
    listed = {row["name"]: [item for item in row["items"] if item in panel] for row in scales.to_dict("records")}
    lost = find_unusable(panel, listed)
    used = {name: [item for item in items if item not in lost] for name, items in listed.items()}
    notes = describe_rows(panel, study, sources["waves"]) | {"n_draws": options.get("draws", 2000)}
    notes["ratio"] = options.get("ratio", "htmt")
    notes["distinct"], notes["neighbouring"] = options.get("distinct", 0.85), options.get("neighbouring", 0.9)
    if lost:
        notes["remark_lost"] = f"Left out: {', '.join(f'{item} ({why})' for item, why in lost.items())}."
    if notes["n_firms"] < LEAST or len(scales) < 2:
        notes["remark_few"] = f"Fewer than {LEAST} firms, or than two scales: no numbers."
        return pd.DataFrame(columns=COLUMNS), notes
    names = [item for items in used.values() for item in dict.fromkeys(items)]
    # Deviations from the wave's mean, so that what moves from wave to wave does not pass for a correlation.
    items = panel[list(dict.fromkeys(names))].astype("Float64").astype("float64")
    items -= items.groupby(panel["wave"]).transform("mean")
    moments = gather_pairs(items, panel[study["firm"]])
    matrix = make_matrix(moments, correlate_pairs(moments.sums.sum(axis=0), LEAST)[0])
    factors = {name: measure_factor(items[own]) for name, own in used.items() if own}
    rows: list[dict[str, Any]] = []
    for name in used:
        factor = factors.get(name)
        rows.append(
            {
                "part": "scale",
                "scale_1": name,
                "estimate": factor.ave if factor else np.nan,
                "n": factor.n if factor else 0,
                "verdict": factor.reason if factor else "no item left",
            }
        )
    rows += compare_htmt(moments, used, options)
    phi = correlate_factors(matrix, factors)
    for one, two in combinations(factors, 2):
        shared = float(phi.loc[one, two]) ** 2
        least = min(factors[one].ave, factors[two].ave)
        verdict = "" if np.isnan(shared) or np.isnan(least) else "holds" if least > shared else "fails"
        rows.append({"part": "factors", "scale_1": one, "scale_2": two, "estimate": shared, "verdict": verdict})
    share, smallest = share_single_factor(matrix)
    notes["single_factor"] = None if np.isnan(share) else share
    if smallest < 0:
        notes["remark_definite"] = (
            "The correlations, each from the rows that answered both items, are those of no sample (smallest "
            f"eigenvalue {smallest:.3g}); factor correlations may exceed their range."
        )
    if "marker" in options:
        scores = {name: score_scale(items[own]) for name, own in used.items() if own}
        marker = score_scale(panel[options["marker"]])
        marker -= marker.groupby(panel["wave"]).transform("mean")
        found, taken = adjust_scores(panel, scores, marker, study["firm"])
        rows += found
        notes["marker_correlation"] = taken
    table = pd.DataFrame(rows, columns=COLUMNS)
    for side in ("1", "2"):
        table[f"label_{side}"] = table[f"scale_{side}"].map(labels)
    return table, notes


def find_unusable(panel: pd.DataFrame, scales: Mapping[str, list[str]]) -> dict[str, str]:
    """Find items without an answer, or with one answer only; they have no correlations."""
    lost = {}
    for item in dict.fromkeys(item for items in scales.values() for item in items):
        values = panel[item].dropna()
        if values.nunique() < 2:
            lost[item] = "constant" if len(values) else "no answer"
    return lost


def compare_htmt(moments: Any, scales: Mapping[str, list[str]], options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Make the rows of the ratios."""
    found = bootstrap_htmt(
        moments,
        scales,
        options.get("draws", 2000),
        options.get("seed", 1),
        geometric=options.get("ratio", "htmt") == "htmt2",
    )
    bounds = options.get("distinct", 0.85), options.get("neighbouring", 0.9)
    return [
        {"part": "htmt", "n": row["n_draws"], "verdict": judge_htmt(row["estimate"], row["conf_high"], *bounds)}
        | {str(key): value for key, value in row.items()}
        for row in found.to_dict("records")
    ]


def adjust_scores(
    panel: pd.DataFrame, scores: Mapping[str, pd.Series], marker: pd.Series, firm: str
) -> tuple[list[dict[str, Any]], float | None]:
    """Correlate scores with the marker, and with one another once its lowest positive correlation is taken out.

    ASSUME a firm's waves count once: n is the number of firms, so that t errs on the side of too few.
    """
    rows: list[dict[str, Any]] = []
    with_marker = {}
    for name, score in scores.items():
        both = score.notna() & marker.notna()
        r = float(score[both].corr(marker[both])) if both.sum() >= LEAST and score[both].nunique() > 1 else np.nan
        with_marker[name] = r
        n = int(panel.loc[both, firm].nunique())
        rows.append({"part": "marker", "scale_1": name, "estimate": r, "n": n})
    positive = [r for r in with_marker.values() if r > 0]
    taken = min(positive) if positive else 0.0
    for one, two in combinations(scores, 2):
        both = scores[one].notna() & scores[two].notna()
        n = int(panel.loc[both, firm].nunique())
        r = float(scores[one][both].corr(scores[two][both])) if both.sum() >= LEAST else np.nan
        adjusted, t, df, p = adjust_for_marker(r, taken, n)
        raw_p = adjust_for_marker(r, 0.0, n)[3]
        verdict = "" if np.isnan(p) else "stays" if (p < 0.05) == (raw_p < 0.05) else "changes"
        rows.append(
            {"part": "adjusted", "scale_1": one, "scale_2": two, "estimate": adjusted, "raw": r, "t": t, "df": df,
             "p_value": p, "n": n, "verdict": verdict}
        )  # fmt: skip
    return rows, taken if positive else None
