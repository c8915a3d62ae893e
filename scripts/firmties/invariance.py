"""Whether a scale measures the same thing in the same way in several groups: waves, size classes, regions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from firmties.errors import StudyError
from firmties.estimators import FitError
from firmties.factor_models import FactorFit, Moments, compare_nested, fit_moments, gather_moments
from firmties.formulas import as_codes

FEW = 30
"""Groups with fewer complete rows are left out of the comparison."""
SMALL = 300
"""Up to so many rows in the smallest group, the stricter cut-offs apply."""
JUDGED = ("cfi", "rmsea", "srmr")
DRAWS = 5
"""Draws of one row a firm that decide by their median where the first reaches another level than all rows."""
ACCEPTABLE = {"cfi": 0.90, "srmr": 0.08}
VERDICT = [
    "scale", "label", "grouping", "groups", "items", "dropped_items", "dropped_groups", "level", "freed",
    "level_one_row", "n", "n_smallest", "congruence", "means_comparable", "slopes_comparable", "consequence", "reason",
]  # fmt: skip
STEP = [
    "scale", "label", "grouping", "sample", "step", "freed", "chi2", "df", "p_value", "cfi", "rmsea", "srmr",
    "cfi_change", "rmsea_change", "srmr_change", "chi2_change", "df_change", "p_value_change", "holds", "reason", "n",
    "n_smallest",
]  # fmt: skip
MEAN = ["scale", "label", "grouping", "group", "mean", "conf_low", "conf_high"]
LEVELS = ("none", "configural", "partial metric", "metric", "partial scalar", "scalar")
"""How far equality holds, from none to enough for comparing means."""


class CutOff(NamedTuple):
    """By how much a step may worsen the fit: CFI must not fall so much together with one of the others rising."""

    cfi: float
    rmsea: float
    srmr: float


CUT_OFFS = {
    ("metric", False): CutOff(0.010, 0.015, 0.030),
    ("metric", True): CutOff(0.005, 0.010, 0.025),
    ("scalar", False): CutOff(0.010, 0.015, 0.010),
    ("scalar", True): CutOff(0.005, 0.010, 0.005),
}
"""Chen 2007, *Structural Equation Modeling* 14(3), by step and whether a group is small."""


@dataclass
class Step:
    """One step of the ladder: its fit, what it frees, how it compares with the step before, and whether it holds."""

    name: str
    fit: FactorFit | None
    freed: list[str] = field(default_factory=list)
    changes: dict[str, float] = field(default_factory=dict)
    holds: bool = False
    reason: str = ""


def look_up_fit(fit: FactorFit, name: str, *, robust: bool = True) -> float:
    """Give CFI, RMSEA or SRMR, the robust one where there is one; a saturated model has an RMSEA of 0."""
    if name == "rmsea" and fit.indices["df"] == 0:
        return 0.0
    value = fit.indices.get(f"{name}_robust", np.nan) if robust else np.nan
    return float(fit.indices[name] if np.isnan(value) else value)


def find_change(fit: FactorFit, before: FactorFit, name: str) -> float:
    """Subtract an index of the step before, both of them robust or neither."""
    robust = all(
        each.indices["df"] == 0 or np.isfinite(each.indices.get(f"{name}_robust", np.nan)) for each in (fit, before)
    )
    return look_up_fit(fit, name, robust=robust) - look_up_fit(before, name, robust=robust)


def judge_step(changes: Mapping[str, float], step: str, *, small: bool) -> bool:
    """Say whether a step holds: it does not if CFI falls to the cut-off together with RMSEA or SRMR rising to theirs.

    Examples
    --------
    >>> judge_step({"cfi": -0.012, "rmsea": 0.001, "srmr": 0.031}, "metric", small=False)
    False
    >>> judge_step({"cfi": -0.012, "rmsea": 0.001, "srmr": 0.009}, "scalar", small=False)
    True
    """
    bound = CUT_OFFS[step, small]
    falls = changes["cfi"] <= -bound.cfi
    return not (falls and (changes["rmsea"] >= bound.rmsea or changes["srmr"] >= bound.srmr))


def compare_loadings(fit: FactorFit) -> float:
    r"""Tucker's coefficient of congruence of the standardized loadings, the lowest of all pairs of groups.

    :math:`\phi = \sum_i a_i b_i / \sqrt{\sum_i a_i^2 \sum_i b_i^2}` (Tucker 1951); from .95 on the factors are the same
    (Lorenzo-Seva & ten Berge 2006, *Methodology* 2(2)).
    """
    loadings = [fit.loadings(group).iloc[:, 0].to_numpy(dtype=float) for group in range(len(fit.groups))]
    return min(float(a @ b / np.sqrt((a @ a) * (b @ b))) for a, b in combinations(loadings, 2))


def climb_ladder(
    moments: Sequence[Moments],
    items: Sequence[str],
    *,
    robust: str = "mlr",
    most_freed: int | None = None,
    given: Mapping[str, Sequence[str]] | None = None,
    small: bool | None = None,
) -> list[Step]:
    r"""Test one factor in several groups: configural, metric, scalar, and partial where a step does not hold.

    Configural: the same items load (acceptable with CFI from .90 and SRMR up to .08; RMSEA is shown, not judged, as it
    misleads with few degrees of freedom: Kenny, Kaniskan & McCoach 2015, *Sociological Methods & Research* 44(3)).
    Metric: loadings equal. Scalar: loadings and intercepts equal. If one does not hold, the item whose freedom lowers
    χ² most is freed, and the next, at most half of the items (Byrne, Shavelson & Muthén 1989, *Psychological Bulletin*
    105(3)); an item whose loading is free keeps a free intercept.

    Parameters
    ----------
    moments
        As of `gather_moments`, one group each; clustered where a firm answers in several groups.
    robust
        The correction of χ², CFI and RMSEA; see `factor_models.ROBUST`.
    most_freed
        At most so many items are freed; half of them if None.
    given
        Step → items that are free from the start, when a ladder is climbed again on other rows; no others are freed.
    small
        Whether the stricter cut-offs apply; None: if a group has at most 300 rows.

    Returns
    -------
    list of Step
        In the order tried; the last says how far equality holds.
    """
    names = list(items)
    most = len(names) // 2 if most_freed is None else most_freed
    strict = min(sample.n for sample in moments) <= SMALL if small is None else small

    def fit(step: str, loadings: Sequence[str], intercepts: Sequence[str]) -> FactorFit:
        equal = {"configural": (), "metric": ("loadings",), "scalar": ("loadings", "intercepts")}[step]
        freed = [("loadings", item) for item in loadings] if step != "configural" else []
        freed += [("intercepts", item) for item in dict.fromkeys([*loadings, *intercepts])] if step == "scalar" else []
        return fit_moments(
            moments, names, {"factor": names}, identification="standardized", equal=equal, freed=freed, robust=robust
        )

    try:
        base = Step("configural", fit("configural", (), ()))
    except FitError as error:
        return [Step("configural", None, reason=str(error))]
    assert base.fit is not None
    cfi, srmr = look_up_fit(base.fit, "cfi"), look_up_fit(base.fit, "srmr")
    base.holds = cfi >= ACCEPTABLE["cfi"] and srmr <= ACCEPTABLE["srmr"]
    base.reason = "" if base.holds else "one factor does not fit in all groups"
    if base.fit.warnings:
        base.holds, base.reason = False, base.fit.warnings[0]
    steps = [base]
    freed: dict[str, list[str]] = {"metric": [], "scalar": []}
    while steps[-1].holds and steps[-1].name.removeprefix("partial ") != "scalar":
        step = "metric" if steps[-1].name == "configural" else "scalar"
        before = steps[-1].fit
        assert before is not None
        own = freed[step] = list((given or {}).get(step, []))

        def attempt(more: Sequence[str], step: str = step, before: FactorFit = before) -> Step:
            loadings = [*freed["metric"], *more] if step == "metric" else freed["metric"]
            found = Step("partial " * bool(freed["metric"] or freed["scalar"] or more) + step, None)
            found.freed = list(dict.fromkeys([*freed["metric"], *freed["scalar"], *more]))
            try:
                found.fit = fit(step, loadings, [*freed["scalar"], *more] if step == "scalar" else ())
            except FitError as error:
                found.reason = str(error)
                return found
            found.changes = {name: find_change(found.fit, before, name) for name in JUDGED}
            difference = compare_nested(found.fit, before)
            found.changes |= {"chi2": difference.chi2, "df": difference.df, "p_value": difference.p_value}
            found.holds = judge_step(found.changes, step, small=strict)
            if found.fit.warnings:
                found.holds, found.reason = False, found.fit.warnings[0]
            return found

        steps.append(attempt(()))
        while not steps[-1].holds and given is None:
            taken = set(freed["metric"]) | set(freed["scalar"])
            if len(taken) >= most:
                break
            tried = {item: attempt([item]) for item in names if item not in taken}
            fitted = {item: trial for item, trial in tried.items() if trial.fit is not None}
            if not fitted:
                break
            chosen = min(fitted, key=lambda item: fitted[item].fit.indices["chi2"])
            own.append(chosen)
            steps.append(fitted[chosen])
        if not steps[-1].holds and not steps[-1].reason:
            steps[-1].reason = f"{'loadings' if step == 'metric' else 'intercepts'} differ between the groups"
    return steps


def find_level(steps: Sequence[Step]) -> str:
    """Name the highest step that holds.

    Examples
    --------
    >>> find_level([Step("configural", None, holds=True), Step("metric", None)])
    'configural'
    """
    held = [step.name for step in steps if step.holds]
    return held[-1] if held else "none"


def draw_one_row(clusters: pd.Series, seed: int) -> np.ndarray:
    """Draw one row of each cluster at random; gives the positions, in order.

    Examples
    --------
    >>> draw_one_row(pd.Series(["a", "a", "b"]), 1).tolist()
    [0, 2]
    """
    order = np.random.default_rng(seed).permutation(len(clusters))
    first = ~clusters.iloc[order].duplicated().to_numpy()
    return np.sort(order[first])


def choose_items(items: pd.DataFrame, groups: pd.Series) -> tuple[list[str], list[Any], dict[str, list[Any]]]:
    """Choose the items common to all groups that asked any, those groups, and which of them did not ask an item.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [1, 2, 3], "b": [1, None, 3], "c": [1, None, None]})
    >>> choose_items(table.assign(c=[None, None, 1]), pd.Series([1, 1, 2]))
    (['a', 'b'], [1, 2], {'c': [1]})
    """
    asked = items.notna().groupby(groups).any()
    asked = asked.loc[asked.any(axis=1)]
    lacking = {str(name): asked.index[~asked[name]].tolist() for name in asked if not asked[name].all()}
    return [str(name) for name in items if str(name) not in lacking], asked.index.tolist(), lacking


def examine_invariance(
    items: pd.DataFrame, groups: pd.Series, clusters: pd.Series | None = None, *, robust: str = "mlr", seed: int = 1
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]]]:
    """Test a scale over groups, again on one row of each cluster, and say what follows.

    Parameters
    ----------
    items
        One column an item, recoded. Items that some group did not ask are left out of the comparison.
    groups
        The wave, or a characteristic; rows without one are left out.
    clusters
        The firm. Where it has several rows, tests allow for it, and what they find counts only as far as it holds on
        one row of each firm drawn at random, too, for groups are otherwise not independent. Where the first draw says
        otherwise, five decide by their median.

    Returns
    -------
    verdict : dict
        items (those compared), dropped_items, groups, dropped_groups, level, freed, level_one_row, n, n_smallest,
        congruence, means_comparable, slopes_comparable, consequence, reason.
    steps, means : list of dict
        A row a step and sample; a row a group: factor mean in standard deviations of the first group's factor, with
        its 95 % interval, where level is scalar or partial scalar.
    """
    groups = groups.where(groups.notna())
    names, asked, lacking = choose_items(items, groups)
    verdict: dict[str, Any] = {
        "items": names, "dropped_items": lacking, "groups": asked, "dropped_groups": [], "level": "not tested",
        "freed": [], "level_one_row": "", "n": 0, "n_smallest": 0, "congruence": np.nan,
    }  # fmt: skip
    complete = items[names].notna().all(axis=1) & groups.isin(asked)
    sizes = groups[complete].value_counts()
    kept = [group for group in asked if sizes.get(group, 0) >= FEW]
    verdict["dropped_groups"] = [group for group in asked if group not in kept]
    verdict["groups"] = kept
    rows = complete & groups.isin(kept)
    verdict["n"] = int(rows.sum())
    verdict["n_smallest"] = int(sizes[kept].min()) if kept else 0
    if len(names) < 3:
        found = "no common item" if not names else f"{len(names)} common item{'s' * (len(names) > 1)}"
        return conclude(verdict, f"{found}; to test one factor takes three"), [], []
    if len(kept) < 2:
        return conclude(verdict, f"fewer than two groups with {FEW} complete rows"), [], []
    here, of = items.loc[rows, names].astype("float64"), groups[rows]
    firms = None if clusters is None else clusters[rows]
    repeated = firms is not None and firms.duplicated().any()
    try:
        moments = gather_moments(here, of, firms if repeated else None)
    except FitError as error:
        return conclude(verdict, str(error)), [], []
    steps = climb_ladder(moments, names, robust=robust)
    table = [describe_step(step, "all") for step in steps]
    level = find_level(steps)
    best = next((step for step in reversed(steps) if step.holds), steps[0])
    verdict["freed"] = best.freed if best.holds else []
    if steps[0].fit is not None:
        verdict["congruence"] = compare_loadings(steps[0].fit)
    reason = next((step.reason for step in reversed(steps) if step.reason), "") if level != "scalar" else ""
    if steps[0].fit is None:
        return conclude(verdict, reason), table, []
    if repeated and level != "none":
        assert firms is not None
        # ASSUME the draw breaks the dependence and is no smaller study, so the cut-offs stay those of all rows.
        small = verdict["n_smallest"] <= SMALL
        drawn: list[list[Step]] = []
        while len(drawn) < DRAWS:
            chosen = draw_one_row(firms, seed + len(drawn))
            drawn.append(repeat_ladder(here.iloc[chosen], of.iloc[chosen], names, best, robust, small))
            table += [describe_step(step, f"one row a cluster, draw {len(drawn)}") for step in drawn[-1]]
            if find_level(drawn[0]) == level:
                break
        drawn.sort(key=lambda steps: LEVELS.index(find_level(steps)))
        again = drawn[len(drawn) // 2]
        verdict["level_one_row"] = found_again = find_level(again)
        if LEVELS.index(found_again) < LEVELS.index(level):
            why = next((step.reason for step in reversed(again) if step.reason), "")
            reason = f"{level} on all rows, {found_again} on one row of each firm{f' ({why})' if why else ''}"
            level = found_again
            # Short of equal intercepts, only an item whose loading is free is freed.
            scalar = level.endswith("scalar")
            freed = verdict["freed"] if level.startswith("partial") else []
            verdict["freed"] = [item for item in freed if scalar or is_free(best, "loading", item)]
    verdict["level"] = level
    means = describe_means(best) if level.endswith("scalar") else []
    return conclude(verdict, reason), table, means


def repeat_ladder(
    items: pd.DataFrame, groups: pd.Series, names: Sequence[str], best: Step, robust: str, small: bool
) -> list[Step]:
    """Climb the ladder on other rows, with what was freed before."""
    loadings = [item for item in best.freed if is_free(best, "loading", item)]
    given = {"metric": loadings, "scalar": [item for item in best.freed if item not in loadings]}
    try:
        return climb_ladder(gather_moments(items, groups), names, robust=robust, given=given, small=small)
    except FitError as error:
        return [Step("configural", None, reason=str(error))]


def is_free(step: Step, part: str, item: str) -> bool:
    """Say whether an item's loading or intercept differs between the groups of a fit."""
    assert step.fit is not None
    table = step.fit.parameters
    return bool(table.loc[(table["part"] == part) & (table["item"] == item), "estimate"].nunique() > 1)


def conclude(verdict: dict[str, Any], reason: str) -> dict[str, Any]:
    """Add what follows from the level reached.

    ASSUME a score that holds items which differ between the groups (freed ones), or which only some of them asked, is
    not compared; factor means of the common items may be.
    """
    level, freed = verdict["level"], ", ".join(verdict["freed"])
    consequence = {
        "scalar": "means may be compared",
        "partial scalar": f"factor means may be compared with {freed} freed; the score's means not",
        "metric": "regressions may be pooled, means not compared",
        "partial metric": f"regressions may be pooled with {freed} freed, means not compared",
        "configural": "each group by itself",
        "none": "each group by itself",
        "not tested": "not known",
    }[level]
    changed = [item for item, lacking in verdict["dropped_items"].items() if set(verdict["groups"]) - set(lacking)]
    if level == "scalar" and changed:
        consequence = (
            f"means of the common items may be compared; the score's not, as not all groups asked {', '.join(changed)}"
        )
    return verdict | {
        "means_comparable": level == "scalar" and not changed,
        "slopes_comparable": level.endswith(("scalar", "metric")),
        "consequence": consequence,
        "reason": reason,
    }


def describe_step(step: Step, sample: str) -> dict[str, Any]:
    """Make the row of one step."""
    row: dict[str, Any] = {
        "sample": sample, "step": step.name, "freed": "|".join(step.freed), "holds": step.holds, "reason": step.reason,
    }  # fmt: skip
    row |= {f"{name}_change": step.changes.get(name, np.nan) for name in (*JUDGED, "chi2", "df", "p_value")}
    if step.fit is None:
        return row
    indices = step.fit.indices
    scaled = np.isfinite(indices.get("chi2_scaled", np.nan))
    row |= {name: look_up_fit(step.fit, name) for name in JUDGED}
    return row | {
        "chi2": indices["chi2_scaled"] if scaled else indices["chi2"],
        "df": int(indices["df"]),
        "p_value": indices["p_value_scaled"] if scaled else indices.get("p_value", np.nan),
        "n": sum(step.fit.n_obs),
        "n_smallest": min(step.fit.n_obs),
    }


def describe_means(step: Step) -> list[dict[str, Any]]:
    """List the factor means of a model with equal loadings and intercepts."""
    assert step.fit is not None
    table = step.fit.parameters
    means = table.loc[table["part"] == "factor_mean"]
    return [
        {"group": row["group"], "mean": row["estimate"], "conf_low": row["conf_low"], "conf_high": row["conf_high"]}
        for row in means.to_dict("records")
    ]


MOST_GROUPS = 20
"""A variable with more values does not divide into groups."""


def compare_scales(
    panel: pd.DataFrame, scales: Sequence[Mapping[str, Any]], over: Sequence[str], firm: str, seed: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Test each scale over each grouping variable; see :func:`examine_invariance`.

    Parameters
    ----------
    over
        Variables of the panel, such as ``wave``.
    firm
        The key of the firm, whose rows go together.

    Returns
    -------
    tuple
        verdicts (scale, label, grouping, groups, items, dropped_items, dropped_groups, level, freed, level_one_row, n,
        n_smallest, congruence, means_comparable, slopes_comparable, consequence, reason; lists joined by ``|``), steps
        (scale, grouping, sample, step, …) and factor means (scale, grouping, group, mean, conf_low, conf_high).

    Raises
    ------
    StudyError
        A grouping variable with too many values.
    """
    rows = panel.sort_values([firm, "wave"], kind="stable").reset_index(drop=True)
    verdict_rows: list[dict[str, Any]] = []
    step_rows: list[dict[str, Any]] = []
    mean_rows: list[dict[str, Any]] = []
    for grouping in over:
        values = rows[grouping]
        if values.nunique() > MOST_GROUPS:
            raise StudyError(
                f"config.yaml: invariance: over: '{grouping}' has {values.nunique():,} values in the panel; name a "
                f"variable with at most {MOST_GROUPS}, such as wave"
            )
        groups = code_groups(values)
        for scale in scales:
            place = {"scale": scale["name"], "label": scale.get("label") or scale["name"], "grouping": grouping}
            verdict, own_steps, own_means = examine_invariance(
                rows[list(scale["items"])], groups, rows[firm], seed=seed
            )
            verdict_rows.append(place | {key: join_list(value) for key, value in verdict.items()})
            step_rows += [place | step for step in own_steps]
            mean_rows += [place | mean for mean in own_means]
    verdicts, steps, means = (
        pd.DataFrame(part, columns=None if part else columns).reindex(columns=columns)
        for part, columns in zip((verdict_rows, step_rows, mean_rows), (VERDICT, STEP, MEAN), strict=True)
    )
    return verdicts, steps.round(dict.fromkeys(steps.select_dtypes("float"), 10)), means


def code_groups(values: pd.Series) -> pd.Series:
    """Write groups as their codes; whole numbers as such, so that 10 follows 9.

    Examples
    --------
    >>> code_groups(pd.Series([10.0, 9.0, None])).dropna().tolist(), code_groups(pd.Series(["s", "l"])).tolist()
    ([10, 9], ['s', 'l'])
    """
    codes = as_codes(values).astype(object)
    known = codes.dropna()
    if known.str.fullmatch(r"-?\d+").all():
        return pd.Series([int(code) if code == code else np.nan for code in codes], codes.index, dtype=object)
    return codes


def join_list(value: Any) -> Any:
    """Join a list by bars, a mapping as ``key: values``; other values stay.

    Examples
    --------
    >>> join_list([1, 2]), join_list({"q1": [1]}), join_list(0.5)
    ('1|2', 'q1: 1', 0.5)
    """
    if isinstance(value, dict):
        return "|".join(f"{key}: {', '.join(map(str, part))}" for key, part in value.items())
    return "|".join(map(str, value)) if isinstance(value, list) else value
