"""The demonstration from raw files to report, in a directory whose path has a space."""

from __future__ import annotations

import shutil
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from disclosure_attack import bound, list_cells, list_equations, list_frame, list_shares
from firmties.simulation.population import draw_population
from firmties.survey_estimation import Design, estimate_mean
from small_study import ROOT, account_rows, edited, list_jobs, replace, run_snakemake

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("the demonstration") / "a study"
    (folder / "data").mkdir(parents=True)
    for name in ("config.yaml", "report.md"):
        shutil.copy(ROOT / name, folder)
    for path in (ROOT / "data").glob("*.csv"):
        shutil.copy(path, folder / "data")
    shutil.copytree(ROOT / "data" / "raw", folder / "data" / "raw")
    run = run_snakemake(ROOT, folder)
    assert run.returncode == 0, run.stdout
    return folder


def read_result(study: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(study / "reports" / "results" / f"{name}.csv", keep_default_na=False, na_values=[""])


@pytest.mark.parametrize("name", ["report.html", "report.pdf"])
def test_report_is_there(study: Path, name: str) -> None:
    assert (study / "reports" / name).stat().st_size > 100_000


def test_every_model_is_fitted(study: Path) -> None:
    assert set(read_result(study, "models")["status"]) == {"fitted"}


def test_last_box_of_the_flow_is_the_n_of_the_model(study: Path) -> None:
    flow, models = read_result(study, "F1"), read_result(study, "models").set_index(["model", "outcome"])
    boxes = flow[(flow["part"] == "box") & flow["wave"].notna()]
    last = boxes[boxes["wave"].astype("str").str.isdigit()].groupby("wave").tail(1)
    assert last["n"].sum() == models.loc[("ladder", "g_emp"), "n_obs"].iloc[-1]


def test_models_are_pooled_over_imputed_sets(study: Path) -> None:
    assert set(read_result(study, "models")["n_imputations"]) == {20}


def test_pooled_intervals_of_primary_contrasts_cover_what_was_planted(study: Path) -> None:
    found = read_result(study, "hypotheses").query("family == 'primary' and planted.notna()")
    missed = found[(found["conf_low"] > found["planted"]) | (found["conf_high"] < found["planted"])]
    assert missed["hypothesis"].tolist() == []


def test_complete_cases_have_fewer_rows_than_imputed_sets(study: Path) -> None:
    keys = ["model", "outcome", "sample", "block", "term"]
    pooled, complete = (read_result(study, name).set_index(keys)["n_obs"] for name in ("estimates", "complete_cases"))
    assert (complete.reindex(pooled.index) <= pooled).all()


def test_row_accounting_over_all_waves(study: Path) -> None:
    read, accounted = account_rows(study)
    assert read == accounted


@pytest.fixture(scope="module")
def outcomes(study: Path) -> pd.DataFrame:
    """What was planted in each response, beside the rule by which it went (blank: kept)."""
    truth = pd.read_csv(ROOT / "tests/reference/demonstration_truth/responses.csv", keep_default_na=False)
    ledger = pd.read_csv(study / "data" / "processed" / "ledger.csv", dtype="str", keep_default_na=False)
    whole = ledger.loc[ledger["variable"] == "", ["response", "rule"]]
    joined = truth.merge(whole, left_on="resp_id", right_on="response", how="left", validate="one_to_one")
    return joined.assign(rule=joined["rule"].fillna(""))


@pytest.mark.parametrize(
    ("planted", "rule"),
    [
        ("test == 1", "test row"),
        ("no_consent == 1 and test == 0", "no consent"),
        ("status == 'break_off' and no_consent == 0 and test == 0", "broke off"),
        ("ineligible != '' and status != 'break_off' and no_consent == 0 and test == 0", "not eligible"),
    ],
)
def test_every_planted_exclusion_is_made_by_its_rule(outcomes: pd.DataFrame, planted: str, rule: str) -> None:
    assert set(outcomes.query(planted)["rule"]) == {rule}


def test_one_response_of_each_duplicated_firm_is_left(outcomes: pd.DataFrame) -> None:
    copies = outcomes[outcomes["duplicate"] != ""]
    both = outcomes.merge(copies[["wave", "firm_id"]], on=["wave", "firm_id"], how="inner", validate="many_to_one")
    assert (both[both["rule"] == ""].groupby(["wave", "firm_id"]).size() == 1).all()


SETS = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["imputation"]["sets"]


@pytest.fixture(scope="module", params=[1, SETS])
def completed(study: Path, request: pytest.FixtureRequest) -> pd.DataFrame:
    return pd.read_parquet(study / "data" / "processed" / "completed" / "panel" / f"{request.param:02d}.parquet")


@pytest.fixture(scope="module")
def kinds(study: Path) -> pd.DataFrame:
    return pd.read_parquet(study / "data" / "interim" / "kinds.parquet")


def test_imputation_changes_no_observed_answer(study: Path, completed: pd.DataFrame, kinds: pd.DataFrame) -> None:
    panel = pd.read_parquet(study / "data" / "interim" / "panel.parquet")
    changed = [name for name in kinds if not panel[name].dropna().equals(completed[name][panel[name].notna()])]
    assert changed == []


def test_imputation_fills_no_question_that_was_not_asked_or_did_not_apply(
    completed: pd.DataFrame, kinds: pd.DataFrame
) -> None:
    closed = kinds.isin(["not_asked", "not_applicable"])
    assert not (completed[list(kinds)].notna() & closed).any(axis=None)


def test_no_imputed_variable_has_a_gap_left(study: Path, completed: pd.DataFrame, kinds: pd.DataFrame) -> None:
    tables = [pd.read_csv(path) for path in (study / "data" / "interim").glob("wave_*/imputation.csv")]
    names = set(pd.concat(tables).query("table == 'panel'")["variable"])
    open_ = kinds.isin(["no_answer", "dont_know", "refused", "lost"])
    assert not (completed[list(names)].isna() & open_[list(names)]).any(axis=None)


def test_completed_tables_have_the_rows_and_columns_of_the_scored_ones(study: Path, completed: pd.DataFrame) -> None:
    scored = pd.read_parquet(study / "data" / "processed" / "panel.parquet")
    pd.testing.assert_series_equal(completed.dtypes, scored.dtypes)
    pd.testing.assert_frame_equal(completed[["wave", "firm_id"]], scored[["wave", "firm_id"]])


def find_share_flagged(outcomes: pd.DataFrame, careless: bool) -> float:
    """Share of the planted careless responses, or of the honest ones, that went as careless."""
    judged = outcomes[outcomes["rule"].isin(["", "careless"])]
    return float((judged.loc[(judged["careless"] != "") == careless, "rule"] == "careless").mean())


def test_careless_responses_are_found(outcomes: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    sensitivity = find_share_flagged(outcomes, careless=True)
    with capsys.disabled():
        print(f"\nplanted careless responses found: {sensitivity:.3f}")
    assert sensitivity >= 0.65


def test_few_honest_responses_are_flagged(outcomes: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    false_flags = find_share_flagged(outcomes, careless=False)
    with capsys.disabled():
        print(f"\nhonest responses flagged: {false_flags:.4f}")
    assert false_flags <= 0.01


def test_no_sales_in_the_wrong_unit_are_left(study: Path, outcomes: pd.DataFrame) -> None:
    panel = pd.read_parquet(study / "data" / "processed" / "panel.parquet")
    wrong = outcomes.loc[outcomes["wrong_unit"] == 1, "resp_id"]
    assert panel.loc[panel["resp_id"].isin(wrong), "sales_now"].isna().all()


def test_second_run_has_nothing_to_do(study: Path) -> None:
    assert "Nothing to be done" in run_snakemake(ROOT, study).stdout


@pytest.fixture(scope="module")
def bounds(study: Path) -> list[tuple[float, float]]:
    """The interval that a reader finds for each hidden count of the exhibits whose counts add up."""
    parts = [list_equations(study, "A1", "F6"), list_frame(study, "T2", "A1"), list_shares(study, "T2b")]
    return [ends for part in chain(*parts, list_cells(study)) for ends in bound(part).values()]


def test_counts_are_hidden(bounds: list[tuple[float, float]]) -> None:
    assert len(bounds) > 50


def test_no_hidden_count_can_be_worked_out(bounds: list[tuple[float, float]]) -> None:
    # As wide as the smallest count shown, an interval never tells that a count is small, nor which it is.
    assert [ends for ends in bounds if ends[1] - ends[0] < 5 - 1e-6] == []


def test_no_small_count_is_shown(study: Path) -> None:
    topline = read_result(study, "A1")
    counted = pd.concat(
        [topline.loc[topline["part"].isin(["answer", "choice"]), "value"], read_result(study, "F6")["n"]]
    )
    assert counted.between(1, 4).sum() == 0


# --- weights --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weighted(study: Path) -> pd.DataFrame:
    """Firms that answered with their weights, and what the sample files say of them."""
    panel = pd.read_parquet(study / "data/processed/panel.parquet").drop(columns=["sector", "region", "sample_type"])
    sample = pd.read_parquet(study / "data/interim/sample.parquet")
    rows = panel.merge(sample, on=["wave", "firm_id"], validate="one_to_one")
    return rows.assign(**{"size_class x sector": rows["size_class"] + " x " + rows["sector"]})


@pytest.mark.parametrize("name", ["size_class", "sector", "region", "age_band", "size_class x sector"])
def test_weighted_shares_are_those_of_the_frame(study: Path, weighted: pd.DataFrame, name: str) -> None:
    frame = pd.read_csv(study / "data/frame_margins.csv").query("variable == @name").set_index(["wave", "category"])
    shares = weighted.groupby(["wave", name])["weight"].sum() / weighted.groupby("wave")["weight"].sum()
    expected = frame["count"] / frame.groupby("wave")["count"].sum()
    np.testing.assert_allclose(shares.reindex(expected.index).fillna(0), expected, rtol=1e-10)


def test_no_weight_is_above_the_limit(weighted: pd.DataFrame) -> None:
    by_wave = weighted.groupby("wave")["weight"]
    assert (by_wave.max() / by_wave.median()).max() < 5 * (1 + 1e-6)


def test_weighted_share_of_small_firms_by_their_own_answer_is_nearer_to_the_frame(
    study: Path, weighted: pd.DataFrame
) -> None:
    frame = pd.read_csv(study / "data/frame_margins.csv").query("variable == 'size_class'")
    frame = frame.pivot(index="wave", columns="category", values="count")
    truth = frame["micro"] / frame.sum(axis=1)
    small = (weighted["emp_12m"] < 10).where(weighted["emp_12m"].notna()).astype(float)
    plain = small.groupby(weighted["wave"]).mean()
    known = weighted["weight"].where(small.notna())
    weighed = (small * known).groupby(weighted["wave"]).sum() / known.groupby(weighted["wave"]).sum()
    assert ((weighed - truth).abs() < (plain - truth).abs() / 5).all()


def test_weighted_mean_size_of_firms_is_that_of_the_population(weighted: pd.DataFrame) -> None:
    # Unweighted it is twice as large (43.8 employees), as large firms were drawn with a higher chance.
    parameters = yaml.safe_load((ROOT / "data/simulation.yaml").read_text(encoding="utf-8"))
    truth = np.log(draw_population(parameters, parameters["seed"]).employees).mean()
    rows = weighted.query("wave == 1")
    design = Design(rows["weight"], stratum=rows["stratum"], population=rows["stratum_size"])
    found = estimate_mean(np.log(rows["emp_12m"]), design)
    assert found["conf_low"] < truth < found["conf_high"]


# --- reruns: what the small study does not have --------------------------------------------------------------------

BEFORE_SCORING = ("Reading", "Cleaning", "Linking", "Stacking", "Weighing", "Gathering")
WEIGHING = "Weighing the firms that answered"


@pytest.fixture(scope="module")
def down(study: Path) -> set[str]:
    """Every job from scoring on."""
    return {job for job in list_jobs((ROOT, study), "--forceall") if not job.startswith(BEFORE_SCORING)}


EDITS = {
    "data/frame_margins.csv": (lambda text: text + "\n", {WEIGHING}),
    "data/raw/wave2_sample.csv": (replace(",R,", ",O,"), {"Stacking the sample files", WEIGHING}),
}


@pytest.mark.parametrize("name", EDITS)
def test_edit_of_what_weights_rest_on_weighs_and_scores_anew(study: Path, name: str, down: set[str]) -> None:
    change, expected = EDITS[name]
    with edited(study / name, change):
        assert list_jobs((ROOT, study)) == expected | down


def test_edit_of_the_text_renders_the_report_anew(study: Path) -> None:
    with edited(study / "report.md", lambda text: text + "\nOne more line.\n"):
        assert list_jobs((ROOT, study)) == {"Rendering the report"}


def test_edit_of_the_decision_table_scores_anew(study: Path, down: set[str]) -> None:
    with edited(study / "data" / "network_type_decision.csv", lambda text: text + "\n"):
        assert list_jobs((ROOT, study)) == down


def test_edit_of_a_waves_crosswalk_cleans_that_wave_alone(study: Path, down: set[str]) -> None:
    edit = replace("1,,sales_now,,,0.001", "1,,sales_now,,,0.002")
    with edited(study / "data" / "crosswalk.csv", edit):
        jobs = list_jobs((ROOT, study))
    linked = {
        "Linking 1 2 3 4 into a panel",
        "Stacking the sample files",
        WEIGHING,
        "Gathering partners and pairs of partners",
    }
    assert jobs == {"Cleaning wave 1"} | linked | down


def test_changed_model_leaves_other_models_and_their_exhibits_alone(study: Path) -> None:
    edit = replace('formula: "ties + constraint_z + ln_alters', 'formula: "ties + constraint_z')
    with edited(study / "config.yaml", edit):
        jobs = list_jobs((ROOT, study))
    assert jobs == {
        "Fitting M9",
        "Predicting from M9",
        "Estimating contrasts of M9",
        "Collecting the models' results",
        "Testing hypotheses",
        "Summarizing F8",
        "Drawing F8",
        "Summarizing T13",
        "Typesetting T13",
        "Comparing with kept results",
        "Rendering the report",
    }


def test_faulty_sample_file_stops_before_any_result(study: Path) -> None:
    # The last test: what it leaves in data/ is half made.
    before = {path: path.stat().st_mtime_ns for path in (study / "reports").rglob("*") if path.is_file()}
    model = replace('formula: "ties + constraint_z + ln_alters', 'formula: "ties + constraint_z')
    sample = study / "data" / "raw" / "wave2_sample.csv"
    with edited(sample, replace(",R,", ",X,")), edited(study / "config.yaml", model):
        run = run_snakemake(ROOT, study)
    assert run.returncode != 0
    assert "data/raw/wave2_sample.csv (wave 2): disposition 'X' of firm" in run.stdout
    assert {path: path.stat().st_mtime_ns for path in before} == before
