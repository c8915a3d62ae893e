"""Position in the value chain."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from firmties.value_chain import place_in_value_chain

SETTINGS = {"lines": [["s1", "w1"], ["s2", "w2"]], "positions": {"0": "down", "1": "mid", "2": "up"}, "share_above": 10}


def place(*lines: tuple[float | None, float | None]) -> pd.Series:
    row = {
        f"{letter}{n}": value for n, line in enumerate(lines, start=1) for letter, value in zip("sw", line, strict=True)
    }
    return place_in_value_chain(pd.DataFrame([row], dtype="Float64"), SETTINGS).iloc[0]


@pytest.mark.parametrize(
    ("lines", "primary"),
    [
        (((2, 60), (0, 40)), "up"),
        (((2, 50), (1, 50)), "mid"),
        (((1, 50), (0, 50)), "down"),
        (((2, None), (None, None)), "up"),
    ],
)
def test_primary_position(lines: tuple, primary: str) -> None:
    assert place(*lines)["vc_primary"] == primary


def test_small_line_does_not_count() -> None:
    firm = place((2, 90), (0, 10))
    assert (firm["vc_up"], firm["vc_down"], firm["vc_n"]) == (True, False, 1)


def test_depth_is_weighted_by_share() -> None:
    assert place((2, 75), (0, 25))["vc_depth"] == 1.5


def test_primary_position_is_missing_where_the_largest_line_has_no_stages() -> None:
    assert pd.isna(place((2, 10), (None, 90))["vc_primary"])


def test_nothing_described_is_missing() -> None:
    firm = place((None, None), (None, None))
    assert firm[["vc_primary", "vc_up"]].isna().all()
    assert np.isnan(firm["vc_n"])
