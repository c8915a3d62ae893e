"""Imputation of a table: which cells, from what, and back; against mice of R (tests/reference/r/imputation/mice.R)."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmties.codebook import Variable
from firmties.completion import fill_cells, split_copies, stack_copies
from firmties.errors import StudyError
from firmties.formulas import parse_formula
from firmties.imputation import WaveImputation
from firmties.imputation_plan import Plan, find_roots
from firmties.table_imputation import TableImputation

REFERENCE = Path(__file__).parents[1] / "reference" / "r" / "imputation"
TYPES = {
    "x": "number", "amount": "number", "item": "ordinal", "second": "ordinal", "yes": "boolean", "kind": "category",
    "stage": "ordinal",
}  # fmt: skip
VARIABLES = {name: Variable(name, type=kind) for name, kind in TYPES.items()}
DICTIONARY = pd.DataFrame({"variable": list(TYPES), "type": list(TYPES.values()), "codes": "", "reference": ""})
ALL = "x + amount + I(item) + I(second) + yes + kind + I(stage)"


def read_inputs():
    table = pd.read_csv(REFERENCE / "inputs.csv", dtype={"kind": "str"})
    return table.astype({"item": "Int64", "second": "Int64", "stage": "Int64", "yes": "boolean"})


def list_kinds(table, reason="no_answer"):
    return pd.DataFrame("", index=table.index, columns=table.columns).mask(table.isna(), reason)


def make(table, predictors=ALL, kinds=None, variables=None, **plan):
    chosen = variables or [name for name in table if name in VARIABLES and name != "x"]
    plan = Plan({name: VARIABLES[name] for name in chosen}, predictors=parse_formula(predictors), **plan)
    return TableImputation(table, list_kinds(table) if kinds is None else kinds, plan, DICTIONARY)


def run(imputation, chains=2, iterations=2, first=0):
    generators = [np.random.default_rng([1, number]) for number in range(first, first + chains)]
    return imputation.run(generators, iterations, 5)[0]


# --- against mice ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def estimates():
    """The quantities of mice.R in each of 100 sets."""
    table = read_inputs()
    imputation = make(table)
    rows = []
    for first in range(0, 100, 10):
        cells = run(imputation, 10, 10, first)
        for place in range(10):
            data = {name: imputation.answers[name].copy() for name in cells}
            for name, (at, values) in cells.items():
                data[name][at] = values[place]
            kinds = np.array(imputation.codes["kind"])[data["kind"].astype(int)]
            design = np.column_stack([np.ones(len(table)), table["x"], data["item"], data["yes"], data["stage"]])
            slopes = np.linalg.lstsq(design, data["amount"], rcond=None)[0]
            rows.append(
                {
                    "mean_amount": data["amount"].mean(),
                    "sd_amount": data["amount"].std(ddof=1),
                    "mean_item": data["item"].mean(),
                    "mean_yes": data["yes"].mean(),
                    "share_b": (kinds == "b").mean(),
                    "share_c": (kinds == "c").mean(),
                    "mean_stage": data["stage"].mean(),
                    "correlation": np.corrcoef(data["item"], data["second"])[0, 1],
                    **dict(zip(["slope_x", "slope_item", "slope_yes", "slope_stage"], slopes[1:], strict=True)),
                }
            )
    return pd.DataFrame(rows)


MICE = pd.read_csv(REFERENCE / "mice.csv").set_index("quantity")


@pytest.mark.parametrize("quantity", MICE.index)
def test_mean_over_sets_is_that_of_mice(estimates, quantity):
    """Both are means over random sets: they agree within four standard errors of their difference."""
    ours, theirs = estimates[quantity], MICE.loc[quantity]
    error = np.sqrt(ours.var() / len(ours) + theirs["sd"] ** 2 / theirs["sets"])
    assert abs(ours.mean() - theirs["mean"]) < 4 * error


@pytest.mark.parametrize("quantity", MICE.index)
def test_spread_between_sets_is_that_of_mice(estimates, quantity):
    """Standard deviations of 100 and 200 draws: their ratio lies within .72 and 1.39 in 999 of 1,000 comparisons.

    Mice takes the coefficients of its multinomial logit without drawing them, so its shares vary less: their bound is
    wider.
    """
    ratio = estimates[quantity].std() / MICE.loc[quantity, "sd"]
    assert 0.7 < ratio < (1.7 if quantity.startswith("share") else 1.43)


# --- which cells ----------------------------------------------------------------------------------------------------


def test_only_answers_that_could_have_been_given_are_imputed():
    table = read_inputs()
    kinds = list_kinds(table)
    lost = np.flatnonzero(table["amount"].isna())
    for place, kind in enumerate(["not_applicable", "not_asked", "dont_know", "refused", "lost"]):
        kinds.loc[lost[place], "amount"] = kind
    rows, _ = run(make(table, kinds=kinds))["amount"]
    assert sorted(set(lost) - set(rows)) == sorted(lost[:2])


def test_numbers_are_drawn_from_the_observed_ones():
    table = read_inputs()
    _, values = run(make(table))["amount"]
    assert set(values.ravel()) <= set(table["amount"].dropna())


def test_sets_do_not_depend_on_the_sets_beside_them():
    table = read_inputs()
    _, together = run(make(table), chains=3)["item"]
    _, alone = run(make(table), chains=1, first=2)["item"]
    np.testing.assert_array_equal(together[2], alone[0])


def test_rows_of_another_wave_change_nothing(panel_of_two_waves):
    one, both = panel_of_two_waves
    pd.testing.assert_frame_equal(one, both)


@pytest.fixture
def panel_of_two_waves():
    table = read_inputs().assign(wave=1, firm=[f"f{number}" for number in range(500)])
    table["response"] = table["firm"]
    settings = {
        "study": {"firm": "firm", "response": "response"},
        "imputation": {
            "sets": 2,
            "iterations": 2,
            "seed": 3,
            "donors": 5,
            "variables": list(TYPES)[1:],
            "predictors": ALL,
        },
    }

    def impute(rows):
        kinds = list_kinds(rows)
        wave = WaveImputation(rows, pd.DataFrame(), kinds, pd.DataFrame(), DICTIONARY, VARIABLES, {}, settings, {}, 1)
        return pd.concat([cells for _, cells in wave.run()], ignore_index=True)

    later = table.assign(wave=2)
    stacked = pd.concat([table, later], ignore_index=True)
    return impute(table), impute(stacked[stacked["wave"] == 1])


# --- what stands in the way -----------------------------------------------------------------------------------------


def test_a_variable_without_answers_is_left_and_told():
    table = read_inputs().assign(amount=np.nan)
    imputation = make(table)
    assert "amount" not in run(imputation)
    assert imputation.reports["amount"]["reason"] == "no observed answer"


def test_a_constant_is_imputed_by_itself_and_told():
    table = read_inputs()
    table["amount"] = table["amount"].mask(table["amount"].notna(), 4.0)
    imputation = make(table)
    assert set(run(imputation)["amount"][1].ravel()) == {4.0}
    assert imputation.reports["amount"]["reason"].startswith("all observed answers are the same")


def test_few_answers_are_drawn_without_a_model():
    table = read_inputs()
    table["amount"] = table["amount"].where(table.index < 8)
    imputation = make(table)
    run(imputation)
    assert imputation.reports["amount"]["reason"].startswith("drawn from the ")
    assert imputation.reports["amount"]["n_predictors"] == 0


def test_a_predictor_that_repeats_another_is_left_out_and_told():
    table = read_inputs().assign(twice=lambda t: 2 * t["x"])
    imputation = make(table, ALL + " + twice", variables=["amount"])
    assert imputation.reports["amount"]["reason"] == "1 predictors left out as collinear"


def test_a_category_with_one_case_can_be_imputed():
    table = read_inputs()
    table.loc[table["kind"].notna().idxmax(), "kind"] = "rare"
    _, values = run(make(table))["kind"]
    assert set(np.unique(values)) <= {0.0, 1.0, 2.0, 3.0}


def test_a_variable_that_the_wave_did_not_ask_is_passed_over():
    table = read_inputs().drop(columns="stage")
    imputation = make(table, "x + amount", variables=["amount", "stage"], kinds=list_kinds(table))
    assert list(run(imputation)) == ["amount"]


def test_text_is_refused():
    table = read_inputs().assign(amount="much")
    with pytest.raises(StudyError, match="'amount' holds text"):
        make(table, "x", variables=["amount"])


def test_a_base_that_is_not_imputed_is_refused():
    table = read_inputs()
    with pytest.raises(StudyError, match="the base 'x' of 'amount' is not among the variables"):
        make(table, "x", variables=["amount"], relative={"amount": "x"})


# --- amounts --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def growing():
    """Sales of two years; both, the first, or the second year's are missing."""
    rng = np.random.default_rng(8)
    before = np.exp(rng.normal(5, 1.5, size=300))
    now = before * np.exp(rng.normal(0.05, 0.2, size=300))
    table = pd.DataFrame({"x": rng.normal(size=300), "amount": now, "second": before})
    table.loc[:29, ["amount", "second"]] = np.nan
    table.loc[30:49, "amount"] = np.nan
    table.loc[50:69, "second"] = np.nan
    variables = {name: Variable(name, minimum=0) for name in ("amount", "second")}
    plan = Plan(variables, parse_formula("x"), on_log_scale=["second"], relative={"amount": "second"})
    imputation = TableImputation(table, list_kinds(table), plan, DICTIONARY)
    cells = imputation.run([np.random.default_rng(number) for number in range(3)], 3, 5)[0]
    filled = []
    for chain in range(3):
        data = {name: table[name].to_numpy().copy() for name in ("amount", "second")}
        for name, (rows, values) in cells.items():
            data[name][rows] = values[chain]
        filled.append(data)
    return table, filled


def test_multiples_are_those_of_donors(growing):
    table, filled = growing
    observed = (table["amount"] / table["second"]).dropna().to_numpy()
    imputed = filled[0]["amount"][:70] / filled[0]["second"][:70]
    assert np.abs(imputed[:, None] - observed).min(axis=1).max() < 1e-12


def test_an_amount_of_which_the_other_is_known_keeps_to_it(growing):
    table, filled = growing
    known = table["second"].to_numpy()[30:50]
    assert (np.abs(np.log(filled[1]["amount"][30:50] / known)) < 1).all()


@pytest.mark.filterwarnings("error")
def test_a_base_of_zero_is_told_and_leaves_the_amount():
    rng = np.random.default_rng(9)
    table = pd.DataFrame(
        {"x": rng.normal(size=100), "amount": rng.uniform(1, 9, 100), "second": rng.uniform(1, 9, 100)}
    )
    table.loc[:9, "second"] = 0.0
    table.loc[5:14, "amount"] = np.nan
    table.loc[10:12, "second"] = np.nan
    variables = {name: Variable(name) for name in ("amount", "second")}
    plan = Plan(variables, parse_formula("x"), on_log_scale=["second"], relative={"amount": "second"})
    imputation = TableImputation(table, list_kinds(table), plan, DICTIONARY)
    assert set(run(imputation, 4, 4)["amount"][0]) <= set(range(10, 15))
    assert imputation.reports["amount"]["reason"].startswith("5 not imputed: the base 'second' is not positive")


def test_every_gap_of_the_amounts_is_filled(growing):
    _, filled = growing
    assert np.isfinite([data[name] for data in filled for name in data]).all()


# --- passive imputation ---------------------------------------------------------------------------------------------


def test_a_derived_predictor_is_computed_anew_in_every_chain():
    table = read_inputs().assign(total=lambda t: (t["item"] + t["second"]).astype("Float64").astype(float))
    imputation = make(table, "x + total", derived=[{"name": "total", "value": "item + second"}])
    run(imputation)
    term = next(term for term in imputation.passive if imputation.design.terms[term.position][0].name == "total")
    blocks = imputation.blocks["total"][:, :, 0]
    np.testing.assert_allclose(blocks, imputation.state["item"] + imputation.state["second"])
    assert term.roots == {"item", "second"}


def test_no_variable_is_imputed_from_what_rests_on_it():
    table = read_inputs().assign(total=lambda t: (t["item"] + t["second"]).astype("Float64").astype(float))
    imputation = make(table, "x + total", derived=[{"name": "total", "value": "item + second"}])
    columns = set(imputation.passive[1].columns)
    part = next(part for part in imputation.parts if part.name == "item")
    assert not columns & set(part.predictors)


def test_roots_of_an_index_are_its_items():
    plan = Plan({}, scales=[{"name": "trust", "items": ["t1", "t2"]}], derived=[{"name": "z", "value": "trust_z ^ 2"}])
    assert find_roots("z", plan, []) == {"t1", "t2"}


# --- into the tables ------------------------------------------------------------------------------------------------


def test_an_observed_answer_is_never_replaced():
    table = pd.DataFrame({"response": ["r1"], "x": [3.0]})
    cells = pd.DataFrame({"response": ["r1"], "variable": ["x"], "value": ["4"]})
    with pytest.raises(StudyError, match="'x' of the response 'r1' was answered"):
        fill_cells(table, cells, "response")


def test_cells_of_an_unknown_response_are_refused():
    table = pd.DataFrame({"response": ["r1"], "x": [3.0]})
    cells = pd.DataFrame({"response": ["r9"], "variable": ["x"], "value": ["4"]})
    with pytest.raises(StudyError, match="the response 'r9', which is not in the panel"):
        fill_cells(table, cells, "response")


@pytest.mark.parametrize(
    ("dtype", "text", "value"),
    [("Int64", "4", 4), ("boolean", "true", True), ("float64", "2.5", 2.5), ("str", "a", "a")],
)
def test_values_keep_the_type_of_their_column(dtype, text, value):
    table = pd.DataFrame({"response": ["r1"], "x": pd.Series([None], dtype=dtype)})
    filled = fill_cells(table, pd.DataFrame({"response": ["r1"], "variable": ["x"], "value": [text]}), "response")
    assert filled["x"].dtype == dtype
    assert filled["x"].iloc[0] == value


def test_copies_come_apart_as_they_were_put_together():
    table = pd.DataFrame({"firm": ["a", "b"], "x": [1.0, 2.0]})
    stacked = stack_copies(table, ["firm"], [1, 2, 3])
    for part in split_copies(stacked, table, [1, 2, 3]):
        pd.testing.assert_frame_equal(part, table)


def test_an_imputed_code_that_looks_like_a_key_stays():
    table = pd.DataFrame({"firm": ["a", "b"], "share": ["1/2", None]}).astype("str")
    stacked = stack_copies(table.assign(share=["1/2", "1/4"]).astype("str"), ["firm"], [1])
    assert split_copies(stacked, table, [1])[0]["share"].tolist() == ["1/2", "1/4"]


def test_copies_of_another_length_are_refused():
    table = pd.DataFrame({"firm": ["a", "b"]})
    with pytest.raises(StudyError, match="2 completed tables have 2 rows, the scored one 2"):
        split_copies(table, table, [1, 2])


# --- coverage -------------------------------------------------------------------------------------------------------

COVERAGE = pd.read_csv(REFERENCE.parents[1] / "imputation_coverage" / "coverage.csv")


def test_pooled_intervals_cover_as_often_as_they_say():
    """On the demonstration's generator, answers missing at random; see the script that made the file."""
    assert 0.93 <= COVERAGE.loc[COVERAGE["way"] == "pooled", "coverage"].mean() <= 0.97


def test_pooled_estimates_are_not_biased_by_a_fifth_of_their_spread():
    assert COVERAGE.loc[COVERAGE["way"] == "pooled", "bias_in_sd"].abs().max() < 0.2


def test_each_pooled_interval_covers_as_often_as_one_from_the_full_data() -> None:
    shares = COVERAGE.pivot_table(index="quantity", columns="way", values="coverage")
    assert (shares["pooled"] - shares["full data"]).abs().max() < 0.03


def test_coverage_of_each_quantity_is_nominal_within_simulation_error() -> None:
    pooled = COVERAGE.loc[COVERAGE["way"] == "pooled"]
    error = (0.95 * 0.05 / pooled["replications"]) ** 0.5
    assert ((pooled["coverage"] - 0.95).abs() < 3 * error).all()
