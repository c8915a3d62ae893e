"""Numbers of the measurement model: its fit, loadings and factor correlations in each wave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.disclosure import find_minimum
from firmties.estimators import FitError
from firmties.factor_models import FactorFit, fit_factor_model
from firmties.factor_pooling import PooledFactorFit, pool_factor_fits
from firmties.reliability import compare_with_chance, find_sampling_adequacy, test_sphericity

FIT = [
    "chi2_scaled", "df", "p_value_scaled", "scaling", "cfi_robust", "tli_robust", "rmsea_robust", "rmsea_low_robust",
    "rmsea_high_robust", "rmsea_close_robust", "srmr", "chi2", "p_value", "cfi", "tli", "rmsea", "aic", "bic",
]  # fmt: skip
COLUMNS = [
    "part", "wave", "wave_label", "basis", "factor", "factor_label", "item", "quantity", "value", "std_error",
    "conf_low", "conf_high", "text",
]  # fmt: skip


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit the factors of the chosen scales to each wave's answers, and to each imputed set's.

    Returns
    -------
    tuple
        Rows ``part`` (fit, loading, correlation, reason), wave, ``basis`` (complete or imputed), factor, item,
        quantity, value, and for loadings and correlations std_error (standardized); and the notes.
    """
    few = find_minimum(sources["study"])
    waves, panel = sources["waves"], sources["panel"]
    scales = sources["scales"].set_index("name").loc[list(options["scales"])]
    labels = scales["label"].to_dict()
    robust, seed = options.get("robust", "mlr"), options.get("seed", 1)
    completed = sources.get("completed") or []
    rows: list[dict[str, Any]] = []
    remarks: list[str] = []
    models: dict[Any, dict[str, list[str]]] = {}
    modelled = pd.Series(False, index=panel.index)
    for wave in waves.itertuples(index=False):
        here = panel.loc[panel["wave"] == wave.id]
        asked = {
            name: [item for item in members if item in here and here[item].notna().any()]
            for name, members in scales["items"].items()
        }
        factors = {name: members for name, members in asked.items() if len(members) > 1}
        remarks += [
            f"{wave.label}: {labels[name]} " + ("was not asked." if not members else f"has one item, {members[0]}.")
            for name, members in asked.items()
            if name not in factors
        ]
        where = {"wave": wave.id, "wave_label": str(wave.label), "basis": "complete"}
        used = [item for members in factors.values() for item in members]
        answers = here[used].astype("float64")
        n = len(answers.dropna()) if used else 0
        rows.append({**where, "part": "fit", "quantity": "n", "value": n})
        try:
            if n < few:
                raise FitError(f"{n} complete answers; fewer than {few} are not shown")
            rows += [{**where, "part": "fit", **row} for row in describe_correlations(answers, seed)]
            fit = fit_factor_model(answers, factors, robust=robust)
        except FitError as error:
            rows.append({**where, "part": "reason", "text": str(error)})
            continue
        models[wave.id] = factors
        modelled[answers.dropna().index] = True
        rows += [{**where, **row} for row in list_numbers(fit, labels)]
        remarks += [f"{wave.label}: {warning}." for warning in fit.warnings]
    if len(completed) > 1:
        rows += pool_waves(completed, models, waves, labels, robust)
    numbers = pd.DataFrame(rows).reindex(columns=COLUMNS)
    return numbers, {
        "n_firms": int(panel.loc[modelled, sources["study"]["firm"]].nunique()),
        "n_firm_waves": int(modelled.sum()),
        "waves": ", ".join(waves["label"].astype(str)),
        "weights": "none",
        "n_imputations": len(completed) if len(completed) > 1 else 0,
        "robust": robust,
        "remark_waves": remarks,
    }


def describe_correlations(answers: pd.DataFrame, seed: int) -> list[dict[str, Any]]:
    """Say what the items' correlations suggest: sampling adequacy, sphericity, components beyond chance."""
    adequacy, each = find_sampling_adequacy(answers)
    sphericity, df, p_value = test_sphericity(answers)
    kept = int(compare_with_chance(answers, seed)["kept"].sum())
    found = {
        "kmo": adequacy,
        "bartlett": sphericity,
        "bartlett_df": df,
        "bartlett_p": p_value,
        "components": kept,
    }
    rows: list[dict[str, Any]] = [{"quantity": name, "value": value} for name, value in found.items()]
    return [*rows, {"quantity": "kmo_least", "value": float(each.min()), "item": str(each.idxmin())}]


def list_numbers(fit: FactorFit | PooledFactorFit, labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """List fit, loadings and factor correlations of one model."""
    rows: list[dict[str, Any]] = [
        {"part": "fit", "quantity": name, "value": fit.indices[name]} for name in FIT if name in fit.indices
    ]
    for row in fit.parameters.to_dict("records"):
        named = {"factor": row["factor"], "item": row["item"], "value": row["standardized"]}
        named["std_error"] = row["standardized_std_error"]
        if row["part"] == "loading":
            rows.append({"part": "loading", "factor_label": labels[row["factor"]], **named})
        elif row["part"] == "factor_covariance" and row["factor"] != row["item"]:
            rows.append({"part": "correlation", "factor_label": labels[row["factor"]], **named})
    return rows


def pool_waves(
    completed: Sequence[Any],
    models: Mapping[Any, Mapping[str, Sequence[str]]],
    waves: pd.DataFrame,
    labels: Mapping[str, str],
    robust: str,
) -> list[dict[str, Any]]:
    """Fit each wave's model to each imputed set, which are read one after another, and pool."""
    if not models:
        return []
    fits: dict[Any, list[FactorFit]] = {wave: [] for wave in models}
    reasons: dict[Any, str] = {}
    items = list(dict.fromkeys(item for factors in models.values() for members in factors.values() for item in members))
    for number, read in enumerate(completed, start=1):
        panel = read(["wave", *items])
        for wave, factors in models.items():
            try:
                fits[wave].append(fit_factor_model(panel.loc[panel["wave"] == wave], factors, robust=robust))
            except FitError as error:
                reasons.setdefault(wave, f"imputed set {number}: {error}")
    rows: list[dict[str, Any]] = []
    for wave in waves.loc[waves["id"].isin(list(models))].itertuples(index=False):
        where = {"wave": wave.id, "wave_label": str(wave.label), "basis": "imputed"}
        if wave.id in reasons:
            rows.append({**where, "part": "reason", "text": reasons[wave.id]})
            continue
        if len({fit.n_obs[0] for fit in fits[wave.id]}) > 1:
            rows.append({**where, "part": "reason", "text": "the imputed sets have other rows"})
            continue
        pooled = pool_factor_fits(fits[wave.id])
        rows.append({**where, "part": "fit", "quantity": "n", "value": pooled.n_obs[0]})
        rows += [{**where, **row} for row in list_numbers(pooled, labels)]
    return rows
