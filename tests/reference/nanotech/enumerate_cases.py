"""Enumerate every way to put the ticks of the case paper's Table 2 into columns that its text allows.

The text gives how many ticks a firm has for its position and for its type of network, not in which column. `facts.csv`
holds what the prose adds about each firm. Numbers after S2: are lines of the paper's text.

Run ``python tests/reference/nanotech/enumerate_cases.py`` to write the results again; `test_nanotech.py` does the same
and compares.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from math import prod
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
STUDY = HERE.parents[2] / "examples" / "nanotech_cases" / "data"
TYPES = ("incumbent_led", "sme_led", "peer_sme", "broker_led")
POSITIONS = ("up", "mid", "down")
# Firms of a type by the prose: S2:633 + 683, 716, 737, 765-767. Their sum is 25, the table has 26 ticks.
STATED_COUNTS = {"incumbent_led": 5, "sme_led": 7, "peer_sme": 5, "broker_led": 8}

Columns = tuple[str, ...]


@dataclass(frozen=True)
class Firm:
    """What the text says of one firm."""

    name: str
    form: str
    ticks: dict[str, int]
    certain: dict[str, frozenset[str]]
    possible: dict[str, Columns]

    def choose(self, group: str) -> list[Columns]:
        """List the sets of columns that hold the certain ones and have as many as there are ticks."""
        chosen = combinations(self.possible[group], self.ticks[group])
        return [columns for columns in chosen if self.certain[group] <= set(columns)]


def read_facts() -> list[Firm]:
    """Read what the text says of each firm."""
    with (HERE / "facts.csv").open(encoding="utf-8") as file:
        return [
            Firm(
                row["firm"],
                row["form"],
                {"type": int(row["type_ticks"]), "position": int(row["position_ticks"])},
                {group: frozenset(row[f"certain_{group}s"].split()) for group in ("type", "position")},
                {group: tuple(row[f"possible_{group}s"].split()) for group in ("type", "position")},
            )
            for row in csv.DictReader(file)
        ]


def enumerate_types(firms: list[Firm]) -> Iterator[tuple[str, list[Columns]]]:
    """Yield (repair, types of each firm): the type ticks with exactly one of the prose's counts raised by one."""
    for types in product(*(firm.choose("type") for firm in firms)):
        counts = Counter(name for chosen in types for name in chosen)
        surplus = {name: counts[name] - STATED_COUNTS[name] for name in TYPES}
        if sorted(surplus.values()) == [0, 0, 0, 1]:
            yield max(TYPES, key=lambda name: surplus[name]), list(types)


def allow_positions(firm: Firm, types: Columns) -> list[Columns]:
    """List a firm's positions by the strict reading of the prose.

    Incumbent-led and SME-led networks bind a firm to upstream and midstream (S2:683-684, 765-767), a peer network by
    itself to downstream (728-729), a broker by itself to upstream (739-740). The two last bind no hybrid, since hybrids
    are at all positions (977-978), and nothing but midstream holds for interrupted networks (986-988).
    """
    if firm.form == "interrupted":
        allowed = {"mid"}
    elif {"incumbent_led", "sme_led"} & set(types):
        allowed = {"up", "mid"}
    elif firm.form == "hybrid":
        allowed = set(POSITIONS)
    else:
        allowed = {"down"} if types == ("peer_sme",) else {"up"}
    return [positions for positions in firm.choose("position") if set(positions) <= allowed]


def read_strongly(firms: list[Firm], types: list[Columns]) -> bool:
    """Whether an assignment holds under the strongest readings, none of which the text states.

    Firms of one type stand together among the singles; some hybrid has an incumbent-led network (S2:1209-1210); and of
    the interrupted IOT led itself (988-991), CML came through a broker (993-996), PRT was led by incumbents (991-993).
    """
    chosen = {firm.name: columns for firm, columns in zip(firms, types, strict=True)}
    singles = [columns for firm, columns in zip(firms, types, strict=True) if firm.form == "single"]
    blocks = [columns for at, columns in enumerate(singles) if not at or columns != singles[at - 1]]
    hybrid = any("incumbent_led" in chosen[firm.name] for firm in firms if firm.form == "hybrid")
    interrupted = {"IOT": "sme_led", "CML": "broker_led", "PRT": "incumbent_led"}
    return (
        len(blocks) == len(set(blocks))
        and hybrid
        and all(chosen[name] == (kind,) for name, kind in interrupted.items())
    )


def is_in(kind: str, place: str, types: Columns, positions: Columns) -> bool:
    """Whether a firm with these ticks stands in a cell of types by positions; ``any`` is a margin."""
    return (kind == "any" or kind in types) and (place == "any" or place in positions)


def enumerate_solutions(firms: list[Firm]) -> dict[str, list[dict[str, Any]]]:
    """Count the solutions and bound what they have in common.

    For given types the positions of the firms that are no hybrids are independent of each other and of those of the
    hybrids, which must between them be at all three. So counts multiply, and least and greatest numbers add.

    Returns
    -------
    dict
        ``solutions`` (a row a repair), ``bounds`` (a row a type and position: firms with both, least and greatest) and
        ``cells`` (a row a firm and column: least and greatest value, share of the solutions with a tick).
    """
    hybrids = [at for at, firm in enumerate(firms) if firm.form == "hybrid"]
    others = [at for at, firm in enumerate(firms) if firm.form != "hybrid"]
    n_types: Counter[str] = Counter()
    n_solutions: Counter[str] = Counter()
    n_strong: Counter[str] = Counter()
    ticks: Counter[tuple[str, str]] = Counter()
    type_ticks: Counter[tuple[str, str]] = Counter()
    least: dict[tuple[str, str], int] = {}
    greatest: dict[tuple[str, str], int] = {}

    for repair, types in enumerate_types(firms):
        positions = [allow_positions(firm, chosen) for firm, chosen in zip(firms, types, strict=True)]
        together = [
            choice for choice in product(*(positions[at] for at in hybrids)) if set().union(*choice) == set(POSITIONS)
        ]
        n_apart = prod(len(positions[at]) for at in others)
        n = n_apart * len(together)
        n_types[repair] += 1
        n_solutions[repair] += n
        n_strong[repair] += read_strongly(firms, types)
        for at, firm in enumerate(firms):
            for name in types[at]:
                type_ticks[firm.name, name] += 1
                ticks[firm.name, name] += n
        for at in others:
            for name, held in Counter(name for choice in positions[at] for name in choice).items():
                ticks[firms[at].name, name] += held * n // len(positions[at])
        for rank, at in enumerate(hybrids):
            for name, held in Counter(name for choice in together for name in choice[rank]).items():
                ticks[firms[at].name, name] += held * n_apart
        for kind, place in product((*TYPES, "any"), (*POSITIONS, "any")):
            apart = [[is_in(kind, place, types[at], choice) for choice in positions[at]] for at in others]
            joint = [
                sum(is_in(kind, place, types[at], held) for at, held in zip(hybrids, choice, strict=True))
                for choice in together
            ]
            low, high = sum(map(min, apart)) + min(joint), sum(map(max, apart)) + max(joint)
            least[kind, place] = min(low, least.get((kind, place), low))
            greatest[kind, place] = max(high, greatest.get((kind, place), high))

    total, total_types = sum(n_solutions.values()), sum(n_types.values())
    rows = [(kind, n_types[kind], n_solutions[kind], n_strong[kind]) for kind in TYPES]
    rows.append(("any", *(sum(column) for column in list(zip(*rows, strict=True))[1:])))
    return {
        "solutions": [
            dict(zip(("raised", "types", "types_and_positions", "strongest_readings"), row, strict=True))
            for row in rows
        ],
        "bounds": [
            {"type": kind, "position": place, "least": least[kind, place], "greatest": greatest[kind, place]}
            for kind, place in product((*TYPES, "any"), (*POSITIONS, "any"))
        ],
        "cells": [
            {
                "firm": firm.name,
                "column": name,
                "least": int(ticks[firm.name, name] == total),
                "greatest": int(ticks[firm.name, name] > 0),
                "share_of_solutions": round(float(Fraction(ticks[firm.name, name], total)), 6),
                "share_of_type_assignments": round(float(Fraction(type_ticks[firm.name, name], total_types)), 6)
                if name in TYPES
                else "",
            }
            for firm in firms
            for name in (*POSITIONS, *TYPES)
        ],
    }


LABELS = {"incumbent_led": "Incumbent-led", "sme_led": "SME-led", "peer_sme": "Peer-SME", "broker_led": "Broker-led"}


def print_bounds(bounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Set the bounds as the study prints them: a row a type, a column a position."""
    rows = []
    for kind in (*TYPES, "any"):
        cells = {row["position"]: (row["least"], row["greatest"]) for row in bounds if row["type"] == kind}
        texts = {place: str(low) if low == high else f"{low} to {high}" for place, (low, high) in cells.items()}
        rows.append({"type": LABELS.get(kind, "Any type"), **texts})
    return rows


def print_solutions(solutions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Set the numbers of solutions as the study prints them."""
    return [{**row, "raised": LABELS.get(str(row["raised"]), "Any one of them")} for row in solutions]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    found = enumerate_solutions(read_facts())
    write_rows(HERE / "cells.csv", found["cells"])
    write_rows(STUDY / "solutions.csv", print_solutions(found["solutions"]))
    write_rows(STUDY / "bounds.csv", print_bounds(found["bounds"]))
