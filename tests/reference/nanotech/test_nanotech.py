"""The nanotechnology cases: the enumeration of what the text allows, and the example's data against it."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
STUDY = ROOT / "examples" / "nanotech_cases" / "data"
REBUILT = ROOT.parent / "shared" / "data" / "nanotech_cases" / "salehi_cases.csv"
POSITIONS = ("up", "mid", "down")
TYPES = ("incumbent_led", "sme_led", "peer_sme", "broker_led")


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def enumeration() -> ModuleType:
    spec = importlib.util.spec_from_file_location("enumerate_cases", HERE / "enumerate_cases.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def found(enumeration: ModuleType) -> dict[str, list[dict[str, Any]]]:
    return enumeration.enumerate_solutions(enumeration.read_facts())


@pytest.fixture(scope="module")
def cases() -> list[dict[str, str]]:
    return read_rows(STUDY / "raw" / "cases.csv")


def as_text(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    return [{name: str(value) for name, value in row.items()} for row in rows]


# Counted apart from this script when the study was designed (type assignments, with positions, strongest readings).
@pytest.mark.parametrize(
    ("raised", "counts"),
    [
        ("sme_led", (1425, 574848, 11)),
        ("broker_led", (1125, 421488, 0)),
        ("peer_sme", (960, 436464, 4)),
        ("incumbent_led", (741, 353664, 3)),
        ("any", (4251, 1786464, 18)),
    ],
)
def test_number_of_solutions(found: dict[str, Any], raised: str, counts: tuple[int, int, int]) -> None:
    row = next(row for row in found["solutions"] if row["raised"] == raised)
    assert (row["types"], row["types_and_positions"], row["strongest_readings"]) == counts


def test_the_stated_counts_alone_have_no_solution(enumeration: ModuleType) -> None:
    ticks = sum(firm.ticks["type"] for firm in enumeration.read_facts())
    assert (sum(enumeration.STATED_COUNTS.values()), ticks) == (25, 26)


BOUNDS = {
    "incumbent_led": [(1, 6), (1, 6), (0, 0)],
    "sme_led": [(3, 8), (3, 8), (0, 0)],
    "peer_sme": [(0, 3), (0, 4), (2, 6)],
    "broker_led": [(3, 8), (1, 6), (1, 3)],
}


@pytest.mark.parametrize("kind", TYPES)
def test_bounds_of_a_type_by_position(found: dict[str, Any], kind: str) -> None:
    cells = {row["position"]: (row["least"], row["greatest"]) for row in found["bounds"] if row["type"] == kind}
    assert [cells[position] for position in POSITIONS] == BOUNDS[kind]


def test_sixteen_of_the_type_ticks_are_the_same_in_every_solution(found: dict[str, Any]) -> None:
    assert sum(row["least"] for row in found["cells"] if row["column"] in TYPES) == 16


@pytest.mark.parametrize(("name", "printed"), [("bounds", "print_bounds"), ("solutions", "print_solutions")])
def test_the_examples_file_is_what_the_enumeration_gives(
    enumeration: ModuleType, found: dict[str, Any], name: str, printed: str
) -> None:
    assert read_rows(STUDY / f"{name}.csv") == as_text(getattr(enumeration, printed)(found[name]))


def test_stored_cells_are_what_the_enumeration_gives(found: dict[str, Any]) -> None:
    assert read_rows(HERE / "cells.csv") == as_text(found["cells"])


# --- the example's cells --------------------------------------------------------------------------------------------


def test_known_type_cells_are_those_that_are_the_same_in_every_solution(
    found: dict[str, Any], cases: list[dict[str, str]]
) -> None:
    fixed = {
        (row["firm"], row["column"]): str(row["least"]) if row["least"] == row["greatest"] else ""
        for row in found["cells"]
        if row["column"] in TYPES
    }
    assert {(case["firm"], name): case[name] for case in cases for name in TYPES} == fixed


def test_an_open_position_is_possible_and_not_certain_under_the_strict_reading(
    found: dict[str, Any], cases: list[dict[str, str]]
) -> None:
    fixed = {
        (row["firm"], row["column"]): row["least"]
        for row in found["cells"]
        if row["least"] == row["greatest"] and row["column"] in POSITIONS
    }
    opened = {(case["firm"], name) for case in cases for name in POSITIONS if case[f"{name}_status"] == "open"}
    # The strict reading adds to the text where CPH stands besides, and that PRP is not downstream.
    assert opened & set(fixed) == {("CPH", "up"), ("CPH", "down"), ("PRP", "down")}


def test_positions_inferred_beyond_the_strict_reading_are_those_of_two_firms(
    found: dict[str, Any], cases: list[dict[str, str]]
) -> None:
    fixed = {
        (row["firm"], row["column"]): str(row["least"]) for row in found["cells"] if row["least"] == row["greatest"]
    }
    known = {(case["firm"], name): case[name] for case in cases for name in POSITIONS if case[name]}
    assert {firm for (firm, name), value in known.items() if fixed.get((firm, name)) != value} == {"EDG", "OPV"}


@pytest.mark.parametrize(("names", "stated", "inferred", "ticks"), [(POSITIONS, 3, 12, 24), (TYPES, 16, 0, 26)])
def test_ticks_by_status(
    cases: list[dict[str, str]], names: tuple[str, ...], stated: int, inferred: int, ticks: int
) -> None:
    group = "position" if names == POSITIONS else "type"
    held = [case[f"{name}_status"] for case in cases for name in names if case[name] == "1"]
    assert (held.count("stated"), held.count("inferred"), sum(int(case[f"{group}_ticks"]) for case in cases)) == (
        stated,
        inferred,
        ticks,
    )


def test_a_cell_is_open_exactly_where_it_has_no_value(cases: list[dict[str, str]]) -> None:
    assert all((case[name] == "") == (case[f"{name}_status"] == "open") for case in cases for name in POSITIONS + TYPES)


def test_words_name_the_columns_that_hold(cases: list[dict[str, str]]) -> None:
    words = {"up": "upstream", "mid": "midstream", "down": "downstream", "sme_led": "SME-led", "peer_sme": "peer-SME"}
    words |= {"incumbent_led": "incumbent-led", "broker_led": "broker-led"}
    for case in cases:
        for group, names in (("position", POSITIONS), ("type", TYPES)):
            said = {name for name in names if words[name] in case[group]}
            assert said == {name for name in names if case[name] != "0"}, case["firm"]


def test_ticks_agree_with_the_facts(enumeration: ModuleType, cases: list[dict[str, str]]) -> None:
    facts = {firm.name: (firm.form, firm.ticks["position"], firm.ticks["type"]) for firm in enumeration.read_facts()}
    assert {
        case["firm"]: (case["form"], int(case["position_ticks"]), int(case["type_ticks"])) for case in cases
    } == facts


@pytest.mark.skipif(not REBUILT.exists(), reason="the rebuilt table of the reference material is not at hand")
def test_values_agree_with_the_table_rebuilt_from_the_text(cases: list[dict[str, str]]) -> None:
    ours = {case["firm"]: [case[name] for name in POSITIONS + TYPES] for case in cases}
    theirs = {
        row["firm"]: [row[name] for name in ("upstream", "midstream", "downstream", *TYPES)]
        for row in read_rows(REBUILT)
    }
    assert ours == theirs


@pytest.mark.skipif(not REBUILT.exists(), reason="the rebuilt table of the reference material is not at hand")
def test_shares_of_solutions_agree_with_the_rebuilt_table(found: dict[str, Any]) -> None:
    ours = {(row["firm"], row["column"]): row for row in found["cells"]}
    names = dict(
        zip(POSITIONS + TYPES, ("p_up", "p_mid", "p_down", "p_incumbent", "p_sme", "p_peer", "p_broker"), strict=True)
    )
    for row in read_rows(REBUILT):
        for column, theirs in names.items():
            # There, a type's share is of the assignments of types, a position's of those with positions.
            share = "share_of_type_assignments" if column in TYPES else "share_of_solutions"
            assert float(row[theirs]) == pytest.approx(ours[row["firm"], column][share], abs=5.1e-4), (
                row["firm"],
                column,
            )
