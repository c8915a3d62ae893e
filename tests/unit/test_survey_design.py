"""The covariance of weighted sums, against R's survey package (tests/reference/r/survey)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from firmties.errors import StudyError
from firmties.survey_design import check_weights, count_degrees_of_freedom, find_design_covariance, sum_squares

FOLDER = Path(__file__).parents[1] / "reference/r/survey"
R = pd.read_csv(FOLDER / "values.csv", dtype={"term": "str"})
API = {name: pd.read_csv(FOLDER / f"api{name}.csv") for name in ("strat", "clus1", "clus2")}
NAMES = ["ell", "meals", "mobility"]


def describe_design(name: str) -> tuple[pd.DataFrame, dict[str, object]]:
    table = API[name.removesuffix("_wr")]
    design = {
        "strat": {"stratum": table["stype"], "population": table.get("fpc")},
        "strat_wr": {"stratum": table["stype"]},
        "clus1": {"cluster": table["dnum"], "population": table.get("fpc")},
        "clus2": {
            "cluster": [table["dnum"], table["snum"]],
            "population": [table.get("fpc1"), table.get("fpc2")],
        },
        "clus2_wr": {"cluster": table["dnum"]},
    }[name]
    return table, design


def get_r(design: str, quantity: str, statistic: str) -> np.ndarray:
    found = R.loc[(R["design"] == design) & (R["quantity"] == quantity) & (R["statistic"] == statistic), "value"]
    assert len(found)
    return found.to_numpy(dtype=float)


DESIGNS = ["strat", "strat_wr", "clus1", "clus2", "clus2_wr"]


def weigh(name: str, table: pd.DataFrame) -> np.ndarray:
    # ASSUME as R does where svydesign gets no weights: the inverse of the product of the sampling fractions.
    if name != "clus2":
        return table["pw"].to_numpy(dtype=float)
    first = table["dnum"].nunique() / table["fpc1"]
    return (1 / (first * table.groupby("dnum")["snum"].transform("nunique") / table["fpc2"])).to_numpy()


@pytest.mark.parametrize("name", DESIGNS)
def test_least_squares_has_the_covariance_of_svyglm(name: str) -> None:
    table, design = describe_design(name)
    x, w = sm.add_constant(table[NAMES].to_numpy(dtype=float)), weigh(name, table)
    fit = sm.WLS(table["api00"].to_numpy(dtype=float), x, weights=w).fit()
    bread = np.linalg.inv(x.T @ (w[:, None] * x))
    found = find_design_covariance(bread, x * np.asarray(fit.resid)[:, None], w, **design)  # type: ignore[arg-type]
    expected = np.array([get_r(name, "svyglm", f"cov_{at}") for at in range(1, 5)])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("name", DESIGNS)
def test_logit_has_the_covariance_of_svyglm(name: str) -> None:
    table, design = describe_design(name)
    x, w = sm.add_constant(table[NAMES].to_numpy(dtype=float)), weigh(name, table)
    y = (table["sch.wide"] == "Yes").to_numpy(dtype=float)
    fit = sm.GLM(y, x, family=sm.families.Binomial(), var_weights=w).fit(tol=1e-14, maxiter=200)
    mu = np.asarray(fit.fittedvalues)
    bread = np.linalg.inv(x.T @ ((w * mu * (1 - mu))[:, None] * x))
    found = find_design_covariance(bread, x * (y - mu)[:, None], w, **design)  # type: ignore[arg-type]
    expected = np.array([get_r(name, "svyglm_logit", f"cov_{at}") for at in range(1, 5)])
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
    assert count_degrees_of_freedom(design.get("stratum"), first) == get_r(name, "df", "df")[0]  # type: ignore[arg-type]


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
