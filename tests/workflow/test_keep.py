"""Results kept, a model changed: what moved, and why."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import changes
import keep as script
from firmties.errors import StudyError
from small_study import ROOT, list_jobs, run_snakemake, write_study

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("kept") / "study")
    ended = run_snakemake(ROOT, study)
    assert ended.returncode == 0, ended.stdout
    assert "No results are kept yet" in ended.stdout
    script.keep(study, "first")
    return study


def read_changes(study: Path) -> pd.DataFrame:
    return pd.read_csv(study / "reports" / "changes.csv", dtype="str", keep_default_na=False)


def test_keeping_reruns_the_comparison_alone(study: Path) -> None:
    assert list_jobs((ROOT, study)) == {"Comparing with kept results"}


def test_nothing_moved_after_no_change(study: Path) -> None:
    assert "Since first: nothing moved" in run_snakemake(ROOT, study).stdout


def test_everything_under_results_is_kept(study: Path) -> None:
    kept, made = (
        sorted(path.name for path in (study / part).iterdir()) for part in ("data/kept/first", "reports/results")
    )
    assert kept == made


def test_label_holds_the_same_results_already(study: Path) -> None:
    assert "holds these results already; nothing was written" in script.keep(study, "first")


def test_results_edited_by_hand_are_not_kept(study: Path) -> None:
    path = study / "reports" / "results" / "estimates.csv"
    before = path.read_text(encoding="utf-8")
    path.write_text(before + "\n", encoding="utf-8")
    try:
        with pytest.raises(StudyError, match=r"estimates\.csv: not as the last whole run left it"):
            script.keep(study, "second")
    finally:
        path.write_text(before, encoding="utf-8")


def test_unknown_label_names_the_nearest(study: Path) -> None:
    with pytest.raises(StudyError, match="no results 'frist'; did you mean 'first'"):
        changes.compare_last_run(study, "frist")


def test_manifest_names_no_module_that_no_result_rests_on(study: Path) -> None:
    inputs = json.loads((study / "reports/results/manifest.json").read_text(encoding="utf-8"))["inputs"]
    names = ("scripts/firmties/readers/delimited.py", "scripts/firmties/readers/stata.py", "scripts/render.py")
    assert [name in inputs for name in names] == [True, False, False]


def test_manifest_names_the_script_that_hides_small_cells(study: Path) -> None:
    assert (
        "scripts/mask.py" in json.loads((study / "reports/results/manifest.json").read_text(encoding="utf-8"))["inputs"]
    )


def test_changed_model_moves_its_own_results_alone(study: Path) -> None:
    config = study / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("formula: trust_z + controls", "formula: trust_z + wave"), encoding="utf-8")
    ended = run_snakemake(ROOT, study)
    assert ended.returncode == 0, ended.stdout
    moved = read_changes(study)
    assert set(moved["can_rest_on"]) == {"config.yaml: models[first].formula"}
    assert set(moved["model"]) == {"first", ""}
    assert set(moved["result"]) >= {"estimates", "models", "hypotheses", "T1", "T2"}
    with pytest.raises(StudyError, match="holds other results and is never overwritten"):
        script.keep(study, "first")
