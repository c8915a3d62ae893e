"""The study of docs/own-survey.md, made by following the page to the letter."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a study of mine")
    page = (ROOT / "docs" / "own-survey.md").read_text(encoding="utf-8")
    for name, content in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", page, flags=re.DOTALL):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        "2",
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(folder),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return folder


def test_report_is_there(study: Path) -> None:
    assert (study / "reports" / "report.pdf").read_bytes()[:5] == b"%PDF-"


def test_slope_is_that_of_least_squares(study: Path) -> None:
    panel = pd.read_parquet(study / "data" / "processed" / "panel.parquet")
    design = np.column_stack(
        [
            np.ones(len(panel)),
            panel["trust"],
            panel["proact"],
            panel["ln_staff"],
            (panel["sector"] == "metal").astype(float),
        ]
    )
    slope = np.linalg.lstsq(design, panel["growth"].to_numpy(), rcond=None)[0][1]
    estimates = pd.read_csv(study / "reports" / "results" / "estimates.csv")
    assert estimates.loc[estimates["term"] == "trust", "estimate"].item() == pytest.approx(slope, rel=1e-9)


def test_missing_code_becomes_its_kind(study: Path) -> None:
    kinds = pd.read_parquet(study / "data" / "interim" / "kinds.parquet")
    panel = pd.read_parquet(study / "data" / "interim" / "panel.parquet")
    assert kinds.loc[panel["firm"] == "a02", "p3"].item() == "refused"
