"""Partners and their pairs from wide columns, and back to the firm."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmties.alters import aggregate_alters, gather_alters, gather_pairs

KEYS = ["wave", "firm"]
SETTINGS = {"slots": [1, 2, 3], "columns": "p{alter}_{field}", "pairs": "t{alter_i}{alter_j}", "named_when": "kind"}
PANEL = pd.DataFrame(
    {
        "wave": 1,
        "firm": ["b", "a"],
        **{
            f"p{slot}_kind": pd.Series(kind, dtype="str")
            for slot, kind in {1: ["sme", "sme"], 2: ["sme", None], 3: [None, None]}.items()
        },
        **{f"p{slot}_close": [4.0, 2.0] for slot in (1, 2, 3)},
        "t12": [1.0, 1.0],
        "t13": [1.0, 1.0],
        "t23": [0.0, 0.0],
    }
)
ALTERS = gather_alters(PANEL, SETTINGS, KEYS)


def test_only_named_partners_are_there() -> None:
    assert ALTERS[["firm", "alter"]].values.tolist() == [["a", 1], ["b", 1], ["b", 2]]


def test_only_pairs_of_named_partners_are_there() -> None:
    pairs = gather_pairs(PANEL, ALTERS, SETTINGS, KEYS)
    assert pairs.values.tolist() == [[1, "b", 1, 2, 1.0]]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"by": "count"}, [2, 1, 0]),
        ({"by": "mean", "of": "close"}, [4, 2, np.nan]),
        ({"by": "sum", "of": "close"}, [8, 2, np.nan]),
        ({"by": "sd", "of": "close"}, [0, np.nan, np.nan]),
        ({"by": "max", "of": "close"}, [4, 2, np.nan]),
    ],
)
def test_aggregates_keep_firms_that_named_nobody(entry: dict[str, str], expected: list[float]) -> None:
    firm_waves = pd.DataFrame({"wave": 1, "firm": ["b", "a", "nobody"]})
    result = aggregate_alters(ALTERS, firm_waves, [{"name": "x", **entry}], KEYS)
    np.testing.assert_allclose(result["x"], expected)
