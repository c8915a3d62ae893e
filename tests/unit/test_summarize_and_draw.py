"""The scripts that make an exhibit's numbers and draw a figure from them."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from firmties.configuration import load_kinds

from .exhibit_frames import DICTIONARY, STUDY

SCRIPTS = Path(__file__).parents[2] / "scripts"
OPTIONS = {"rows": "kind", "columns": "place"}
FIGURES = ["adjusted_predictions", "crosstab", "curve", "flow", "forest", "stages"]


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"script_{name}", SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Path]:
    """Numbers and notes of a cross-table, made by the script."""
    panel = pd.DataFrame(
        {"wave": 1, "firm_id": [f"f{i}" for i in range(60)], "kind": ["a", "b", "c"] * 20, "place": ["up", "down"] * 30}
    )
    panel.to_parquet(tmp_path / "panel.parquet")
    DICTIONARY.to_csv(tmp_path / "dictionary.csv", index=False)
    paths = {"numbers": tmp_path / "F6.csv", "notes": tmp_path / "F6.json"}
    load("summarize").main(
        {"panel": str(tmp_path / "panel.parquet"), "dictionary": str(tmp_path / "dictionary.csv")}, "crosstab", OPTIONS,
        str(paths["numbers"]), str(paths["notes"]), waves=[{"id": 1, "label": "2021"}], study=STUDY,
    )  # fmt: skip
    return paths


def draw(results: dict[str, Path], folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    files = {form: folder / f"F6.{form}" for form in ("svg", "pdf", "png", "csv")}
    paths = {form: str(path) for form, path in files.items()}
    load("draw").main(str(results["numbers"]), str(results["notes"]), "crosstab", OPTIONS, "A title", **paths)
    return {form: path.read_bytes() for form, path in files.items()}


def test_notes_count_firms(results: dict[str, Path]) -> None:
    assert json.loads(results["notes"].read_text(encoding="utf-8"))["n_firms"] == 60


def test_csv_beside_the_figure_is_the_plotted_numbers(results: dict[str, Path], tmp_path: Path) -> None:
    assert draw(results, tmp_path / "one")["csv"] == results["numbers"].read_bytes()


def test_drawing_twice_gives_the_same_bytes(results: dict[str, Path], tmp_path: Path) -> None:
    assert draw(results, tmp_path / "one") == draw(results, tmp_path / "two")


def test_a_published_number_keeps_its_digits(tmp_path: Path) -> None:
    (tmp_path / "published.csv").write_text("published\n0.30\n", encoding="utf-8")
    assert load("summarize").read_source("published", str(tmp_path / "published.csv"))["published"].tolist() == ["0.30"]


def test_a_label_none_is_not_missing(tmp_path: Path) -> None:
    (tmp_path / "dictionary.csv").write_text("label,codes\nnone,\n", encoding="utf-8")
    assert load("summarize").read_source("dictionary", str(tmp_path / "dictionary.csv"))["label"].tolist() == ["none"]


def test_fits_of_several_files_make_one_list(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps([{"model": name}]), encoding="utf-8")
    fits = load("summarize").read_source("fits", [str(tmp_path / "a.json"), str(tmp_path / "b.json")])
    assert [fit["model"] for fit in fits] == ["a", "b"]


@pytest.mark.parametrize("kind", FIGURES)
def test_drawing_imports_neither_models_nor_pyplot_when_it_starts(kind: str) -> None:
    heavy = {"statsmodels", "pingouin", "seaborn", "matplotlib.pyplot", "scipy.stats"}
    code = f"import sys, firmties.exhibits.{kind}.draw; print({heavy} & set(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(SCRIPTS)}
    )
    assert said.stdout.strip() == "set()"


@pytest.mark.parametrize("kind", FIGURES)
def test_kind_declares_valid_options(kind: str) -> None:
    content: dict[str, Any] = load_kinds()[kind]
    Draft202012Validator.check_schema(content["options"])
    assert (content["medium"], "description" in str(content["options"])) == ("figure", True)
