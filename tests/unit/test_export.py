"""The panel for Stata and SPSS, read back from the files."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyreadstat
import pytest

from firmties.export import LabelledTable, code_table, prepare_spss, prepare_stata

PANEL = pd.DataFrame(
    {
        "firm": ["a", "b", "c", "d"],
        "size": pd.array([None, 12, None, 7], dtype="Int64"),
        "form": ["hybrid", None, "single", None],
        "not_answered": pd.array([None] * 4, dtype="Float64"),
        "growth": [0.5, None, -0.25, 0.0],
    }
)
KINDS = pd.DataFrame(
    {
        "firm": [""] * 4,
        "size": ["refused", "", "not_asked", ""],
        "form": ["", "dont_know", "", "lost"],
        "not_answered": ["not_applicable"] * 4,
    }
)
WORDS = pd.DataFrame(
    {
        "variable": PANEL.columns,
        "label": ["Firm", "Staff " * 20, "Form", "Never answered", "Growth"],
        "codes": ["", "", "single=one type|hybrid=two or more", "", ""],
    }
)


@pytest.fixture(scope="module")
def coded() -> LabelledTable:
    return code_table(PANEL, WORDS)


@pytest.fixture(scope="module")
def stata(coded: LabelledTable, tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The file's numbers with missing values as pandas shows them, and the labels of its values."""
    path: Path = tmp_path_factory.mktemp("stata") / "panel.dta"
    ready = prepare_stata(coded, KINDS)
    pyreadstat.write_dta(
        ready.table, path, column_labels=ready.labels, variable_value_labels=ready.value_labels,
        missing_user_values=ready.missing, version=15,
    )  # fmt: skip
    with pd.read_stata(path, iterator=True, convert_missing=True, convert_categoricals=False) as reader:
        return reader.read(), reader.variable_labels()


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        ("size", [".c", "12.0", ".d", "7.0"]),
        ("form", ["2.0", ".b", "1.0", ".f"]),
        ("not_answered", [".a", ".a", ".a", ".a"]),
        ("growth", ["0.5", ".", "-0.25", "0.0"]),
    ],
)
def test_stata_keeps_numbers_and_reasons(
    stata: tuple[pd.DataFrame, dict[str, str]], variable: str, values: list[str]
) -> None:
    assert [str(float(v)) if isinstance(v, int | float) else str(v) for v in stata[0][variable]] == values


def test_stata_labels_end_after_80_characters(stata: tuple[pd.DataFrame, dict[str, str]]) -> None:
    assert stata[1]["size"] == ("Staff " * 20)[:80]


@pytest.fixture(scope="module")
def spss(
    coded: LabelledTable, tmp_path_factory: pytest.TempPathFactory
) -> tuple[pd.DataFrame, pyreadstat.metadata_container]:
    path: Path = tmp_path_factory.mktemp("spss") / "panel.sav"
    ready = prepare_spss(coded, KINDS)
    pyreadstat.write_sav(
        ready.table, path, column_labels=ready.labels, variable_value_labels=ready.value_labels,
        missing_ranges=ready.missing,
    )  # fmt: skip
    table, metadata = pyreadstat.read_sav(path, user_missing=True)
    return table, metadata


def test_spss_keeps_reasons_as_labelled_codes(spss: tuple[pd.DataFrame, pyreadstat.metadata_container]) -> None:
    table, metadata = spss
    labels = metadata.variable_value_labels["size"]
    assert [labels.get(value, value) for value in table["size"]] == ["refused", 12, "not asked in this wave", 7]


def test_spss_takes_the_codes_for_missing(spss: tuple[pd.DataFrame, pyreadstat.metadata_container]) -> None:
    [span] = spss[1].missing_ranges["size"]
    assert spss[0]["size"].between(span["lo"], span["hi"]).tolist() == [True, False, True, False]


def test_stata_takes_long_names_with_value_labels_in_a_thousand_columns(tmp_path: Path) -> None:
    names = [f"which_of_the_following_did_you_see_{number}" for number in range(1002)]
    words = pd.DataFrame({"variable": names, "label": names, "codes": "1=yes"})
    ready = prepare_stata(code_table(pd.DataFrame(1.0, index=[0], columns=names), words), pd.DataFrame())
    pyreadstat.write_dta(ready.table, tmp_path / "a.dta", variable_value_labels=ready.value_labels, version=15)
    written = pyreadstat.read_dta(tmp_path / "a.dta")[1].variable_value_labels
    assert (len(written), set(map(str, written.values()))) == (1002, {"{1: 'yes'}"})
