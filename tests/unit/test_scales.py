"""Scale scores and anchors."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.errors import StudyError
from firmties.scales import Anchors, score_scale, score_scales

SCALES = [{"name": "trust", "items": ["a", "b"], "anchor": True}]


@pytest.mark.parametrize(
    ("answers", "score"), [([2, 4, 6], 4), ([2, 4, None], 3), ([2, None, None], np.nan), ([None, None, None], np.nan)]
)
def test_score_needs_half_of_the_items(answers: list[float | None], score: float) -> None:
    np.testing.assert_allclose(score_scale(pd.DataFrame([answers], dtype="Float64")), [score])


def test_half_of_four_items_is_enough() -> None:
    assert score_scale(pd.DataFrame([[1, 2, None, None]], dtype="Float64")).tolist() == [1.5]


@given(st.lists(st.integers(min_value=1, max_value=7), min_size=1, max_size=6))
def test_score_stays_within_the_response_scale(answers: list[int]) -> None:
    assert 1 <= score_scale(pd.DataFrame([answers]))[0] <= 7


def test_anchored_score_uses_the_constants() -> None:
    panel = pd.DataFrame({"wave": [1], "a": [6.0], "b": [6.0]})
    assert score_scales(panel, SCALES, Anchors({"trust": (4.0, 2.0)}))["trust_z"].tolist() == [1.0]


def test_missing_anchor_stops_and_prints_the_row_to_add() -> None:
    panel = pd.DataFrame({"wave": [1, 1, 2], "a": [2.0, 4.0, 7.0], "b": [2.0, 4.0, 7.0]})
    anchors = Anchors({})
    score_scales(panel, SCALES, anchors)
    with pytest.raises(
        StudyError, match=r"no row for trust.*\n  trust,3,1\.41421,1,mean and standard deviation of wave 1"
    ):
        anchors.check()
