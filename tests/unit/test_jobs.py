"""Imputed sets are read one at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from firmties.jobs import stream_sets


def write_sets(folder: Path, lines: int = 2) -> tuple[list[Path], dict[str, list[Path]]]:
    """Two completed tables, and the fits of two models to as many sets as there are lines."""
    tables = []
    for number in (1, 2):
        tables.append(folder / f"{number:02d}.parquet")
        pd.DataFrame({"x": [number, number], "y": 0, "z": 0}).to_parquet(tables[-1])
    fits = []
    for model in ("a", "b"):
        fits.append(folder / f"{model}.jsonl")
        text = [json.dumps({"fits": [f"{model}{line}"], "by_wave": []}) for line in range(1, lines + 1)]
        fits[-1].write_text("\n".join(text) + "\n", encoding="utf-8")
    return fits, {"panel": tables}


def test_each_set_has_the_fits_of_all_models(tmp_path: Path) -> None:
    fits, completed = write_sets(tmp_path)
    read = [own["fits"] for own, _ in stream_sets(fits, completed, {"panel": ["x"]})]
    assert read == [["a1", "b1"], ["a2", "b2"]]


def test_each_set_has_its_table(tmp_path: Path) -> None:
    fits, completed = write_sets(tmp_path)
    assert [tables["panel"]["x"].tolist() for _, tables in stream_sets(fits, completed, {"panel": ["x"]})] == [
        [1, 1],
        [2, 2],
    ]


def test_only_the_columns_needed_are_read(tmp_path: Path) -> None:
    fits, completed = write_sets(tmp_path)
    _, tables = next(stream_sets(fits, completed, {"panel": ["y", "absent"]}))
    assert tables["panel"].columns.tolist() == ["y"]


def test_fits_to_fewer_sets_than_there_are_tables_are_refused(tmp_path: Path) -> None:
    fits, completed = write_sets(tmp_path, lines=1)
    with pytest.raises(ValueError, match="shorter"):
        list(stream_sets(fits, completed, {"panel": ["x"]}))
