"""Pooling over imputed sets, against mice and mitml of R (tests/reference/r/imputation)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.pooling import pool_numbers, pool_vectors, pool_wald

REFERENCE = Path(__file__).parents[1] / "reference" / "r" / "imputation"
INPUTS = pd.read_csv(REFERENCE / "pooling_inputs.csv", keep_default_na=False)
VALUES = pd.read_csv(REFERENCE / "pooling.csv")
COMPLETE = {"ols finite": 21, "logit finite": 23, "scalar finite": 24}
NAMES = {
    "estimate": "estimate", "ubar": "within", "b": "between", "t": "variance", "df": "df", "riv": "increase",
    "lambda": "lambda_", "fmi": "missing_information",
}  # fmt: skip


def read_sets(case):
    """Terms, estimates (m × k) and covariance matrices (m × k × k) of the sets."""
    rows = INPUTS[INPUTS["case"] == case]
    terms = list(rows["row"].unique())
    means = rows[rows["column"] == ""].pivot(index="set", columns="row", values="value")[terms]
    matrices = [
        part.pivot(index="row", columns="column", values="value").loc[terms, terms]
        for _, part in rows[rows["column"] != ""].groupby("set")
    ]
    return terms, means.to_numpy(), np.stack(matrices)


POOLED = VALUES[VALUES["quantity"].isin(NAMES) & ~VALUES["case"].str.startswith("test")]


@pytest.mark.parametrize(
    "row", POOLED.to_dict("records"), ids=lambda row: f"{row['case']} {row['quantity']} {row['term']}"
)
def test_pooled_numbers_are_those_of_mice(row):
    terms, estimates, covariances = read_sets(row["case"].split()[0])
    pooled = pool_vectors(estimates, covariances, COMPLETE.get(row["case"], np.inf))
    assert getattr(pooled, NAMES[row["quantity"]])[terms.index(row["term"])] == pytest.approx(row["value"], rel=1e-10)


TESTS = VALUES[VALUES["case"].str.startswith("test")]
FIELDS = {"F": "statistic", "df1": "df1", "df2": "df2", "p": "p_value", "riv": "increase"}


@pytest.mark.parametrize("row", TESTS.to_dict("records"), ids=lambda row: f"{row['case']} {row['quantity']}")
def test_joint_tests_are_those_of_mitml(row):
    terms, estimates, covariances = read_sets("ols")
    chosen = [terms.index(name) for name in (["bmi", "hyp"] if "two" in row["case"] else ["bmi"])]
    sets = slice(0, 2) if "few" in row["case"] else slice(None)
    found = pool_wald(
        estimates[sets][:, chosen],
        covariances[sets][:, chosen][:, :, chosen],
        21 if "finite" in row["case"].split() else np.inf,
    )
    assert getattr(found, FIELDS[row["quantity"]]) == pytest.approx(row["value"], rel=1e-10)


def test_covariance_has_the_total_variances_on_its_diagonal():
    _, estimates, covariances = read_sets("ols")
    pooled = pool_vectors(estimates, covariances)
    np.testing.assert_allclose(np.diag(pooled.covariance), pooled.variance, rtol=1e-12)


def test_equal_sets_keep_the_complete_degrees_of_freedom():
    assert pool_numbers([0.1, 0.1, 0.1], [0.04, 0.04, 0.04], 50).df == 50


def test_equal_sets_have_no_missing_information():
    assert pool_numbers([0.1, 0.1, 0.1], [0.04, 0.04, 0.04], 50).missing_information == 0


def test_equal_sets_with_a_normal_reference_keep_it():
    assert pool_numbers([0.1, 0.1], [0.04, 0.04]).df == np.inf


def test_sets_that_differ_without_variance_within_are_all_missing_information():
    assert pool_numbers([0.1, 0.3], [0.0, 0.0], 50).missing_information == 1


def test_joint_test_of_equal_sets_keeps_the_complete_degrees_of_freedom():
    found = pool_wald([[0.1, 0.2]] * 3, [np.eye(2)] * 3, 40)
    assert found.df2 == 40


finite = st.floats(-100, 100)
numbers = st.lists(st.tuples(finite, st.floats(0.01, 100)), min_size=2, max_size=8)


@given(numbers, st.floats(1, 1000))
def test_degrees_of_freedom_are_never_above_the_complete_ones(sets, complete):
    estimates, variances = zip(*sets, strict=True)
    assert pool_numbers(estimates, variances, complete).df <= complete


@given(numbers, st.floats(1, 1000))
def test_missing_information_is_a_share(sets, complete):
    estimates, variances = zip(*sets, strict=True)
    assert 0 <= pool_numbers(estimates, variances, complete).missing_information <= 1


@given(numbers)
def test_order_of_sets_does_not_matter(sets):
    estimates, variances = zip(*sets, strict=True)
    forth, back = pool_numbers(estimates, variances), pool_numbers(estimates[::-1], variances[::-1])
    assert forth.variance == pytest.approx(back.variance, rel=1e-9)


@given(st.lists(st.tuples(finite, st.floats(0.1, 10)), min_size=2, max_size=8))
def test_joint_test_of_one_coefficient_is_its_squared_t(sets):
    estimates, variances = (np.array(column) for column in zip(*sets, strict=True))
    pooled = pool_numbers(estimates, variances)
    found = pool_wald(estimates[:, None], variances[:, None, None])
    assert found.statistic == pytest.approx(float(pooled.estimate**2 / pooled.variance), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("m", [2, 3, 5])
def test_joint_test_of_one_coefficient_over_few_sets_has_its_degrees_of_freedom(m):
    estimates, variances = np.array([0.5, 0.7, 0.6, 0.4, 0.9])[:m], np.full(m, 0.04)
    found = pool_wald(estimates[:, None], variances[:, None, None], 12)
    assert found.df2 == pytest.approx(float(pool_numbers(estimates, variances, 12).df), rel=1e-12)


@given(st.lists(st.tuples(finite, finite), min_size=2, max_size=8), st.floats(1, 200))
def test_missing_answers_add_no_degrees_of_freedom_to_a_joint_test(sets, complete):
    found = pool_wald(np.array(sets), [np.eye(2)] * len(sets), complete)
    assert 0 < found.df2 <= max(complete, 4.1)


def test_one_set_cannot_be_pooled():
    with pytest.raises(ValueError, match="at least two imputed sets"):
        pool_numbers([1.0], [1.0])


def test_missing_estimate_names_its_set():
    with pytest.raises(ValueError, match="an estimate of set 2 is missing or infinite"):
        pool_numbers([1.0, np.nan], [1.0, 1.0])


def test_negative_variance_names_its_set():
    with pytest.raises(ValueError, match="a variance of set 1 is negative"):
        pool_numbers([1.0, 2.0], [-1.0, 1.0])


def test_joint_test_of_collinear_coefficients_is_refused():
    with pytest.raises(ValueError, match="is singular"):
        pool_wald([[1.0, 1.0], [2.0, 2.0]], [np.ones((2, 2))] * 2)
