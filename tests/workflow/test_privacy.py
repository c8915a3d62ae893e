"""Planted identifiers: without marks the run stops, with marks they are found nowhere behind the raw files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from small_study import ROOT, run_snakemake, write_study

pytestmark = pytest.mark.slow
PLANTED = {
    "mail": "jane.planted@example.org",
    "tel": "+44 20 7946 0958",
    "remark": "my name is Janeplanted",
    "gps": "51.501009,-0.141588",
}


def read(path: Path) -> bytes:
    """Read a file's bytes; of Parquet, which is compressed, its content."""
    return pd.read_parquet(path).to_csv().encode() if path.suffix == ".parquet" else path.read_bytes()


def plant(folder: Path) -> Path:
    study = write_study(folder)
    for path in sorted((study / "data" / "raw").glob("*.csv")):
        pd.read_csv(path).assign(**PLANTED).to_csv(path, index=False)
    return study


def test_run_stops_at_planted_identifiers(tmp_path: Path) -> None:
    ended = run_snakemake(ROOT, plant(tmp_path / "study"), "data/interim/wave_1/responses.parquet")
    assert ended.returncode != 0
    assert [name for name in PLANTED if f"column '{name}': 60 rows hold" not in ended.stdout] == []


def test_marked_identifiers_are_found_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, key = plant(tmp_path / "study"), tmp_path / "secret.key"
    key.write_text("k" * 64)
    monkeypatch.setenv("FIRMTIES_KEY_FILE", str(key))
    codebook = study / "data" / "codebook.csv"
    text = codebook.read_text(encoding="utf-8").replace("reverse,waves", "reverse,waves,identifying")
    text = text.replace("firm,Firm,id,,,,,,", "firm,Firm,id,,,,,,,hash")
    marked = "".join(f"{name},Question,text,,,,,,,drop\n" for name in PLANTED)
    codebook.write_text(text + marked, encoding="utf-8")
    ended = run_snakemake(ROOT, study)
    assert ended.returncode == 0, ended.stdout
    written = [path for part in ("data/interim", "data/processed", "reports") for path in (study / part).rglob("*.*")]
    found = [path for path in written for value in PLANTED.values() if value.encode() in read(path)]
    assert (found, pd.read_parquet(study / "data" / "processed" / "panel.parquet")["firm"].nunique()) == ([], 60)
