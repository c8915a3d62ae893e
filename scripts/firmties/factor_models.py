r"""Confirmatory factor analysis by maximum likelihood, in one group or several, with robust test statistics.

In group g the items have mean :math:`\mu_g = \nu_g + \Lambda_g\alpha_g` and covariance
:math:`\Sigma_g = \Lambda_g\Psi_g\Lambda_g' + \Theta_g`. What is minimized is

.. math:: \chi^2 = \sum_g n_g\,[\log|\Sigma_g| + \mathrm{tr}(S_g\Sigma_g^{-1}) - \log|S_g| - p
          + (m_g - \mu_g)'\Sigma_g^{-1}(m_g - \mu_g)]

with the mean :math:`m_g` and covariance :math:`S_g` of the sample, divisor :math:`n_g` (Jöreskog 1971, *Psychometrika*
36; Bollen 1989, *Structural Equations with Latent Variables*). Steps are those of Fisher's scoring, near the minimum
those of Newton; the Hessian is the derivative of the exact gradient along an imaginary step, hence exact too. The tests
hold the numbers against lavaan 0.6-14. semopy has no robust test, no SRMR, no interval of RMSEA and no equality over
groups.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import brentq
from scipy.special import chndtr
from scipy.stats import chi2 as chi_squared
from scipy.stats import ncx2, norm

from firmties.errors import StudyError, describe_allowed
from firmties.estimators import FitError, describe_aliased

EQUAL = {"loadings": "loading", "intercepts": "intercept", "residuals": "residual"}
"""What can be held equal over groups, and what one such parameter is called."""
ROBUST = {
    "none": "maximum likelihood, normal theory",
    "mlm": "maximum likelihood, test scaled by Satorra and Bentler, standard errors robust to non-normality",
    "mlr": "maximum likelihood, test scaled by Yuan and Bentler, standard errors by Huber's and White's sandwich",
}
"""The corrections by the names that lavaan and Mplus give them, in words."""
MOST_STEPS = 200
LOOK_EVERY = 10
"""Every so many steps it is looked whether the search runs away from every minimum."""
RUNAWAY = "falls below 0 without end"
DECREMENT = 1e-12
"""The half squared length of the last step in units of standard errors per row, below which the minimum is reached."""
STEP = 1e-30
"""Length of the imaginary step; it can be this small, since nothing is subtracted."""
STEPS_AT_ONCE = 64
"""Imaginary steps taken together; bounds the memory."""


@dataclass(frozen=True)
class Moments:
    """Mean and covariance (divisor n) of one group's items, and where they came from; the label of a sole group is "".

    ``deviations`` holds the rows minus their mean, for robust statistics; None where only moments are known.
    ``clusters`` numbers the cluster of each row over all groups.
    """

    label: Any
    n: int
    mean: np.ndarray
    covariance: np.ndarray
    deviations: np.ndarray | None = None
    clusters: np.ndarray | None = None


@dataclass(frozen=True)
class Entry:
    """One cell of a group's matrices: fixed at ``value``, or the free parameter number ``at`` (-1 if fixed)."""

    part: str
    group: int
    row: int
    column: int
    value: float
    at: int


@dataclass
class FactorFit:
    """A fitted factor model.

    ``params`` and ``cov`` are of the free parameters, in the order of ``names``. ``parameters`` has a row a cell:
    group, part (loading, intercept, residual, factor_covariance, factor_mean), item, factor, free, estimate,
    std_error, z, p_value, conf_low, conf_high, standardized, standardized_std_error. ``indices`` holds chi2, df,
    p_value, baseline_chi2, baseline_df, cfi, tli, rmsea with rmsea_low, rmsea_high (90 %) and rmsea_close (p of RMSEA
    <= .05), srmr, log_likelihood, n_parameters, aic, bic; with a robust correction also scaling (c), chi2_scaled
    (χ²/c), p_value_scaled, baseline_scaling, and cfi, tli and the four of rmsea with the ending ``_robust``.
    ``warnings`` names negative residual variances and factor covariances that are no covariances. ``implied`` and
    ``moments`` are the model's and the sample's means and covariances, group by group.
    """

    items: list[str]
    factors: list[str]
    groups: list[Any]
    n_obs: list[int]
    n_left_out: int
    robust: str
    params: np.ndarray
    names: list[str]
    cov: np.ndarray
    parameters: pd.DataFrame
    indices: dict[str, float]
    implied: list[tuple[np.ndarray, np.ndarray]]
    structure: Structure
    moments: list[Moments]
    means: bool
    n_steps: int
    n_starts: int
    warnings: list[str] = field(default_factory=list)

    def loadings(self, group: int = 0, *, standardized: bool = True) -> pd.DataFrame:
        """Loadings of a group (items × factors), missing where an item does not load on a factor."""
        rows = self.parameters.loc[
            (self.parameters["part"] == "loading") & (self.parameters["group"] == self.groups[group])
        ]
        values = rows.pivot_table(
            index="item", columns="factor", values="standardized" if standardized else "estimate", aggfunc="first"
        )
        return values.reindex(index=self.items, columns=self.factors)

    def factor_correlations(self, group: int = 0) -> pd.DataFrame:
        """Correlations among the factors of a group."""
        rows = self.parameters.loc[
            (self.parameters["part"] == "factor_covariance") & (self.parameters["group"] == self.groups[group])
        ]
        found = pd.DataFrame(np.eye(len(self.factors)), index=self.factors, columns=self.factors)
        for row in rows.itertuples():
            found.loc[row.item, row.factor] = found.loc[row.factor, row.item] = row.standardized
        return found


# --- moments ---------------------------------------------------------------------------------------------------------


def gather_moments(
    items: pd.DataFrame, groups: pd.Series | None = None, clusters: pd.Series | None = None
) -> list[Moments]:
    """Take mean and covariance of the rows without a gap, group by group, in sorted order of the groups.

    Parameters
    ----------
    items
        One column an item, reverse-keyed items recoded. Rows with a gap in any item are left out.
    groups
        Group of each row (a wave, a size class); rows without one are left out.
    clusters
        Cluster of each row, such as the firm that answered in several waves.

    Raises
    ------
    FitError
        For one item, an item without any answer or without variance, too few complete rows, or items of which one is
        determined by others; the message names group and items.
    """
    if text := [str(name) for name, kind in items.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)]:
        raise FitError(f"{', '.join(text)}: answers in words; a factor model needs numbers")
    numbers = items.astype("float64")
    table, names = numbers.to_numpy(), [str(name) for name in numbers]
    if duplicated := sorted(set(numbers.columns[numbers.columns.duplicated()])):
        raise FitError(f"the same item twice: {', '.join(map(str, duplicated))}")
    if np.isinf(table).any():
        wrong = [name for name, column in zip(names, table.T, strict=True) if np.isinf(column).any()]
        raise FitError(f"infinite values in {', '.join(wrong)}")
    if numbers.shape[1] < 2:
        raise FitError(f"one item ({', '.join(names)}): a factor needs at least two")
    codes = pd.factorize(clusters)[0] if clusters is not None else None
    labels: list[Any] = [""] if groups is None else sorted(groups.dropna().unique())
    if not labels:
        raise FitError("no row has a group")
    found = []
    for label in labels:
        here = np.ones(len(numbers), bool) if groups is None else (groups == label).fillna(False).to_numpy(bool)
        where = "" if label == "" else f" in group {label}"
        rows = table[here]
        gaps = np.isnan(rows)
        if empty := [name for name, missing in zip(names, gaps.all(axis=0), strict=True) if missing]:
            raise FitError(f"no answer{where} to {', '.join(empty)}")
        kept = ~gaps.any(axis=1)
        if codes is not None:
            kept = kept & (codes[here] >= 0)
        values = rows[kept]
        n, p = values.shape
        if n <= p:
            raise FitError(f"{n} complete rows{where} for {p} items; their covariance needs more rows than items")
        mean = values.mean(axis=0)
        deviations = values - mean
        covariance = deviations.T @ deviations / n
        check_covariance(covariance, names, where)
        found.append(Moments(label, n, mean, covariance, deviations, None if codes is None else codes[here][kept]))
    return found


def check_covariance(covariance: np.ndarray, names: Sequence[str], where: str = "") -> None:
    """Check that a matrix can be the covariance matrix of items: variances above zero, positive definite.

    Raises
    ------
    FitError
        Names constant items, items that others determine, and the smallest eigenvalue of a matrix that no data have.

    Examples
    --------
    >>> check_covariance(np.array([[1.0, 1.2], [1.2, 1.0]]), ["a", "b"])
    Traceback (most recent call last):
    firmties.estimators.FitError: no covariance matrix: its correlations of a, b have the eigenvalue -0.2
    """
    if not np.isfinite(covariance).all() or not np.allclose(covariance, covariance.T, rtol=1e-8, atol=1e-12):
        raise FitError(f"no covariance matrix{where}: not symmetric, or with missing values")
    variances = np.diag(covariance)
    largest = float(variances.max()) if len(variances) else 0.0
    if constant := [name for name, value in zip(names, variances, strict=True) if not value > 1e-12 * largest]:
        raise FitError(f"constant{where}: {', '.join(constant)}")
    scale = 1 / np.sqrt(variances)
    values, vectors = np.linalg.eigh(covariance * np.outer(scale, scale))
    if values[0] < -1e-10:
        weighty = [name for name, weight in zip(names, vectors[:, 0], strict=True) if abs(weight) > 0.1]
        raise FitError(
            f"no covariance matrix{where}: its correlations of {', '.join(weighty)} have the eigenvalue {values[0]:.3g}"
        )
    if values[0] < 1e-10:
        root = vectors * np.sqrt(np.where(values < 1e-10, 0.0, values))
        named = describe_aliased(root.T, names).removeprefix("rank-deficient design: ")
        raise FitError(f"singular covariance of the items{where}: {named}")


# --- the model's structure -------------------------------------------------------------------------------------------


class Structure:
    """The cells of all groups' matrices and what the model implies with given parameters."""

    def __init__(self, entries: Sequence[Entry], names: Sequence[str], p: int, m: int, n_groups: int) -> None:
        self.entries, self.names, self.p, self.m, self.n_groups = list(entries), list(names), p, m, n_groups
        cells: dict[tuple[int, str], list[Entry]] = {}
        for entry in entries:
            cells.setdefault((entry.group, entry.part), []).append(entry)
        self.arrays = {
            key: (
                np.array([entry.row for entry in found]),
                np.array([entry.column for entry in found]),
                np.array([entry.at for entry in found]),
                np.array([entry.value for entry in found], float),
            )
            for key, found in cells.items()
        }

    def fill(self, params: np.ndarray, group: int) -> tuple[np.ndarray, ...]:
        """Fill Λ, Ψ, Θ, ν, α of a group; of several rows of parameters at once, with the rows in front."""
        shapes = {
            "loading": (self.p, self.m),
            "factor_covariance": (self.m, self.m),
            "residual": (self.p, self.p),
            "intercept": (self.p, 1),
            "factor_mean": (self.m, 1),
        }
        matrices = {part: np.zeros((*params.shape[:-1], *shape), params.dtype) for part, shape in shapes.items()}
        for part, matrix in matrices.items():
            if (group, part) in self.arrays:
                row, column, at, value = self.arrays[group, part]
                cells = np.where(at >= 0, params[..., at], value)
                matrix[..., row, column] = cells
                if part in ("factor_covariance", "residual"):
                    matrix[..., column, row] = cells
        loading, psi, theta, nu, alpha = matrices.values()
        return loading, psi, theta, nu[..., 0], alpha[..., 0]

    def list_own(self, group: int) -> np.ndarray:
        """List the parameters that stand in a group's matrices."""
        own = [at for (where, _), (_, _, at, _) in self.arrays.items() if where == group]
        return np.unique(np.concatenate([at[at >= 0] for at in own]))

    def imply(self, params: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
        """Give the mean and covariance that the model implies in a group."""
        loading, psi, theta, nu, alpha = self.fill(params, group)
        return nu + loading @ alpha, loading @ psi @ loading.T + theta

    def differentiate(self, params: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
        """Differentiate mean (t × p) and covariance (t × p × p) of a group by the t free parameters."""
        loading, psi, _, _, alpha = self.fill(params, group)
        d_mean = np.zeros((len(self.names), self.p), dtype=params.dtype)
        d_covariance = np.zeros((len(self.names), self.p, self.p), dtype=params.dtype)
        spread = psi @ loading.T
        for part in ("loading", "factor_covariance", "residual", "intercept", "factor_mean"):
            if (group, part) not in self.arrays:
                continue
            row, column, at, _ = self.arrays[group, part]
            row, column, at = row[at >= 0], column[at >= 0], at[at >= 0]
            if part == "loading":
                np.add.at(d_covariance, (at, row), spread[column])
                np.add.at(d_covariance.transpose(0, 2, 1), (at, row), spread[column])
                np.add.at(d_mean, (at, row), alpha[column])
            elif part == "factor_covariance":
                product = loading.T[row][:, :, None] * loading.T[column][:, None, :]
                other = (row != column)[:, None, None] * product.transpose(0, 2, 1)
                np.add.at(d_covariance, at, product + other)
            elif part == "residual":
                np.add.at(d_covariance, (at, row, column), 1.0)
                apart = row != column
                np.add.at(d_covariance, (at[apart], column[apart], row[apart]), 1.0)
            elif part == "intercept":
                np.add.at(d_mean, (at, row), 1.0)
            else:
                np.add.at(d_mean, at, loading.T[row])
        return d_mean, d_covariance


def build_structure(
    items: Sequence[str],
    factors: Mapping[str, Sequence[str]],
    groups: Sequence[Any],
    *,
    identification: str,
    equal: Collection[str],
    freed: Collection[tuple[str, str]],
    correlated: Collection[tuple[str, str]],
) -> Structure:
    """Lay out fixed cells and free parameters of a factor model; see :func:`fit_factor_model`."""
    entries: list[Entry] = []
    numbers: dict[tuple[Any, ...], int] = {}
    names: list[str] = []
    listed = list(factors)
    place = {item: at for at, item in enumerate(items)}
    several = len(groups) > 1

    def add(part: str, group: int, row: int, column: int, value: float | None, label: str, shared: bool) -> None:
        at = -1
        if value is None:
            key = (part, row, column, None if shared else group)
            if key not in numbers:
                numbers[key] = len(names)
                names.append(label if shared or not several else f"{label} [{groups[group]}]")
            at = numbers[key]
        entries.append(Entry(part, group, row, column, np.nan if value is None else value, at))

    def is_shared(part: str, item: str) -> bool:
        return several and part in equal and (part, item) not in freed

    for group in range(len(groups)):
        for f, (factor, members) in enumerate(factors.items()):
            marker = next((item for item in members if ("loadings", item) not in freed), members[0])
            for item in members:
                fixed = 1.0 if identification == "marker" and item == marker else None
                shared = is_shared("loadings", item)
                add("loading", group, place[item], f, fixed, f"{factor} -> {item}", shared)
            for g, other in enumerate(listed[: f + 1]):
                unit = f == g and identification == "standardized" and (group == 0 or "loadings" not in equal)
                add("factor_covariance", group, f, g, 1.0 if unit else None, f"{other} ~~ {factor}", False)
            still = group == 0 or "intercepts" not in equal
            add("factor_mean", group, f, 0, 0.0 if still else None, f"{factor} mean", False)
        for item in items:
            at = place[item]
            add("residual", group, at, at, None, f"{item} ~~ {item}", is_shared("residuals", item))
            add("intercept", group, at, 0, None, f"{item} intercept", is_shared("intercepts", item))
        for one, two in correlated:
            add("residual", group, place[two], place[one], None, f"{one} ~~ {two}", False)
    return Structure(entries, names, len(items), len(listed), len(groups))


def build_baseline(p: int, n_groups: int) -> Structure:
    """Lay out the baseline of CFI and TLI: uncorrelated items, means and variances free in every group."""
    entries: list[Entry] = []
    names: list[str] = []
    for group in range(n_groups):
        for item in range(p):
            for part, column in (("residual", item), ("intercept", 0)):
                entries.append(Entry(part, group, item, column, np.nan, len(names)))
                names.append(f"{part} {item} {group}")
    return Structure(entries, names, p, 1, n_groups)


# --- discrepancy, gradient, information ------------------------------------------------------------------------------


def find_discrepancy(structure: Structure, params: np.ndarray, moments: Sequence[Moments]) -> float:
    """Give χ²/N; infinite where an implied covariance is not positive definite."""
    total = 0.0
    for group, sample in enumerate(moments):
        mean, covariance = structure.imply(params, group)
        try:
            root = cholesky(covariance, lower=True)
        except (np.linalg.LinAlgError, ValueError):
            return np.inf
        gap = solve_triangular(root, sample.mean - mean, lower=True)
        half = solve_triangular(root, cholesky(sample.covariance, lower=True), lower=True)
        total += sample.n * ((half**2).sum() - structure.p - 2 * np.log(np.abs(np.diag(half))).sum() + float(gap @ gap))
    return total / sum(sample.n for sample in moments)


def find_gradient(structure: Structure, params: np.ndarray, moments: Sequence[Moments]) -> np.ndarray:
    """Give the gradient of half the discrepancy, that is of minus the log-likelihood a row."""
    n = sum(sample.n for sample in moments)
    return sum(
        (sample.n / n * find_group_gradient(structure, params, group, sample) for group, sample in enumerate(moments)),
        np.zeros(len(structure.names), dtype=params.dtype),
    )


def find_group_gradient(structure: Structure, params: np.ndarray, group: int, sample: Moments) -> np.ndarray:
    r"""Give one group's part of the gradient, of each row of parameters.

    With :math:`W = \Sigma^{-1} - \Sigma^{-1}(S + dd')\Sigma^{-1}`, :math:`d = m - \mu` and :math:`v = \Sigma^{-1}d`,
    the derivatives are :math:`W\Lambda\Psi - v\alpha'` by Λ, :math:`\Lambda'W\Lambda` by Ψ and W by Θ (half of it on
    their diagonals), −v by ν, and :math:`-\Lambda'v` by α.
    """
    loading, psi, theta, nu, alpha = structure.fill(params, group)
    turned = loading.swapaxes(-1, -2)
    inverse = np.linalg.inv(loading @ psi @ turned + theta)
    gap = sample.mean - nu - (loading @ alpha[..., None])[..., 0]
    v = inverse @ gap[..., None]
    weight = inverse - inverse @ sample.covariance @ inverse - v @ v.swapaxes(-1, -2)
    slopes = {
        "loading": weight @ loading @ psi - v @ alpha[..., None, :],
        "factor_covariance": turned @ weight @ loading,
        "residual": weight,
        "intercept": -v,
        "factor_mean": -turned @ v,
    }
    gradient = np.zeros_like(params)
    for part, slope in slopes.items():
        if (group, part) in structure.arrays:
            row, column, at, _ = structure.arrays[group, part]
            free = at >= 0
            half = np.where((row == column) & (part in ("factor_covariance", "residual")), 0.5, 1.0)
            np.add.at(gradient.T, at[free], (half * slope[..., row, column])[..., free].T)
    return gradient


def find_information(structure: Structure, params: np.ndarray, moments: Sequence[Moments]) -> np.ndarray:
    """Give the expected information a row (t × t)."""
    t = len(structure.names)
    total = np.zeros((t, t))
    n = sum(sample.n for sample in moments)
    for group, sample in enumerate(moments):
        _, covariance = structure.imply(params, group)
        d_mean, d_covariance = structure.differentiate(params, group)
        inverse = np.linalg.inv(covariance)
        weighted = (inverse @ d_covariance @ inverse).reshape(t, -1)
        total += sample.n / n * (0.5 * weighted @ d_covariance.reshape(t, -1).T + d_mean @ inverse @ d_mean.T)
    return (total + total.T) / 2


def find_hessian(structure: Structure, params: np.ndarray, moments: Sequence[Moments]) -> np.ndarray:
    """Give the observed information a row (t × t), each row of it by an imaginary step."""
    t = len(structure.names)
    total = np.zeros((t, t))
    n = sum(sample.n for sample in moments)
    for group, sample in enumerate(moments):
        own = structure.list_own(group)
        rows = differentiate_exactly(partial(find_group_gradient, structure, group=group, sample=sample), params, own)
        total[:, own] += sample.n / n * rows
    return (total + total.T) / 2


def differentiate_exactly(
    function: Callable[[np.ndarray], np.ndarray], params: np.ndarray, chosen: np.ndarray | None = None
) -> np.ndarray:
    """Differentiate an analytic function by the imaginary part of a tiny imaginary step (results × parameters).

    Squire & Trapp 1998, *SIAM Review* 40(1), 110-112.

    Parameters
    ----------
    function
        Gives a row of results for each row of parameters.
    chosen
        Positions of the parameters to differentiate by; all of them if None.

    Examples
    --------
    >>> differentiate_exactly(lambda x: x[:, [0]] ** 2 * x[:, [1]], np.array([3.0, 2.0])).tolist()
    [[12.0, 9.0]]
    """
    places = np.arange(len(params)) if chosen is None else chosen
    found = []
    for at in range(0, len(places), STEPS_AT_ONCE):
        some = places[at : at + STEPS_AT_ONCE]
        steps = np.tile(params.astype(complex), (len(some), 1))
        steps[np.arange(len(some)), some] += STEP * 1j
        found.append(np.imag(function(steps)) / STEP)
    return np.concatenate(found).T


# --- the minimum -----------------------------------------------------------------------------------------------------


def climb(structure: Structure, start: np.ndarray, moments: Sequence[Moments]) -> tuple[np.ndarray, int, str]:
    """Go down to the minimum from a start: parameters, steps taken, and why it is none (``""`` if it is one)."""
    params = start.copy()
    value = find_discrepancy(structure, params, moments)
    if not np.isfinite(value):
        return params, 0, "the start implies no covariance matrix"
    newton = False
    for step in range(1, MOST_STEPS + 1):
        gradient = find_gradient(structure, params, moments)
        curvature = find_hessian(structure, params, moments) if newton else find_information(structure, params, moments)
        direction = solve_definite(curvature, gradient)
        if direction is None:
            if newton:  # not yet near the minimum
                newton = False
                continue
            return params, step, "the information is singular"
        decrement = float(gradient @ direction) / 2
        if decrement < DECREMENT and newton:
            return params - direction, step, ""
        length = 1.0
        while length > 1e-6:
            tried = params - length * direction
            found = find_discrepancy(structure, tried, moments)
            # A step so small that rounding hides what it gains is taken.
            if found <= value - 2e-4 * length * decrement or (decrement < 1e-9 and found <= value + 1e-10):
                break
            length /= 2
        else:
            return params, step, "no step goes further down"
        params, value = tried, found
        newton = decrement < 1e-4 and length == 1.0
        if step % LOOK_EVERY == 0 and (lost := find_runaway(structure, params, moments)):
            return params, step, f"{lost} {RUNAWAY}"
    return params, MOST_STEPS, f"{MOST_STEPS} steps were not enough"


def find_runaway(structure: Structure, params: np.ndarray, moments: Sequence[Moments]) -> str:
    """Name a residual variance that is further below 0 than the item's variance lies above; ``""`` if there is none.

    Its loading then grows without end: items that hardly correlate have no factor, and no step brings it back.
    """
    for (group, part), (row, column, at, _) in structure.arrays.items():
        if part == "residual":
            own = (row == column) & (at >= 0)
            off = params[at[own]] < -np.diag(moments[group].covariance)[row[own]]
            if off.any():
                return structure.names[at[own][off][0]]
    return ""


def solve_definite(matrix: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """Solve with a positive definite matrix; None if it is not one to working precision."""
    scale = 1 / np.sqrt(np.clip(np.diag(matrix), 1e-300, None))
    scaled = matrix * np.outer(scale, scale)
    try:
        root = cholesky(scaled, lower=True)
    except (np.linalg.LinAlgError, ValueError):
        return None
    if np.diag(root).min() < 1e-7:
        return None
    half = solve_triangular(root, (scale * right.T).T if right.ndim == 1 else scale[:, None] * right, lower=True)
    found = solve_triangular(root.T, half, lower=False)
    return scale * found if right.ndim == 1 else scale[:, None] * found


def list_starts(structure: Structure, moments: Sequence[Moments], seed: int) -> list[tuple[str, np.ndarray]]:
    """List starts with their names: first principal components, unit loadings, and five seeded draws around the first.

    A factor's first component gives loadings (on the scale of the fixed ones), variance, and covariances with the
    others; what it leaves of an item's variance, at least a tenth, is the residual variance.
    """
    scores = []
    for group, sample in enumerate(moments):
        loading, variance, weights = [], [], np.zeros((structure.p, structure.m))
        for f in range(structure.m):
            members, _, at, _ = (
                part[structure.arrays[group, "loading"][1] == f] for part in structure.arrays[group, "loading"]
            )
            block = sample.covariance[np.ix_(members, members)]
            spread = np.sqrt(np.diag(block))
            values, vectors = np.linalg.eigh(block / np.outer(spread, spread))
            k = len(members)
            # The mean correlation of the items, not the whole first eigenvalue, which holds their errors too.
            share = max((values[-1] - 1) / (k - 1), 0.05) if k > 1 else 0.5
            first = vectors[:, -1] * spread * np.sqrt(k * share)
            lead = int(np.flatnonzero(at < 0)[0]) if (at < 0).any() else int(np.abs(first).argmax())
            first = first if first[lead] >= 0 else -first
            scale = first[lead] if (at < 0).any() and abs(first[lead]) > 0.05 * spread[lead] else 1.0
            loading.append(dict(zip(members, first / scale, strict=True)))
            variance.append(scale**2)
            weights[members, f] = vectors[:, -1] * np.sign(vectors[lead, -1] or 1) / spread
        covariance = weights.T @ sample.covariance @ weights
        deviation = np.sqrt(np.diag(covariance))
        correlation = np.clip(covariance / np.outer(deviation, deviation), -0.8, 0.8)
        scores.append((loading, variance, correlation))

    def fill(kind: str) -> np.ndarray:
        params = np.zeros(len(structure.names))
        count = np.zeros(len(structure.names))
        for entry in structure.entries:
            if entry.at < 0:
                continue
            loading, variance, correlation = scores[entry.group]
            sample = moments[entry.group]
            value = 0.0
            if entry.part == "loading":
                fixed = variance[entry.column] != 1.0
                value = (
                    loading[entry.column][entry.row]
                    if kind == "components"
                    else (1.0 if fixed else 0.7 * np.sqrt(sample.covariance[entry.row, entry.row]))
                )
            elif entry.part == "factor_covariance":
                size = np.sqrt(variance[entry.row] * variance[entry.column])
                if kind == "components":
                    value = size * (1.0 if entry.row == entry.column else correlation[entry.row, entry.column])
                else:
                    value = 0.5 * size if entry.row == entry.column else 0.0
            elif entry.part == "residual" and entry.row == entry.column:
                total = sample.covariance[entry.row, entry.row]
                common = sum(loading[f].get(entry.row, 0.0) ** 2 * variance[f] for f in range(structure.m))
                value = max(total - common, 0.1 * total) if kind == "components" else 0.5 * total
            elif entry.part == "intercept":
                value = sample.mean[entry.row]
            params[entry.at] += value
            count[entry.at] += 1
        return params / count

    first = fill("components")
    draw = np.random.default_rng(seed)
    drawn = [(f"draw {at}", first * draw.uniform(0.5, 1.5, size=len(first))) for at in range(1, 6)]
    return [("principal components", first), ("unit loadings", fill("units")), *drawn]


def minimize(structure: Structure, moments: Sequence[Moments], seed: int) -> tuple[np.ndarray, int, int]:
    """Find the minimum from the first start that leads to one: parameters, steps, and starts tried.

    Raises
    ------
    FitError
        Says each start that was tried and where it ended.
    """
    tried: list[str] = []
    for name, start in list_starts(structure, moments, seed):
        params, steps, problem = climb(structure, start, moments)
        if not problem:
            return params, steps, len(tried) + 1
        tried.append(f"{name}: {problem} after {steps} steps")
        if len(tried) > 1 and all(RUNAWAY in text for text in tried):
            break
    weak = find_undetermined(structure, list_starts(structure, moments, seed)[0][1], moments)
    more = f"; not identified: {', '.join(weak)}" if weak else ""
    raise FitError(f"did not converge ({'; '.join(tried)}){more}")


def find_undetermined(structure: Structure, params: np.ndarray, moments: Sequence[Moments]) -> list[str]:
    """Name parameters that the information says nothing of."""
    information = find_information(structure, params, moments)
    scale = 1 / np.sqrt(np.clip(np.diag(information), 1e-300, None))
    values, vectors = np.linalg.eigh(information * np.outer(scale, scale))
    weights = np.abs(vectors[:, values < 1e-9]).max(axis=1, initial=0.0)
    return [structure.names[at] for at in np.flatnonzero(weights > 0.2)][:6]


# --- robust statistics -----------------------------------------------------------------------------------------------


def add_by_cluster(values: np.ndarray, clusters: np.ndarray | None) -> np.ndarray:
    """Add rows of the same cluster; as they are without clusters."""
    if clusters is None:
        return values
    _, codes = np.unique(clusters, return_inverse=True)
    total = np.zeros((codes.max() + 1, *values.shape[1:]))
    np.add.at(total, codes, values)
    return total


def find_scores(structure: Structure, params: np.ndarray, moments: Sequence[Moments], *, centred: bool) -> np.ndarray:
    """Give each row's (or cluster's) scores, stacked over groups (n × t).

    With ``centred``, they are Δ'V z of the deviations z of the row's moments from the sample's; otherwise the
    derivatives of the row's log-likelihood.
    """
    scores = []
    for group, sample in enumerate(moments):
        mean, covariance = structure.imply(params, group)
        d_mean, d_covariance = structure.differentiate(params, group)
        inverse = np.linalg.inv(covariance)
        assert sample.deviations is not None
        rows = sample.deviations if centred else sample.deviations + sample.mean - mean
        around = sample.covariance if centred else covariance
        u = rows @ inverse
        weighted = (inverse @ around @ inverse).ravel()
        here = u @ d_mean.T
        for at, derivative in enumerate(d_covariance):
            here[:, at] += 0.5 * (np.einsum("ij,ij->i", u @ derivative, u) - derivative.ravel() @ weighted)
        scores.append(here)
    stacked = np.vstack(scores)
    if moments[0].clusters is None:
        return stacked
    return add_by_cluster(stacked, np.concatenate([sample.clusters for sample in moments]))


def find_moment_trace(sample: Moments, covariance: np.ndarray) -> float:
    r"""Give tr(V Γ) of one group: V the saturated model's information at a covariance, Γ that of the sample's moments.

    For each row (or the sum over a cluster) with deviations d of its mean and E of its cross-products from the
    sample's, it is the mean of :math:`d'\Sigma^{-1}d + \tfrac12\mathrm{tr}(\Sigma^{-1}E\Sigma^{-1}E)`.
    """
    assert sample.deviations is not None
    inverse = np.linalg.inv(covariance)
    rows = sample.deviations
    if sample.clusters is None or len(np.unique(sample.clusters)) == len(rows):
        weighted = inverse @ sample.covariance @ inverse
        own = np.einsum("ij,ij->i", rows @ inverse, rows)
        cross = np.einsum("ij,ij->i", rows @ weighted, rows)
        constant = float((weighted * sample.covariance).sum())
        return float((own + 0.5 * (own**2 - 2 * cross + constant)).mean())
    total = 0.0
    for _, members in pd.Series(np.arange(len(rows))).groupby(sample.clusters):
        here = rows[members.to_numpy()]
        mean = here.sum(axis=0)
        products = here.T @ here - len(here) * sample.covariance
        turned = inverse @ products
        total += float(mean @ inverse @ mean) + 0.5 * float((turned * turned.T).sum())
    return total / len(rows)


@dataclass(frozen=True)
class Robustness:
    """Scaling factor of the test and covariance of the parameters."""

    scaling: float
    cov: np.ndarray


def find_robustness(
    structure: Structure, params: np.ndarray, moments: Sequence[Moments], df: int, robust: str
) -> Robustness:
    r"""Find the scaling factor of χ² and the sandwich covariance of the parameters.

    ``mlm``: c = tr(UΓ)/df with :math:`U = V - V\Delta(\Delta'V\Delta)^{-1}\Delta'V` at the model's moments, and
    :math:`(\Delta'V\Delta)^{-1}\Delta'V\Gamma V\Delta(\Delta'V\Delta)^{-1}/N` (Satorra & Bentler 1994). ``mlr``: c =
    [tr(A₁⁻¹B₁) − tr(A₀⁻¹B₀)]/df, of the saturated model at the sample's moments and of the model with its observed
    information (Yuan & Bentler 2000, in the form of Asparouhov & Muthén 2005), and A₀⁻¹B₀A₀⁻¹/N. With clusters the
    outer products are of sums over clusters, times G/(G−1) for G clusters.
    """
    n = sum(sample.n for sample in moments)
    mlm = robust == "mlm"
    bread = find_information(structure, params, moments) if mlm else find_hessian(structure, params, moments)
    scores = find_scores(structure, params, moments, centred=mlm)
    clusters = None if moments[0].clusters is None else len(scores)
    if clusters == 1:
        raise FitError("clustered statistics need two clusters or more, here is one")
    correction = clusters / (clusters - 1) if clusters else 1.0
    meat = correction * scores.T @ scores / n
    solved = solve_definite(bread, meat)
    if solved is None:
        raise FitError("the information is singular at the solution; no standard errors")
    cov = solve_definite(bread, solved.T)
    assert cov is not None
    traces = [
        find_moment_trace(sample, structure.imply(params, group)[1] if mlm else sample.covariance)
        for group, sample in enumerate(moments)
    ]
    scaling = (correction * sum(traces) - float(np.trace(solved))) / df if df else np.nan
    return Robustness(scaling, (cov + cov.T) / 2 / n)


# --- fit indices -----------------------------------------------------------------------------------------------------


def find_rmsea(chi2: float, df: int, n: int, groups: int, c: float = 1.0) -> dict[str, float]:
    r"""Give RMSEA, its 90 % interval, and p of the hypothesis that it is at most .05.

    :math:`\sqrt{G}\,\sqrt{\max(\chi^2/(N\,df) - c/N,\,0)}` (Steiger 1990; over G groups Steiger 1998; c of a scaled
    test: Li & Bentler 2006). The interval comes from the non-central χ² of the scaled statistic χ²/c, times √c.

    Examples
    --------
    >>> {name: round(value, 3) for name, value in find_rmsea(85.3055, 24, 301, 1).items()}
    {'rmsea': 0.092, 'rmsea_low': 0.071, 'rmsea_high': 0.114, 'rmsea_close': 0.001}
    """
    if df == 0 or not (np.isfinite(c) and c > 0):
        return dict.fromkeys(("rmsea", "rmsea_low", "rmsea_high", "rmsea_close"), np.nan)
    scaled = chi2 / c

    def find_noncentrality(level: float) -> float:
        if chndtr(scaled, df, 0.0) < level:
            return 0.0
        high = scaled + 10.0
        while chndtr(scaled, df, high) > level:
            high *= 2
        return float(brentq(lambda nc: chndtr(scaled, df, nc) - level, 0.0, high, xtol=1e-10))

    size = np.sqrt(groups * c / (n * df))
    close = n * df * 0.05**2 / groups / c
    return {
        "rmsea": float(np.sqrt(max(scaled - df, 0.0)) * size),
        "rmsea_low": float(np.sqrt(find_noncentrality(0.95)) * size),
        "rmsea_high": float(np.sqrt(find_noncentrality(0.05)) * size),
        "rmsea_close": float(ncx2.sf(scaled, df, close)),
    }


def find_incremental(
    chi2: float, df: int, baseline: float, baseline_df: int, c: float = 1.0, baseline_c: float = 1.0
) -> tuple[float, float]:
    r"""Give CFI and TLI.

    CFI = 1 − max(χ² − c·df, 0) / max(χ²_b − c_b·df_b, χ² − c·df, 0), TLI = 1 − (χ² − c·df)·df_b / ((χ²_b −
    c_b·df_b)·df) (Bentler 1990; Tucker & Lewis 1973). With c = c_b = 1 those of normal theory, with the scaling factors
    the robust ones of Brosseau-Liard & Savalei 2014, *Multivariate Behavioral Research* 49(5). Missing where a scaling
    factor is not positive.

    Examples
    --------
    >>> [round(value, 3) for value in find_incremental(85.3055, 24, 918.8516, 36)]
    [0.931, 0.896]
    """
    if not (c > 0 and baseline_c > 0):
        return np.nan, np.nan
    off, off_baseline = chi2 - c * df, baseline - baseline_c * baseline_df
    worst = max(off, off_baseline, 0.0)
    cfi = 1.0 if worst == 0 else 1 - max(off, 0.0) / worst
    tli = 1 - off * baseline_df / (off_baseline * df) if df and off_baseline > 0 else np.nan
    return cfi, tli


def find_srmr(structure: Structure, params: np.ndarray, moments: Sequence[Moments], *, means: bool) -> float:
    """Give the root mean square of residuals in units of the sample's standard deviations, variances and means counted.

    It is that of Bentler 1995, as lavaan prints it; groups are averaged by their size. Without a mean structure the
    means are not counted.
    """
    total, n = 0.0, 0
    for group, sample in enumerate(moments):
        mean, covariance = structure.imply(params, group)
        scale = 1 / np.sqrt(np.diag(sample.covariance))
        residuals = ((sample.covariance - covariance) * np.outer(scale, scale))[np.tril_indices(structure.p)]
        gaps = (sample.mean - mean) * scale if means else np.empty(0)
        total += sample.n * np.sqrt((np.concatenate([residuals, gaps]) ** 2).mean())
        n += sample.n
    return float(total / n)


def find_indices(
    structure: Structure,
    params: np.ndarray,
    moments: Sequence[Moments],
    robustness: Robustness | None,
    robust: str,
    *,
    means: bool,
) -> dict[str, float]:
    """Compute test and fit indices; see :class:`FactorFit` for the names."""
    p, groups = structure.p, structure.n_groups
    n = sum(sample.n for sample in moments)
    df = groups * p * (p + 3) // 2 - len(structure.names)
    chi2 = float(max(n * find_discrepancy(structure, params, moments), 0.0))
    baseline = build_baseline(p, groups)
    start = np.concatenate([np.column_stack([np.diag(sample.covariance), sample.mean]).ravel() for sample in moments])
    baseline_chi2 = float(n * find_discrepancy(baseline, start, moments))
    baseline_df = groups * p * (p - 1) // 2
    cfi, tli = find_incremental(chi2, df, baseline_chi2, baseline_df)
    saturated = -0.5 * sum(
        sample.n * (p * np.log(2 * np.pi) + np.linalg.slogdet(sample.covariance)[1] + p) for sample in moments
    )
    log_likelihood = float(saturated - chi2 / 2)
    n_parameters = len(structure.names) - (0 if means else groups * p)
    found = {
        "chi2": chi2,
        "df": df,
        "p_value": float(chi_squared.sf(chi2, df)) if df else np.nan,
        "baseline_chi2": baseline_chi2,
        "baseline_df": baseline_df,
        "cfi": cfi,
        "tli": tli,
        **find_rmsea(chi2, df, n, groups),
        "srmr": find_srmr(structure, params, moments, means=means),
        "log_likelihood": log_likelihood,
        "n_parameters": n_parameters,
        "aic": 2 * n_parameters - 2 * log_likelihood,
        "bic": float(np.log(n)) * n_parameters - 2 * log_likelihood,
    }
    if robustness is not None:
        c = robustness.scaling
        baseline_c = find_robustness(baseline, start, moments, baseline_df, robust).scaling
        cfi, tli = find_incremental(chi2, df, baseline_chi2, baseline_df, c, baseline_c) if df else (1.0, np.nan)
        # In small samples the estimate of c may be negative; then there is no corrected test.
        scaled = chi2 / c if c > 0 else np.nan
        found |= {
            "scaling": c,
            "chi2_scaled": scaled,
            "p_value_scaled": float(chi_squared.sf(scaled, df)) if df else np.nan,
            "baseline_scaling": baseline_c,
            "cfi_robust": cfi,
            "tli_robust": tli,
            **{f"{name}_robust": value for name, value in find_rmsea(chi2, df, n, groups, c).items()},
        }
    return found


# --- the fit ---------------------------------------------------------------------------------------------------------


def fit_factor_model(
    items: pd.DataFrame,
    factors: Mapping[str, Sequence[str]],
    groups: pd.Series | None = None,
    clusters: pd.Series | None = None,
    *,
    identification: str = "marker",
    means: bool = True,
    equal: Collection[str] = (),
    freed: Collection[tuple[str, str]] = (),
    correlated: Collection[tuple[str, str]] = (),
    robust: str = "mlr",
    level: float = 0.95,
    seed: int = 1,
) -> FactorFit:
    """Fit a confirmatory factor model by maximum likelihood to the rows without a gap.

    Parameters
    ----------
    items
        Answers, one column an item (others are not looked at), reverse-keyed items recoded. Rows with a gap in an item
        of the model are left out and counted.
    factors
        Items of each factor; factors correlate freely. An item may load on several.
    groups, clusters
        Group of each row (waves, size classes) and cluster of each row (a firm that answers in several waves); clusters
        may span groups. Rows with neither are left out.
    identification
        ``marker``: the first item of each factor that is not freed has loading 1; ``standardized``: factor variance 1,
        in further groups free where loadings are equal.
    means
        False leaves the means out of what is counted (parameters, SRMR, AIC); they are then free in any case.
    equal
        What is equal over groups, out of ``loadings``, ``intercepts``, ``residuals``. With equal intercepts the factor
        means are 0 in the first group and free in the others.
    freed
        Exceptions, such as ``("intercepts", "q3")``: free in every group (partial invariance).
    correlated
        Pairs of items whose residuals correlate.
    robust
        ``mlr``, ``mlm`` (see :func:`find_robustness`) or ``none``.
    level
        Of the parameters' intervals.
    seed
        Of the starts that are drawn if the first two do not lead to a minimum.

    Returns
    -------
    FactorFit

    Raises
    ------
    FitError
        The data cannot carry the model: what :func:`gather_moments` says of the items, fewer moments than parameters,
        no convergence from any start (with what was tried), parameters that are not identified.
    StudyError
        A name that is not one of the allowed.

    Examples
    --------
    >>> draw = np.random.default_rng(1)
    >>> common = draw.normal(size=300)
    >>> items = pd.DataFrame({name: common + draw.normal(size=300) for name in "abcd"})
    >>> fit = fit_factor_model(items, {"f": ["a", "b", "c", "d"]})
    >>> int(fit.indices["df"]), fit.indices["p_value_scaled"] > 0.05
    (2, True)
    """
    names = check_model(items, factors, identification, equal, freed, correlated, robust, several=groups is not None)
    moments = gather_moments(items[names], groups, clusters)
    found = fit_moments(
        moments,
        names,
        factors,
        identification=identification,
        means=means,
        equal=equal,
        freed=freed,
        correlated=correlated,
        robust=robust,
        level=level,
        seed=seed,
    )
    found.n_left_out = len(items) - sum(found.n_obs)
    return found


def check_model(
    items: pd.DataFrame,
    factors: Mapping[str, Sequence[str]],
    identification: str,
    equal: Collection[str],
    freed: Collection[tuple[str, str]],
    correlated: Collection[tuple[str, str]],
    robust: str,
    *,
    several: bool,
) -> list[str]:
    """Check names of a factor model, and list its items in their first order."""
    problems = []
    names = list(dict.fromkeys(item for members in factors.values() for item in members))
    problems += [
        f"items: {name} is not there; {describe_allowed(name, items.columns)}" for name in names if name not in items
    ]
    if identification not in (allowed := ("marker", "standardized")):
        problems.append(f"identification: {identification}; {describe_allowed(identification, allowed)}")
    if robust not in ROBUST:
        problems.append(f"robust: {robust}; {describe_allowed(robust, ROBUST)}")
    problems += [f"equal: {part}; {describe_allowed(part, EQUAL)}" for part in equal if part not in EQUAL]
    for part, item in freed:
        if part not in equal:
            problems.append(f"freed: {part} of {item} are not held equal; {describe_allowed(part, equal)}")
        if item not in names:
            problems.append(f"freed: {item}; {describe_allowed(item, names)}")
    problems += [
        f"correlated: {name}; {describe_allowed(name, names)}"
        for pair in correlated
        for name in pair
        if name not in names
    ]
    problems += [
        f"factors: {factor}: {item} stands there {list(members).count(item)} times"
        for factor, members in factors.items()
        for item in dict.fromkeys(members)
        if list(members).count(item) > 1
    ]
    if not factors or not all(factors.values()):
        problems.append("factors: a factor without items")
    if several:
        for factor, members in factors.items():
            for part in ("loadings", "intercepts"):
                if part in equal and all((part, item) in freed for item in members):
                    problems.append(f"freed: no item of {factor} keeps equal {part}; at least one has to")
    if problems:
        raise StudyError(problems)
    return names


def fit_moments(
    moments: Sequence[Moments],
    items: Sequence[str],
    factors: Mapping[str, Sequence[str]],
    *,
    identification: str = "marker",
    means: bool = True,
    equal: Collection[str] = (),
    freed: Collection[tuple[str, str]] = (),
    correlated: Collection[tuple[str, str]] = (),
    robust: str = "none",
    level: float = 0.95,
    seed: int = 1,
) -> FactorFit:
    """Fit a factor model to moments, as :func:`fit_factor_model` does; robust statistics need the rows' deviations.

    Examples
    --------
    >>> covariance = np.array([[2.0, 1.0, 1.0], [1.0, 2.0, 1.0], [1.0, 1.0, 2.0]])
    >>> fit = fit_moments([Moments("", 100, np.zeros(3), covariance)], ["a", "b", "c"], {"f": ["a", "b", "c"]})
    >>> fit.loadings().round(4)["f"].tolist()
    [0.7071, 0.7071, 0.7071]
    """
    for sample in moments:
        check_covariance(sample.covariance, items, "" if sample.label == "" else f" in group {sample.label}")
    for factor, members in factors.items():
        if len(members) < 2:
            raise FitError(f"factor {factor} has one item ({', '.join(members)}); it needs at least two")
    labels = [sample.label for sample in moments]
    structure = build_structure(
        items, factors, labels, identification=identification, equal=equal, freed=freed, correlated=correlated
    )
    if not means and "intercepts" in equal:
        raise StudyError("means: false, and equal intercepts, which are about means")
    df = structure.n_groups * structure.p * (structure.p + 3) // 2 - len(structure.names)
    if df < 0:
        raise FitError(
            f"{len(structure.names)} parameters for {len(structure.names) + df} means, variances and covariances of "
            f"{', '.join(items)}: not identified (a factor alone needs three items)"
        )
    params, steps, starts = minimize(structure, moments, seed)
    params = orient(structure, params)
    n = sum(sample.n for sample in moments)
    robustness = None if robust == "none" else find_robustness(structure, params, moments, df, robust)
    if robustness is None:
        inverse = solve_definite(find_information(structure, params, moments), np.eye(len(params)))
        if inverse is None:
            weak = ", ".join(find_undetermined(structure, params, moments))
            raise FitError(f"not identified: {weak}")
        cov = inverse / n
    else:
        cov = robustness.cov
    return FactorFit(
        items=list(items),
        factors=list(factors),
        groups=labels,
        n_obs=[sample.n for sample in moments],
        n_left_out=0,
        robust=robust,
        params=params,
        names=structure.names,
        cov=cov,
        parameters=tabulate_parameters(structure, params, cov, items, list(factors), labels, level),
        indices=find_indices(structure, params, moments, robustness, robust, means=means),
        implied=[structure.imply(params, group) for group in range(len(moments))],
        structure=structure,
        moments=[replace(sample, deviations=None, clusters=None) for sample in moments],
        means=means,
        n_steps=steps,
        n_starts=starts,
        warnings=list_warnings(structure, params, items, list(factors), labels),
    )


def orient(structure: Structure, params: np.ndarray) -> np.ndarray:
    """Turn factors whose loadings are all free so that their sum is positive in the first group."""
    turned = params.copy()
    for f in range(structure.m):
        _, column, at, _ = structure.arrays[0, "loading"]
        mine = at[column == f]
        if (mine < 0).any() or params[mine].sum() >= 0:
            continue
        for part in ("loading", "factor_covariance", "factor_mean"):
            changed = {
                entry.at
                for entry in structure.entries
                if entry.at >= 0
                and entry.part == part
                and (
                    entry.column == f
                    if part == "loading"
                    else (entry.row == f) != (entry.column == f and part != "factor_mean")
                )
            }
            turned[list(changed)] *= -1
    return turned


def tabulate_parameters(
    structure: Structure,
    params: np.ndarray,
    cov: np.ndarray,
    items: Sequence[str],
    factors: Sequence[str],
    groups: Sequence[Any],
    level: float,
) -> pd.DataFrame:
    """Tabulate every cell with standard errors, those of standardized values by the delta method."""

    def standardize(values: np.ndarray) -> np.ndarray:
        cells = []
        for group in range(structure.n_groups):
            loading, psi, theta, nu, alpha = structure.fill(values, group)
            implied = loading @ psi @ loading.swapaxes(-1, -2) + theta
            total, spread, own = (
                np.sqrt(np.diagonal(matrix, axis1=-2, axis2=-1))[..., None] for matrix in (implied, psi, theta)
            )
            scaled = {
                "loading": loading * spread.swapaxes(-1, -2) / total,
                "factor_covariance": psi / spread / spread.swapaxes(-1, -2),
                "residual": np.where(np.eye(structure.p) > 0, theta / total**2, theta / own / own.swapaxes(-1, -2)),
                "intercept": nu[..., None] / total,
                "factor_mean": alpha[..., None] / spread,
            }
            cells += [scaled[e.part][..., e.row, e.column] for e in structure.entries if e.group == group]
        return np.stack(cells, axis=-1)

    ordered = sorted(structure.entries, key=lambda entry: entry.group)
    with np.errstate(invalid="ignore"):  # a negative factor variance has no root; list_warnings says so
        standardized = standardize(params)
        slopes = differentiate_exactly(standardize, params)
    errors = np.sqrt(np.clip(np.einsum("ij,jk,ik->i", slopes, cov, slopes), 0, None))
    rows = []
    for entry, value, error in zip(ordered, standardized, errors, strict=True):
        free = entry.at >= 0
        factor_part = entry.part in ("factor_covariance", "factor_mean")
        second = {
            "loading": lambda e: factors[e.column],
            "factor_covariance": lambda e: factors[e.column],
            "residual": lambda e: "" if e.row == e.column else items[e.column],
        }.get(entry.part, lambda e: "")
        rows.append(
            {
                "group": groups[entry.group],
                "part": entry.part,
                "item": factors[entry.row] if factor_part else items[entry.row],
                "factor": second(entry),
                "free": free,
                "estimate": params[entry.at] if free else entry.value,
                "std_error": np.sqrt(max(cov[entry.at, entry.at], 0.0)) if free else np.nan,
                "standardized": value,
                "standardized_std_error": error if error > 1e-12 else np.nan,
            }
        )
    table = pd.DataFrame(rows)
    z = table["estimate"] / table["std_error"]
    reach = norm.ppf(0.5 + level / 2) * table["std_error"]
    after = list(table.columns).index("standardized")
    for name, values in (
        ("conf_high", table["estimate"] + reach),
        ("conf_low", table["estimate"] - reach),
        ("p_value", pd.Series(2 * norm.sf(z.abs()), index=z.index)),
        ("z", z),
    ):
        table.insert(after, name, values)
    return table


def list_warnings(
    structure: Structure, params: np.ndarray, items: Sequence[str], factors: Sequence[str], groups: Sequence[Any]
) -> list[str]:
    """Say negative residual variances (Heywood cases) and factor covariances that no factors can have."""
    found = []
    for group, label in enumerate(groups):
        where = "" if label == "" else f" in group {label}"
        _, psi, theta, _, _ = structure.fill(params, group)
        found += [
            f"negative residual variance of {item}{where}: {value:.3g}"
            for item, value in zip(items, np.diag(theta), strict=True)
            if value < 0
        ]
        variances = np.diag(psi)
        if (variances <= 0).any():
            named = [factor for factor, value in zip(factors, variances, strict=True) if value <= 0]
            found.append(f"negative variance of factor {', '.join(named)}{where}")
        elif structure.m > 1 and np.linalg.eigvalsh(psi)[0] < 0:
            spread = np.sqrt(variances)
            correlation = np.abs(np.tril(psi / np.outer(spread, spread), -1))
            one, two = np.unravel_index(correlation.argmax(), correlation.shape)
            found.append(
                f"covariances of the factors not positive definite{where}; the largest correlation is "
                f"{correlation.max():.3f}, of {factors[two]} and {factors[one]}"
            )
    return found


# --- nested models ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Comparison:
    """Difference test of two nested models; ``reason`` says why there is no number."""

    chi2: float
    df: int
    p_value: float
    scaling: float
    cfi_change: float
    rmsea_change: float
    srmr_change: float
    reason: str = ""


def compare_nested(restricted: FactorFit, free: FactorFit) -> Comparison:
    """Test a restricted model against the one it is nested in, with the scaled difference where they are robust.

    c_d = (df₀·c₀ − df₁·c₁)/(df₀ − df₁), T = (χ²₀ − χ²₁)/c_d (Satorra & Bentler 2001, *Psychometrika* 66(4)). Changes of
    CFI and RMSEA (the robust ones where there are) and SRMR are restricted minus free.

    Raises
    ------
    StudyError
        For fits to other rows or with other corrections, and where the restricted one has no more degrees of freedom.
    """
    if restricted.n_obs != free.n_obs or restricted.groups != free.groups:
        raise StudyError("models to compare must be fitted to the same rows and groups")
    if restricted.robust != free.robust:
        raise StudyError(f"models to compare have other corrections: {restricted.robust}, {free.robust}")
    df = int(restricted.indices["df"] - free.indices["df"])
    if df <= 0:
        raise StudyError(f"the restricted model has {df} more degrees of freedom than the other")
    a, b = restricted.indices, free.indices
    ending = "" if restricted.robust == "none" else "_robust"
    cfi, rmsea, srmr = (a[name] - b[name] for name in (f"cfi{ending}", f"rmsea{ending}", "srmr"))
    scaling = 1.0
    if ending:
        rest = b["df"] * b["scaling"] if b["df"] else 0.0
        scaling = (a["df"] * a["scaling"] - rest) / df
    if not scaling > 0:
        reason = f"the scaling factor of the difference is {scaling:.3g}, which gives no test"
        return Comparison(np.nan, df, np.nan, scaling, cfi, rmsea, srmr, reason)
    value = max(a["chi2"] - b["chi2"], 0.0) / scaling
    return Comparison(value, df, float(chi_squared.sf(value, df)), scaling, cfi, rmsea, srmr)
