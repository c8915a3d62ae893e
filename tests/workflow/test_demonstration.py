"""The demonstration from raw files to report, in a directory whose path has a space."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from small_study import ROOT, run_snakemake

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


def test_row_accounting_over_all_waves(study: Path) -> None:
    ledger = pd.read_csv(study / "data" / "processed" / "ledger.csv", dtype="str", keep_default_na=False)
    gone = ledger[ledger["variable"] == ""].groupby("wave").size()
    panel = pd.read_parquet(study / "data" / "processed" / "panel.parquet").groupby("wave").size()
    for wave in panel.index:
        read = len(pd.read_parquet(study / "data" / "interim" / f"wave_{wave}" / "responses.parquet"))
        assert read == panel[wave] + gone[str(wave)]


def test_second_run_has_nothing_to_do(study: Path) -> None:
    assert "Nothing to be done" in run_snakemake(ROOT, study).stdout
