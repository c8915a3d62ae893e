"""Cohen's kappa against R's psych, the value that Cohen printed, and its laws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.agreement import compute_kappa

FOLDER = Path(__file__).parents[1] / "reference" / "r" / "agreement"
INPUTS = pd.read_csv(FOLDER / "inputs.csv")
VALUES = pd.read_csv(FOLDER / "values.csv")
COHEN = pd.DataFrame(
    [
        (i, j)
        for i, line in enumerate([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
        for j, n in enumerate(line)
        for _ in range(n)
    ],
    columns=["first", "second"],
)
codings = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=40)


@pytest.mark.parametrize(("part", "quantity", "value"), list(VALUES.itertuples(index=False)))
def test_kappa_agrees_with_psych(part: str, quantity: str, value: float) -> None:
    own = COHEN if part == "Cohen 1968" else INPUTS[INPUTS["part"] == part]
    assert getattr(compute_kappa(own["first"], own["second"]), quantity) == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_kappa_that_cohen_printed() -> None:
    assert round(compute_kappa(COHEN["first"], COHEN["second"]).kappa, 3) == 0.492


@given(codings)
def test_kappa_is_the_same_with_the_codings_exchanged(pairs: list[tuple[str, str]]) -> None:
    first, second = (pd.Series(part) for part in zip(*pairs, strict=True))
    forth, back = compute_kappa(first, second), compute_kappa(second, first)
    np.testing.assert_allclose(forth[:6], back[:6], rtol=1e-9, atol=1e-12)


@given(codings)
def test_interval_holds_kappa(pairs: list[tuple[str, str]]) -> None:
    found = compute_kappa(*(pd.Series(part) for part in zip(*pairs, strict=True)))
    assert np.isnan(found.kappa) or -1 <= found.conf_low <= found.kappa <= found.conf_high <= 1


def test_full_agreement_on_two_codes_is_one() -> None:
    codes = pd.Series(list("aabb"))
    found = compute_kappa(codes, codes)
    assert (found.kappa, found.std_error) == (1.0, pytest.approx(0.0, abs=1e-9))


@pytest.mark.parametrize(("first", "second"), [([], []), (["a", "a"], ["a", "a"]), (["a", None], [None, "a"])])
def test_kappa_is_missing_where_it_is_not_defined(first: list[str], second: list[str]) -> None:
    assert np.isnan(compute_kappa(pd.Series(first, dtype="str"), pd.Series(second, dtype="str")).kappa)


def test_rows_with_one_code_are_left_out() -> None:
    assert compute_kappa(pd.Series(["a", "b", None]), pd.Series(["a", None, "b"])).n == 1
