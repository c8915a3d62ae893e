"""Each kind of bad input stops with one message that says what to change; the last good report stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from small_study import ROOT, run_snakemake, write_study

pytestmark = pytest.mark.slow

Edit = Callable[[Path], None]


def replace(name: str, old: str, new: str) -> Edit:
    def edit(study: Path) -> None:
        path = study / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return edit


def overwrite(name: str, text: str) -> Edit:
    def edit(study: Path) -> None:
        (study / name).write_text(text, encoding="utf-8")

    return edit


def remove(name: str) -> Edit:
    return lambda study: (study / name).unlink()


RAW = "data/raw/two.csv"
FIRST_ROW = "r2-0,f00,"
FAULTS: dict[str, tuple[Edit, str]] = {
    "missing file": (remove(RAW), "waves[2].file: 'data/raw/two.csv' does not exist"),
    "empty file": (overwrite(RAW, ""), "data/raw/two.csv (wave 2): the file is empty (0 bytes)"),
    "header alone": (overwrite(RAW, "resp,firm\n"), "data/raw/two.csv (wave 2): holds a header but no responses"),
    "not its wave": (
        overwrite(RAW, "a,b\n1,2\n"),
        "data/raw/two.csv (wave 2): no column for variable 'firm', which data/codebook.csv says wave 2 asked",
    ),
    "unknown column": (
        replace(RAW, "t3,new", "t3,knew"),
        "data/raw/two.csv (wave 2): column 'knew' is not in data/codebook.csv for wave 2; add a row there, or",
    ),
    "unknown code": (
        replace(RAW, ",metal,", ",metall,"),
        "in data/crosswalk.csv; did you mean 'metal'? Allowed: food, metal (data row 1)",
    ),
    "code outside its range": (
        lambda study: pd.read_csv(study / RAW).assign(t1=9).to_csv(study / RAW, index=False),
        "data/raw/two.csv (wave 2): t1: '9' is no code of this variable",
    ),
    "number outside its range": (
        replace("data/codebook.csv", "now,Staff now,number,,,0,1000", "now,Staff now,number,,,0,20"),
        "outside its range 0 to 20 (data rows",
    ),
    "duplicated response": (
        replace(RAW, "r2-1,", "r2-0,"),
        "data/raw/two.csv (wave 2): the response key 'resp' is not unique: r2-0 (data rows 1, 2)",
    ),
    "duplicated firm": (
        replace(RAW, "r2-1,f01", "r2-1,f00"),
        "data/raw/two.csv (wave 2): 1 firms have more than one response: f00",
    ),
    "unknown name in a formula": (
        replace("config.yaml", "formula: sector + wave", "formula: sectr + wave"),
        "'sectr' is no variable of the table panel and no set; did you mean 'sector'?",
    ),
    "code in a formula": (
        replace("config.yaml", "formula: sector + wave", "formula: \"__import__('os').getcwd() + wave\""),
        "config.yaml: models[second].formula:",
    ),
    "typo in a key": (
        replace("config.yaml", "estimator: ols", "estimater: ols"),
        "did you mean 'estimator'",
    ),
    "missing anchor": (
        overwrite("data/anchors.csv", "variable,centre,spread,wave,note\nother,4,1.2,1,fixed\n"),
        "data/anchors.csv: line 2",
    ),
}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("bad input") / "study")
    run = run_snakemake(ROOT, study)
    assert run.returncode == 0, run.stdout
    return study


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_stops_the_run_and_keeps_the_report(good: Path, fault: str) -> None:
    names = ("config.yaml", "data/codebook.csv", "data/anchors.csv", RAW)
    before = {name: (good / name).read_bytes() for name in names}
    report = (good / "reports" / "report.pdf").stat().st_mtime_ns
    edit, message = FAULTS[fault]
    try:
        edit(good)
        run = run_snakemake(ROOT, good)
    finally:
        for name, content in before.items():
            (good / name).write_bytes(content)
    assert run.returncode != 0
    assert message in run.stdout, run.stdout
    assert "Traceback" not in run.stdout.partition("Logfile")[0]
    assert (good / "reports" / "report.pdf").stat().st_mtime_ns == report


UNFITTABLE = {
    "constant outcome": ("outcomes: [ln_before]", "outcomes: [always]", "always"),
    "rank-deficient design": ("formula: sector + wave", "formula: sector + wave + growth + twice", "rank-deficient"),
    "empty sample": ("formula: sector + wave", "samples: [nobody], formula: sector + wave", "nobody"),
}


@pytest.mark.parametrize("case", UNFITTABLE)
def test_model_that_the_data_cannot_carry_is_reported_and_the_run_goes_on(tmp_path: Path, case: str) -> None:
    study = write_study(tmp_path / "a study")
    old, new, reason = UNFITTABLE[case]
    replace("config.yaml", old, new)(study)
    replace(
        "config.yaml",
        "outcome: ln_before, by",
        f"outcome: {'always' if case == 'constant outcome' else 'ln_before'}, by",
    )(study)
    replace(
        "config.yaml",
        "sets: {",
        "samples: {nobody: 'before > 5000'}\nsets: {",
    )(study)
    replace(
        "config.yaml",
        '  - {name: ln_before, label: ln staff, value: "log(before)"}\n',
        '  - {name: ln_before, label: ln staff, value: "log(before)"}\n'
        "  - {name: twice, label: twice, value: '2 * growth + 1'}\n"
        "  - {name: always, label: always, value: '0 * now + 1'}\n",
    )(study)
    run = run_snakemake(ROOT, study)
    assert run.returncode == 0, run.stdout
    models = pd.read_csv(study / "reports" / "results" / "models.csv").set_index("model")
    assert models.loc["second", "status"] == "failed"
    assert reason in models.loc["second", "reason"]
    assert reason in run.stdout
    assert reason in (study / "reports" / "report.html").read_text(encoding="utf-8")
