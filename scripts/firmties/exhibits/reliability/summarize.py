"""Numbers of the reliability table: a row a scale and wave."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from firmties.disclosure import find_minimum, is_telling
from firmties.factor_pooling import find_alpha_error, pool_reliabilities
from firmties.reliability import DROP, ENTER, compute_alpha, describe_scale, fit_congeneric, judge_reliability
from firmties.tables import word_reversal


def describe_scores(scores: pd.Series, few: int) -> tuple[float, float]:
    """Give mean and standard deviation; missing if they would tell the number of a few answers."""
    return (np.nan, np.nan) if is_telling(scores, few) else (scores.mean(), scores.std())


def name_reversals(reversals: pd.DataFrame | None, scales: Collection[str]) -> list[str]:
    """Name the items of these scales that run against the others, in words."""
    if reversals is None:
        return []
    return [word_reversal(row) for row in reversals.loc[reversals["scale"].isin(list(scales))].to_dict("records")]


def pool_completed(
    completed: Sequence[Callable[[Sequence[str]], pd.DataFrame]], items: Mapping[tuple[str, Any], Sequence[str]]
) -> dict[tuple[str, Any], dict[str, float]]:
    """Pool alpha and omega of each scale in each wave over imputed sets, which are read one after another.

    Parameters
    ----------
    completed
        For each set, what reads its panel with the columns asked for.
    items
        Items of each scale and wave.

    Returns
    -------
    dict
        (scale, wave) → alpha_pooled, omega_pooled with ``_low`` and ``_high``.
    """
    found: dict[tuple[str, Any], list[tuple[float, float, float, float]]] = {key: [] for key in items}
    columns = list(dict.fromkeys(name for names in items.values() for name in names))
    for read in completed:
        panel = read(["wave", *columns])
        waves = dict(list(panel.groupby("wave", sort=False)))
        for (scale, wave), names in items.items():
            answers = waves[wave][list(names)].astype(float) if wave in waves else panel[list(names)].iloc[:0]
            alpha = compute_alpha(answers)[0]
            model = fit_congeneric(answers)
            error = find_alpha_error(alpha, len(answers.dropna()), len(names))
            found[scale, wave].append((alpha, error, model.omega, model.std_error))
    pooled = {}
    for key, sets in found.items():
        alphas, alpha_errors, omegas, omega_errors = zip(*sets, strict=True)
        pooled[key] = {
            f"{name}_pooled{ending}": result[part]
            for name, result in (
                ("alpha", pool_reliabilities(alphas, alpha_errors)),
                ("omega", pool_reliabilities(omegas, omega_errors)),
            )
            for ending, part in (("", "estimate"), ("_low", "conf_low"), ("_high", "conf_high"))
        }
    return pooled


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Judge each scale in each wave that asked at least one of its items."""
    few = find_minimum(sources["study"])
    panel, scales, waves = sources["panel"], sources["scales"], sources["waves"]
    wanted = options.get("scales", "all")
    if wanted != "all":
        scales = scales.set_index("name").loc[wanted].reset_index()
    assessed = sources.get("assessed")
    # A study without a gate of its own is advised by the usual bounds.
    enter, drop = (ENTER, DROP) if assessed is None or assessed.empty else assessed[["enter", "drop"]].iloc[0]
    apart = {wave: panel.loc[panel["wave"] == wave] for wave in waves["id"]}
    rows: list[dict[str, Any]] = []
    shown: dict[tuple[str, Any], Sequence[str]] = {}
    for scale in scales.itertuples(index=False):
        for wave in waves.itertuples(index=False):
            here = apart[wave.id]
            asked = [item for item in scale.items if item in here and here[item].notna().any()]
            answers = here[asked].astype(float)
            # Of few complete answers, alpha would tell the answers.
            is_shown = len(answers.dropna()) >= few
            found = describe_scale(answers if is_shown else answers.iloc[:0])
            if is_shown and len(asked) > 1:
                shown[scale.name, wave.id] = asked
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
                    **{key: value for key, value in found.items() if key != "n_complete"},
                    "missing": float(answers.isna().to_numpy().mean()) if answers.size else np.nan,
                    "gate": judge_reliability(found["alpha"], found["omega"], enter, drop),
                }
            )
    numbers = pd.DataFrame(rows)
    completed = sources.get("completed") or []
    if len(completed) > 1:
        pooled = pool_completed(completed, shown)
        keys = list(zip(numbers["scale"].tolist(), numbers["wave"].tolist(), strict=True))
        numbers = pd.concat([numbers, pd.DataFrame([pooled.get(key, {}) for key in keys])], axis=1)
    notes = {
        "n_firms": int(panel[sources["study"]["firm"]].nunique()),
        "n_firm_waves": len(panel),
        "waves": ", ".join(waves["label"].astype(str)),
        "weights": "none",
        "n_imputations": len(completed) if len(completed) > 1 else 0,
        "is_gated": assessed is not None,
        "enter": float(enter),
        "drop": float(drop),
        "reversals": name_reversals(sources.get("reversals"), scales["name"]),
    }
    # Not in the rows of a wave: the gate judges over waves, and a further wave may change what it says.
    if assessed is not None:
        for row in assessed.loc[assessed["scale"].isin(scales["name"])].fillna("").itertuples(index=False):
            notes |= {f"verdict_{row.scale}": row.verdict, f"reason_{row.scale}": row.reason}
    return numbers, notes
