"""Factors that let those who responded stand for those who did not, in classes of similar propensity."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmties.errors import StudyError
from firmties.formulas import as_codes

MISSING = "missing"
"""The category of a missing value where it is one."""
DIGITS = 10
"""Decimals to which propensities are told apart: rows of one pattern must fall into one class on every machine."""


def adjust_response(
    cells: pd.DataFrame,
    responded: NDArray[np.bool_],
    weights: NDArray[np.float64],
    classes: int,
    where: str,
    key: str,
) -> NDArray[np.float64]:
    """Find the factor that lets those who responded stand for all of their class of similar propensity.

    Parameters
    ----------
    cells : (n, variables)
        Categories; without variables there is one class.
    responded : (n,)
    weights : (n,)
        Those before the adjustment.
    classes
        Number of classes of (about) equal numbers of rows; equal propensities stay together.
    where, key
        The wave, and the key of the configuration, for messages.

    Returns
    -------
    factor : (n,)
        1 or more.

    Examples
    --------
    >>> cells = pd.DataFrame({"size": ["s", "s", "l", "l"]})
    >>> adjust_response(cells, np.array([True, False, True, True]), np.ones(4), 1, "wave 1", "response").round(3)
    array([1.333, 1.333, 1.333, 1.333])
    """
    if not responded.any():
        raise StudyError(
            f"{where}: weights: {key}: none of {len(responded)} firms remains; name the wave in weights: omit"
        )
    if cells.shape[1] == 0 or responded.all() or classes == 1:
        group = np.zeros(len(responded), dtype=np.int64)
    else:
        propensity = fit_propensity(cells, responded, where, key).round(DIGITS)
        bounds = np.quantile(propensity, np.arange(1, classes) / classes, method="inverted_cdf")
        group = np.unique(np.searchsorted(bounds, propensity, side="left"), return_inverse=True)[1]
    whole = np.bincount(group, weights=weights)
    kept = np.bincount(group, weights=weights * responded)
    if (kept == 0).any():
        at = int(np.flatnonzero(kept == 0)[0])
        raise StudyError(
            f"{where}: weights: {key}: none of the {int((group == at).sum())} firms in class {at + 1} of {len(whole)} "
            "of similar propensity remains; lower weights: classes, or take fewer variables"
        )
    factor: NDArray[np.float64] = (whole / kept)[group]
    return factor


def fit_propensity(cells: pd.DataFrame, responded: NDArray[np.bool_], where: str, key: str) -> NDArray[np.float64]:
    """Fit the logit of responding on categories, without products, and give each row its probability.

    Not weighted: the variables of the design stand among the categories (Little & Vartivarian 2003, *Statistics in
    Medicine* 22(9)).

    Raises
    ------
    StudyError
        If all or none of a category responded, or the categories separate together: there is no finite estimate.

    Examples
    --------
    >>> cells = pd.DataFrame({"size": list("aaaabbbb")})
    >>> fit_propensity(cells, np.array([1, 0, 0, 0, 1, 1, 1, 0], dtype=bool), "wave 1", "response").round(3).tolist()
    [0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75]
    """
    from scipy.special import expit

    cells = cells.fillna(MISSING)
    problems = []
    for name in cells:
        counts = pd.DataFrame({"n": 1, "yes": responded}).groupby(cells[name].to_numpy(), sort=True).sum()
        if len(counts) == 1:
            continue
        for value, (n, yes) in counts.iterrows():
            if yes in (0, n):
                problems.append(
                    f"{where}: weights: {key}: {name} = {value}: {yes:.0f} of {n:.0f} firms "
                    f"{'stayed' if key == 'retention' else 'answered'}, so the model of it separates; join the "
                    f"category with another (weights: collapse: {{variable: {name}, join: [{value}], into: …}}), or "
                    "take the variable out"
                )
    if problems:
        raise StudyError(problems)
    # Rows of one pattern are one case: the fit does not depend on the rows' order, and takes no longer for more rows.
    pattern = cells.groupby(list(cells), sort=True).ngroup().to_numpy()
    first = np.unique(pattern, return_index=True)[1]
    dummies = pd.get_dummies(cells.iloc[first], drop_first=True, dtype=float).to_numpy()
    total = np.bincount(pattern).astype(float)
    yes = np.bincount(pattern, weights=responded)
    x = np.column_stack([np.ones(len(first)), dummies])
    slopes = np.zeros(x.shape[1])
    for _step in range(50):
        fitted = expit(x @ slopes)
        information = x.T @ ((total * fitted * (1 - fitted))[:, None] * x)
        # Of variables that say the same, any split of their effect gives the same propensity.
        step = np.linalg.lstsq(information, x.T @ (yes - total * fitted), rcond=1e-12)[0]
        slopes = slopes + step
        if np.abs(step).max() < 1e-10:
            break
    fitted = expit(x @ slopes)
    if not (np.abs(step).max() < 1e-10 and ((fitted > 1e-6) & (fitted < 1 - 1e-6)).all()):
        raise StudyError(
            f"{where}: weights: {key}: {', '.join(map(str, cells))} together tell without exception who remains among "
            "some firms, so the model separates; take a variable out, or join categories (weights: collapse)"
        )
    propensity: NDArray[np.float64] = fitted[pattern]
    return propensity


def cut_numbers(values: pd.Series, classes: int) -> pd.Series:
    """Make categories of a variable: codes stay, numbers of more values than classes go into classes of equal size.

    Examples
    --------
    >>> cut_numbers(pd.Series([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, None]), 3).tolist()
    ['class 1', 'class 1', 'class 2', 'class 2', 'class 3', 'class 3', 'class 2']
    """
    if pd.api.types.is_bool_dtype(values) or not pd.api.types.is_numeric_dtype(values) or values.nunique() <= classes:
        cells = as_codes(values)
    else:
        plain = values.astype("Float64").astype("float64")
        bounds = np.unique(np.quantile(plain.dropna(), np.arange(1, classes) / classes, method="inverted_cdf"))
        cells = pd.Series(
            [f"class {at + 1}" for at in np.searchsorted(bounds, plain.fillna(plain.median()), side="left")],
            index=values.index,
        )
    # ASSUME the few who did not answer stay as those in the middle, or of the commonest category, do: a category of
    # their own would often hold one or two firms, who all stayed or all left.
    common = cells.mode()
    return cells.fillna(common.iloc[0] if len(common) else MISSING)
