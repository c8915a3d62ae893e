"""The covariance of weighted sums, against R's survey package (tests/reference/r/survey)."""

import numpy as np
import pytest
import statsmodels.api as sm

from firmties.errors import StudyError
from firmties.survey_design import check_weights, count_degrees_of_freedom, find_design_covariance, sum_squares

from .survey_reference import DESIGNS, describe_design, get_all, weigh

NAMES = ["ell", "meals", "mobility"]


@pytest.mark.parametrize("name", DESIGNS)
def test_least_squares_has_the_covariance_of_svyglm(name: str) -> None:
    table, design = describe_design(name)
    x, w = sm.add_constant(table[NAMES].to_numpy(dtype=float)), weigh(name, table)
    fit = sm.WLS(table["api00"].to_numpy(dtype=float), x, weights=w).fit()
    bread = np.linalg.inv(x.T @ (w[:, None] * x))
    found = find_design_covariance(bread, x * np.asarray(fit.resid)[:, None], w, **design)
    expected = np.array([get_all(name, "svyglm", f"cov_{at}") for at in range(1, 5)])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_standard_errors_of_least_squares_as_published() -> None:
    # Lumley (2021), "A survey analysis example", vignette of the package survey, p. 4.
    table, design = describe_design("clus1")
    x, w = sm.add_constant(table[["ell", "meals"]].to_numpy(dtype=float)), table["pw"].to_numpy()
    fit = sm.WLS(table["api00"].to_numpy(dtype=float), x, weights=w).fit()
    bread = np.linalg.inv(x.T @ (w[:, None] * x))
    found = find_design_covariance(bread, x * np.asarray(fit.resid)[:, None], w, **design)
    assert np.sqrt(np.diag(found)).round(4).tolist() == [18.6709, 0.3259, 0.3018]


@pytest.mark.parametrize("name", DESIGNS)
def test_logit_has_the_covariance_of_svyglm(name: str) -> None:
    table, design = describe_design(name)
    x, w = sm.add_constant(table[NAMES].to_numpy(dtype=float)), weigh(name, table)
    y = (table["sch.wide"] == "Yes").to_numpy(dtype=float)
    fit = sm.GLM(y, x, family=sm.families.Binomial(), var_weights=w).fit(tol=1e-14, maxiter=200)
    mu = np.asarray(fit.fittedvalues)
    bread = np.linalg.inv(x.T @ ((w * mu * (1 - mu))[:, None] * x))
    found = find_design_covariance(bread, x * (y - mu)[:, None], w, **design)
    expected = np.array([get_all(name, "svyglm_logit", f"cov_{at}") for at in range(1, 5)])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_scale_of_the_weights_cancels() -> None:
    table, _ = describe_design("strat")
    x = sm.add_constant(table[NAMES].to_numpy(dtype=float))
    w, scores = table["pw"].to_numpy(), x * (table["api00"] - table["api00"].mean()).to_numpy()[:, None]
    first, second = (
        find_design_covariance(np.linalg.inv(x.T @ (v[:, None] * x)), scores, v, table["stype"])
        for v in (w, w / w.mean())
    )
    np.testing.assert_allclose(first, second, rtol=1e-9)


@pytest.mark.parametrize("name", DESIGNS)
def test_degrees_of_freedom_are_those_of_r(name: str) -> None:
    table, design = describe_design(name)
    cluster = design.get("cluster", np.arange(len(table)))
    first = cluster[0] if isinstance(cluster, list) else cluster
    assert count_degrees_of_freedom(design.get("stratum"), first) == get_all(name, "df", "df")[0]


ONE = np.array([[1.0], [2.0], [4.0]])


def test_a_stratum_of_one_unit_adds_its_squared_total_by_default() -> None:
    assert sum_squares(ONE, ["a", "a", "b"])[0, 0] == pytest.approx(1 + 16)


def test_a_stratum_of_one_unit_taken_as_certain_adds_nothing() -> None:
    assert sum_squares(ONE, ["a", "a", "b"], lonely="certainty")[0, 0] == pytest.approx(1)


def test_a_stratum_of_one_unit_fails_by_name_if_told_to() -> None:
    with pytest.raises(StudyError, match="stratum 'b' has one primary sampling unit"):
        sum_squares(ONE, ["a", "a", "b"], lonely="fail")


def test_a_stratum_that_was_drawn_whole_adds_nothing() -> None:
    assert sum_squares(ONE, ["a", "a", "b"], population=[2, 2, 1], lonely="fail")[0, 0] == 0


def test_an_unknown_rule_for_lonely_strata_is_named() -> None:
    with pytest.raises(StudyError, match=r"lonely: 'ajust' is no rule.*did you mean 'adjust'"):
        sum_squares(ONE, lonely="ajust")


def test_a_population_smaller_than_the_sample_is_refused() -> None:
    with pytest.raises(StudyError, match="stratum 'a': its population is 1, and the sample holds 2 of it"):
        sum_squares(ONE, ["a", "a", "b"], population=[1, 1, 5])


def test_a_population_that_differs_within_a_stratum_is_refused() -> None:
    with pytest.raises(StudyError, match="stratum 'a': its population is 5 in one row and 6 in another"):
        sum_squares(ONE, ["a", "a", "b"], population=[5, 6, 5])


def test_a_cluster_in_two_strata_is_refused() -> None:
    with pytest.raises(StudyError, match="cluster '7' lies in more than one stratum"):
        sum_squares(ONE, ["a", "b", "b"], cluster=[7, 7, 8])


def test_a_row_without_a_stratum_is_refused() -> None:
    with pytest.raises(StudyError, match="stratum: row 2 has none"):
        sum_squares(ONE, ["a", None, "b"])


@pytest.mark.parametrize(
    ("weights", "words"),
    [([1, -1], "row 2: -1.0 is negative"), ([1, np.nan], "row 2: nan is missing"), ([0, 0], "all 2 are 0")],
)
def test_weights_that_cannot_be_are_refused(weights: list[float], words: str) -> None:
    with pytest.raises(StudyError, match=words):
        check_weights(weights)
