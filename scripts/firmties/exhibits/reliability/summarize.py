"""Numbers of the reliability table: a row a scale and wave."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from pingouin import cronbach_alpha

from firmties.disclosure import find_minimum, is_telling
from firmties.tables import word_reversal

GATE = {"used": 0.70, "shown only": 0.60}


def compute_alpha(items: pd.DataFrame, level: float = 0.95) -> tuple[float, float, float]:
    r"""Compute Cronbach's alpha with Feldt's interval by pingouin, over the rows without a gap.

    :math:`\alpha = k/(k-1)\,(1 - \sum_i s_i^2 / s_T^2)`; the bounds are :math:`1 - (1-\alpha) F_{1-a/2}` and
    :math:`1 - (1-\alpha) F_{a/2}` with :math:`n-1` and :math:`(n-1)(k-1)` degrees of freedom (Feldt, Woodruff &
    Salih 1987, *Applied Psychological Measurement* 11(1)), rounded by pingouin to three decimals. It is given
    complete rows only, since it counts incomplete ones in the degrees of freedom.

    Parameters
    ----------
    items
        One column an item, already recoded. Rows with a gap are left out.

    Returns
    -------
    tuple
        Alpha and its bounds; missing with fewer than two items, three complete rows, or no variance.

    Examples
    --------
    >>> alpha, low, high = compute_alpha(pd.DataFrame({"a": [1, 2, 3, 4], "b": [1, 3, 2, 4], "c": [2, 2, 4, 5]}))
    >>> round(alpha, 4)
    0.9123
    """
    complete = items.dropna().astype(float)
    n, k = complete.shape
    if k < 2 or n < 3 or not complete.sum(axis=1).var() > 0:
        return (np.nan, np.nan, np.nan)
    alpha, (low, high) = cronbach_alpha(complete, ci=level)
    return float(alpha), float(low), float(high)


def correlate_with_rest(items: pd.DataFrame) -> pd.Series:
    """Correlate each item with the sum of the others, over the rows without a gap."""
    complete = items.dropna().astype(float)
    total = complete.sum(axis=1)
    return pd.Series({name: complete[name].corr(total - complete[name]) for name in complete}, dtype=float)


def judge_alpha(alpha: float) -> str:
    """Say what the gate makes of an alpha: used from .70, shown only from .60, dropped below; ``""`` if missing."""
    if np.isnan(alpha):
        return ""
    return next((word for word, bound in GATE.items() if alpha >= bound), "dropped")


def describe_scores(scores: pd.Series, few: int) -> tuple[float, float]:
    """Give mean and standard deviation; missing if they would tell the number of a few answers."""
    return (np.nan, np.nan) if is_telling(scores, few) else (scores.mean(), scores.std())


def name_reversals(reversals: pd.DataFrame | None, scales: Collection[str]) -> list[str]:
    """Name the items of these scales that run against the others, in words."""
    if reversals is None:
        return []
    return [word_reversal(row) for row in reversals.loc[reversals["scale"].isin(list(scales))].to_dict("records")]


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Judge each scale in each wave that asked at least one of its items."""
    few = find_minimum(sources["study"])
    panel, scales, waves = sources["panel"], sources["scales"], sources["waves"]
    wanted = options.get("scales", "all")
    if wanted != "all":
        scales = scales.set_index("name").loc[wanted].reset_index()
    apart = {wave: panel.loc[panel["wave"] == wave] for wave in waves["id"]}
    rows = []
    for scale in scales.itertuples(index=False):
        for wave in waves.itertuples(index=False):
            here = apart[wave.id]
            asked = [item for item in scale.items if item in here and here[item].notna().any()]
            answers = here[asked].astype(float)
            # Of few complete answers, alpha would tell the answers.
            shown = answers if len(answers.dropna()) >= few else answers.iloc[:0]
            alpha, low, high = compute_alpha(shown)
            rest = correlate_with_rest(shown) if len(asked) > 1 else pd.Series(dtype=float)
            scores = here[scale.name].astype(float) if scale.name in here else answers.mean(axis=1)
            rows.append(
                {
                    "scale": scale.name,
                    "label": scale.label,
                    "wave": wave.id,
                    "wave_label": str(wave.label),
                    "n_items": len(scale.items),
                    "n_asked": len(asked),
                    "n": int(scores.notna().sum()),
                    "n_complete": len(answers.dropna()) if asked else 0,
                    **dict(zip(("mean", "sd"), describe_scores(scores, few), strict=True)),
                    "alpha": alpha,
                    "alpha_low": low,
                    "alpha_high": high,
                    "rest_min": rest.min(),
                    "rest_item": rest.idxmin() if rest.notna().any() else "",
                    "missing": float(answers.isna().to_numpy().mean()) if answers.size else np.nan,
                    "gate": judge_alpha(alpha),
                }
            )
    notes = {
        "n_firms": int(panel[sources["study"]["firm"]].nunique()),
        "n_firm_waves": len(panel),
        "waves": ", ".join(waves["label"].astype(str)),
        "weights": "none",
        "reversals": name_reversals(sources.get("reversals"), scales["name"]),
    }
    return pd.DataFrame(rows), notes
