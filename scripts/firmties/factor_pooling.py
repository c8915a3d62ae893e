"""Factor models and reliabilities pooled over imputed data sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2 as chi_squared
from scipy.stats import f as f_distribution

from firmties.factor_models import FactorFit, find_incremental, find_rmsea, find_srmr
from firmties.pooling import pool_numbers


@dataclass(frozen=True)
class PooledChiSquare:
    """D₂ on ``df1`` and ``df2`` degrees of freedom, its p, the average relative increase in variance r, and k·D₂."""

    statistic: float
    df1: int
    df2: float
    p_value: float
    increase: float

    @property
    def chi2(self) -> float:
        """K times D₂, to which a χ² of k degrees of freedom is the reference with infinitely many sets."""
        return self.statistic * self.df1


def pool_chi_squares(values: Sequence[float], df: int) -> PooledChiSquare:
    r"""Pool the χ² statistics of m imputed sets by D₂, which needs nothing but them.

    :math:`r = (1 + 1/m)\,\mathrm{var}(\sqrt{w})`, :math:`D_2 = [\bar w/k - r(m+1)/(m-1)]/(1+r)`, on k and
    :math:`k^{-3/m}(m-1)(1+1/r)^2` degrees of freedom (Li, Meng, Raghunathan & Rubin 1991, *Statistica Sinica* 1). It
    is less exact than D₁ or D₃: with few sets its p may be off by a factor of two.

    Parameters
    ----------
    values, df
        χ² of at least two sets, none missing, and their degrees of freedom k.

    Examples
    --------
    >>> found = pool_chi_squares([10.0, 12.0, 9.0], 4)
    >>> round(found.statistic, 4), round(found.df2, 1), round(found.increase, 4)
    (2.2677, 105.4, 0.074)
    """
    w = np.asarray(values, float)
    m, k = len(w), df
    if m < 2 or not np.isfinite(w).all() or k < 1:
        raise ValueError("χ² of at least two imputed sets, none of them missing, and at least one degree of freedom")
    r = (1 + 1 / m) * np.sqrt(np.clip(w, 0, None)).var(ddof=1)
    statistic = max((w.mean() / k - (m + 1) / (m - 1) * r) / (1 + r), 0.0)
    if r == 0:
        return PooledChiSquare(float(statistic), k, np.inf, float(chi_squared.sf(k * statistic, k)), 0.0)
    df2 = k ** (-3 / m) * (m - 1) * (1 + 1 / r) ** 2
    return PooledChiSquare(float(statistic), k, float(df2), float(f_distribution.sf(statistic, k, df2)), float(r))


@dataclass(frozen=True)
class PooledFactorFit:
    """A factor model pooled over imputed sets.

    ``parameters`` has the columns of a fit's with ``df`` and ``missing_information``; ``indices`` those of a fit but
    for log_likelihood, aic and bic, which do not pool, and ``p_value`` is that of D₂'s F distribution. ``warnings``
    says what the sets' fits warned of, and in how many sets.
    """

    parameters: pd.DataFrame
    indices: dict[str, float]
    n_obs: list[int]
    n_imputations: int
    warnings: list[str]


def pool_factor_fits(fits: Sequence[FactorFit], level: float = 0.95) -> PooledFactorFit:
    """Pool the fits of one factor model to imputed sets of the same rows.

    Parameters (raw and standardized) are pooled by Rubin's rules with Barnard's and Rubin's degrees of freedom; χ² of
    model and baseline by D₂. CFI, TLI and RMSEA come from k·D₂ of both, the scaling factors from their means, as in
    semTools; SRMR from the mean of the sets' moments and the moments that the pooled parameters imply.

    Raises
    ------
    ValueError
        For fewer than two fits, or fits of different models or rows.
    """
    from scipy.stats import t as t_distribution

    if len(fits) < 2:
        raise ValueError("fits of at least two imputed sets are needed to pool them")
    first = fits[0]
    if any(fit.names != first.names or fit.n_obs != first.n_obs or fit.robust != first.robust for fit in fits):
        raise ValueError("fits to pool must be of one model, fitted to the same rows")
    table = first.parameters.copy()
    table["df"] = table["missing_information"] = np.nan
    for value, error in (("standardized", "standardized_std_error"), ("estimate", "std_error")):
        estimates = np.array([fit.parameters[value] for fit in fits], float)
        errors = np.array([fit.parameters[error] for fit in fits], float)
        table[value] = estimates.mean(axis=0)
        known = np.isfinite(errors).all(axis=0)
        pooled = pool_numbers(estimates[:, known], errors[:, known] ** 2)
        table.loc[known, error] = pooled.std_error
        table.loc[known, ["df", "missing_information"]] = np.column_stack([pooled.df, pooled.missing_information])
    free = table["std_error"].notna()
    reach = t_distribution.ppf(0.5 + level / 2, table["df"]) * table["std_error"]
    table["z"] = table["estimate"] / table["std_error"]
    table["p_value"] = np.where(free, 2 * t_distribution.sf(table["z"].abs(), table["df"]), np.nan)
    table["conf_low"], table["conf_high"] = table["estimate"] - reach, table["estimate"] + reach
    return PooledFactorFit(table, pool_indices(fits), first.n_obs, len(fits), count_warnings(fits))


def pool_indices(fits: Sequence[FactorFit]) -> dict[str, float]:
    """Test and fit indices of pooled fits; see :func:`pool_factor_fits`."""
    first = fits[0]
    df, baseline_df = int(first.indices["df"]), int(first.indices["baseline_df"])
    n, groups = sum(first.n_obs), len(first.groups)
    params = np.mean([fit.params for fit in fits], axis=0)
    moments = [
        replace(
            sample,
            mean=np.mean([fit.moments[at].mean for fit in fits], axis=0),
            covariance=np.mean([fit.moments[at].covariance for fit in fits], axis=0),
        )
        for at, sample in enumerate(first.moments)
    ]
    found: dict[str, float] = {
        "df": df,
        "baseline_df": baseline_df,
        "n_parameters": first.indices["n_parameters"],
        "srmr": find_srmr(first.structure, params, moments, means=first.means),
    }
    if not df:
        return found | {"chi2": 0.0, "p_value": np.nan, "cfi": 1.0}
    test = pool_chi_squares([fit.indices["chi2"] for fit in fits], df)
    baseline = pool_chi_squares([fit.indices["baseline_chi2"] for fit in fits], baseline_df)
    cfi, tli = find_incremental(test.chi2, df, baseline.chi2, baseline_df)
    found |= {"chi2": test.chi2, "p_value": test.p_value, "df2": test.df2, "increase": test.increase}
    found |= {"baseline_chi2": baseline.chi2, "cfi": cfi, "tli": tli, **find_rmsea(test.chi2, df, n, groups)}
    if first.robust != "none":
        c, baseline_c = (
            float(np.mean([fit.indices[name] for fit in fits])) for name in ("scaling", "baseline_scaling")
        )
        cfi, tli = find_incremental(test.chi2, df, baseline.chi2, baseline_df, c, baseline_c)
        scaled = test.chi2 / c if c > 0 else np.nan
        found |= {"scaling": c, "baseline_scaling": baseline_c, "chi2_scaled": scaled}
        found |= {"p_value_scaled": float(chi_squared.sf(scaled, df)), "cfi_robust": cfi, "tli_robust": tli}
        robust = find_rmsea(test.chi2, df, n, groups, c)
        found |= {f"{name}_robust": value for name, value in robust.items()}
    return found


def count_warnings(fits: Sequence[FactorFit]) -> list[str]:
    """Say what fits warned of, without its size, and in how many."""
    counted = pd.Series([text.split(":")[0] for fit in fits for text in dict.fromkeys(fit.warnings)], dtype=str)
    return [f"{text} (in {n} of {len(fits)} imputed sets)" for text, n in counted.value_counts(sort=False).items()]


def pool_reliabilities(values: Sequence[float], errors: Sequence[float], level: float = 0.95) -> dict[str, Any]:
    r"""Pool reliabilities (alpha, omega) of imputed sets on the scale of log(1 − ρ), where they are nearly normal.

    The error of :math:`\log(1-\rho)` is that of ρ over 1 − ρ (Bonett 2002); the bounds are turned back.

    Parameters
    ----------
    values, errors
        Reliability and its standard error, a set each; missing where there was none.

    Returns
    -------
    dict
        estimate, conf_low, conf_high, missing_information; missing if any set has none, or with fewer than two sets.

    Examples
    --------
    >>> found = pool_reliabilities([0.80, 0.82, 0.81], [0.02, 0.02, 0.02])
    >>> [round(found[name], 3) for name in ("estimate", "conf_low", "conf_high")]
    [0.81, 0.757, 0.852]
    """
    from scipy.stats import t as t_distribution

    rho, error = np.asarray(values, float), np.asarray(errors, float)
    names = ("estimate", "conf_low", "conf_high", "missing_information")
    if len(rho) < 2 or not (np.isfinite(rho).all() and np.isfinite(error).all()) or (rho >= 1).any():
        return dict.fromkeys(names, np.nan)
    pooled = pool_numbers(np.log(1 - rho), (error / (1 - rho)) ** 2)
    reach = float(t_distribution.ppf(0.5 + level / 2, pooled.df)) * float(pooled.std_error)
    centre = float(pooled.estimate)
    bounds = [float(1 - np.exp(centre + shift)) for shift in (0.0, reach, -reach)]
    return dict(zip(names, [*bounds, float(pooled.missing_information)], strict=True))


def find_alpha_error(alpha: float, n: int, k: int) -> float:
    r"""Large-sample standard error of alpha, :math:`(1-\alpha)\sqrt{2k/((k-1)(n-2))}` (Bonett 2002), parallel items.

    Examples
    --------
    >>> round(find_alpha_error(0.8, 102, 4), 4)
    0.0327
    """
    return float((1 - alpha) * np.sqrt(2 * k / ((k - 1) * (n - 2)))) if n > 2 and k > 1 else np.nan
