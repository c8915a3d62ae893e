"""The two example studies through the workflow, each in a directory whose path has a space."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import statsmodels.formula.api as smf

from small_study import account_rows

ROOT = Path(__file__).parents[2]
ARCHIVE = ROOT.parent / "shared" / "data" / "kenya_mentors" / "BDJ_Dandora_Data.dta"
CONTROLS = "lage_b + secondaryedu_b + sec0_b + sec1_b + sec2_b + sec3_b + sec4_b + I_emp_b"

pytestmark = pytest.mark.slow


def copy_study(name: str, folder: Path) -> Path:
    """Copy what is tracked of an example: not what an earlier run or a user put there."""
    study = folder / "a study" / name
    ignored = shutil.ignore_patterns("reports", "interim", "processed", "logs", ".snakemake", "*.dta")
    shutil.copytree(ROOT / "examples" / name, study, ignore=ignored)
    return study


def run_study(study: Path) -> subprocess.CompletedProcess[str]:
    """Run the workflow on a study."""
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--snakefile",
        ROOT / "Snakefile",
        "--cores",
        "2",
        "--directory",
        study,
    ]
    variables = {**os.environ, "MPLBACKEND": "agg"}
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, env=variables, cwd=ROOT
    )


def run_first(study: Path) -> Path:
    run = run_study(study)
    assert run.returncode == 0, run.stderr[-4000:]
    return study


def read_result(study: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(study / "reports" / "results" / f"{name}.csv", dtype={"published": "str"})


def read_notes(study: Path, name: str) -> dict[str, int]:
    notes: dict[str, int] = json.loads((study / "reports" / "results" / f"{name}.json").read_text(encoding="utf-8"))
    return notes


def read_words(study: Path) -> str:
    """Read the report's text, without tags and line breaks."""
    page = (study / "reports" / "report.html").read_text(encoding="utf-8")
    body = re.sub(r"<(style|svg|script)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", body))


# --- the cases ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_first(copy_study("nanotech_cases", tmp_path_factory.mktemp("cases")))


@pytest.mark.parametrize("name", ["report.html", "report.pdf"])
def test_cases_report_is_there(cases: Path, name: str) -> None:
    assert (cases / "reports" / name).stat().st_size > 10_000


def test_cases_count_what_is_stated_inferred_and_open(cases: Path) -> None:
    notes = read_notes(cases, "F2")
    counts = [notes[f"position_{word}"] for word in ("ticks", "stated", "inferred", "not_placed")]
    counts += [notes[f"type_{word}"] for word in ("ticks", "stated", "inferred", "not_placed")]
    assert counts == [24, 3, 12, 9, 26, 16, 0, 10]


def test_cases_matrix_marks_exactly_the_known_ticks(cases: Path) -> None:
    raw = pd.read_csv(cases / "data" / "raw" / "cases.csv").set_index("firm")
    drawn = pd.read_csv(cases / "reports" / "figures" / "F2.csv")
    known = [raw[name][case] == 1 for case, name in zip(drawn["case"], drawn["variable"], strict=True)]
    assert drawn["mark"].isin(["solid", "half"]).tolist() == known


def test_cases_matrix_fills_no_open_cell(cases: Path) -> None:
    raw = pd.read_csv(cases / "data" / "raw" / "cases.csv").set_index("firm")
    drawn = pd.read_csv(cases / "reports" / "figures" / "F2.csv")
    status = [raw[f"{name}_status"][case] for case, name in zip(drawn["case"], drawn["variable"], strict=True)]
    assert set(drawn["mark"][pd.Series(status) == "open"]) == {"open"}


def test_cases_exact_tests(cases: Path) -> None:
    assert read_result(cases, "T3")["p_value"].round(4).tolist() == [0.0036, 0.0004]


def test_cases_text_quotes_the_number_of_solutions(cases: Path) -> None:
    assert "4,251 placings of the types remain, and 1,786,464 with positions" in read_words(cases)


def test_cases_text_says_consistent_with_and_never_proves(cases: Path) -> None:
    words = read_words(cases)
    assert ("consistent with" in words, "prove" in words) == (True, False)


def test_cases_rows_are_accounted_for(cases: Path) -> None:
    read, accounted = account_rows(cases)
    assert read == accounted


def test_cases_second_run_does_nothing(cases: Path) -> None:
    assert "Nothing to be done" in run_study(cases).stderr


# --- Kenya, on the stand-in -----------------------------------------------------------------------------------------


def write_stand_in(path: Path) -> None:
    spec = importlib.util.spec_from_file_location("stand_in", ROOT / "tests" / "reference" / "kenya" / "stand_in.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.write_stand_in(path)


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = copy_study("kenya_mentors", tmp_path_factory.mktemp("stand in"))
    write_stand_in(study / "data" / "raw" / ARCHIVE.name)
    # The checksum is that of the archive's file; all else of the configuration is run as it stands.
    config = study / "config.yaml"
    lines = config.read_text(encoding="utf-8").splitlines(keepends=True)
    config.write_text("".join(line for line in lines if "sha256:" not in line), encoding="utf-8")
    return run_first(study)


@pytest.mark.parametrize("name", ["report.html", "report.pdf"])
def test_stand_in_report_is_there(stand_in: Path, name: str) -> None:
    assert (stand_in / "reports" / name).stat().st_size > 10_000


def test_stand_in_computes_every_published_cell(stand_in: Path) -> None:
    assert read_notes(stand_in, "C1")["n_not_computed"] == 0


def test_stand_in_rows_are_accounted_for(stand_in: Path) -> None:
    read, accounted = account_rows(stand_in)
    assert read == accounted


def test_stand_in_fits_every_model(stand_in: Path) -> None:
    models = read_result(stand_in, "models")
    assert (len(models), (models["status"] == "failed").sum()) == (13, 0)


def test_stand_in_pooled_coefficients_are_those_of_a_plain_regression(stand_in: Path) -> None:
    table = pd.read_stata(stand_in / "data" / "raw" / ARCHIVE.name, convert_categoricals=False)
    formula = f"tprofits ~ C(treat) + {CONTROLS} + tprofits_b + C(wave)"
    used = table.dropna(subset=["tprofits", "tprofits_b", "lage_b", "I_emp_b", "secondaryedu_b"])
    plain = smf.ols(formula, used).fit(cov_type="cluster", cov_kwds={"groups": used["id"]}, use_t=True)
    estimates = read_result(stand_in, "estimates").query("model == 'profit' and term in ['treat[3]', 'treat[4]']")
    ours = estimates.sort_values("term")[["estimate", "std_error"]].to_numpy().ravel(order="F")
    theirs = [*plain.params.filter(like="C(treat)"), *plain.bse.filter(like="C(treat)")]
    assert ours == pytest.approx(theirs, rel=1e-8)


def test_stand_in_keeps_every_row(stand_in: Path) -> None:
    raw = pd.read_stata(stand_in / "data" / "raw" / ARCHIVE.name, convert_categoricals=False)
    panel = pd.read_parquet(stand_in / "data" / "processed" / "panel.parquet")
    ledger = pd.read_csv(stand_in / "data" / "processed" / "ledger.csv")
    assert (len(panel), len(ledger)) == (len(raw), 0)


def test_stand_in_splits_choices_at_blanks(stand_in: Path) -> None:
    raw = pd.read_stata(stand_in / "data" / "raw" / ARCHIVE.name, convert_categoricals=False)
    panel = pd.read_parquet(stand_in / "data" / "processed" / "panel.parquet")
    chosen = raw["discuss"].str.split().map(lambda codes: "10" in codes).sum()
    assert panel["discuss__10"].sum() == chosen


def test_stand_in_second_run_does_nothing(stand_in: Path) -> None:
    assert "Nothing to be done" in run_study(stand_in).stderr


# --- Kenya, on the archive's file -----------------------------------------------------------------------------------

needs_archive = pytest.mark.skipif(not ARCHIVE.exists(), reason="the archive's data file is not at hand")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = copy_study("kenya_mentors", tmp_path_factory.mktemp("archive"))
    shutil.copyfile(ARCHIVE, study / "data" / "raw" / ARCHIVE.name)
    return run_first(study)


@needs_archive
def test_published_coefficients_agree_52_of_52_but_for_the_misprint(published: Path) -> None:
    cells = read_result(published, "C1")
    cells = cells[cells["quantity"].isin(["estimate", "std_error"])]
    assert cells["status"].value_counts().to_dict() == {"agrees": 51, "differs": 1}


@needs_archive
def test_published_numbers_of_observations_agree_12_of_12(published: Path) -> None:
    cells = read_result(published, "C1").query("quantity == 'n_obs'")
    assert cells["status"].tolist() == ["agrees"] * 12


@needs_archive
def test_only_the_listed_disagreements_are_found(published: Path) -> None:
    cells = read_result(published, "C1").query("status != 'agrees'")
    found = list(zip(cells["row"], cells["column"], cells["published"], cells["computed"].round(4), strict=True))
    assert found == [("Class", "Month 17", "0.32", 282.7805), ("Fit", "Pooled", ".108", 0.1075)]


@needs_archive
def test_the_misprint_is_shown_in_the_text_as_a_disagreement(published: Path) -> None:
    assert "published 0.32, computed 282.78" in read_words(published)


@needs_archive
def test_the_archives_rows_are_all_there(published: Path) -> None:
    panel = pd.read_parquet(published / "data" / "processed" / "panel.parquet")
    assert (len(panel), panel["id"].nunique()) == (2628, 372)


@needs_archive
def test_tie_to_the_mentor_weakens_as_published(published: Path) -> None:
    panel = pd.read_parquet(published / "data" / "processed" / "panel.parquet")
    shares = panel.groupby("wave")["meet"].mean().dropna().astype(float)
    assert shares.round(3).tolist() == [0.854, 0.667, 0.600, 0.612, 0.490, 0.457]
