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
    "address": "203.0.113.77",
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


LISTING = "  - {id: L1, kind: listing, title: A list, file: data/list.csv}\n"


@pytest.fixture(scope="module")
def protected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study with its planted columns dropped, run once."""
    study = plant(tmp_path_factory.mktemp("protected") / "study")
    codebook = study / "data" / "codebook.csv"
    text = codebook.read_text(encoding="utf-8").replace("reverse,waves", "reverse,waves,identifying")
    marked = "".join(f"{name},Question,text,,,,,,,drop\n" for name in PLANTED)
    codebook.write_text(text + marked, encoding="utf-8")
    (study / "data" / "list.csv").write_text("what\nnothing\n", encoding="utf-8")
    with (study / "config.yaml").open("a", encoding="utf-8") as stream:
        stream.write(LISTING)
    ended = run_snakemake(ROOT, study)
    assert ended.returncode == 0, ended.stdout
    return study


@pytest.mark.parametrize("name", ["data/list.csv", "report.md"])
def test_leak_stops_before_the_report_and_is_not_printed(protected: Path, name: str) -> None:
    path = protected / name
    old = path.read_text(encoding="utf-8") if path.is_file() else None
    path.write_text((old or "# Answer {#answer}\n\n") + "MY NAME IS  JANEPLANTED\n", encoding="utf-8")
    try:
        ended = run_snakemake(ROOT, protected)
    finally:
        path.unlink() if old is None else path.write_text(old, encoding="utf-8")
    assert ended.returncode != 0
    assert "value of 'remark' of data/raw/one.csv (wave 1)" in ended.stdout
    assert "janeplanted" not in ended.stdout.lower()
    assert not (protected / "reports" / "report.html").exists()
