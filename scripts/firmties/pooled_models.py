"""Models over imputed sets: their fits, and whatever is computed from each set's fit, pooled by Rubin's rules.

A model is fitted to each completed table. Coefficients, contrasts, predictions and marginal effects are computed in
every set, with that set's rows and coefficients, and pooled by :mod:`firmties.pooling`; what cannot be computed in some
sets is not pooled from the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from firmties.estimation import KEYS, NO_NUMBERS, find_interval, find_p_value

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Fit = Mapping[str, Any]


def count_sets(failed: int, total: int, reason: str) -> str:
    """Say in how many sets something failed, and why in the first of them.

    Examples
    --------
    >>> count_sets(2, 20, "no convergence")
    'in 2 of 20 imputed sets: no convergence'
    """
    return f"in {failed} of {total} imputed sets: {reason}"


def pool_fits(sets: Sequence[Sequence[Fit]]) -> list[dict[str, Any]]:
    """Pool the fits of one model to each imputed set.

    Parameters
    ----------
    sets
        Of each set the entries of :func:`firmties.estimation.fit_model`, or of ``fit_waves``.

    Returns
    -------
    list of dict
        Entries as of ``fit_model``, with ``n_imputations``, the pooled ``params``, their total covariance ``cov``, and
        of each term ``df_terms`` (Barnard and Rubin 1999) and ``fmi`` (fraction of missing information). ``df`` are
        those if nothing were missing. Rows and what was left out are those of the first set; where sets differ in rows,
        ``n_obs_least`` and ``n_obs_most`` say how. A model that fails in some sets, or has other terms there, is
        failed.

    Notes
    -----
    R² is averaged by Fisher's z of its root (Harel 2009), its change is the difference of pooled ones, F of a change is
    D₁ (Li, Raghunathan and Rubin 1991; Reiter 2007) on the classical covariance of the added terms; other figures of
    fit are means over the sets, and information criteria are left out.

    Examples
    --------
    >>> import pandas as pd
    >>> from firmties.estimation import fit_model
    >>> words = pd.DataFrame(columns=["variable", "table", "label", "type", "codes", "reference"])
    >>> model = {"id": "m", "estimator": "ols", "outcomes": ["y"], "formula": "x"}
    >>> tables = [pd.DataFrame({"y": [1.0, 2.0, 4.0, last], "x": [0.0, 1.0, 2.0, 3.0]}) for last in (3.0, 5.0)]
    >>> [pooled] = pool_fits([fit_model(model, table, words) for table in tables])
    >>> [round(value, 3) for value in pooled["params"]], [round(value, 2) for value in pooled["df_terms"]]
    ([1.1, 1.1], [0.84, 0.28])
    """
    by_key = [{_identify(fit): fit for fit in fits} for fits in sets]
    # A wave that has no row in some set has no entry there.
    keys = list(dict.fromkeys(key for fits in by_key for key in fits))
    pooled: list[dict[str, Any]] = []
    for key in keys:
        found = [fits[key] for fits in by_key if key in fits]
        before = pooled[-1] if pooled and _follows(found[0], pooled[-1]) else None
        pooled.append(_pool_fit(found, len(sets), before))
    return pooled


def _identify(fit: Fit) -> tuple[Any, ...]:
    return (*(fit[key] for key in KEYS), fit.get("wave"))


def _follows(fit: Fit, before: Fit) -> bool:
    """Whether a fit is a further block of the same model, outcome and sample."""
    return all(fit[key] == before[key] for key in ("model", "outcome", "sample")) and fit["block"] != before["block"]


def _pool_fit(fits: Sequence[Fit], m: int, before: Fit | None) -> dict[str, Any]:
    import numpy as np

    from firmties.pooling import pool_vectors

    first = fits[0]
    rows = [fit["n_obs"] for fit in fits]
    entry = dict(first) | {"n_imputations": m}
    if len(set(rows)) > 1:
        entry |= {"n_obs_least": min(rows), "n_obs_most": max(rows)}
    failed = [fit["reason"] for fit in fits if fit["status"] == "failed"]
    other = [fit for fit in fits if fit["terms"] != first["terms"]]
    if len(fits) < m:
        failed.append("no row is left")
    elif not failed and other:
        names = sorted(set(first["terms"]).symmetric_difference(other[0]["terms"])) or first["terms"]
        failed = [f"the terms are others than in the first set ({', '.join(names[:4])})"] * len(other)
    if failed:
        return entry | NO_NUMBERS | {"status": "failed", "reason": count_sets(len(failed), m, failed[0])}
    complete = min(np.inf if fit["df"] is None else fit["df"] for fit in fits)
    numbers = pool_vectors([fit["params"] for fit in fits], [fit["cov"] for fit in fits], complete)
    assert numbers.covariance is not None
    entry.pop("added_cov", None)
    return entry | {
        "params": numbers.estimate.tolist(),
        "cov": numbers.covariance.tolist(),
        "df": None if np.isinf(complete) else complete,
        "df_terms": [None if np.isinf(df) else df for df in numbers.df.tolist()],
        "fmi": numbers.missing_information.tolist(),
        "fit": _pool_figures(fits, before),
    }


def _pool_figures(fits: Sequence[Fit], before: Fit | None) -> dict[str, Any]:
    """Pool the figures of fit."""
    import numpy as np

    from firmties.pooling import pool_wald

    each = [fit["fit"] for fit in fits]
    shared = [key for key in each[0] if all(key in figures for figures in each)]

    def average(key: str) -> float | None:
        values = [figures[key] for figures in each]
        return None if any(value is None for value in values) else float(np.mean(values))

    plain = ("pseudo_r_squared", "log_likelihood", "residual_sd", "max_vif")
    pooled: dict[str, Any] = {key: average(key) for key in plain if key in shared}
    pooled["converged"] = all(figures["converged"] for figures in each)
    for key in ("r_squared", "r_squared_adjusted"):
        if key in shared:
            values = np.array([figures[key] for figures in each])
            # Fisher's z needs a root; an adjusted R² may fall below 0.
            is_root = ((values >= 0) & (values < 1)).all()
            pooled[key] = float(np.tanh(np.arctanh(np.sqrt(values)).mean()) ** 2 if is_root else values.mean())
    if "r_squared_change" in shared:
        earlier = 0.0 if before is None else before["fit"].get("r_squared", np.nan)
        pooled["r_squared_change"] = pooled["r_squared"] - earlier
    if all(fit.get("added_cov") for fit in fits) and all(figures.get("f_df2") for figures in each):
        places = [fits[0]["terms"].index(term) for term in fits[0]["added"]]
        joint = pool_wald(
            [[fit["params"][at] for at in places] for fit in fits],
            [fit["added_cov"] for fit in fits],
            min(figures["f_df2"] for figures in each),
        )
        pooled |= {"f_change": joint.statistic, "f_df1": joint.df1, "f_df2": joint.df2, "f_p_value": joint.p_value}
    return pooled


# --- tables of numbers with standard errors ---------------------------------------------------------------------------


def pool_rows(
    tables: Iterable[pd.DataFrame], keys: Sequence[str], averaged: Sequence[str] = ()
) -> tuple[pd.DataFrame, dict[tuple[Any, ...], int]]:
    """Pool tables of estimates, one an imputed set, row by row.

    Parameters
    ----------
    tables
        Of each set a table with ``estimate``, ``std_error`` and perhaps ``df`` (missing: normal reference). They are
        read one by one.
    keys
        Columns that say which rows belong together.
    averaged
        Further columns of numbers, averaged over the sets; other columns are those of the first set.

    Returns
    -------
    tuple
        The rows that every set has, in the order of the first one, with estimate, std_error, df (Barnard and Rubin),
        conf_low, conf_high (95 %), p_value (two-sided) and fmi; and of rows that some sets lack, in how many sets they
        are, by their keys.

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.DataFrame({"term": ["a", "b"], "estimate": [1.0, 2.0], "std_error": [0.5, 0.5], "df": [30, 30]})
    >>> pooled, lost = pool_rows([one, one.assign(estimate=[1.4, 2.0])], ["term"])
    >>> pooled[["term", "estimate", "std_error", "df", "fmi"]].round(3).values.tolist()
    [['a', 1.2, 0.608, 6.341, 0.469], ['b', 2.0, 0.5, 30.0, 0.0]]
    """
    import numpy as np
    import pandas as pd

    from firmties.pooling import pool_numbers

    sets = [table.reset_index(drop=True) for table in tables]
    m, first = len(sets), sets[0]

    def list_keys(table: pd.DataFrame) -> list[tuple[Any, ...]]:
        plain = table[list(keys)].astype("object")
        return list(plain.where(plain.notna(), "").itertuples(index=False, name=None))

    known = [table[["estimate", "std_error"]].notna().all(axis=1).tolist() for table in sets]
    places = [
        {key: at for at, key in enumerate(list_keys(table)) if has[at]} for table, has in zip(sets, known, strict=True)
    ]
    counts: dict[tuple[Any, ...], int] = {}
    for found in places:
        for key in found:
            counts[key] = counts.get(key, 0) + 1
    shared = [key for key in places[0] if counts[key] == m]
    lost = {key: number for key, number in counts.items() if number < m}
    pooled = first.loc[[places[0][key] for key in shared]].reset_index(drop=True)
    if not shared:
        return pooled.assign(fmi=pd.Series(dtype=float)), lost

    def stack(column: str, absent: float = np.nan) -> np.ndarray:
        return np.array(
            [
                table[column].astype(float).fillna(absent).to_numpy()[[place[key] for key in shared]]
                if column in table
                else np.full(len(shared), absent)
                for table, place in zip(sets, places, strict=True)
            ]
        )

    complete = stack("df", np.inf).min(axis=0)
    numbers = pool_numbers(stack("estimate"), stack("std_error") ** 2, complete)
    dfs = [None if np.isinf(df) else float(df) for df in numbers.df]
    bounds = [find_interval(*row) for row in zip(numbers.estimate, numbers.std_error, dfs, strict=True)]
    p_values = [
        find_p_value(estimate / error, df) if error > 0 else np.nan
        for estimate, error, df in zip(numbers.estimate, numbers.std_error, dfs, strict=True)
    ]
    return pooled.assign(
        **{name: stack(name).mean(axis=0) for name in averaged},
        estimate=numbers.estimate,
        std_error=numbers.std_error,
        df=np.array([np.nan if df is None else df for df in dfs]),
        conf_low=[low for low, _ in bounds],
        conf_high=[high for _, high in bounds],
        p_value=p_values,
        fmi=numbers.missing_information,
    ), lost
