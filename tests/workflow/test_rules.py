"""Rules of cleaning have versions: flags are kept, a changed rule is a new version, and a run with it says so."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

import keep as script
from small_study import ROOT, edited, replace, run_snakemake, write_study

pytestmark = pytest.mark.slow

FLAGS = """\
    - {rule: careless, flags_at_least: 1}
quality_flags: {low_spread: {response_scale: agree7}}
"""
ELIGIBLE = '    - {rule: not eligible, when: "before >= 250"}\n'
SECOND_VERSION = """\
rule_versions:
  - id: 2
    cleaning: {exclude: [{rule: not eligible, when: "before >= 30"}]}
    quality_flags: {}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("rules") / "study")
    config = study / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace(ELIGIBLE, ELIGIBLE + FLAGS), encoding="utf-8")
    ended = run_snakemake(ROOT, study)
    assert ended.returncode == 0, ended.stdout
    script.keep(study, "first")
    return study


def read_ledger(study: Path) -> pd.DataFrame:
    return pd.read_csv(study / "data/processed/ledger.csv", dtype="str", keep_default_na=False)


def test_every_response_keeps_its_flags_removed_or_not(study: Path) -> None:
    flags = pd.read_parquet(study / "data/interim/wave_2/flags.parquet")
    ledger = read_ledger(study)
    gone = ledger[(ledger["wave"] == "2") & (ledger["rule"] == "careless")]
    assert len(flags) == 60
    assert set(flags.loc[flags["low_spread"], "response"]) == set(gone["response"])
    assert set(gone["reason"]) == {"1 or more quality flags: low_spread"}


def test_rule_that_is_changed_in_its_version_stops_the_run(study: Path) -> None:
    with edited(study / "config.yaml", replace("before >= 250", "before >= 30")):
        ended = run_snakemake(ROOT, study, "--config", "new_rules=yes")
    assert ended.returncode != 0
    assert "wave 1: version 1 of cleaning and quality_flags is not as when 'first' was kept" in ended.stdout


def second_version(text: str) -> str:
    entry = "file: data/raw/two.csv}"
    return text.replace(entry, "file: data/raw/two.csv, rules: 2}").replace(
        "\nscales:\n", f"\n{SECOND_VERSION}scales:\n", 1
    )


def test_new_version_needs_the_switch(study: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (study / "reports").rglob("*") if path.is_file()}
    with edited(study / "config.yaml", second_version):
        ended = run_snakemake(ROOT, study)
    assert ended.returncode != 0
    assert "since 'first' was kept: wave 2 (version 1 to 2); if that is meant, run with --config new_rules=yes" in (
        ended.stdout
    )
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.fixture(scope="module")
def changed(study: Path) -> str:
    """What the run with the new version says; the study is left as it was made by it."""
    config = study / "config.yaml"
    config.write_text(second_version(config.read_text(encoding="utf-8")), encoding="utf-8")
    ended = run_snakemake(ROOT, study, "--config", "new_rules=yes")
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def test_new_version_cleans_its_own_wave_alone(changed: str) -> None:
    assert re.findall(r"^Job \d+: (Cleaning .*)$", changed, flags=re.MULTILINE) == ["Cleaning wave 2"]


def test_ledger_names_the_version(study: Path, changed: str) -> None:
    ledger = read_ledger(study)
    assert set(map(tuple, ledger[["wave", "version"]].to_numpy())) == {("1", "1"), ("2", "2")}


def test_run_says_what_the_rules_removed_and_which_contrasts_moved(study: Path, changed: str) -> None:
    removed = (read_ledger(study)["wave"] == "2").sum()
    report = changed.partition("rules of cleaning changed: wave 2 (version 1 to 2)")[2]
    assert re.search(rf"removed: 2, not eligible, responses: new row  -> {removed}\b", report)
    assert re.search(r"removed: 2, careless, responses: row gone \d+", report)
    assert re.search(r"contrasts: H1, .*estimate 0\.\d+ -> 0\.\d+", report)
