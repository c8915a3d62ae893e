"""Multiple imputation by chained equations on arrays; all chains of a batch advance together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Changes = dict[int, Array]

RIDGE = 1e-5
"""Share of its own variance by which each predictor's is raised, so that collinear predictors can be used."""
FINE, COARSE = 1e-6, 1e-2
"""A step of Newton's method that is shorter is the last; the error that is left is of the order of its square.

Coefficients that are drawn need not be finer than a small part of their standard errors."""
MOST_STEPS = 50
MOST_HALVINGS = 30


@dataclass
class Target:
    """One variable to be imputed, and what its model is.

    Attributes
    ----------
    name
        Its name.
    method
        ``pmm``, ``logit``, ``multinomial_logit`` or ``ordered_logit``.
    observed, missing
        Rows that the model is fitted to, and rows to be imputed.
    answers
        Observed values (one an observed row): numbers, or the positions of categories.
    columns
        Its columns in the design: one, or for K categories the K - 1 indicators of all but the first.
    predictors
        Columns of its predictors; the first is the intercept.
    encode
        From values to its columns: r values → r × columns.
    n_categories
        K; 0 for numbers.
    """

    name: str
    method: str
    observed: Index
    missing: Index
    answers: Array
    columns: Index
    predictors: Index
    encode: Callable[[Array], Array]
    n_categories: int = 0
    start: Array | None = field(default=None, repr=False)


@dataclass
class Chains:
    """What chains end with.

    Attributes
    ----------
    values
        Name → chains × missing rows.
    means, spreads
        Name → iterations × chains: mean and standard deviation of the imputed values (of the positions of categories).
    """

    values: dict[str, Array]
    means: dict[str, Array]
    spreads: dict[str, Array]


def run_chains(
    design: Array,
    targets: Sequence[Target],
    generators: Sequence[np.random.Generator],
    iterations: int,
    *,
    donors: int = 5,
    refresh: Callable[[Target, dict[str, Array]], Changes] | None = None,
) -> Chains:
    """Run chained equations.

    Every chain starts with answers drawn from the observed ones. In each iteration every target is imputed in turn from
    its predictors as they then stand, by a model whose parameters are drawn from their posterior.

    Parameters
    ----------
    design
        Chains × rows × columns, the first column 1; may hold anything where a target is missing. Columns are best about
        centred and of variance 1. It is changed in place.
    targets
        In the order in which they are imputed.
    generators
        One a chain; nothing that a chain draws depends on the others, so more chains leave the first ones as they are.
    iterations
        How many times all targets are imputed.
    donors
        Of the nearest predicted observations, how many one is drawn from (predictive mean matching).
    refresh
        Given a target just imputed and all imputed values, the columns to be changed in the target's missing rows
        beside its own: column → chains × missing rows (passive imputation).

    Returns
    -------
    Chains

    Notes
    -----
    van Buuren (2018, chapters 3 and 4). Predictive mean matching is of type 1 (predictions of observed rows by the
    estimate, of missing rows by the draw), as `mice.impute.pmm` of R. Logits are fitted to augmented data (`augment`),
    so that separated categories have finite estimates, and their parameters drawn from the normal approximation; for
    more than two categories R's mice takes the estimates without drawing.
    """
    chains, _, width = design.shape
    values: dict[str, Array] = {}
    for target in targets:
        drawn = np.stack([generator.integers(0, len(target.answers), len(target.missing)) for generator in generators])
        values[target.name] = target.answers[drawn]
    for target in targets:
        _write(design, target, values, refresh)
    means = {target.name: np.empty((iterations, chains)) for target in targets}
    spreads = {target.name: np.empty((iterations, chains)) for target in targets}
    for iteration in range(iterations):
        gram = design.transpose(0, 2, 1) @ design
        for target in targets:
            if target.method == "pmm":
                new = draw_by_matching(target, design, gram, generators, donors)
            else:
                new = draw_category(target, design, generators)
            values[target.name] = new
            before = design[:, target.missing]
            changed = _write(design, target, values, refresh)
            after = design[:, target.missing]
            step = before.transpose(0, 2, 1) @ (after - before)[:, :, changed]
            step += (after - before).transpose(0, 2, 1) @ after[:, :, changed]
            gram[:, :, changed] += step
            others = np.setdiff1d(np.arange(width), changed)
            gram[:, changed[:, None], others] = gram[:, others[:, None], changed].transpose(0, 2, 1)
            means[target.name][iteration] = new.mean(axis=1)
            spreads[target.name][iteration] = new.std(axis=1, ddof=1) if new.shape[1] > 1 else np.nan
    return Chains(values, means, spreads)


def _write(
    design: Array,
    target: Target,
    values: dict[str, Array],
    refresh: Callable[[Target, dict[str, Array]], Changes] | None,
) -> Index:
    """Put a target's values, and what rests on them, into the design; say which columns changed."""
    new = values[target.name]
    columns = target.encode(new.ravel()).reshape(*new.shape, -1)
    rows = target.missing[:, None]
    design[:, rows, target.columns] = columns
    changes = refresh(target, values) if refresh else {}
    for column, entries in changes.items():
        design[:, target.missing, column] = entries
    return np.array(sorted({*target.columns.tolist(), *changes}), dtype=np.int64)


def solve_regression(cross_x: Array, cross_y: Array, ridge: float = RIDGE) -> tuple[Array, Array]:
    """Least squares with a ridge, one regression a chain.

    Parameters
    ----------
    cross_x
        X'X, chains × p × p.
    cross_y
        X'y, chains × p.
    ridge
        Added to the diagonal of X'X as a share of it.

    Returns
    -------
    coefficients : chains × p
    inverse : chains × p × p

    Examples
    --------
    >>> coefficients, inverse = solve_regression(np.array([[[4.0, 0.0], [0.0, 2.0]]]), np.array([[8.0, 3.0]]), ridge=0)
    >>> coefficients.tolist(), inverse[0].diagonal().tolist()
    ([[2.0, 1.5]], [0.25, 0.5])
    """
    diagonal = np.diagonal(cross_x, axis1=1, axis2=2)
    # A column of zeros is left where it is: its coefficient is 0.
    penalty = np.where(diagonal > 0, ridge * diagonal, 1.0)
    inverse = np.linalg.inv(cross_x + penalty[:, :, None] * np.eye(cross_x.shape[1]))
    inverse = (inverse + inverse.transpose(0, 2, 1)) / 2
    return (inverse @ cross_y[:, :, None])[:, :, 0], inverse


def draw_coefficients(coefficients: Array, inverse: Array, spread: Array, normal: Array) -> Array:
    """Draw coefficients from their normal posterior, b + s L z with L L' the inverse of X'X.

    Parameters
    ----------
    coefficients, inverse
        From `solve_regression`.
    spread
        Standard deviation of the residuals, one a chain.
    normal
        Standard normal numbers, chains × p.

    Returns
    -------
    chains × p
    """
    factor = np.linalg.cholesky(inverse)
    return coefficients + spread[:, None] * (factor @ normal[:, :, None])[:, :, 0]


def draw_by_matching(
    target: Target, design: Array, gram: Array, generators: Sequence[np.random.Generator], donors: int
) -> Array:
    """Impute by predictive mean matching: chains × missing rows, each the answer of a donor.

    Parameters
    ----------
    target, design, generators, donors
        See `run_chains`.
    gram
        The design's cross products, chains × columns × columns.
    """
    chains, rows, width = design.shape
    used = np.append(target.predictors, target.columns[0])
    n, p = len(target.observed), len(target.predictors)
    if 2 * n > rows:
        # The cross products of the observed rows are those of all rows less those of the others, which are few.
        left = np.setdiff1d(np.arange(rows), target.observed)
        rest = design[:, left[:, None], used]
        cross = gram[:, used[:, None], used] - rest.transpose(0, 2, 1) @ rest
    else:
        own = design[:, target.observed[:, None], used]
        cross = own.transpose(0, 2, 1) @ own
    coefficients, inverse = solve_regression(cross[:, :-1, :-1], cross[:, :-1, -1])
    padded = np.zeros((chains, width, 1))
    padded[:, target.predictors, 0] = coefficients
    predicted = (design @ padded)[:, target.observed, 0]
    answers = design[:, target.observed, target.columns[0]]
    squares = ((answers - predicted) ** 2).sum(axis=1)
    df = max(n - p, 1)
    spread = np.sqrt(squares / np.array([generator.chisquare(df) for generator in generators]))
    normal = np.stack([generator.standard_normal(p) for generator in generators])
    drawn = draw_coefficients(coefficients, inverse, spread, normal)
    expected = (design[:, target.missing[:, None], target.predictors] @ drawn[:, :, None])[:, :, 0]
    shuffle = np.stack([generator.random(n) for generator in generators])
    most = min(donors, n)
    choice = np.stack([generator.integers(0, most, len(target.missing)) for generator in generators])
    return target.answers[match_donors(predicted, expected, most, shuffle, choice)]


def match_donors(predicted: Array, expected: Array, donors: int, shuffle: Array, choice: Index) -> Index:
    """Find for each expected value one of the nearest predicted ones.

    Parameters
    ----------
    predicted
        Chains × observed rows.
    expected
        Chains × missing rows.
    donors
        How many are near; not more than there are.
    shuffle
        Chains × observed rows: random numbers that order equal predictions.
    choice
        Chains × missing rows: which of the nearest, 0 the nearest.

    Returns
    -------
    chains × missing rows
        Positions among the observed rows.

    Examples
    --------
    >>> predicted, expected = np.array([[1.0, 5.0, 2.0, 9.0]]), np.array([[1.9, 8.0]])
    >>> match_donors(predicted, expected, 2, np.zeros((1, 4)), np.array([[1, 0]])).tolist()
    [[0, 3]]
    """
    chains, n = predicted.shape
    shuffled = np.argsort(shuffle, axis=1, kind="stable")
    mixed = np.take_along_axis(predicted, shuffled, axis=1)
    order = np.argsort(mixed, axis=1, kind="stable")
    ranked = np.take_along_axis(mixed, order, axis=1)
    place = np.stack([np.searchsorted(ranked[chain], expected[chain]) for chain in range(chains)])
    window = place[:, :, None] + np.arange(-donors, donors)
    inside = (window >= 0) & (window < n)
    window = window.clip(0, n - 1)
    row = np.arange(chains)[:, None, None]
    distance = np.where(inside, np.abs(ranked[row, window] - expected[:, :, None]), np.inf)
    nearest = np.argsort(distance, axis=2, kind="stable")
    chosen = np.take_along_axis(nearest, choice[:, :, None], axis=2)
    at = np.take_along_axis(window, chosen, axis=2)[:, :, 0]
    return np.take_along_axis(shuffled, np.take_along_axis(order, at, axis=1), axis=1)


def draw_category(target: Target, design: Array, generators: Sequence[np.random.Generator]) -> Array:
    """Impute positions of categories by a logit, multinomial or ordered: chains × missing rows."""
    own = design[:, target.observed[:, None], target.predictors]
    shares = np.bincount(target.answers.astype(int), minlength=target.n_categories) / len(target.answers)
    added, categories, weights = augment(len(target.predictors), shares)
    if len(added):
        own = np.concatenate([own, np.broadcast_to(added, (len(own), *added.shape))], axis=1)
    answers = np.concatenate([target.answers, categories]).astype(np.int64)
    weight = np.concatenate([np.ones(len(target.answers)), weights])
    fit = fit_ordered_logit if target.method == "ordered_logit" else fit_multinomial_logit
    estimates, covariance = fit(own, answers, weight, target.n_categories, target.start, COARSE)
    target.start = estimates
    normal = np.stack([generator.standard_normal(estimates.shape[1]) for generator in generators])
    drawn = draw_coefficients(estimates, covariance, np.ones(len(estimates)), normal)
    wanted = design[:, target.missing[:, None], target.predictors]
    predict = predict_ordered_logit if target.method == "ordered_logit" else predict_multinomial_logit
    below = np.cumsum(predict(wanted, drawn, target.n_categories), axis=2)[:, :, :-1]
    uniform = np.stack([generator.random(len(target.missing)) for generator in generators])
    return (uniform[:, :, None] > below).sum(axis=2).astype(float)


def augment(p: int, shares: Array) -> tuple[Array, Array, Array]:
    """Give rows of small weight that keep the estimates of a logit finite where predictors separate its categories.

    For each predictor and category two rows, half a standard deviation above and below the predictor's mean, all other
    predictors at theirs (White, Daniel and Royston 2010); the weights sum to the number of coefficients and follow the
    shares of the categories (Clogg and others 1991), so that rare categories do not become frequent by them. In R's
    mice all categories have the same weight.

    Parameters
    ----------
    p
        Number of predictors with the intercept; the others have mean 0 and standard deviation 1.
    shares
        Share of each category among the answers.

    Returns
    -------
    rows, categories, weights

    Examples
    --------
    >>> rows, categories, weights = augment(2, np.array([0.75, 0.25]))
    >>> rows.tolist(), categories.tolist(), weights.tolist()
    ([[1.0, 0.5], [1.0, -0.5], [1.0, 0.5], [1.0, -0.5]], [0.0, 0.0, 1.0, 1.0], [0.75, 0.75, 0.25, 0.25])
    """
    others, count = p - 1, len(shares)
    if not others:
        return np.empty((0, 1)), np.empty(0), np.empty(0)
    shifts = np.repeat(np.eye(others), 2 * count, axis=0) * np.tile([0.5, -0.5], others * count)[:, None]
    rows = np.hstack([np.ones((len(shifts), 1)), shifts])
    categories = np.tile(np.repeat(np.arange(count, dtype=float), 2), others)
    return rows, categories, p / (2 * others) * shares[categories.astype(int)]


def predict_multinomial_logit(predictors: Array, coefficients: Array, n_categories: int) -> Array:
    """Probabilities of the categories, the first of which has coefficients 0: chains × rows × categories."""
    chains, rows, p = predictors.shape
    linear = predictors @ coefficients.reshape(chains, n_categories - 1, p).transpose(0, 2, 1)
    linear = np.concatenate([np.zeros((chains, rows, 1)), linear], axis=2)
    share = np.exp(linear - linear.max(axis=2, keepdims=True))
    return share / share.sum(axis=2, keepdims=True)


def fit_multinomial_logit(
    predictors: Array, answers: Index, weights: Array, n_categories: int, start: Array | None = None, step: float = FINE
) -> tuple[Array, Array]:
    """Fit a multinomial logit (of two categories: a logit) to each chain by Newton's method.

    Parameters
    ----------
    predictors
        Chains × rows × p, the first column 1.
    answers
        Position of each row's category, 0 the reference.
    weights
        One a row.
    n_categories
        K.
    start
        Coefficients to start from, chains × (K - 1) p; those of the iteration before save steps.
    step
        A step shorter than this is the last.

    Returns
    -------
    coefficients : chains × (K - 1) p
        Category by category.
    covariance : chains × (K - 1) p × (K - 1) p
        Inverse of the information.
    """
    p, k = predictors.shape[2], n_categories - 1
    chosen = (answers[:, None] == np.arange(1, n_categories)).astype(float)

    def derive(x: Array, coefficients: Array) -> tuple[Array, Array, Array]:
        shares = predict_multinomial_logit(x, coefficients, n_categories)
        own = np.take_along_axis(shares, answers[None, :, None], axis=2)[:, :, 0]
        value = (weights * np.log(np.maximum(own, 1e-300))).sum(axis=1)
        shares = shares[:, :, 1:]
        gradient = ((weights[:, None] * (chosen - shares)).transpose(0, 2, 1) @ x).reshape(len(x), -1)
        information = np.empty((len(x), k * p, k * p))
        flat = x.transpose(0, 2, 1)
        for one in range(k):
            for two in range(one, k):
                weight = weights * shares[:, :, one] * ((one == two) - shares[:, :, two])
                block = flat @ (weight[:, :, None] * x)
                information[:, one * p : (one + 1) * p, two * p : (two + 1) * p] = block
                information[:, two * p : (two + 1) * p, one * p : (one + 1) * p] = block
        return value, gradient, information

    return _climb(predictors, np.zeros((len(predictors), k * p)) if start is None else start, derive, step)


def predict_ordered_logit(predictors: Array, coefficients: Array, n_categories: int) -> Array:
    """Probabilities of ordered categories, chains × rows × categories; see `fit_ordered_logit`."""
    thresholds = coefficients[:, None, : n_categories - 1]
    linear = predictors[:, :, 1:] @ coefficients[:, n_categories - 1 :, None]
    below = _share(thresholds - linear)
    ends = np.zeros_like(linear), np.ones_like(linear)
    # A draw may put thresholds out of order; the category between them then has no share.
    below = np.maximum.accumulate(np.concatenate([ends[0], below, ends[1]], axis=2), axis=2)
    return np.diff(below, axis=2)


def fit_ordered_logit(
    predictors: Array, answers: Index, weights: Array, n_categories: int, start: Array | None = None, step: float = FINE
) -> tuple[Array, Array]:
    """Fit a proportional-odds model, P(y ≤ k) = F(θ_k - x'b), to each chain by Newton's method.

    Parameters
    ----------
    predictors, answers, weights, n_categories, start, step
        See `fit_multinomial_logit`; the intercept, the first column, is replaced by the thresholds.

    Returns
    -------
    coefficients : chains × (K - 1 + p - 1)
        Thresholds, then coefficients.
    covariance
        Inverse of the information.
    """
    cuts = n_categories - 1
    chains = len(predictors)
    upper = np.zeros((len(answers), cuts))
    lower = np.zeros((len(answers), cuts))
    upper[answers < cuts, answers[answers < cuts]] = 1
    lower[answers > 0, answers[answers > 0] - 1] = 1
    if start is None:
        below = np.array([weights[answers <= cut].sum() for cut in range(cuts)]) / weights.sum()
        start = np.zeros((chains, cuts + predictors.shape[2] - 1))
        start[:, :cuts] = np.log(below / (1 - below))

    def derive(x: Array, coefficients: Array) -> tuple[Array, Array, Array]:
        linear = (x[:, :, 1:] @ coefficients[:, cuts:, None])[:, :, 0]
        thresholds = coefficients[:, :cuts]
        a = np.where(answers < cuts, thresholds @ upper.T - linear, np.inf)
        b = np.where(answers > 0, thresholds @ lower.T - linear, -np.inf)
        at_a, at_b = _share(a), _share(b)
        share = np.maximum(at_a - at_b, 1e-300)
        slope_a, slope_b = at_a * (1 - at_a), at_b * (1 - at_b)
        first_a, first_b = slope_a / share, -slope_b / share
        # Second derivatives of ln(F(a) - F(b)).
        second_a = slope_a * (1 - 2 * at_a) / share - first_a**2
        second_b = -slope_b * (1 - 2 * at_b) / share - first_b**2
        mixed = -first_a * first_b
        ordered = (np.diff(thresholds, axis=1) > 0).all(axis=1)
        value = np.where(ordered, (weights * np.log(share)).sum(axis=1), -np.inf)
        of_a = np.concatenate([np.broadcast_to(upper, (len(x), *upper.shape)), -x[:, :, 1:]], axis=2)
        of_b = np.concatenate([np.broadcast_to(lower, (len(x), *lower.shape)), -x[:, :, 1:]], axis=2)
        gradient = ((weights * first_a)[:, None] @ of_a + (weights * first_b)[:, None] @ of_b)[:, 0]
        cross = of_a.transpose(0, 2, 1) @ ((weights * mixed)[:, :, None] * of_b)
        information = -(
            of_a.transpose(0, 2, 1) @ ((weights * second_a)[:, :, None] * of_a)
            + of_b.transpose(0, 2, 1) @ ((weights * second_b)[:, :, None] * of_b)
            + cross
            + cross.transpose(0, 2, 1)
        )
        return value, gradient, information

    return _climb(predictors, start, derive, step)


def _share(linear: Array) -> Array:
    """Logistic function."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-linear))


def _climb(
    predictors: Array, start: Array, derive: Callable[[Array, Array], tuple[Array, Array, Array]], shortest: float
) -> tuple[Array, Array]:
    """Climb a concave log-likelihood by Newton's method with halved steps, each chain until it stands still."""
    coefficients = start.copy()
    covariance = np.empty((*start.shape, start.shape[1]))
    active = np.arange(len(start))
    value, gradient, information = derive(predictors, coefficients)
    for _ in range(MOST_STEPS):
        inverse = _invert(information)
        covariance[active] = inverse
        step = (inverse @ gradient[:, :, None])[:, :, 0]
        # Newton's error is squared by each step: after a small one there is no other to take.
        going = np.abs(step).max(axis=1) > shortest
        coefficients[active[~going]] += step[~going]
        active, step, value = active[going], step[going], value[going]
        if not len(active):
            break
        for _ in range(MOST_HALVINGS):
            candidate = coefficients[active] + step
            new, gradient, information = derive(predictors[active], candidate)
            worse = new < value - 1e-9 * np.abs(value)
            if not worse.any():
                break
            step[worse] /= 2
        coefficients[active], value = candidate, new
    return coefficients, covariance


def _invert(information: Array) -> Array:
    """Invert, with a ridge so slight that it matters only where the information is singular."""
    diagonal = np.diagonal(information, axis1=1, axis2=2)
    inverse = np.linalg.inv(information + (1e-10 * diagonal + 1e-12)[:, :, None] * np.eye(information.shape[1]))
    return (inverse + inverse.transpose(0, 2, 1)) / 2
