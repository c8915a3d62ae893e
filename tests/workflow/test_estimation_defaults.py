"""Weights and imputation are switched on for a whole study by two lines, and everything that shows models says so."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from firmties.tables import describe_basis
from small_study import ROOT, draw_wave, run_snakemake, write_study

pytestmark = pytest.mark.slow

SWITCHES = "estimation:\n  weights: weight\n  imputation: true\n"
SAMPLED = """\
frame_margins: data/frame_margins.csv
weights: {probability: chance, strata: [branch], rake: [branch]}
imputation: {sets: 3, iterations: 2, variables: [now], predictors: "growth + ln_before + sector"}
"""
MODELS = """\
  - {id: third, title: Large, estimator: logit, outcomes: [large], formula: trust_z + sector}
predictions:
  - {id: over_trust, model: first, outcome: growth, over: {variable: trust_z, points: 5}}
"""
EXHIBITS = """\
  - {id: T4, kind: regression, title: Large, models: [third, second], effects: true}
  - {id: F2, kind: adjusted_predictions, title: Predicted, panels: [{prediction: by_sector, label: ln staff}]}
  - {id: F3, kind: forest, title: Coefficients, models: [first, second], terms: [trust_z, sector]}
  - {id: F4, kind: curve, title: Growth over trust, prediction: over_trust}
"""
SHOWN = ["F1", "F2", "F3", "F4", "T1", "T2", "T4"]


def write_sample(study: Path, number: int, name: str) -> None:
    """Of 100 firms invited 60 answer; those of metal were drawn with half the chance."""
    firms = [f"f{firm:02d}" for firm in range(60)] + [f"g{firm:02d}" for firm in range(40)]
    branch = np.where(np.arange(100) % 2, "food", "metal")
    pd.DataFrame(
        {
            "firm": firms,
            "disposition": ["I"] * 60 + ["NC"] * 40,
            "chance": np.where(branch == "metal", 0.25, 0.5),
            "branch": branch,
        }
    ).to_csv(study / f"data/raw/{name}_sample.csv", index=False)
    table = draw_wave(number).astype({"now": "object", "t1": "object"})
    table.loc[[3, 11, 24], "t1"] = "-98"
    table.loc[[5, 17, 40], "now"] = "-99"
    table.to_csv(study / f"data/raw/{name}.csv", index=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("defaults") / "study")
    rows = [(wave, "branch", name, number) for wave in (1, 2) for name, number in (("food", 100), ("metal", 200))]
    margins = pd.DataFrame(rows, columns=["wave", "variable", "category", "count"])
    margins.to_csv(study / "data/frame_margins.csv", index=False)
    text = (study / "config.yaml").read_text(encoding="utf-8")
    for number, name in ((1, "one"), (2, "two")):
        write_sample(study, number, name)
        text = text.replace(f"data/raw/{name}.csv}}", f"data/raw/{name}.csv, sample: data/raw/{name}_sample.csv}}")
    text = text.replace("cleaning:\n", SAMPLED + "cleaning:\n").replace("sets: {", SWITCHES + "sets: {")
    text = text.replace("predictions:\n", MODELS).replace(
        "  - {name: ln_before,", '  - {name: large, label: Large, value: "before > 12"}\n  - {name: ln_before,'
    )
    (study / "config.yaml").write_text(text + EXHIBITS, encoding="utf-8")
    ended = run_snakemake(ROOT, study)
    assert ended.returncode == 0, ended.stdout
    return study


@pytest.mark.parametrize("exhibit", SHOWN)
def test_every_exhibit_of_models_says_that_it_is_weighted_and_imputed(study: Path, exhibit: str) -> None:
    notes = json.loads((study / f"reports/results/{exhibit}.json").read_text(encoding="utf-8"))
    said = " ".join(describe_basis(notes)).lower()
    assert "weighted by weight" in said
    assert "unweighted" not in said
    assert "3 imputations, pooled by rubin's rules" in said


@pytest.mark.parametrize("exhibit", ["T1", "T2", "T4"])
def test_printed_tables_say_so(study: Path, exhibit: str) -> None:
    printed = (study / f"reports/tables/{exhibit}.html").read_text(encoding="utf-8").lower()
    assert "weighted by weight; 3 imputations" in printed


def test_the_report_says_so_of_figures(study: Path) -> None:
    report = (study / "reports/report.html").read_text(encoding="utf-8").lower()
    assert report.count("weighted by weight; 3 imputations") >= len(SHOWN)


@pytest.mark.parametrize("table", ["estimates", "models"])
def test_results_name_weights_and_sets(study: Path, table: str) -> None:
    found = pd.read_csv(study / f"reports/results/{table}.csv", keep_default_na=False)
    assert set(zip(found["weights"], found["n_imputations"], strict=True)) == {("weight", 3)}


def test_contrasts_stand_beside_those_of_complete_cases(study: Path) -> None:
    found = pd.read_csv(study / "reports/results/hypotheses.csv").iloc[0]
    assert found["estimate"] != found["complete_estimate"]
    assert found["complete_estimate"] > 0


def test_complete_cases_have_fewer_rows(study: Path) -> None:
    pooled, complete = (
        pd.read_csv(study / f"reports/results/{name}.csv").query("model == 'first'")["n_obs"].iloc[0]
        for name in ("estimates", "complete_cases")
    )
    assert complete < pooled


def test_a_model_without_a_covariance_has_a_design_based_one(study: Path) -> None:
    models = pd.read_csv(study / "reports/results/models.csv").set_index("model")["covariance"]
    assert models["third"] == "design-based (clustered by firm, stratified by stratum)"
