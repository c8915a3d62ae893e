"""Reliability of scales, and what factors a set of items suggests.

Everything is computed from the rows without a gap. Values agree with psych 2.2.9 and semTools 0.5-6 on the same rows;
psych prints its alphas of the data set ``bfi`` from pairwise covariances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2 as chi_squared
from scipy.stats import f as f_distribution
from scipy.stats import norm

from firmties.estimators import FitError
from firmties.factor_models import (
    build_structure,
    find_robustness,
    gather_moments,
    list_warnings,
    minimize,
    orient,
)

ENTER, DROP = 0.70, 0.60
LEAST = 30
"""Fewest complete rows on which a scale is judged.

ASSUME with fewer, the interval of alpha is so wide that it cannot tell .60 from .70.
"""
VERDICTS = {
    "used": "used",
    "weak": "used with caution",
    "kept": "kept in spite of the gate",
    "left out": "left out of models",
    "not judged": "not judged",
}
OMEGA = (
    "ω: McDonald's omega total of the one-factor model by maximum likelihood, the squared sum of the loadings over the "
    "variance of the sum score that the model implies"
)


def keep_complete(items: pd.DataFrame) -> pd.DataFrame:
    """Keep the rows without a gap, as numbers."""
    return items.dropna().astype("float64")


# --- one scale -------------------------------------------------------------------------------------------------------


def compute_alpha(items: pd.DataFrame, level: float = 0.95) -> tuple[float, float, float]:
    r"""Compute Cronbach's alpha with Feldt's interval, over the rows without a gap.

    :math:`\alpha = k/(k-1)\,(1 - \sum_i s_i^2 / s_T^2)`; the bounds are :math:`1 - (1-\alpha) F_{1-a/2}` and
    :math:`1 - (1-\alpha) F_{a/2}` with :math:`n-1` and :math:`(n-1)(k-1)` degrees of freedom (Feldt, Woodruff &
    Salih 1987, *Applied Psychological Measurement* 11(1)). pingouin rounds the bounds to three decimals and counts rows
    with a gap in the degrees of freedom.

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
    >>> round(alpha, 4), round(low, 4), round(high, 4)
    (0.9123, 0.4212, 0.994)
    """
    n, k = int(items.notna().all(axis=1).sum()), items.shape[1]
    alpha = find_alpha(find_covariance(items))
    if np.isnan(alpha):
        return (np.nan, np.nan, np.nan)
    tails = f_distribution.ppf([0.5 + level / 2, 0.5 - level / 2], n - 1, (n - 1) * (k - 1))
    low, high = 1 - (1 - alpha) * tails
    return float(alpha), float(low), float(high)


def find_alpha_without(items: pd.DataFrame) -> pd.Series:
    """Compute alpha of the other items for each item, over the rows without a gap in any; missing for two items.

    Examples
    --------
    >>> find_alpha_without(pd.DataFrame({"a": [1, 2, 3, 4], "b": [1, 3, 2, 4], "c": [2, 2, 4, 5]})).round(3).tolist()
    [0.747, 0.967, 0.889]
    """
    covariance = find_covariance(items)
    k = len(covariance)
    kept = [np.delete(np.arange(k), at) for at in range(k)] if k > 2 else []
    found = [find_alpha(covariance[np.ix_(others, others)]) for others in kept]
    return pd.Series(found or np.nan, index=items.columns, dtype=float)


def correlate_items_with_rest(items: pd.DataFrame) -> pd.Series:
    """Correlate each item with the sum of the others, over the rows without a gap.

    Examples
    --------
    >>> table = pd.DataFrame({"a": [1, 2, 3, 4], "b": [1, 3, 2, 4], "c": [2, 2, 4, 5]})
    >>> correlate_items_with_rest(table).round(3).tolist()
    [0.981, 0.703, 0.816]
    """
    covariance = find_covariance(items)
    own, with_all = np.diag(covariance), covariance.sum(axis=1)
    rest = covariance.sum() - 2 * with_all + own
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.where((own > 0) & (rest > 0), (with_all - own) / np.sqrt(own * rest), np.nan)
    return pd.Series(found, index=items.columns, dtype=float)


def find_covariance(items: pd.DataFrame) -> np.ndarray:
    """Covariance of the rows without a gap; missing with fewer than three of them."""
    complete = keep_complete(items).to_numpy()
    k = complete.shape[1]
    return np.cov(complete, rowvar=False).reshape(k, k) if len(complete) > 2 else np.full((k, k), np.nan)


def find_alpha(covariance: np.ndarray) -> float:
    """Alpha of a covariance matrix; missing for one item or without variance of the sum."""
    k, total = len(covariance), covariance.sum()
    return (
        float(k / (k - 1) * (1 - np.trace(covariance) / total))
        if k > 1 and total > 1e-12 * np.trace(covariance)
        else np.nan
    )


def find_mean_correlation(items: pd.DataFrame) -> float:
    """Average the correlations between different items, over the rows without a gap.

    Examples
    --------
    >>> round(find_mean_correlation(pd.DataFrame({"a": [1, 2, 3, 4], "b": [1, 3, 2, 4], "c": [2, 2, 4, 5]})), 4)
    0.7831
    """
    covariance = find_covariance(items)
    scale = np.sqrt(np.diag(covariance))
    if len(scale) < 2 or not (scale > 0).all():
        return np.nan
    correlations = covariance / np.outer(scale, scale)
    return float(correlations[np.tril_indices(len(scale), -1)].mean())


@dataclass(frozen=True)
class Congeneric:
    """What the one-factor model says of a scale; missing with a ``reason`` where there is no model."""

    omega: float
    std_error: float
    conf_low: float
    conf_high: float
    ave: float
    composite: float
    loadings: dict[str, float]
    reason: str = ""


def fit_congeneric(items: pd.DataFrame, level: float = 0.95) -> Congeneric:
    r"""Fit one factor to the items of a scale: omega, average variance extracted, composite reliability.

    :math:`\omega = (\sum\lambda)^2\psi / [(\sum\lambda)^2\psi + \sum\theta]`, raw loadings and residual variances
    (McDonald 1999, *Test theory*; Raykov 2001): omega total of a scale with one factor, semTools' ``omega``. Its
    standard error is that of the delta method with the sandwich covariance, its interval symmetric. It is neither
    omega hierarchical nor psych's omega total, both of which rest on an exploratory solution of several factors. From
    the **standardized** loadings l: AVE = mean l², CR = (Σl)² / [(Σl)² + Σ(1 − l²)] (Fornell & Larcker 1981).

    Parameters
    ----------
    items
        One column an item, already recoded; at least three. Rows with a gap are left out.

    Returns
    -------
    Congeneric
        Two items do not determine two loadings: there is a reason in place of omega, and AVE and CR hold the loadings
        equal (r and 2r/(1 + r)). Where the data carry no model, or an item's residual variance is negative, there is
        a reason and no number.

    Examples
    --------
    >>> draw = np.random.default_rng(2)
    >>> common = draw.normal(size=400)
    >>> found = fit_congeneric(pd.DataFrame({name: common + draw.normal(size=400) for name in "abcd"}))
    >>> 0.75 < found.omega < 0.85
    True
    >>> fit_congeneric(pd.DataFrame({"a": [1, 2, 3, 4], "b": [1, 3, 2, 4]})).reason
    'one factor needs three items'
    """
    missing = (np.nan,) * 6
    if items.shape[1] < 3:
        r = find_mean_correlation(items)
        equal = find_composite(np.full(2, np.sqrt(r))) if r > 0 else (np.nan, np.nan)
        held = dict.fromkeys(map(str, items), float(np.sqrt(r))) if r > 0 else {}
        return Congeneric(*missing[:4], *equal, held, "one factor needs three items")
    names = [str(name) for name in items]
    try:
        moments = gather_moments(items)
        structure = build_structure(
            names, {"factor": names}, [""], identification="standardized", equal=(), freed=(), correlated=()
        )
        params = orient(structure, minimize(structure, moments, seed=1)[0])
        cov = find_robustness(structure, params, moments, df=0, robust="mlr").cov
    except FitError as error:
        return Congeneric(*missing, {}, str(error))
    loading, _, residual, _, _ = structure.fill(params, 0)
    variances = np.diag(residual)
    standardized = loading[:, 0] / np.sqrt(loading[:, 0] ** 2 + variances)
    loadings = dict(zip(names, standardized.tolist(), strict=True))
    if warnings := list_warnings(structure, params, names, ["factor"], [""]):
        return Congeneric(*missing, loadings, warnings[0])
    common, rest = loading.sum(), variances.sum()
    total = common**2 + rest
    slopes = np.zeros(len(params))
    for entry in structure.entries:
        if entry.part == "loading":
            slopes[entry.at] = 2 * common * rest / total**2
        elif entry.part == "residual":
            slopes[entry.at] = -(common**2) / total**2
    omega, std_error = float(common**2 / total), float(np.sqrt(slopes @ cov @ slopes))
    reach = norm.ppf(0.5 + level / 2) * std_error
    return Congeneric(omega, std_error, omega - reach, omega + reach, *find_composite(standardized), loadings)


def find_composite(loadings: np.ndarray) -> tuple[float, float]:
    """Average variance extracted and composite reliability from standardized loadings.

    Examples
    --------
    >>> find_composite(np.array([0.8, 0.8, 0.8]))
    (0.64, 0.8421052631578948)
    """
    common, rest = loadings.sum() ** 2, (1 - loadings**2).sum()
    return float(round((loadings**2).mean(), 15)), float(common / (common + rest))


# --- a set of items --------------------------------------------------------------------------------------------------


def correlate(items: pd.DataFrame) -> tuple[np.ndarray, int]:
    """Correlations of the rows without a gap and how many rows; refuses items that have none (see `gather_moments`)."""
    (sample,) = gather_moments(items)
    scale = 1 / np.sqrt(np.diag(sample.covariance))
    return sample.covariance * np.outer(scale, scale), sample.n


def find_sampling_adequacy(items: pd.DataFrame) -> tuple[float, pd.Series]:
    r"""Kaiser's, Meyer's and Olkin's measure of sampling adequacy, overall and of each item.

    :math:`\sum r^2 / (\sum r^2 + \sum q^2)` over pairs of different items, q the correlation with all others partialled
    out (Kaiser & Rice 1974).

    Raises
    ------
    FitError
        For items without correlations: constant, unanswered, one determined by others, too few rows.

    Examples
    --------
    >>> draw = np.random.default_rng(2)
    >>> common = draw.normal(size=400)
    >>> items = pd.DataFrame({name: common + draw.normal(size=400) for name in "abcd"})
    >>> round(find_sampling_adequacy(items)[0], 1)
    0.8
    """
    r, _ = correlate(items)
    inverse = np.linalg.inv(r)
    scale = 1 / np.sqrt(np.diag(inverse))
    apart = 1 - np.eye(len(r))
    simple, partial = apart * r**2, apart * (inverse * np.outer(scale, scale)) ** 2
    each = simple.sum(axis=0) / (simple.sum(axis=0) + partial.sum(axis=0))
    return float(simple.sum() / (simple.sum() + partial.sum())), pd.Series(each, index=items.columns)


def test_sphericity(items: pd.DataFrame) -> tuple[float, int, float]:
    r"""Test that no items correlate: χ², degrees of freedom, p (Bartlett 1951).

    :math:`-(n - 1 - (2p + 5)/6)\log|R|` on p(p − 1)/2 degrees of freedom.
    """
    r, n = correlate(items)
    p = len(r)
    statistic = -(n - 1 - (2 * p + 5) / 6) * float(np.linalg.slogdet(r)[1])
    df = p * (p - 1) // 2
    return statistic, df, float(chi_squared.sf(statistic, df))


test_sphericity.__test__ = False  # type: ignore[attr-defined]  # no test for pytest to collect


def compare_with_chance(items: pd.DataFrame, seed: int, draws: int = 500, percentile: float = 95) -> pd.DataFrame:
    """Compare the eigenvalues of the correlations with those of uncorrelated normal items (Horn's parallel analysis).

    Eigenvalues are those of the full correlation matrix (principal components). A component is kept as long as its
    eigenvalue and all before it exceed the percentile of those of drawn tables of the same size (Horn 1965; a
    percentile in place of the mean: Glorfeld 1995).

    Returns
    -------
    DataFrame
        A row a component: eigenvalue, chance (the percentile), kept.

    Examples
    --------
    >>> draw = np.random.default_rng(2)
    >>> common = draw.normal(size=200)
    >>> items = pd.DataFrame({name: common + draw.normal(size=200) for name in "abcd"})
    >>> compare_with_chance(items, seed=1)["kept"].tolist()
    [True, False, False, False]
    """
    r, n = correlate(items)
    p = len(r)
    draw = np.random.default_rng(seed)
    drawn = np.empty((draws, p))
    for at in range(draws):
        drawn[at] = np.linalg.eigvalsh(np.corrcoef(draw.normal(size=(n, p)), rowvar=False))[::-1]
    values = np.linalg.eigvalsh(r)[::-1]
    chance = np.percentile(drawn, percentile, axis=0)
    return pd.DataFrame({"eigenvalue": values, "chance": chance, "kept": np.logical_and.accumulate(values > chance)})


@dataclass(frozen=True)
class Exploration:
    """An exploratory solution: rotated loadings (items × factors), uniqueness, correlations of the factors."""

    loadings: pd.DataFrame
    uniqueness: pd.Series
    correlations: pd.DataFrame
    n: int


def explore_factors(
    items: pd.DataFrame, n_factors: int, *, method: str = "ml", rotation: str = "oblimin"
) -> Exploration:
    """Extract and rotate factors of the correlations by statsmodels.

    Parameters
    ----------
    items
        One column an item; rows with a gap are left out.
    n_factors
        How many.
    method
        ``ml`` (maximum likelihood) or ``pa`` (principal axes).
    rotation
        ``oblimin`` (oblique, γ = 0) or ``varimax``; both without Kaiser's normalization.

    Returns
    -------
    Exploration
        Factors in the order of the variance they explain, each turned so that the sum of its loadings is positive.

    Raises
    ------
    FitError
        No correlations (see `find_sampling_adequacy`), more factors than the items can tell apart, no convergence.

    Examples
    --------
    >>> draw = np.random.default_rng(2)
    >>> one, two = draw.normal(size=(2, 500))
    >>> items = {**{f"a{at}": one + draw.normal(size=500) for at in range(3)}}
    >>> items |= {f"b{at}": two + draw.normal(size=500) for at in range(3)}
    >>> found = explore_factors(pd.DataFrame(items), 2)
    >>> (found.loadings.abs() > 0.5).sum(axis=1).tolist()
    [1, 1, 1, 1, 1, 1]
    """
    from statsmodels.multivariate.factor import Factor

    r, n = correlate(items)
    p = len(r)
    if n_factors < 1 or (p - n_factors) ** 2 < p + n_factors:
        raise FitError(f"{n_factors} factors of {p} items are not identified")
    found = Factor(corr=r, n_factor=n_factors, method=method, smc=True, nobs=n).fit(maxiter=5000)
    uniqueness = np.asarray(found.uniqueness)
    if (uniqueness < 1e-6).any():
        named = [str(name) for name, value in zip(items.columns, uniqueness, strict=True) if value < 1e-6]
        raise FitError(f"{n_factors} factors leave nothing of {', '.join(named)} (a Heywood case)")
    if n_factors > 1:
        found.rotate(rotation)
    loadings = np.asarray(found.loadings)
    t = getattr(found, "rotation_matrix", None)
    phi = np.eye(n_factors) if n_factors == 1 or t is None else t.T @ t
    order = np.argsort(-(loadings @ phi * loadings).sum(axis=0), kind="stable")
    turn = np.where(loadings.sum(axis=0) < 0, -1.0, 1.0)
    loadings, phi = (loadings * turn)[:, order], (phi * np.outer(turn, turn))[np.ix_(order, order)]
    names = [f"factor {at}" for at in range(1, n_factors + 1)]
    return Exploration(
        pd.DataFrame(loadings, index=items.columns, columns=names),
        pd.Series(uniqueness, index=items.columns),
        pd.DataFrame(phi, index=names, columns=names),
        n,
    )


# --- the verdict -----------------------------------------------------------------------------------------------------


def describe_scale(items: pd.DataFrame, level: float = 0.95) -> dict[str, Any]:
    """Say all of one scale: n_complete, alpha and omega with bounds, ave, composite, mean_r, weakest item.

    ``drop_item`` is the item without which alpha is highest, ``drop_alpha`` that alpha, missing with two items.
    """
    alpha, low, high = compute_alpha(items, level)
    model = fit_congeneric(items, level)
    rest = correlate_items_with_rest(items) if items.shape[1] > 1 else pd.Series(dtype=float)
    without = find_alpha_without(items) if items.shape[1] > 2 else pd.Series(dtype=float)
    return {
        "n_complete": len(items.dropna()),
        "alpha": alpha,
        "alpha_low": low,
        "alpha_high": high,
        "omega": model.omega,
        "omega_low": model.conf_low,
        "omega_high": model.conf_high,
        "omega_reason": model.reason,
        "ave": model.ave,
        "composite": model.composite,
        "mean_r": find_mean_correlation(items),
        "rest_min": rest.min(),
        "rest_item": rest.idxmin() if rest.notna().any() else "",
        "drop_alpha": without.max(),
        "drop_item": without.idxmax() if without.notna().any() else "",
    }


def judge_reliability(alpha: float, omega: float, enter: float = ENTER, drop: float = DROP) -> str:
    """Say what the lower of alpha and omega calls for; alpha alone where there is no omega, ``""`` without either.

    Examples
    --------
    >>> judge_reliability(0.72, 0.74), judge_reliability(0.72, 0.69), judge_reliability(0.59, np.nan)
    ('used', 'weak', 'left out')
    """
    if np.isnan(alpha):
        return ""
    lower = min(alpha, omega) if not np.isnan(omega) else alpha
    return "used" if lower >= enter else "weak" if lower >= drop else "left out"


def describe_reliability(alpha: float, omega: float, reason: str = "") -> str:
    """Word alpha and omega, to three decimals.

    Examples
    --------
    >>> describe_reliability(0.5512, 0.5789), describe_reliability(0.699, np.nan, "one factor needs three items")
    ('α 0.551, ω 0.579', 'α 0.699, no ω: one factor needs three items')
    """
    return f"α {alpha:.3f}, " + (f"no ω: {reason}" if np.isnan(omega) else f"ω {omega:.3f}")


def assess_scales(
    panel: pd.DataFrame, scales: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]
) -> pd.DataFrame:
    """Judge every scale by its alpha and omega over waves.

    Rows are those with an answer to every item; each item is taken as a deviation from its mean in the wave, so that a
    shift from one wave to the next does not count as reliability.

    Parameters
    ----------
    panel
        The scored panel, with ``wave`` and the items.
    scales
        name, label and items of each.
    settings
        ``enter`` and ``drop`` (bounds), ``between`` (keep or leave_out), ``waves`` (those judged by; all if absent),
        ``keep`` (scale → why it stays).

    Returns
    -------
    DataFrame
        scale, label, n (complete rows), waves (those they are of), alpha, omega, omega_reason, verdict (used, weak,
        left out, kept, not judged), reason (in words), enter and drop (the bounds).

    Examples
    --------
    >>> draw = np.random.default_rng(1)
    >>> panel = pd.DataFrame(draw.normal(size=(90, 3)), columns=["a", "b", "c"]).assign(wave=1)
    >>> found = assess_scales(panel, [{"name": "s", "label": "S", "items": ["a", "b", "c"]}], {})
    >>> found.loc[0, ["waves", "verdict"]].tolist()
    ['1', 'left out']
    """
    enter, drop = settings.get("enter", ENTER), settings.get("drop", DROP)
    keep = settings.get("keep") or {}
    wanted = settings.get("waves")
    rows = panel if wanted is None else panel.loc[panel["wave"].isin(wanted)]
    found = []
    for scale in scales:
        items = [item for item in scale["items"] if item in rows]
        complete = rows[["wave", *items]].dropna() if len(items) == len(scale["items"]) else rows.iloc[:0]
        answers = complete[items].astype("float64")
        apart = answers - answers.groupby(complete["wave"]).transform("mean") if len(answers) else answers
        entry = {
            "scale": scale["name"],
            "label": scale.get("label", scale["name"]),
            "n": len(answers),
            "waves": "|".join(str(wave) for wave in sorted(complete["wave"].unique())) if len(answers) else "",
        }
        if len(answers) < LEAST:
            words = f"{len(answers)} complete rows; fewer than {LEAST} are not judged"
            found.append(entry | {"verdict": "not judged", "reason": words})
            continue
        alpha, model = compute_alpha(apart)[0], fit_congeneric(apart)
        entry |= {"alpha": alpha, "omega": model.omega, "omega_reason": model.reason}
        if np.isnan(alpha):
            words = "one item" if len(items) == 1 else "its items have no variance"
            found.append(entry | {"verdict": "not judged", "reason": f"{words}, hence no α"})
            continue
        verdict = judge_reliability(alpha, model.omega, enter, drop)
        words = describe_reliability(alpha, model.omega, model.reason)
        if verdict == "weak" and settings.get("between", "keep") == "leave_out":
            verdict = "left out"
        if verdict == "left out" and scale["name"] in keep:
            verdict, words = "kept", f"{words}; kept: {keep[scale['name']]}"
        found.append(entry | {"verdict": verdict, "reason": words})
    columns = ["scale", "label", "n", "waves", "alpha", "omega", "omega_reason", "verdict", "reason"]
    return pd.DataFrame(found, columns=columns).assign(enter=float(enter), drop=float(drop))
