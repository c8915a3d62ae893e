"""The reliability gate through the whole workflow: a scale below it leaves the models, and every part says so."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from small_study import ROOT, edited, replace, run_snakemake, write_study

pytestmark = pytest.mark.slow

GATE = "derived:\n"
STRICT = "reliability_gate: {enter: 0.99, drop: 0.98}\nderived:\n"
KEPT = "reliability_gate: {enter: 0.99, drop: 0.98, keep: {trust: as registered}}\nderived:\n"
RESULTS = ["reports/results/models.csv", "reports/results/hypotheses.csv"]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("gate") / "study")
    config = study / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace(GATE, STRICT, 1), encoding="utf-8")
    ended = run_snakemake(ROOT, study)
    assert ended.returncode == 0, ended.stdout
    return study


def read(study: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(study / f"reports/results/{name}.csv", dtype="str", keep_default_na=False)


def test_model_is_fitted_without_the_scale(study: Path) -> None:
    first = read(study, "models").set_index("model").loc["first"]
    assert (first["status"], first["formula"]) == ("fitted", "ln_before + wave")
    assert first["gate"].startswith("Trust (α 0.")


def test_model_without_scales_is_as_it_was(study: Path) -> None:
    assert read(study, "models").set_index("model").loc["second", "gate"] == ""


def test_hypothesis_that_rests_on_it_is_not_estimable(study: Path) -> None:
    found = read(study, "hypotheses").iloc[0]
    assert found["verdict"] == "not estimable"
    assert found["reason"].startswith("'trust_z' is left out of model first by the reliability gate: Trust (α 0.")


@pytest.mark.parametrize("name", ["T1", "T2"])
def test_tables_of_the_model_and_of_the_hypothesis_say_so(study: Path, name: str) -> None:
    assert "reliability gate: Trust (α 0." in (study / f"reports/tables/{name}.html").read_text(encoding="utf-8")


def test_reliability_table_gives_the_verdict(study: Path) -> None:
    table = (study / "reports/tables/T3.html").read_text(encoding="utf-8")
    assert "Trust (3 items): left out of models, α 0." in table


def test_log_says_so(study: Path) -> None:
    assert "left out by the reliability gate: trust_z: Trust" in (study / "logs/fit_first.log").read_text(
        encoding="utf-8"
    )


def test_scale_stays_for_a_reason(study: Path) -> None:
    with edited(study / "config.yaml", replace(STRICT, KEPT)):
        ended = run_snakemake(ROOT, study, *RESULTS)
        assert ended.returncode == 0, ended.stdout
        assert read(study, "hypotheses").iloc[0]["verdict"] != "not estimable"
        said = pd.read_csv(study / "data/processed/reliability.csv").iloc[0]
        assert (said["verdict"], said["reason"].endswith("; kept: as registered")) == ("kept", True)
