"""Results kept, a model changed: what moved, and why."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import keep as script
from firmties.errors import StudyError
from small_study import ROOT, run_snakemake, write_study

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("kept") / "study")
    ended = run_snakemake(ROOT, study)
    assert ended.returncode == 0, ended.stdout
    script.keep(study, "first")
    return study


def test_nothing_moved_after_no_change(study: Path) -> None:
    assert script.compare(study).startswith("since first: nothing moved, 0 inputs changed")


def test_label_is_kept_once(study: Path) -> None:
    with pytest.raises(StudyError, match="is there already and is never overwritten"):
        script.keep(study, "first")


def test_keeping_gives_the_workflow_nothing_to_do(study: Path) -> None:
    assert "Nothing to be done" in run_snakemake(ROOT, study).stdout


def test_changed_model_moves_its_own_results_alone(study: Path) -> None:
    config = study / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("formula: trust_z + controls", "formula: trust_z + wave"), encoding="utf-8")
    ended = run_snakemake(ROOT, study)
    assert ended.returncode == 0, ended.stdout
    script.compare(study)
    moved = pd.read_csv(study / "reports" / "changes.csv", dtype="str", keep_default_na=False)
    assert (set(moved["model"]), set(moved["can_rest_on"])) == ({"first"}, {"config.yaml: models[first].formula"})
