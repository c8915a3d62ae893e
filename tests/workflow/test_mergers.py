"""Firms that carry on others, from the waves' files to the tables of the panel."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from small_study import CODEBOOK, CONFIG, ROOT, draw_wave, run_snakemake, write_study

pytestmark = pytest.mark.slow

EXHIBITS = """\
  - {id: T4, kind: attrition, title: Who stays, variables: [now], closed: [NE]}
  - {id: T5, kind: fieldwork, title: Fieldwork, closed: [NE]}
"""


def write_mergers(folder: Path, reports: dict[int, str]) -> Path:
    """Write the small study; firms 0, 1, … of wave 2 have new keys, and those in `reports` name the older firm."""
    study = write_study(folder)
    config = CONFIG.replace("response: resp}", "response: resp, successor_of: older}") + EXHIBITS
    for number, name in ((1, "one"), (2, "two")):
        config = config.replace(
            f"file: data/raw/{name}.csv", f"file: data/raw/{name}.csv, sample: data/raw/{name}_sample.csv"
        )
        table = draw_wave(number)
        if number == 2:
            table["older"] = ""
            for place, older in reports.items():
                table.loc[place, ["firm", "older"]] = [f"g{place:02d}", older]
            table = table.loc[~table["firm"].isin([old for cell in reports.values() for old in cell.split("|")[1:]])]
        table.to_csv(study / "data" / "raw" / f"{name}.csv", index=False)
        sample = table[["firm"]].assign(disposition="I")
        sample.to_csv(study / "data" / "raw" / f"{name}_sample.csv", index=False)
    (study / "config.yaml").write_text(config, encoding="utf-8")
    (study / "data" / "codebook.csv").write_text(CODEBOOK + "older,Carries on,id,,,,,,2\n", encoding="utf-8")
    return study


RESULTS = ("data/processed/successors.csv", "reports/results/T4.csv", "reports/results/T5.csv")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Firm g00 carries on f00; g01 is what f01 and f09 became."""
    folder = write_mergers(tmp_path_factory.mktemp("mergers") / "study", {0: "f00", 1: "f01|f09"})
    run = run_snakemake(ROOT, folder, *RESULTS)
    assert run.returncode == 0, run.stdout
    return folder


def test_successor_is_followed_under_the_older_key(study: Path) -> None:
    panel = pd.read_parquet(study / "data/interim/panel.parquet").query("wave == 2").set_index("resp")["firm"]
    assert (panel["r2-0"], panel["r2-1"], panel["r2-2"]) == ("f00", "f01", "f02")


def test_kinds_stay_beside_their_values(study: Path) -> None:
    panel, kinds = (pd.read_parquet(study / f"data/interim/{name}.parquet") for name in ("panel", "kinds"))
    assert ((kinds["older"] == "") == panel["older"].notna()).all()


def test_every_rename_is_listed(study: Path) -> None:
    rows = pd.read_csv(study / RESULTS[0]).to_numpy().tolist()
    assert rows == [[2, "f09", "f01", "merged"], [2, "g00", "f00", "carries_on"], [2, "g01", "f01", "carries_on"]]


def test_sample_file_has_the_older_key_too(study: Path) -> None:
    sample = pd.read_parquet(study / "data/interim/sample.parquet").query("wave == 2")
    assert {"f00", "f01", "g00", "g01"} & set(sample["firm"]) == {"f00", "f01"}


def test_merged_firm_is_closed_and_both_tables_have_one_retention(study: Path) -> None:
    attrition = pd.read_csv(study / RESULTS[1]).set_index("key")["value"]
    fieldwork = pd.read_csv(study / RESULTS[2]).set_index("key")["value"]
    assert (attrition["closed"], attrition["left"]) == (1, 0)
    assert attrition["retention"] == fieldwork["retention"] == 1


def test_unknown_older_firm_stops_the_run(tmp_path: Path) -> None:
    run = run_snakemake(ROOT, write_mergers(tmp_path / "study", {0: "F00"}), RESULTS[0])
    assert run.returncode != 0
    assert "wave 2: successor_of: firm 'g00' carries on 'F00', a firm of no wave; did you mean 'f00'" in run.stdout


def test_firm_that_answers_beside_its_successor_stops_the_run(tmp_path: Path) -> None:
    run = run_snakemake(ROOT, write_mergers(tmp_path / "study", {0: "f05"}), RESULTS[0])
    assert run.returncode != 0
    assert "wave 2: firm 'f05' comes twice, with the responses" in run.stdout
