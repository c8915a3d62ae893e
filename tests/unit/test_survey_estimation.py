"""Means, totals, ratios, proportions, quantiles and domains, against R's survey package (tests/reference/r/survey)."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.survey_estimation import (
    Design,
    estimate_mean,
    estimate_proportion,
    estimate_quantiles,
    estimate_ratio,
    estimate_shares,
    estimate_total,
    find_covariance,
    measure_design_effect_of,
)

from .survey_reference import API, DESIGNS, FOLDER, describe_design, get, get_all, weigh

BOTH = ["estimate", "std_error"]
INTERVAL = ["conf_low", "conf_high"]


def make(name: str) -> tuple[pd.DataFrame, Design]:
    table, design = describe_design(name)
    return table, Design(weigh(name, table), **design)


def check(found: dict[str, float], expected: list[float], names: list[str] = BOTH) -> None:
    np.testing.assert_allclose([found[name] for name in names], expected, rtol=1e-6)


@pytest.mark.parametrize("term", ["api00", "api99"])
@pytest.mark.parametrize("name", DESIGNS)
def test_mean(name: str, term: str) -> None:
    table, design = make(name)
    check(estimate_mean(table[term], design), get(name, "mean", term, BOTH))


# Lumley (2021), "A survey analysis example", vignette of the package survey, pp. 2-4: estimate and standard error as
# printed, of the sample of clusters.
CLUS1, DESIGN = make("clus1")
HIGH = CLUS1["stype"] == "H"
PUBLISHED = {
    "mean of api00": (estimate_mean(CLUS1["api00"], DESIGN), "644.17", "23.542"),
    "number of elementary schools": (estimate_total(CLUS1["stype"] == "E", DESIGN), "4873.97", "1333.32"),
    "number of high schools": (estimate_total(HIGH, DESIGN), "473.86", "158.70"),
    "number of middle schools": (estimate_total(CLUS1["stype"] == "M", DESIGN), "846.17", "167.55"),
    "pupils": (estimate_total(CLUS1["enroll"], DESIGN), "3404940", "932235"),
    "share tested": (estimate_ratio(CLUS1["api.stu"], CLUS1["enroll"], DESIGN), "0.8497087", "0.008386297"),
    "share tested of high schools": (
        estimate_ratio(CLUS1["api.stu"], CLUS1["enroll"], DESIGN, HIGH), "0.8300683", "0.01472607",
    ),
    "learners, elementary": (estimate_mean(CLUS1["ell"], DESIGN, CLUS1["stype"] == "E"), "29.69444", "1.411617"),
    "learners in high schools": (estimate_mean(CLUS1["ell"], DESIGN, HIGH), "15.00000", "5.347065"),
    "meals in middle schools": (estimate_mean(CLUS1["meals"], DESIGN, CLUS1["stype"] == "M"), "43.08000", "6.017110"),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_as_published(name: str) -> None:
    found, *printed = PUBLISHED[name]
    decimals = [len(text.partition(".")[2]) for text in printed]
    assert [f"{found[key]:.{at}f}" for key, at in zip(BOTH, decimals, strict=True)] == printed


@pytest.mark.parametrize(
    ("probability", "printed"),
    [(0.25, (552, 492, 627, 31.47166)), (0.5, (652, 561, 714, 35.66788)), (0.75, (719, 696, 777, 18.88300))],
)
def test_quantiles_as_published(probability: float, printed: tuple[float, ...]) -> None:
    [found] = estimate_quantiles(CLUS1["api00"], [probability], DESIGN)
    names = ["estimate", *INTERVAL, "std_error"]
    np.testing.assert_allclose([found[name] for name in names], printed, atol=1e-5)


@pytest.mark.parametrize("term", ["api00", "api99"])
@pytest.mark.parametrize("name", DESIGNS)
def test_total(name: str, term: str) -> None:
    table, design = make(name)
    check(estimate_total(table[term], design), get(name, "total", term, BOTH))


@pytest.mark.parametrize("name", DESIGNS)
def test_mean_and_total_with_missing_values(name: str) -> None:
    table, design = make(name)
    check(estimate_mean(table["enroll"], design), get(name, "mean_enroll", "enroll", BOTH))
    check(estimate_total(table["enroll"], design), get(name, "total_enroll", "enroll", BOTH))


@pytest.mark.parametrize("name", DESIGNS)
def test_interval_of_a_mean(name: str) -> None:
    table, design = make(name)
    check(estimate_mean(table["api00"], design), get(name, "mean_ci", "api00", INTERVAL), INTERVAL)


@pytest.mark.parametrize("code", ["E", "H", "M"])
@pytest.mark.parametrize("name", ["clus1", "clus2", "clus2_wr"])
def test_shares_and_totals_of_categories(name: str, code: str) -> None:
    table, design = make(name)
    check(estimate_shares(table["stype"], design)[code], get(name, "share", f"stype{code}", BOTH))
    check(estimate_total(table["stype"] == code, design), get(name, "total_stype", f"stype{code}", BOTH))


@pytest.mark.parametrize("code", ["E", "H", "M"])
def test_shares_of_strata_do_not_vary(code: str) -> None:
    table, design = make("strat")
    assert estimate_shares(table["stype"], design)[code]["std_error"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", DESIGNS)
def test_ratio(name: str) -> None:
    table, design = make(name)
    names = [*BOTH, *INTERVAL]
    found = estimate_ratio(table["api.stu"], table["enroll"], design)
    check(found, get(name, "ratio", "api.stu/enroll", names), names)


@pytest.mark.parametrize("method", ["logit", "xlogit"])
@pytest.mark.parametrize("name", DESIGNS)
def test_interval_of_a_proportion(name: str, method: str) -> None:
    table, design = make(name)
    names = ["estimate", *INTERVAL]
    found = estimate_proportion(table["sch.wide"] == "Yes", design)
    check(found, get(name, f"ciprop_{method}", "sch.wide", names), names)


@pytest.mark.parametrize("rule", ["math", "school"])
@pytest.mark.parametrize("name", DESIGNS)
def test_quantiles_with_woodruff_intervals(name: str, rule: str) -> None:
    table, design = make(name)
    names = [*BOTH, *INTERVAL]
    for found in estimate_quantiles(table["api00"], [0.1, 0.25, 0.5, 0.75, 0.9], design, rule=rule):
        check(found, get(name, f"quantile_{rule}", f"{found['probability']:g}", names), names)


@pytest.mark.parametrize("group", ["Yes", "No"])
@pytest.mark.parametrize("name", DESIGNS)
def test_domains(name: str, group: str) -> None:
    table, design = make(name)
    domain = table["comp.imp"] == group
    check(estimate_mean(table["api00"], design, domain), get(name, f"domain_mean_{group}", "api00", BOTH))
    check(estimate_total(table["api00"], design, domain), get(name, f"domain_total_{group}", "api00", BOTH))


@pytest.mark.parametrize("name", DESIGNS)
def test_design_effect(name: str) -> None:
    table, design = make(name)
    assert measure_design_effect_of(table["api00"], design) == pytest.approx(get(name, "deff", "api00", ["deff"])[0])


@pytest.mark.parametrize("rule", ["adjust", "certainty"])
def test_strata_of_one_unit(rule: str) -> None:
    table = pd.read_csv(FOLDER / "lonely.csv")
    design = Design(table["pw"], stratum=table["stype"], population=table["fpc"], lonely=rule)
    check(estimate_mean(table["api00"], design), get(f"lonely_{rule}", "mean", "api00", BOTH))
    check(estimate_total(table["api00"], design), get(f"lonely_{rule}", "total", "api00", BOTH))


def rake_clus1(calibrated: bool) -> tuple[pd.DataFrame, Design]:
    table = API["clus1"]
    margins = [table["stype"], table["sch.wide"]] if calibrated else []
    weights = get_all("raked", "weight", "estimate")
    return table, Design(weights, cluster=table["dnum"], population=table["fpc"], margins=margins, start=table["pw"])


@pytest.mark.parametrize(("name", "calibrated"), [("raked", True), ("calibrated", True), ("raked_plain", False)])
def test_raked_estimates(name: str, calibrated: bool) -> None:
    table, design = rake_clus1(calibrated)
    for term in ("api00", "api99"):
        check(estimate_mean(table[term], design), get(name, "mean", term, BOTH))
    for term in ("api00", "enroll"):
        check(estimate_total(table[term], design), get(name, "total", term, BOTH))


def test_domain_of_raked_weights() -> None:
    table, design = rake_clus1(True)
    found = estimate_mean(table["api00"], design, table["comp.imp"] == "Yes")
    check(found, get("raked", "domain_mean_Yes", "api00", BOTH))


def test_raked_margins_do_not_vary() -> None:
    table, design = rake_clus1(True)
    assert estimate_total(table["stype"] == "H", design)["std_error"] == pytest.approx(0, abs=1e-9)


@given(st.lists(st.floats(-100, 100), min_size=3, max_size=30), st.randoms(use_true_random=False))
def test_an_unweighted_mean_has_the_usual_standard_error(values: list[float], random: object) -> None:
    found = estimate_mean(values, Design(np.ones(len(values))))
    np.testing.assert_allclose(found["std_error"], np.std(values, ddof=1) / np.sqrt(len(values)), atol=1e-9)


def test_rows_outside_a_domain_count_as_units() -> None:
    # Leaving them out would take their stratum for one of 2 units, not of 4.
    y, domain = np.array([1.0, 3.0, 9.0, 9.0]), np.array([True, True, False, False])
    whole = estimate_mean(y, Design(np.ones(4)), domain)["std_error"]
    alone = estimate_mean(y[domain], Design(np.ones(2)))["std_error"]
    assert whole == pytest.approx(alone * np.sqrt((4 / 3) / (2 / 1)))


def test_a_missing_value_is_counted() -> None:
    found = estimate_mean([1.0, None, 3.0], Design(np.ones(3)))  # type: ignore[list-item]
    assert (found["n"], found["n_missing"]) == (2, 1)


def test_a_share_of_all_has_no_interval() -> None:
    assert np.isnan(estimate_proportion([True, True], Design([1.0, 2.0]))["conf_low"])


def test_one_cluster_has_no_interval() -> None:
    assert np.isnan(estimate_mean([1.0, 2.0], Design([1.0, 1.0], cluster=["a", "a"]))["conf_low"])


def test_an_empty_domain_is_refused() -> None:
    with pytest.raises(StudyError, match="no row of the domain has a value"):
        estimate_mean([1.0, 2.0], Design([1.0, 1.0]), [False, False])


def test_a_quantile_of_what_is_no_probability_is_refused() -> None:
    with pytest.raises(StudyError, match="probabilities: 50 is not between 0 and 1"):
        estimate_quantiles([1.0], [50], Design([1.0]))


def test_an_unknown_definition_of_a_quantile_is_refused() -> None:
    with pytest.raises(StudyError, match=r"rule: 'hf7' is no definition of a quantile; allowed: math, school"):
        estimate_quantiles([1.0], [0.5], Design([1.0]), rule="hf7")


def test_a_denominator_of_nothing_is_refused() -> None:
    with pytest.raises(StudyError, match="adds up to 0"):
        estimate_ratio([1.0], [0.0], Design([1.0]))


def test_values_and_weights_of_different_length_are_refused() -> None:
    with pytest.raises(StudyError, match="2 values and 3 weights"):
        estimate_mean([1.0, 2.0], Design(np.ones(3)))


def test_several_influences_have_one_covariance() -> None:
    found = find_covariance(np.array([[1.0, 2.0], [-1.0, -2.0]]), Design(np.ones(2)))
    assert found.tolist() == [[4.0, 8.0], [8.0, 16.0]]
