"""A stand-in for the Kenya archive's data file: its columns, types, labels and ranges, with invented values.

The archive's file is no part of this project. `columns.csv` says of each of its 118 columns how it is stored, in which
waves and of which firms it is filled, whether it varies between a firm's waves, which codes or range it has and what
share is blank. From that, values are drawn at random, so numbers computed from a stand-in mean nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SEED = 113714
N_FIRMS = 372
MONTHS = [-2, 1, 2, 3, 4, 7, 12, 17]
CONTROL, MENTEE = 2, 4
BENEFITS = (
    "specific business skills",
    "introduced to new suppliers",
    "introduced to new customers",
    "greater confidence in decision-making",
    "motivation to work harder",
    "gave financial help (loans or cash)",
    "change hours of operation",
    "other",
)


def read_columns() -> pd.DataFrame:
    """Read what is known of each column."""
    return pd.read_csv(Path(__file__).with_name("columns.csv"), dtype={"waves": "str", "codes": "str"})


def parse_waves(text: str) -> set[int]:
    """Parse ``0,5-7``."""
    spans = [[int(bound) for bound in part.split("-")] for part in text.split(",")]
    return {wave for span in spans for wave in range(span[0], span[-1] + 1)}


def make_panel(seed: int = SEED) -> pd.DataFrame:
    """Draw the whole table: a row a firm in a wave, all firms at baseline and most of them later."""
    random = np.random.default_rng(seed)
    firms = np.repeat(np.arange(N_FIRMS), len(MONTHS))
    waves = np.tile(np.arange(len(MONTHS)), N_FIRMS)
    answered = (waves == 0) | (random.random(len(waves)) < 0.87)
    firms, waves = firms[answered], waves[answered]
    assigned = random.permutation(np.arange(N_FIRMS) % 3 + CONTROL)[firms]
    known = {
        "id": np.sort(random.choice(np.arange(21, 8210), N_FIRMS, replace=False))[firms],
        "wave": waves,
        "months_since_treat": np.take(MONTHS, waves),
        "treat": np.where(waves == 0, CONTROL, assigned),
        "treat2": assigned,
    }
    drawn = {}
    columns: list[Any] = list(read_columns().itertuples())
    for column in columns:
        if column.column in known:
            drawn[column.column] = pd.Series(known[column.column], dtype="float64")
            continue
        units = firms if column.per == "firm" else np.arange(len(firms))
        filled = (
            np.isin(waves, list(parse_waves(column.waves))) & (random.random(units.max() + 1) >= column.missing)[units]
        )
        if column.asked_of == "mentees":
            filled &= assigned == MENTEE
        values = pd.Series(draw_values(column, units.max() + 1, random)[units])
        drawn[column.column] = values.where(filled, "" if column.storage == "string" else np.nan)
    return pd.DataFrame(drawn)


def draw_values(column: Any, n: int, random: np.random.Generator) -> np.ndarray:
    """Draw a value a unit: one of the codes, several of them as text, or a number of the range, mostly low."""
    if column.storage == "string":
        codes = [int(code) for code in column.codes.split()]
        chosen = [sorted(random.choice(codes, random.integers(1, 4), replace=False)) for _ in range(n)]
        # The archive writes choices with blanks between them, and often one before.
        return np.array([random.choice(["", " "]) + " ".join(map(str, some)) for some in chosen], dtype=object)
    if isinstance(column.codes, str):
        return random.choice([float(code) for code in column.codes.split()], n)
    numbers = column.minimum + (column.maximum - column.minimum) * random.beta(1.2, 6, n)
    return np.round(numbers) if column.whole else numbers


def write_stand_in(path: Path, seed: int = SEED) -> None:
    """Write the stand-in as a Stata file with the archive's value labels; numbers are stored wider."""
    import pyreadstat

    stored = read_columns().set_index("column")["storage"]
    panel = make_panel(seed).astype({name: "Int16" for name, kind in stored.items() if kind in ("int8", "int16")})
    # pandas' own writer would rename the column `class`.
    pyreadstat.write_dta(panel, str(path), variable_value_labels={"mentorbenefit": dict(enumerate(BENEFITS))})
