"""A wave in an Excel workbook goes through the workflow as its text would."""

from __future__ import annotations

import pandas as pd
import pytest

from small_study import Place, copy_workflow, draw_wave, edited, replace, run_snakemake, write_study
from workbooks import write_workbook

pytestmark = pytest.mark.slow

CLEAN = ["data/interim/wave_1/clean.parquet", "data/interim/wave_2/clean.parquet"]


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Place, pd.DataFrame]:
    """The small study with its second wave in a workbook, cleaned, and that wave as cleaned from text."""
    base = tmp_path_factory.mktemp("workbook")
    workflow, study = copy_workflow(base / "workflow"), write_study(base / "study")
    run = run_snakemake(workflow, study, *CLEAN)
    assert run.returncode == 0, run.stdout
    from_text, table = pd.read_parquet(study / CLEAN[1]), draw_wave(2)
    write_workbook(study / "data/raw/two.xlsx", {"answers": [list(table), *table.to_numpy().tolist()]})
    config = study / "config.yaml"
    config.write_text(config.read_text("utf-8").replace("two.csv", "two.xlsx"), "utf-8")
    run = run_snakemake(workflow, study, *CLEAN)
    assert run.returncode == 0, run.stdout
    return (workflow, study), from_text


def test_workbook_is_cleaned_as_text(cleaned: tuple[Place, pd.DataFrame]) -> None:
    (_, study), from_text = cleaned
    pd.testing.assert_frame_equal(pd.read_parquet(study / CLEAN[1]), from_text)


def test_its_reader_concerns_its_wave_alone(cleaned: tuple[Place, pd.DataFrame]) -> None:
    (workflow, study), _ = cleaned
    with edited(workflow / "scripts/firmties/readers/excel.py", replace("SHORT_NAME = ", "\nSHORT_NAME = ")):
        planned = run_snakemake(workflow, study, "--dry-run", *CLEAN).stdout
    assert [number for number in (1, 2) if f"Reading wave {number} from" in planned] == [2]
