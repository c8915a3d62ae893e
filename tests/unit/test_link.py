"""Stacking waves into a panel."""

from __future__ import annotations

import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.link import check_sample, stack_waves

KEYS = ["wave", "firm", "resp"]


def wave(number: int, firms: str, **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame({"wave": number, "firm": list(firms), "resp": [f"{number}{firm}" for firm in firms], **columns})


def kinds(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame("", index=table.index, columns=table.columns)


def stack(*waves: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    tables = {int(table["wave"].iloc[0]): table for table in waves}
    return stack_waves(tables, {number: kinds(table) for number, table in tables.items()}, KEYS, ["y", "x"])


def test_rows_are_sorted_by_wave_and_firm() -> None:
    panel, _ = stack(wave(2, "ba"), wave(1, "c"))
    assert panel["resp"].tolist() == ["1c", "2a", "2b"]


def test_columns_follow_the_codebook() -> None:
    panel, _ = stack(wave(1, "a", x=[1], y=[2]))
    assert list(panel.columns) == [*KEYS, "y", "x"]


def test_what_a_wave_did_not_ask_is_not_asked() -> None:
    _, why = stack(wave(1, "a", x=[1]), wave(2, "a"))
    assert why["x"].tolist() == ["", "not_asked"]


def test_integers_stay_integers_where_a_wave_lacks_them() -> None:
    panel, _ = stack(wave(1, "a", x=pd.array([1], dtype="Int64")), wave(2, "a"))
    assert panel["x"].tolist() == [1, pd.NA]


def test_response_in_two_waves_is_refused() -> None:
    second = wave(2, "a").assign(resp="1a")
    with pytest.raises(StudyError, match="'1a' in waves 1, 2; was a wave's file registered twice"):
        stack(wave(1, "a"), second)


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (pd.DataFrame({"wave": 1, "firm": ["a", "a"], "disposition": "I"}), "firm 'a' comes twice"),
        (pd.DataFrame({"wave": 1, "firm": ["a"], "disposition": ["X"]}), "disposition 'X' of firm 'a' is not allowed"),
        (
            pd.DataFrame({"wave": 1, "firm": ["b"], "disposition": ["I"]}),
            "1 firms answered but are not in the sample file",
        ),
    ],
)
def test_sample_file_is_checked(sample: pd.DataFrame, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        check_sample(sample, wave(1, "a"), "firm", {1: "data/raw/sample.csv"})
