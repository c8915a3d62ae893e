"""Chained equations on arrays; deterministic pieces against R (tests/reference/r/imputation/engine.R)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmties.chained_equations import (
    Target,
    draw_coefficients,
    fit_multinomial_logit,
    fit_ordered_logit,
    match_donors,
    run_chains,
    solve_regression,
)

REFERENCE = Path(__file__).parents[1] / "reference" / "r" / "imputation"
ENGINE = pd.read_csv(REFERENCE / "engine.csv")
INPUTS = pd.read_csv(REFERENCE / "inputs.csv")


def read_values(piece, quantity):
    rows = ENGINE[(ENGINE["piece"] == piece) & (ENGINE["quantity"] == quantity)]
    return rows["value"].to_numpy()


@pytest.fixture(scope="module")
def draw():
    """Our regression and draw from the numbers that R drew."""
    rows = INPUTS[["x", "amount", "item", "second"]].dropna()
    x = rows[["x", "item", "second"]]
    x = np.column_stack([np.ones(len(x)), (x - x.mean()) / x.std()])
    y = rows["amount"].to_numpy()
    coefficients, inverse = solve_regression((x.T @ x)[None], (x.T @ y)[None], ridge=1e-5)
    squares = ((y - x @ coefficients[0]) ** 2).sum()
    spread = np.sqrt(squares / read_values("draw", "chi_square"))
    drawn = draw_coefficients(coefficients, inverse, spread, read_values("draw", "normal")[None])
    return {"coefficient": coefficients[0], "sigma": spread, "drawn": drawn[0]}


@pytest.mark.parametrize("quantity", ["coefficient", "sigma", "drawn"])
def test_draw_of_coefficients_is_that_of_mice(draw, quantity):
    np.testing.assert_allclose(draw[quantity], read_values("draw", quantity), rtol=1e-9)


def test_nearest_donor_is_that_of_mice():
    predicted, expected = read_values("match", "predicted")[None], read_values("match", "expected")[None]
    found = match_donors(predicted, expected, 1, np.zeros(predicted.shape), np.zeros(expected.shape, dtype=int))
    np.testing.assert_array_equal(found[0] + 1, read_values("match", "donor"))


def fit(piece, outcome, model):
    rows = INPUTS[["x", "amount", outcome]].dropna()
    codes, answers = np.unique(rows[outcome], return_inverse=True)
    design = np.column_stack([np.ones(len(rows)), rows[["x", "amount"]]])[None]
    estimates, covariance = model(design, answers, np.ones(len(rows)), len(codes))
    return {"coefficient": estimates[0], "std_error": np.sqrt(np.diag(covariance[0]))}


@pytest.mark.parametrize("quantity", ["coefficient", "std_error"])
def test_logit_is_that_of_glm(quantity):
    found = fit("logit", "yes", fit_multinomial_logit)
    np.testing.assert_allclose(found[quantity], read_values("logit", quantity), rtol=1e-6)


@pytest.mark.parametrize("quantity", ["coefficient", "std_error"])
def test_multinomial_logit_is_that_of_nnet(quantity):
    """Nnet stops at a relative change of the deviance; its information is good to about five digits."""
    found = fit("multinomial", "kind", fit_multinomial_logit)
    tolerance = {"coefficient": 1e-6, "std_error": 1e-4}[quantity]
    np.testing.assert_allclose(found[quantity], read_values("multinomial", quantity), rtol=tolerance)


def test_ordered_logit_is_that_of_polr():
    found = fit("ordered", "stage", fit_ordered_logit)["coefficient"]
    expected = np.concatenate([read_values("ordered", "threshold"), read_values("ordered", "coefficient")])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


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
