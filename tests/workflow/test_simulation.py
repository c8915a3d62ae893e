"""The demonstration survey: the tracked files are what the generator makes, and the generator plants what it says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyreadstat
import pytest
import statsmodels.api as sm
import yaml

from firmties.errors import StudyError
from firmties.simulation import apply_scenario, simulate_survey
from firmties.simulation.contrasts import compute_contrasts, make_columns, select_usable
from firmties.simulation.export import export_wave, read_codes, select_asked
from firmties.simulation.population import compute_constraint

ROOT = Path(__file__).parents[2]
WAVES = range(1, 5)
Tables = dict[str, pd.DataFrame]


def read_text(path: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / path, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "data/simulation.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def codebook() -> pd.DataFrame:
    return read_text("data/codebook.csv")


@pytest.fixture(scope="module")
def tables(parameters: dict[str, Any]) -> Tables:
    return simulate_survey(parameters)


@pytest.fixture(scope="module")
def truth(tables: Tables) -> pd.DataFrame:
    return tables["truth_responses"]


@pytest.fixture(scope="module")
def usable(truth: pd.DataFrame) -> pd.DataFrame:
    return select_usable(truth)


@pytest.fixture(scope="module")
def answers(tables: Tables) -> pd.DataFrame:
    """All waves' responses, with what was planted in each."""
    stacked = pd.concat([tables[f"wave{wave}"] for wave in WAVES], ignore_index=True)
    planted = tables["truth_responses"].drop(columns=["firm_id", "wave", "emp_12m", "emp_now", "status"])
    return stacked.merge(planted, on="resp_id", validate="one_to_one")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory into which the script has written the survey anew."""
    specification = importlib.util.spec_from_file_location("simulate", ROOT / "scripts/simulate.py")
    assert specification
    assert specification.loader
    script: ModuleType = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    directory = tmp_path_factory.mktemp("a survey")
    script.main(directory)
    return directory


# The tracked files


@pytest.mark.parametrize(
    "path",
    [
        "data/raw/wave2.csv",
        "data/raw/wave4.csv",
        *(f"data/raw/wave{wave}_sample.csv" for wave in WAVES),
        "data/frame_margins.csv",
        *(f"tests/reference/demonstration_truth/{name}.csv" for name in ("responses", "alters", "contrasts")),
    ],
)
def test_text_files_are_regenerated_byte_for_byte(written: Path, path: str) -> None:
    assert (written / path).read_bytes() == (ROOT / path).read_bytes()


@pytest.mark.parametrize(("file", "read"), [("wave1.sav", pyreadstat.read_sav), ("wave3.dta", pyreadstat.read_dta)])
def test_binary_files_are_regenerated_cell_by_cell_and_label_by_label(written: Path, file: str, read: Any) -> None:
    made, made_labels = read(written / "data/raw" / file, user_missing=True)
    tracked, tracked_labels = read(ROOT / "data/raw" / file, user_missing=True)
    pd.testing.assert_frame_equal(made, tracked)
    for part in ("column_names_to_labels", "variable_value_labels", "missing_ranges", "missing_user_values"):
        assert getattr(made_labels, part) == getattr(tracked_labels, part)


def test_spss_file_declares_missing_codes_and_labels(codebook: pd.DataFrame) -> None:
    _, labels = pyreadstat.read_sav(ROOT / "data/raw/wave1.sav", metadataonly=True, user_missing=True)
    assert labels.missing_ranges["nw1_mover"] == [{"lo": -99.0, "hi": -97.0}]
    assert labels.variable_value_labels["nw1_route"] == {
        1: "direct", 2: "through an intermediary", -97: "not applicable", -98: "don't know", -99: "rather not say"
    }  # fmt: skip
    assert labels.column_names_to_labels["rc1"] == codebook.set_index("variable").loc["rc1", "question"]


def test_stata_file_holds_the_exported_wave_with_letters(tables: Tables, codebook: pd.DataFrame) -> None:
    crosswalk = read_text("data/crosswalk.csv")
    expected = export_wave(tables["wave3"], tables["daily"], 3, codebook, crosswalk)["alt5_close"]
    # pandas reads the extended missing values by itself: a second opinion on the writer.
    stored = pd.read_stata(
        ROOT / "data/raw/wave3.dta", convert_missing=True, convert_categoricals=False, convert_dates=False
    )
    letters = {-97.0: ".a", -98.0: ".b", -99.0: ".c"}
    assert [str(value) for value in stored["alt5_close"]] == [
        ".d" if np.isnan(value) else letters.get(value, str(int(value))) for value in expected
    ]


@pytest.mark.parametrize("path", sorted(path.name for path in (ROOT / "data/raw").iterdir()))
def test_tracked_files_are_small(path: str) -> None:
    assert (ROOT / "data/raw" / path).stat().st_size < 1_500_000


# Codebook, crosswalk, parameters agree


@pytest.mark.parametrize("wave", WAVES)
def test_each_wave_asks_what_the_codebook_says(tables: Tables, codebook: pd.DataFrame, wave: int) -> None:
    assert set(tables[f"wave{wave}"].columns) == set(select_asked(codebook, wave)["variable"])


def test_the_same_items_are_reverse_keyed(parameters: dict[str, Any], codebook: pd.DataFrame) -> None:
    planted = {item[1:] for items in parameters["items"]["scales"].values() for item in items if item.startswith("-")}
    planted.add("fin_hard")  # a single item: its keying changes no answer
    assert planted == set(codebook.loc[codebook["reverse"] == "1", "variable"])


@pytest.mark.parametrize("wave", WAVES)
def test_every_answer_is_in_the_codebook(tables: Tables, codebook: pd.DataFrame, wave: int) -> None:
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    table = tables[f"wave{wave}"]
    wrong = {}
    for entry in select_asked(codebook, wave).itertuples():
        given = table[entry.variable]
        if entry.type == "multiple":
            allowed = {"none", *read_codes(entry.codes)}
            found = {choice for cell in given[~given.isin(["", "-97", "-98", "-99"])] for choice in cell.split("|")}
            bad = found - allowed
        elif entry.codes or entry.scale:
            codes = set(read_codes(entry.codes)) or {
                str(code) for code in config["response_scales"][entry.scale]["labels"]
            }
            values = given if given.dtype == "str" else given.dropna().astype(int).astype(str)
            bad = set(values) - codes - {"", "-97", "-98", "-99"}
        elif entry.minimum:
            values = given[given.ge(0)]
            bad = set(values[~values.between(float(entry.minimum), float(entry.maximum))])
        else:
            bad = set()
        if bad:
            wrong[entry.variable] = bad
    assert not wrong


def test_every_crosswalk_row_has_a_reason() -> None:
    assert read_text("data/crosswalk.csv")["reason"].ne("").all()


def test_wave_four_columns_are_all_in_the_crosswalk() -> None:
    header = (ROOT / "data/raw/wave4.csv").read_text().splitlines()[0].split(";")
    crosswalk = read_text("data/crosswalk.csv")
    assert set(header) == set(crosswalk.loc[crosswalk["wave"] == "4", "raw_name"]) - {""}


def test_sales_are_in_pounds_in_the_first_two_waves() -> None:
    raw = pd.read_csv(ROOT / "data/raw/wave2.csv", dtype=str, keep_default_na=False).set_index("resp_id")
    stored = raw["sales_now"].replace("", np.nan).astype(float)
    assert 1e5 < stored[stored > 0].median() < 1e7


def test_daily_contact_stands_in_a_later_file() -> None:
    later, _ = pyreadstat.read_dta(ROOT / "data/raw/wave3.dta")
    assert later["alt1_freq"].eq(6).sum() > 5


def test_daily_contact_stands_in_no_earlier_file() -> None:
    assert "6" not in set(read_text("data/raw/wave2.csv")["alt1_freq"])


# Networks


def classify(answers: pd.DataFrame) -> pd.Series:
    """The type of the active network with the largest share (of any, where none is active), by the decision table."""
    table = read_text("data/network_type_decision.csv")
    types = {(row.mover, row.partner, row.route): row.type for row in table.itertuples()}
    best = pd.DataFrame({"type": "none", "rank": -1.0}, index=answers.index)
    for slot in (1, 2, 3):
        partner = answers[f"nw{slot}_partner"].where(answers[f"nw{slot}_partner"] != 4, answers[f"nw{slot}_sought"])
        triples = zip(answers[f"nw{slot}_mover"], partner, answers[f"nw{slot}_route"], strict=True)
        found = pd.Series(
            [types.get(tuple(f"{value:.0f}" for value in triple), "") for triple in triples], answers.index
        )
        rank = answers[f"nw{slot}_share"] + 1000 * answers[f"nw{slot}_status"].isin([1, 2])
        better = answers[f"nw{slot}_share"].gt(0) & (rank > best["rank"])
        best = best.mask(better, pd.DataFrame({"type": found, "rank": rank}))
    return best["type"]


def test_answers_lead_to_the_planted_type_where_no_mover_was_spoiled(answers: pd.DataFrame) -> None:
    networks = answers[answers["nw1_status"].notna() & ~answers["mover_changed"] & ~answers["mover_left_out"]]
    assert classify(networks).tolist() == networks["type"].tolist()


def test_spoiled_movers_misclassify_two_to_four_per_cent(answers: pd.DataFrame) -> None:
    networks = answers[answers["nw1_status"].ge(1)]
    assert 0.01 < (classify(networks) != networks["type"]).mean() < 0.045


def test_answers_lead_to_the_planted_form(answers: pd.DataFrame) -> None:
    networks = answers[answers["nw1_status"].notna()]
    active = sum(networks[f"nw{slot}_status"].isin([1, 2]).astype(int) for slot in (1, 2, 3))
    reported = networks["nw1_status"].ge(1)
    assert (active.eq(0) & reported).tolist() == networks["form"].eq("interrupted").tolist()
    assert networks["form"].eq("none").tolist() == (~reported).tolist()


def test_repeat_question_agrees_as_planted(answers: pd.DataFrame) -> None:
    asked = answers[answers["mover2"].ge(1) & answers["nw1_mover"].ge(1)]
    given, again = asked["nw1_mover"], asked["mover2"]
    agreement = (given == again).mean()
    by_chance = sum((given == code).mean() * (again == code).mean() for code in range(1, 7))
    assert 0.80 < (agreement - by_chance) / (1 - by_chance) < 0.97


def test_constraint_of_five_partners_who_do_not_know_each_other() -> None:
    named = np.ones((1, 5), dtype=bool)
    assert compute_constraint(np.zeros((1, 5, 5), dtype=bool), named)[0] == pytest.approx(0.2)


# Dirt


def test_planted_shares(truth: pd.DataFrame) -> None:
    asked = truth[truth["ineligible"].eq("") & ~truth["no_consent"] & truth["duplicate"].eq("") & ~truth["test"]]
    shares = {
        "careless": asked["careless"].ne("").mean(),
        "speeder": asked["speeder"].mean(),
        "duplicate": truth["duplicate"].ne("").mean(),
        "ineligible": truth["ineligible"].ne("").mean(),
        "no_consent": truth["no_consent"].mean(),
        "wrong_unit": asked["wrong_unit"].mean(),
        "tenfold": asked["tenfold"].mean(),
        "broke off": asked["status"].isin(["break_off", "partial"]).mean(),
        "none": asked["type"].eq("none").mean(),
    }
    expected = {
        "careless": 0.06, "speeder": 0.02, "duplicate": 0.015, "ineligible": 0.03, "no_consent": 0.005,
        "wrong_unit": 0.01, "tenfold": 0.005, "broke off": 0.055, "none": 0.04,
    }  # fmt: skip
    bounds = {name: 4 * np.sqrt(share * (1 - share) / len(truth)) for name, share in expected.items()}
    assert {name: share for name, share in shares.items() if abs(share - expected[name]) > bounds[name]} == {}
    assert truth["test"].sum() == 5


def test_responses_have_keys_of_their_own(answers: pd.DataFrame) -> None:
    assert answers["resp_id"].is_unique


def test_one_response_a_firm_and_wave_but_for_planted_copies(answers: pd.DataFrame) -> None:
    originals = answers[answers["duplicate"].eq("")]
    assert not originals.duplicated(["wave", "firm_id"]).any()
    copies = answers.loc[answers["duplicate"].ne(""), ["wave", "firm_id"]]
    assert len(copies.merge(originals, on=["wave", "firm_id"], validate="one_to_one")) == len(copies)


def test_the_duplicate_rule_keeps_the_original(answers: pd.DataFrame) -> None:
    """Most complete first, then most senior, then latest: the order of cleaning.exclude in config.yaml."""
    copied = answers[answers.duplicated(["wave", "firm_id"], keep=False)].copy()
    questions = [name for name in copied.columns if name not in ("duplicate", "test")]
    copied["filled"] = copied[questions].notna().sum(axis=1) - copied[questions].eq("").sum(axis=1)
    order = ["founder_ceo", "director", "bd_sales", "rd", "other"]
    copied["junior"] = copied["resp_role"].map({role: place for place, role in enumerate(order)})
    ranked = copied.sort_values(["filled", "junior", "end_ts"], ascending=[False, True, False])
    assert ranked.drop_duplicates(["wave", "firm_id"])["duplicate"].eq("").all()


def test_wrong_firms_meet_the_exclusion_rules(answers: pd.DataFrame) -> None:
    caught = answers["status"].eq("screened_out") | answers["indep"].gt(25) | answers["emp_12m"].ge(250)
    assert caught.tolist() == answers["ineligible"].ne("").tolist()


def test_careless_answers_show_in_two_of_three_flags(answers: pd.DataFrame, codebook: pd.DataFrame) -> None:
    items = [name for name in codebook.loc[codebook["scale"] == "agree7", "variable"] if name not in ("att1", "att2")]
    run, longest = np.zeros(len(answers)), np.zeros(len(answers))
    previous = np.full(len(answers), np.nan)
    for item in items:
        value = answers[item].to_numpy()
        seen = value >= 1
        run = np.where(seen, np.where(value == previous, run + 1, 1), run)
        previous = np.where(seen, value, previous)
        longest = np.maximum(longest, run)
    median = answers.groupby("wave")["duration_s"].transform("median")
    attention = (answers["att1"].notna() & answers["att1"].ne(5)) | (answers["att2"].notna() & answers["att2"].ne(1))
    flagged = (attention.astype(int) + (answers["duration_s"] < median / 2) + (longest >= 12)) >= 2
    careless = answers["careless"].ne("") & answers["status"].eq("complete")
    assert flagged[careless].mean() > 0.65
    assert flagged[answers["careless"].eq("") & answers["status"].eq("complete")].mean() < 0.01


def test_wrong_units_and_tenfold_slips_meet_the_plausibility_rules(answers: pd.DataFrame) -> None:
    per_head = answers["sales_now"] / answers["emp_now"]
    asked = answers["sales_now"].gt(0) & ~answers["tenfold"]
    assert (asked & ~per_head.between(1, 5000)).tolist() == (asked & answers["wrong_unit"]).tolist()
    jumped = answers["emp_12m"].ge(5) & (np.log(answers["emp_now"] / answers["emp_12m"]).abs() > np.log(5))
    assert jumped[answers["tenfold"]].mean() > 0.9


# Sample files


@pytest.mark.parametrize("wave", WAVES)
def test_every_response_has_its_firm_in_the_sample_file(tables: Tables, truth: pd.DataFrame, wave: int) -> None:
    sample = tables[f"wave{wave}_sample"]
    assert sample["firm_id"].is_unique
    originals = truth[(truth["wave"] == wave) & truth["duplicate"].eq("") & ~truth["test"]]
    merged = originals.merge(sample, on="firm_id", how="left", validate="one_to_one")
    expected = merged["status"].map(
        {"complete": "I", "partial": "P", "break_off": "R", "refusal": "R", "screened_out": "NE"}
    )
    expected = expected.mask(merged["ineligible"].ne(""), "NE")
    assert merged["disposition"].tolist() == expected.tolist()
    answered = sample["disposition"].isin(["I", "P"])
    assert set(sample.loc[answered, "firm_id"]) <= set(originals["firm_id"])


def test_selection_probabilities_follow_the_allocation(tables: Tables) -> None:
    sample = tables["wave1_sample"]
    assert sample["size_class"].value_counts().to_dict() == {"micro": 680, "small": 646, "medium": 374}
    margins = tables["frame_margins"].query("wave == 1 and variable == 'size_class'").set_index("category")["count"]
    weights = (1 / sample["selection_probability"]).groupby(sample["size_class"]).sum()
    assert weights.round(-1).to_dict() == pytest.approx(margins.to_dict(), rel=0.01)


@pytest.mark.parametrize("variable", ["size_class", "sector", "size_class x sector", "region", "age_band"])
def test_margins_of_a_wave_count_the_same_firms(tables: Tables, variable: str) -> None:
    margins = tables["frame_margins"].query("wave == 1")
    assert margins.loc[margins["variable"] == variable, "count"].sum() == 6000


# Sizes and moments of section 1 to 6 of the specification


def test_sizes(usable: pd.DataFrame) -> None:
    counts = usable.groupby("wave").size()
    assert counts.between([400, 430, 500, 590], [520, 560, 650, 760]).all()
    assert 850 < usable["firm_id"].nunique() < 1100


@pytest.mark.parametrize(
    ("name", "expected", "within"),
    [
        ("growth", 0.06, 0.025), ("written", 0.45, 0.05), ("z", 0.0, 0.12), ("constraint", 0.56, 0.03),
    ],
)  # fmt: skip
def test_means(usable: pd.DataFrame, name: str, expected: float, within: float) -> None:
    assert usable[name].mean() == pytest.approx(expected, abs=within)


@pytest.mark.parametrize(
    ("name", "expected", "within"), [("growth", 0.21, 0.02), ("z", 0.97, 0.07), ("constraint", 0.19, 0.02)]
)
def test_spreads(usable: pd.DataFrame, name: str, expected: float, within: float) -> None:
    assert usable[name].std() == pytest.approx(expected, abs=within)


@pytest.mark.parametrize(
    ("variable", "shares"),
    [
        ("type", {"broker_led": 0.29, "sme_led": 0.26, "peer_sme": 0.25, "incumbent_led": 0.20}),
        ("form", {"single": 0.63, "hybrid": 0.21, "interrupted": 0.16}),
        ("position", {"down": 0.37, "mid": 0.37, "up": 0.26}),
    ],
)
def test_shares(usable: pd.DataFrame, variable: str, shares: dict[str, float]) -> None:
    assert usable[variable].value_counts(normalize=True).to_dict() == pytest.approx(shares, abs=0.06)


@pytest.mark.parametrize(
    ("name", "by_stage"),
    [("f2f", [61, 59, 46, 32]), ("tech", [3.2, 4.0, 4.9, 5.4]), ("soc", [2.6, 3.3, 4.3, 4.9])],
)
def test_partners_by_stage(tables: Tables, name: str, by_stage: list[float]) -> None:
    assert tables["truth_alters"].groupby("stage")[name].mean().tolist() == pytest.approx(by_stage, rel=0.03)


def test_outcomes(answers: pd.DataFrame, usable: pd.DataFrame) -> None:
    kept = answers[answers["resp_id"].isin(usable["resp_id"])]
    market = kept.loc[kept["comm_stage"].ge(1), "comm_stage"].value_counts(normalize=True).sort_index()
    assert market.tolist() == pytest.approx([0.16, 0.24, 0.26, 0.22, 0.12], abs=0.03)
    patents = kept.loc[kept["pat_12m"].ge(0), "pat_12m"]
    assert [patents.mean(), (patents == 0).mean()] == pytest.approx([0.54, 0.67], abs=0.06)
    equity = kept["fin_12m"].str.contains("venture|angel|stock").mean()
    new_market = (kept["mkt_country"].eq(1) | kept["mkt_field"].eq(1)).mean()
    important = kept.loc[kept["net_import"].ge(1), "net_import"].ge(5).mean()
    assert [equity, new_market, important] == pytest.approx([0.28, 0.34, 0.96], abs=0.035)


def test_items_hang_together_as_planted(answers: pd.DataFrame, usable: pd.DataFrame) -> None:
    kept = answers[answers["resp_id"].isin(usable["resp_id"])]
    items = (
        kept[["rc1", "rc2", "rc3", "rc4"]].where(lambda table: table >= 1).assign(rc3=lambda table: 8 - table["rc3"])
    )
    mean_r = (items.corr().to_numpy().sum() - 4) / 12
    assert 4 * mean_r / (1 + 3 * mean_r) == pytest.approx(0.83, abs=0.03)
    score = items.mean(axis=1)
    assert [score.mean(), score.std()] == pytest.approx([4.13, 1.25], abs=0.12)


def test_growth_equation_is_recovered_from_the_true_regressors(
    usable: pd.DataFrame, parameters: dict[str, Any]
) -> None:
    equation = {term: value for term, value in parameters["growth"]["equation"].items() if value}
    columns = make_columns(usable, {})
    design = np.column_stack([np.prod([columns[name] for name in term.split(" x ")], axis=0) for term in equation])
    firms = pd.factorize(usable["firm_id"])[0]
    fit = sm.OLS(usable["growth"].to_numpy(), design).fit(cov_type="cluster", cov_kwds={"groups": firms})
    # Size carries earlier growth in a panel, so its coefficient is not the planted one.
    deviations = {
        term: (estimate - value) / error
        for (term, value), estimate, error in zip(equation.items(), fit.params, fit.bse, strict=True)
        if term != "ln_emp_2.5"
    }
    assert {term: deviation for term, deviation in deviations.items() if abs(deviation) > 4} == {}


def test_planted_contrasts(parameters: dict[str, Any], truth: pd.DataFrame) -> None:
    contrasts = compute_contrasts(parameters, truth).set_index(["hypothesis", "component"])["value"]
    assert contrasts["HF1", "growth"] == pytest.approx(0.030)
    assert contrasts["HF2", "growth"] == pytest.approx(-0.075)
    assert contrasts["HV3", "first minus last stage"] == pytest.approx(2.0)
    # Exact, by hand from the cells of the growth equation: SME-led less the mean of the others at each position.
    by_position = {"up": 0.09 - 0.07 / 3, "mid": 0.10 - 0.02 / 3, "down": 0.02 - 0.13 / 3}
    shares = select_usable(truth)["position"].value_counts(normalize=True)
    expected = sum(shares[position] * contrast for position, contrast in by_position.items())
    assert contrasts["HT1", "growth"] == pytest.approx(expected, abs=1e-5)
    assert contrasts["HT3", "market: up and mid"] == pytest.approx(0.160, abs=0.01)
    assert contrasts["HT4", "market: down"] == pytest.approx(0.187, abs=0.01)
    assert contrasts["HT5", "market: up"] == pytest.approx(0.105, abs=0.01)


# Scenarios


def run(parameters: dict[str, Any], scenario: str) -> Tables:
    return simulate_survey(apply_scenario(parameters, scenario))


def test_same_seed_same_survey_other_seed_another(parameters: dict[str, Any], tables: Tables) -> None:
    pd.testing.assert_frame_equal(simulate_survey(parameters, parameters["seed"])["wave2"], tables["wave2"])
    assert not simulate_survey(parameters, 7)["wave1"]["firm_id"].isin(tables["wave1"]["firm_id"]).any()


def test_unknown_scenario_names_the_known_ones(parameters: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match="wave_flip"):
        apply_scenario(parameters, "wave_flop")


def test_null_scenario_plants_nothing_but_size_age_and_wave(parameters: dict[str, Any]) -> None:
    null = apply_scenario(parameters, "null")
    left = {term for term, value in null["growth"]["equation"].items() if value}
    assert left == {"one", "wave2", "wave3", "wave4", "ln_emp_2.5", "ln_age_2.2"}
    made = compute_contrasts(null, simulate_survey(null)["truth_responses"])
    assert made["value"].abs().max() == 0


@pytest.mark.parametrize("scenario", ["no_u", "saturating"])
def test_growth_rises_throughout_without_the_planted_turn(parameters: dict[str, Any], scenario: str) -> None:
    equation = apply_scenario(parameters, scenario)["growth"]["equation"]
    z = np.linspace(-3, 3, 50)
    columns = {"one": np.ones(50), "z": z, "rising_z": np.log1p(np.exp(z)), "log_z": np.log(z + 4)}
    curve = sum(equation[name] * columns[name] for name in ("z", "rising_z", "log_z")) + equation["z x z"] * z**2
    assert (np.diff(curve) > 0).all()


def test_hidden_cause_moves_type_and_growth(parameters: dict[str, Any]) -> None:
    usable = select_usable(run(parameters, "hidden_cause")["truth_responses"])
    assert usable["hidden"].corr(usable["type"].eq("sme_led").astype(float)) > 0.1
    assert usable["hidden"].corr(usable["growth"]) > 0.1


def test_attrition_follows_growth_only_in_its_scenario(parameters: dict[str, Any], truth: pd.DataFrame) -> None:
    def compare(found: pd.DataFrame) -> float:
        first = found[(found["wave"] == 1) & found["duplicate"].eq("") & ~found["test"]]
        stayed = first["firm_id"].isin(found.loc[found["wave"] == 2, "firm_id"])
        return float(first.loc[stayed, "growth"].mean() - first.loc[~stayed, "growth"].mean())

    assert compare(run(parameters, "attrition_on_outcome")["truth_responses"]) > compare(truth) + 0.02


def test_sales_are_missing_where_growth_is_low_in_its_scenario(parameters: dict[str, Any]) -> None:
    made = run(parameters, "not_at_random")
    table = made["wave3"].merge(made["truth_responses"][["resp_id", "growth"]], on="resp_id", validate="one_to_one")
    missing = ~table["sales_now"].ge(0)
    assert table.loc[missing, "growth"].mean() < table.loc[~missing, "growth"].mean() - 0.05


def test_heavy_careless_scenario(parameters: dict[str, Any]) -> None:
    assert run(parameters, "heavy_careless")["truth_responses"]["careless"].ne("").mean() == pytest.approx(
        0.19, abs=0.03
    )


def test_wave_flip_scenario(parameters: dict[str, Any]) -> None:
    equation = apply_scenario(parameters, "wave_flip")["growth"]["equation"]
    assert equation["sme_led"] + equation["wave4 x sme_led"] == pytest.approx(-0.10)


def test_small_scenario(parameters: dict[str, Any]) -> None:
    made = run(parameters, "small")
    assert "wave2" not in made
    assert 90 < len(made["wave1"]) < 155


def test_one_type_missing_scenario(parameters: dict[str, Any]) -> None:
    found = run(parameters, "one_type_missing")["truth_responses"]
    assert found.loc[found["type"] == "incumbent_led", "wave"].unique().tolist() == [1, 2, 4]


def test_page_times_are_lists_of_seconds(tables: Tables) -> None:
    complete = tables["wave1"].query("status == 'complete'")
    sums = complete["page_times"].map(lambda cell: sum(json.loads(cell)))
    assert (sums - complete["duration_s"]).abs().max() <= 8
