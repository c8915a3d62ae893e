"""A study whose respondents name each other, from its files to the scored panel."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from small_study import CONFIG, copy_workflow, run_snakemake, write_study

pytestmark = pytest.mark.slow

SECTION = """\
nominations:
  ego: from
  alter: to
  centralities: [closeness]
  exposures:
    - {name: growth_of_friends, label: Growth of strong ties, of: growth, over: strong, by: mean}
"""
WAVES = ("one", "two")
MODEL = "formula: trust_z + controls"


def name_neighbours(firms: int = 60) -> pd.DataFrame:
    """Each firm names the next two; every third names the one before it, too."""
    rows = [(f"f{i:02d}", f"f{(i + step) % firms:02d}") for i in range(firms) for step in (1, 2)]
    rows += [(f"f{i:02d}", f"f{(i - 1) % firms:02d}") for i in range(0, firms, 3)]
    return pd.DataFrame(rows, columns=["from", "to"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("nominations")
    study = write_study(folder / "study")
    text = CONFIG + SECTION
    for wave in WAVES:
        text = text.replace(f"{wave}.csv}}", f"{wave}.csv, nominations: data/raw/{wave}_named.csv}}")
        rows = name_neighbours()
        told = pd.DataFrame([("f00", "f00"), ("f00", "f01"), ("f01", "elsewhere")], columns=["from", "to"])
        pd.concat([rows, told]).to_csv(study / "data" / "raw" / f"{wave}_named.csv", index=False)
    text = text.replace(MODEL, f"{MODEL} + ties_strong + growth_of_friends")
    (study / "config.yaml").write_text(text, encoding="utf-8")
    return copy_workflow(folder / "workflow"), study


@pytest.fixture(scope="module")
def panel(place: tuple[Path, Path]) -> pd.DataFrame:
    done = run_snakemake(*place, "data/processed/fits/first.json")
    assert done.returncode == 0, done.stdout
    return pd.read_parquet(place[1] / "data" / "processed" / "panel.parquet")


def test_measures_are_variables_of_the_panel(panel: pd.DataFrame) -> None:
    first = panel[(panel["wave"] == 1) & (panel["firm"] == "f01")].iloc[0]
    assert first[["degree_out", "degree_in", "ties_strong"]].tolist() == [2, 2, 0]


def test_exposure_is_the_mean_over_mutual_ties(panel: pd.DataFrame) -> None:
    own = panel[panel["wave"] == 2].set_index("firm")
    # f03 names f02, which names f03; f05 names f06 and f06 names f05.
    np.testing.assert_allclose(own.loc["f03", "growth_of_friends"], own.loc["f02", "growth"])


def test_what_is_left_out_is_listed(place: tuple[Path, Path], panel: pd.DataFrame) -> None:
    left_out = pd.read_csv(place[1] / "data" / "processed" / "nominations_left_out.csv")
    assert left_out[left_out["wave"] == 1]["reason"].tolist() == [
        "the firm names itself",
        "names the same firm again",
        "of a firm that gave no answer in the wave",
    ]


def test_the_log_counts_what_is_left_out(place: tuple[Path, Path], panel: pd.DataFrame) -> None:
    log = (place[1] / "logs" / "nominations.log").read_text(encoding="utf-8")
    assert "wave 2: 1 left out: the firm names itself" in log


def break_columns(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.rename(columns={"to": "tto"})


def break_keys(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows, pd.DataFrame({"from": ["nobody"], "to": ["f01"]})])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (break_columns, "data/raw/one_named.csv (wave 1): lacks the column 'to'; did you mean 'tto'?"),
        (break_keys, "1 firm that names others is in no response of the wave: 'nobody' (data rows 144)"),
    ],
)
def test_a_bad_file_stops_with_its_name(
    place: tuple[Path, Path],
    panel: pd.DataFrame,
    tmp_path: Path,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    message: str,
) -> None:
    study = shutil.copytree(place[1], tmp_path / "study")
    path = study / "data" / "raw" / "one_named.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)
    done = run_snakemake(place[0], study, "data/interim/nominations.parquet")
    assert message in " ".join(done.stdout.split())


def test_completed_sets_keep_what_is_known_of_nominations(
    place: tuple[Path, Path], panel: pd.DataFrame, tmp_path: Path
) -> None:
    study = shutil.copytree(place[1], tmp_path / "study")
    config = study / "config.yaml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text + "imputation: {sets: 2, iterations: 1, seed: 1}\n", encoding="utf-8")
    done = run_snakemake(place[0], study, "data/processed/completed/panel/02.parquet")
    assert done.returncode == 0, done.stdout
    completed = pd.read_parquet(study / "data" / "processed" / "completed" / "panel" / "02.parquet")
    names = ["degree_out", "ties_strong", "ties_weak", "closeness"]
    pd.testing.assert_frame_equal(completed[names], panel[names], check_exact=True)
