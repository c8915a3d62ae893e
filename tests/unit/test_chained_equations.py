"""Chained equations on arrays."""

import numpy as np
import pytest

from firmties.chained_equations import Target, fit_multinomial_logit, fit_ordered_logit, run_chains


def make_problem(n=200, missing=0.2, seed=3):
    """Three correlated columns; the last two have gaps."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    data = common[:, None] + rng.normal(size=(n, 3))
    data = (data - data.mean(axis=0)) / data.std(axis=0)
    gaps = rng.random((n, 2)) < missing
    return data, gaps


def make_targets(data, gaps):
    targets = []
    for place in range(gaps.shape[1]):
        column = place + 1
        observed, lost = np.flatnonzero(~gaps[:, place]), np.flatnonzero(gaps[:, place])
        others = np.array([0, *(1 + other for other in range(3) if other != column)])
        target = Target(
            f"x{column}", "pmm", observed, lost, data[observed, column], np.array([1 + column]), others,
            lambda values: values[:, None],
        )  # fmt: skip
        targets.append(target)
    return targets


def run(data, gaps, chains, first=0, iterations=5):
    design = np.repeat(np.column_stack([np.ones(len(data)), data])[None], chains, axis=0)
    generators = [np.random.default_rng([7, number]) for number in range(first, first + chains)]
    return run_chains(design, make_targets(data, gaps), generators, iterations)


def test_a_chain_does_not_depend_on_the_chains_beside_it():
    data, gaps = make_problem()
    together, alone = run(data, gaps, 4), run(data, gaps, 1, first=2)
    np.testing.assert_array_equal(together.values["x1"][2], alone.values["x1"][0])


def test_imputed_values_are_observed_ones():
    data, gaps = make_problem()
    assert set(run(data, gaps, 3).values["x2"].ravel()) <= set(data[~gaps[:, 1], 2])


def test_cross_products_stay_those_of_the_design():
    data, gaps = make_problem()
    design = np.repeat(np.column_stack([np.ones(len(data)), data])[None], 2, axis=0)
    generators = [np.random.default_rng(number) for number in range(2)]
    seen = []

    def refresh(target, values):
        seen.append(design.copy())
        return {}

    run_chains(design, make_targets(data, gaps), generators, 2, refresh=refresh)
    # The design holds what the chains ended with.
    np.testing.assert_array_equal(seen[-1], design)


def test_means_of_chains_have_a_row_an_iteration():
    data, gaps = make_problem()
    assert run(data, gaps, 3, iterations=4).means["x1"].shape == (4, 3)


def test_predicted_answers_follow_the_predictors():
    rng = np.random.default_rng(5)
    x = rng.normal(size=400)
    y = np.round(10 * x)
    lost = np.arange(0, 400, 4)
    observed = np.setdiff1d(np.arange(400), lost)
    design = np.repeat(np.column_stack([np.ones(400), x, y / 10])[None], 2, axis=0)
    target = Target("y", "pmm", observed, lost, y[observed], np.array([2]), np.array([0, 1]), lambda v: v[:, None] / 10)
    imputed = run_chains(design, [target], [np.random.default_rng(number) for number in range(2)], 1).values["y"]
    assert np.abs(imputed - y[lost]).max() < 12


def test_logit_of_one_binary_predictor_is_the_log_odds_ratio():
    x = np.repeat([0.0, 0.0, 1.0, 1.0], [30, 10, 15, 25])
    y = np.repeat([0, 1, 0, 1], [30, 10, 15, 25])
    design = np.column_stack([np.ones(80), x])[None]
    estimates, _ = fit_multinomial_logit(design, y, np.ones(80), 2)
    assert estimates[0, 1] == pytest.approx(np.log(30 * 25 / (10 * 15)), rel=1e-7)


def test_ordered_logit_of_two_categories_is_the_logit():
    rng = np.random.default_rng(2)
    x = rng.normal(size=300)
    y = (x + rng.logistic(size=300) > 0.3).astype(int)
    design = np.column_stack([np.ones(300), x])[None]
    plain, _ = fit_multinomial_logit(design, y, np.ones(300), 2)
    ordered, _ = fit_ordered_logit(design, y, np.ones(300), 2)
    np.testing.assert_allclose(ordered[0], [-plain[0, 0], plain[0, 1]], rtol=1e-6)
