"""The stand-in of the Kenya archive's file: its columns are those of the codebook, and of the archive where at hand."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pyreadstat
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
STUDY = ROOT / "examples" / "kenya_mentors" / "data"
ARCHIVE = ROOT.parent / "shared" / "data" / "kenya_mentors" / "BDJ_Dandora_Data.dta"
needs_archive = pytest.mark.skipif(not ARCHIVE.exists(), reason="the archive's data file is not at hand")


@pytest.fixture(scope="module")
def stand_in() -> ModuleType:
    spec = importlib.util.spec_from_file_location("stand_in", HERE / "stand_in.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def panel(stand_in: ModuleType) -> pd.DataFrame:
    made: pd.DataFrame = stand_in.make_panel()
    return made


@pytest.fixture(scope="module")
def archive() -> pd.DataFrame:
    table: pd.DataFrame = pyreadstat.read_dta(str(ARCHIVE))[0]
    return table


def is_filled(table: pd.DataFrame) -> pd.DataFrame:
    return table.notna() & table.astype("str").apply(lambda column: column.str.strip() != "")


def list_waves(table: pd.DataFrame) -> dict[Any, list[float]]:
    filled = is_filled(table)
    return {name: sorted(table.loc[filled[name], "wave"].unique()) for name in table}


def test_it_has_118_columns(panel: pd.DataFrame) -> None:
    assert panel.shape[1] == 118


def test_its_columns_are_those_of_the_codebook(panel: pd.DataFrame) -> None:
    with (STUDY / "codebook.csv").open(encoding="utf-8") as file:
        assert list(panel) == [row["variable"] for row in csv.DictReader(file)]


def test_the_same_seed_gives_the_same_values(stand_in: ModuleType, panel: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(panel, stand_in.make_panel())


def test_everybody_is_control_at_baseline(panel: pd.DataFrame) -> None:
    assert set(panel.loc[panel["wave"] == 0, "treat"]) == {2}


def test_a_firm_comes_once_in_a_wave(panel: pd.DataFrame) -> None:
    assert not panel.duplicated(["id", "wave"]).any()


@needs_archive
def test_its_columns_are_those_of_the_archive(panel: pd.DataFrame, archive: pd.DataFrame) -> None:
    assert list(panel) == list(archive)


@needs_archive
def test_its_columns_are_filled_in_the_archives_waves(panel: pd.DataFrame, archive: pd.DataFrame) -> None:
    assert list_waves(panel) == list_waves(archive)


@needs_archive
def test_its_numbers_lie_within_the_archives_ranges(panel: pd.DataFrame, archive: pd.DataFrame) -> None:
    numbers = [name for name in panel if pd.api.types.is_float_dtype(panel[name])]
    low, high = archive[numbers].astype(float).min() - 1e-6, archive[numbers].astype(float).max() + 1e-6
    assert not ((panel[numbers].min() < low) | (panel[numbers].max() > high)).any()


@needs_archive
def test_value_labels_are_those_of_the_archive(stand_in: ModuleType, tmp_path: Path) -> None:
    stand_in.write_stand_in(tmp_path / "stand_in.dta")
    ours, theirs = (pyreadstat.read_dta(str(path))[1] for path in (tmp_path / "stand_in.dta", ARCHIVE))
    assert ours.variable_value_labels == theirs.variable_value_labels


@needs_archive
def test_it_holds_no_row_of_the_archive(panel: pd.DataFrame, archive: pd.DataFrame) -> None:
    keys = ["tprofits", "tprofits_b", "age_b", "profit_b"]
    shared = panel[keys].dropna().merge(archive[keys].dropna().drop_duplicates(), on=keys, validate="many_to_one")
    assert shared.empty
