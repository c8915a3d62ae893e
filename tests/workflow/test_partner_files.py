"""Partners, pairs and what is known of partners in files of their own: what comes of them, and what stops."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from small_study import CODEBOOK, CONFIG, copy_workflow, run_snakemake, write_study

pytestmark = pytest.mark.slow

SECTION = """\
alters:
  slots: [1, 2, 3]
  valued: {strength: close, tie_maximum: 2}
  attributes:
    - {file: data/register.csv, key: id, by: register, take: [{name: staff, label: Staff of the partner}]}
  aggregated:
    - {name: n_alters, label: Partners, by: count}
    - {name: partner_staff, label: Mean staff of partners, by: mean, of: staff}
"""
FIELDS = """\
close,How close,number,,,0,1,,,alters
register,Number in the register,id,,,,,,,alters
"""
RAW = Path("data/raw")


def list_partners() -> pd.DataFrame:
    """Three partners of each of forty firms, the first of them known to the register."""
    rows = [(f"f{firm:02d}", slot, slot / 4, f"r{slot}") for firm in range(40) for slot in (1, 2, 3)]
    return pd.DataFrame(rows, columns=["firm", "alter", "close", "register"])


def list_pairs() -> pd.DataFrame:
    rows = [(f"f{firm:02d}", i, j, firm % 3) for firm in range(40) for i, j in ((1, 2), (1, 3), (2, 3))]
    return pd.DataFrame(rows, columns=["firm", "alter_i", "alter_j", "tie"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("partners")
    study = write_study(folder / "study")
    files = "one.csv, alters: data/raw/partners.csv, alter_pairs: data/raw/pairs.csv}"
    (study / "config.yaml").write_text(CONFIG.replace("one.csv}", files) + SECTION, encoding="utf-8")
    header, *rows = CODEBOOK.splitlines()
    codebook = "\n".join([f"{header},table", *(f"{row}," for row in rows)]) + "\n" + FIELDS
    (study / "data" / "codebook.csv").write_text(codebook, encoding="utf-8")
    list_partners().to_csv(study / RAW / "partners.csv", index=False)
    pairs = pd.concat([list_pairs(), pd.DataFrame([("f00", 2, 9, 1)], columns=list_pairs().columns)])
    pairs.to_csv(study / RAW / "pairs.csv", index=False)
    pd.DataFrame({"id": ["r1", "r2"], "staff": [10, 30]}).to_csv(study / "data" / "register.csv", index=False)
    return copy_workflow(folder / "workflow"), study


@pytest.fixture(scope="module")
def panel(place: tuple[Path, Path]) -> pd.DataFrame:
    done = run_snakemake(*place, "data/processed/panel.parquet")
    assert done.returncode == 0, done.stdout
    return pd.read_parquet(place[1] / "data" / "processed" / "panel.parquet").set_index(["wave", "firm"])


def test_attributes_of_partners_reach_the_firm(panel: pd.DataFrame) -> None:
    assert panel.loc[(1, "f01"), "partner_staff"] == 20


def test_a_firm_that_named_nobody_has_size_nought(panel: pd.DataFrame) -> None:
    assert panel.loc[(1, "f50"), "ego_size"] == 0


def test_a_wave_that_did_not_ask_has_no_size(panel: pd.DataFrame) -> None:
    assert panel.loc[2, "ego_size"].isna().all()


def test_an_answer_about_a_partner_that_was_not_named_is_listed(place: tuple[Path, Path], panel: pd.DataFrame) -> None:
    left_out = pd.read_csv(place[1] / "data" / "processed" / "alter_pairs_left_out.csv")
    assert left_out[["firm", "alter_i", "alter_j", "tie"]].to_numpy().tolist() == [["f00", 2, 9, 1]]


@pytest.mark.parametrize(
    "text", ["1 answer about a pair left out", "40 of 120 partners have no row in data/register.csv"]
)
def test_the_log_counts_what_is_left_out(place: tuple[Path, Path], panel: pd.DataFrame, text: str) -> None:
    assert text in (place[1] / "logs" / "alters.log").read_text(encoding="utf-8")


def add_row(*row: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda table: pd.concat([table, pd.DataFrame([row], columns=table.columns)])


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        (
            RAW / "partners.csv",
            add_row("nobody", 1, 0.5, "r1"),
            "1 firms are in no response of wave 1, such as 'nobody'",
        ),
        (RAW / "partners.csv", add_row("f00", 1, 0.5, "r1"), "firm 'f00', alter 1 comes twice"),
        (RAW / "pairs.csv", add_row("f00", 2, 2, 1), "firm 'f00': partner 2 is paired with itself"),
        (
            Path("data/register.csv"),
            add_row("r2", 31),
            "1 key comes in several rows (row 2: id r2, staff 30.0; row 3: id r2, staff 31.0); which of them",
        ),
        (
            Path("data/register.csv"),
            add_row("r9", "many"),
            "data/register.csv: staff: 'many' is no number (data rows 3)",
        ),
    ],
)
def test_a_bad_file_stops_and_says_why(
    place: tuple[Path, Path],
    panel: pd.DataFrame,
    tmp_path: Path,
    file: Path,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    message: str,
) -> None:
    study = shutil.copytree(place[1], tmp_path / "study")
    change(pd.read_csv(study / file)).to_csv(study / file, index=False)
    done = run_snakemake(place[0], study, "data/interim/alters.parquet")
    assert message in " ".join(done.stdout.split())
