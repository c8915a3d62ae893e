"""Declared hypotheses: their contrasts, p-values adjusted within families, and verdicts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from firmties.errors import StudyError, describe_allowed
from firmties.estimation import find_p_value
from firmties.expressions import ExpressionError
from firmties.predictions import ContrastError, Predictor, choose_fits, combine, find_predictor

if TYPE_CHECKING:
    import pandas as pd

CONTRASTS = [
    "hypothesis", "component", "model", "outcome", "block", "contrast", "alternative", "estimate", "std_error", "df",
    "conf_low", "conf_high", "p_value", "outcome_level", "reason", "signs", "signs_reason", "weights", "n_imputations",
    "fmi", "complete_estimate", "complete_std_error", "complete_conf_low", "complete_conf_high", "complete_p_value",
]  # fmt: skip
COMPLETE = ("estimate", "std_error", "conf_low", "conf_high", "p_value")
"""What stands beside a contrast that is pooled over imputed sets: the same of complete cases."""
HYPOTHESES = [
    "hypothesis", "family", "claim", "component", "model", "outcome", "block", "contrast", "alternative", "estimate",
    "std_error", "df", "conf_low", "conf_high", "p_value", "p_hypothesis", "p_adjusted", "adjustment", "level",
    "verdict", "planted", "sources", "outcome_level", "reason", "signs", "signs_reason", "weights", "n_imputations",
    "fmi", "complete_estimate", "complete_std_error", "complete_conf_low", "complete_conf_high", "complete_p_value",
]  # fmt: skip


def adjust_p_values(p_values: Sequence[float], method: str) -> list[float]:
    """Adjust p-values for their number: ``holm`` (Holm 1979), ``bh`` (Benjamini and Hochberg 1995) or ``none``.

    Examples
    --------
    >>> adjust_p_values([0.01, 0.04, 0.03], "holm")
    [0.03, 0.06, 0.06]
    >>> adjust_p_values([0.01, 0.04, 0.03], "bh")
    [0.03, 0.04, 0.04]
    """
    import numpy as np

    values = np.asarray(p_values, dtype=float)
    count = len(values)
    if method == "none" or count == 0:
        return values.tolist()
    order = np.argsort(values, kind="stable")
    ranks = np.arange(1, count + 1)
    if method == "holm":
        sorted_values = np.maximum.accumulate((count - ranks + 1) * values[order])
    elif method == "bh":
        sorted_values = np.minimum.accumulate((count / ranks * values[order])[::-1])[::-1]
    else:
        raise StudyError(f"families: adjust: '{method}'; {describe_allowed(method, ['holm', 'bh', 'none'])}")
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(sorted_values, 1.0)
    return adjusted.tolist()


def is_on_side(low: float, high: float, alternative: str) -> bool:
    """Whether an interval lies wholly on the predicted side of 0; for two_sided, on one side.

    Examples
    --------
    >>> is_on_side(0.1, 0.3, "greater"), is_on_side(0.1, 0.3, "less"), is_on_side(-0.1, 0.3, "two_sided")
    (True, False, False)
    """
    return (low > 0 and alternative != "less") or (high < 0 and alternative != "greater")


def judge(components: Sequence[Mapping[Any, Any]], p_adjusted: float, level: float) -> str:
    """Give a verdict: supported, against, or undecided.

    supported: the 95 % interval of every component lies on the predicted side and the adjusted p is below the
    family's level. against: the interval of some component lies wholly on the other side. undecided: neither.

    Examples
    --------
    >>> judge([{"conf_low": 0.01, "conf_high": 0.07, "alternative": "greater"}], 0.01, 0.05)
    'supported'
    >>> judge([{"conf_low": 0.01, "conf_high": 0.07, "alternative": "less"}], 0.99, 0.05)
    'against'
    """
    sides = [is_on_side(part["conf_low"], part["conf_high"], part["alternative"]) for part in components]
    if all(sides) and p_adjusted < level:
        return "supported"
    opposite = {"greater": "less", "less": "greater"}
    for part in components:
        other = opposite.get(part["alternative"])
        if other and is_on_side(part["conf_low"], part["conf_high"], other):
            return "against"
    return "undecided"


def estimate_contrasts(
    hypotheses: Sequence[Mapping[str, Any]],
    fits: Sequence[Mapping[str, Any]],
    tables: Mapping[str, pd.DataFrame],
    fits_by_wave: Sequence[Mapping[str, Any]] = (),
) -> pd.DataFrame:
    """Estimate the contrasts of the declared hypotheses, a row a component.

    The p-value of a component is for the alternative that it states.

    Parameters
    ----------
    hypotheses
        Of the configuration: id, and components with name, model, outcome, contrast, alternative and perhaps block and
        level.
    fits
        Entries of the models named; of a model in blocks the last block counts where the component names none, of
        several samples the first.
    tables
        ``panel`` and ``alters`` as scored.
    fits_by_wave
        Entries of the same models, fitted to single waves (`fit_waves`).

    Returns
    -------
    pandas.DataFrame
        hypothesis, component, model, outcome, block, contrast, alternative, estimate, std_error, df, conf_low,
        conf_high, p_value; outcome_level: the event of an ordered outcome; reason: why a contrast could not be
        estimated; signs: the contrast's sign in each wave alone, such as ``1=+|2=-``, with ``?`` where the wave does
        not give it; signs_reason: why the model could not be fitted to a wave alone, such as ``2: reason``; weights,
        n_imputations: of the fit. The other columns are of :func:`pool_contrasts`.

    Raises
    ------
    StudyError
        If a model, outcome or contrast is not what the configuration can mean.
    """
    import pandas as pd

    rows = _estimate_rows(hypotheses, fits, tables, fits_by_wave)
    apart = _part_waves(fits_by_wave)
    for row in rows:
        row |= {"signs": _write_signs(row["apart"]), "signs_reason": "|".join(_list_unfitted(row, apart))}
    return pd.DataFrame(rows, columns=CONTRASTS)


def pool_contrasts(
    hypotheses: Sequence[Mapping[str, Any]],
    sets: Iterable[tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]], Mapping[str, pd.DataFrame]]],
    fits: Sequence[Mapping[str, Any]],
    fits_by_wave: Sequence[Mapping[str, Any]],
    complete: pd.DataFrame,
) -> pd.DataFrame:
    """Estimate the contrasts of the declared hypotheses in each imputed set and pool them.

    Parameters
    ----------
    hypotheses
        As in :func:`estimate_contrasts`.
    sets
        Of each imputed set the fits, the fits by wave and the completed tables; they are read one by one.
    fits, fits_by_wave
        The pooled ones.
    complete
        What :func:`estimate_contrasts` gives for complete cases.

    Returns
    -------
    pandas.DataFrame
        As of :func:`estimate_contrasts`, df those of Barnard and Rubin; ``fmi``, the fraction of missing information;
        ``complete_estimate`` and the like: of complete cases. A contrast that some sets cannot give has a reason and no
        numbers. The sign in a wave alone is that of the mean over the sets.
    """
    import pandas as pd

    from firmties.pooled_models import count_sets, pool_rows

    keys = ["hypothesis", "component"]
    each = [_estimate_rows(hypotheses, *own) for own in ((fit, table, apart) for fit, apart, table in sets)]
    frames = [pd.DataFrame(rows, columns=[*CONTRASTS, "apart"]) for rows in each]
    pooled, _ = pool_rows(frames, keys)
    known = pooled.set_index(keys)
    parted = _part_waves(fits_by_wave)
    rows = []
    for at, row in enumerate(each[0]):
        same = [own[at] for own in each]
        key = tuple(row[name] for name in keys)
        chosen = choose_fits(fits, row)
        common = {name: row[name] for name in ("block", "contrast", "alternative", "model", "outcome", "outcome_level")}
        common |= dict(zip(keys, key, strict=True)) | {"weights": row["weights"], "n_imputations": len(each)}
        common |= {"signs": _write_signs(_average_apart(same)), "signs_reason": "|".join(_list_unfitted(row, parted))}
        reasons = [own["reason"] for own in same if own["reason"]]
        if chosen and chosen[0]["status"] == "failed":
            common["reason"] = f"model {row['model']} failed: {chosen[0]['reason']}"
        elif reasons:
            common["reason"] = count_sets(len(reasons), len(each), reasons[0])
        else:
            found = known.loc[key]
            df = None if pd.isna(found["df"]) else float(found["df"])
            common |= {name: float(found[name]) for name in ("estimate", "std_error", "conf_low", "conf_high", "fmi")}
            statistic = common["estimate"] / common["std_error"]
            common |= {"df": df, "reason": "", "p_value": find_p_value(statistic, df, row["alternative"])}
        rows.append(common)
    beside = complete.set_index(keys)[list(COMPLETE)].add_prefix("complete_").reset_index()
    table = pd.DataFrame(rows, columns=[name for name in CONTRASTS if not name.startswith("complete_")])
    return table.merge(beside, on=keys, how="left", validate="one_to_one")[CONTRASTS]


def _part_waves(fits_by_wave: Sequence[Mapping[str, Any]]) -> dict[Any, list[Mapping[str, Any]]]:
    waves = sorted({fit["wave"] for fit in fits_by_wave})
    return {wave: [fit for fit in fits_by_wave if fit["wave"] == wave] for wave in waves}


def _estimate_rows(
    hypotheses: Sequence[Mapping[str, Any]],
    fits: Sequence[Mapping[str, Any]],
    tables: Mapping[str, pd.DataFrame],
    fits_by_wave: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Estimate each component in all rows and, under ``apart``, in each wave alone (None if it does not give it)."""
    apart = _part_waves(fits_by_wave)
    parts = {wave: {name: table.loc[table["wave"] == wave] for name, table in tables.items()} for wave in apart}
    known: dict[Any, dict[tuple[str, ...], Predictor]] = {place: {} for place in ("all", *parts)}
    rows: list[dict[str, Any]] = []
    for hypothesis in hypotheses:
        for component in hypothesis["components"]:
            where = f"hypotheses: {hypothesis['id']}: {component['name']}"
            found = _estimate_component(component, fits, tables, known["all"], where)
            in_waves = {
                wave: _estimate_component(component, apart[wave], part, known[wave], where).get("estimate")
                if _has_levels(component, fits, apart[wave])
                else None
                for wave, part in parts.items()
            }
            chosen = choose_fits(fits, component)
            rows.append(
                {key: component[key] for key in ("model", "outcome", "contrast", "alternative")}
                | {"hypothesis": hypothesis["id"], "component": component["name"]}
                | {"outcome_level": component.get("level", ""), "apart": in_waves}
                | {"block": chosen[0]["block"] if chosen else ""}
                | {
                    key: chosen[0].get(key, empty)
                    for key, empty in (("weights", "none"), ("n_imputations", 0))
                    if chosen
                }
                | found
            )
    return rows


def _average_apart(same: Sequence[Mapping[str, Any]]) -> dict[Any, float | None]:
    """Average a contrast in each wave alone over imputed sets; None where a set does not give it."""
    waves = dict.fromkeys(wave for row in same for wave in row["apart"])
    found = {wave: [row["apart"].get(wave) for row in same] for wave in waves}
    return {wave: None if None in values else sum(values) / len(values) for wave, values in found.items()}


def _write_signs(apart: Mapping[Any, float | None]) -> str:
    """Write the sign of each wave.

    Examples
    --------
    >>> _write_signs({1: 0.2, 2: -0.1, 3: None})
    '1=+|2=-|3=?'
    """
    return "|".join(
        f"{wave}={'?' if estimate is None else '+' if estimate > 0 else '-'}" for wave, estimate in apart.items()
    )


def judge_hypotheses(
    hypotheses: Sequence[Mapping[str, Any]], families: Mapping[str, Mapping[str, Any]], contrasts: pd.DataFrame
) -> pd.DataFrame:
    """Judge the declared hypotheses by their contrasts, a row a component.

    The p-value of a hypothesis is the largest of its components' (intersection-union test, Berger 1982), and is
    adjusted within the family as declared. A hypothesis that is ``pending``, or of which a component cannot be
    estimated, has none, and counts in the family with p = 1.

    Parameters
    ----------
    hypotheses, families
        Of the configuration.
    contrasts
        As of `estimate_contrasts`; every component once.

    Returns
    -------
    pandas.DataFrame
        Columns of ``hypotheses.csv``. ``level`` is the family's level of significance.

    Raises
    ------
    StudyError
        If a hypothesis names a family that is not declared.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for hypothesis in hypotheses:
        if hypothesis["family"] not in families:
            problem = describe_allowed(hypothesis["family"], families)
            raise StudyError(f"hypotheses: {hypothesis['id']}: family: no family '{hypothesis['family']}'; {problem}")
        family = families[hypothesis["family"]]
        rows += [
            {
                "hypothesis": hypothesis["id"],
                "component": component["name"],
                "family": hypothesis["family"],
                "claim": hypothesis["claim"],
                "adjustment": family["adjust"],
                "level": family["level"],
                "planted": component.get("planted"),
                "sources": hypothesis.get("sources", ""),
                "pending": hypothesis.get("pending", ""),
            }
            for component in hypothesis["components"]
        ]
    keys = ["hypothesis", "component"]
    declared = [*keys, "family", "claim", "adjustment", "level", "planted", "sources", "pending"]
    table = pd.DataFrame(rows, columns=declared).merge(contrasts, on=keys, how="left", validate="one_to_one")
    return _judge_families(table)[HYPOTHESES]


def _has_levels(
    component: Mapping[str, Any], fits: Sequence[Mapping[str, Any]], apart: Sequence[Mapping[str, Any]]
) -> bool:
    """Whether a wave has all levels of the variables that a contrast names; means over fewer are another contrast."""
    whole, part = choose_fits(fits, component)[:1], choose_fits(apart, component)[:1]
    return bool(part) and all(
        set(part[0]["levels"].get(name, ())) == set(codes)
        for name, codes in whole[0]["levels"].items()
        if re.search(rf"\b{re.escape(name)}\b", component["contrast"])
    )


def _list_unfitted(component: Mapping[str, Any], apart: Mapping[Any, Sequence[Mapping[str, Any]]]) -> list[str]:
    """Waves to which the model could not be fitted alone, each with the reason."""
    found = {wave: choose_fits(fits, component)[:1] for wave, fits in sorted(apart.items())}
    return [
        f"{wave}: {fit['reason'].replace('|', '/')}"
        for wave, part in found.items()
        for fit in part
        if fit["status"] == "failed"
    ]


def _estimate_component(
    component: Mapping[str, Any],
    fits: Sequence[Mapping[str, Any]],
    tables: Mapping[str, pd.DataFrame],
    predictors: dict[tuple[str, ...], Predictor],
    where: str,
) -> dict[str, Any]:
    chosen = choose_fits(fits, component)
    if not chosen:
        raise StudyError(f"{where}: model {component['model']} has no outcome '{component['outcome']}'")
    fit = chosen[0]
    if fit["status"] == "failed":
        return {"reason": f"model {fit['model']} failed: {fit['reason']}"}
    try:
        found = combine(component["contrast"], find_predictor(predictors, fit, tables, component.get("level")))
    except ExpressionError as error:
        raise StudyError(f"{where}: {error}") from error
    except ContrastError as error:
        return {"reason": str(error)}
    if not found["std_error"] > 0:
        return {"reason": "the contrast does not depend on the model's coefficients"}
    found.pop("gradient")
    p_value = find_p_value(found["estimate"] / found["std_error"], found["df"], component["alternative"])
    return found | {"p_value": p_value, "reason": ""}


def _judge_families(table: pd.DataFrame) -> pd.DataFrame:
    """Fill in p_hypothesis, p_adjusted and verdict."""
    import pandas as pd

    blank = pd.Series(float("nan"), index=table.index)
    table = table.assign(p_hypothesis=blank, p_adjusted=blank, verdict=blank.astype("object"))
    groups = table.groupby("hypothesis", sort=False)
    counted = groups["p_value"].transform(lambda values: values.notna().all()) & table["pending"].eq("")
    table["p_hypothesis"] = groups["p_value"].transform("max").astype("float64").where(counted)
    for _, family in table.groupby("family", sort=False):
        p_values = family.drop_duplicates("hypothesis").set_index("hypothesis")["p_hypothesis"]
        # The family is what was declared: a hypothesis that is pending or could not be estimated counts as p = 1, so
        # that its absence makes none of the others easier to support.
        adjusted = adjust_p_values(p_values.fillna(1.0).tolist(), family["adjustment"].iloc[0])
        by_hypothesis = pd.Series(adjusted, index=p_values.index, dtype="float64").where(p_values.notna())
        table.loc[family.index, "p_adjusted"] = family["hypothesis"].map(by_hypothesis)
    for _, parts in table.groupby("hypothesis", sort=False):
        first = parts.iloc[0]
        if parts["p_value"].isna().any():
            verdict = "not estimable"
        elif first["pending"]:
            verdict = f"pending {first['pending']}"
        else:
            verdict = judge(parts.to_dict("records"), first["p_adjusted"], first["level"])
        table.loc[parts.index, "verdict"] = verdict
    return table
