"""The language of conditions and derived variables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.expressions import FUNCTIONS, ExpressionError, evaluate, names_in, parse

TABLE = pd.DataFrame(
    {
        "a": [1.0, 2.0, np.nan],
        "b": pd.Series(["x", "y", None], dtype="str"),
        "f": pd.array([True, None, False], dtype="boolean"),
        "m__p": pd.array([True, False, None], dtype="boolean"),
        "m__q": pd.array([True, True, None], dtype="boolean"),
    }
)
NA = pd.NA


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a > 1 or f", [True, True, NA]),
        ("a > 1 and f", [False, NA, False]),
        ("not f", [False, NA, True]),
        ("b in ['x', 'z']", [True, False, NA]),
        ("b not in ['x']", [False, True, NA]),
        ("1 <= a <= 1.5", [True, False, NA]),
        ("a == '2'", [False, True, NA]),
        ("any_true(f, a == 2)", [True, True, NA]),
        ("is_missing(a)", [False, False, True]),
        ("where(a > 1, a > 1.5, missing)", [NA, True, NA]),
    ],
)
def test_condition_is_three_valued(expression: str, expected: list[object]) -> None:
    assert evaluate(expression, TABLE).tolist() == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("-a ^ 2", [-1.0, -4.0, np.nan]),
        ("2 * a + 1", [3.0, 5.0, np.nan]),
        ("a / 0", [np.nan, np.nan, np.nan]),
        ("log(a - 1)", [np.nan, 0.0, np.nan]),
        ("where(a > 1, a, missing)", [np.nan, 2.0, np.nan]),
        ("count_true('m')", [2.0, 1.0, np.nan]),
        ("average(at_least=2, a, 3)", [2.0, 2.5, np.nan]),
        ("average(at_least=1, a, 3)", [2.0, 2.5, 3.0]),
        ("max(a, 1.5)", [1.5, 2.0, np.nan]),
        ("dhs(a, 1)", [0.0, 2 / 3, np.nan]),
    ],
)
def test_arithmetic(expression: str, expected: list[float]) -> None:
    np.testing.assert_allclose(evaluate(expression, TABLE), expected)


def test_anchored_uses_the_constants() -> None:
    assert evaluate("anchored(a)", TABLE, {"a": (1.0, 2.0)}).tolist()[:2] == [0.0, 0.5]


@pytest.mark.parametrize(
    "code", ["__import__('os').system('x')", "a[0]", "a; b", "lambda: 1", "f'{a}'", "a if b else c"]
)
def test_python_is_refused(code: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(code, TABLE)


def test_unknown_name_gives_the_nearest() -> None:
    table = pd.DataFrame({"emp_now": [1.0]})
    with pytest.raises(ExpressionError, match="no variable 'emp_nwo'; did you mean 'emp_now'"):
        evaluate("emp_nwo > 1", table)


def test_unknown_function_gives_the_nearest() -> None:
    with pytest.raises(ExpressionError, match="no function 'lgo'; did you mean 'log'"):
        evaluate("lgo(a)", TABLE)


def test_error_names_the_position() -> None:
    with pytest.raises(ExpressionError, match="expected a name, a number or '\\(' at position 4, found the end"):
        parse("a +")


CALLS = {"where": "where(f, a, a)", "count_true": "count_true('m')", "any_true": "any_true(f)", "dhs": "dhs(a, a)"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_documented_function_can_be_called(name: str) -> None:
    assert len(evaluate(CALLS.get(name, f"{name}(a)"), TABLE, {"a": (0.0, 1.0)})) == 3


def test_names_in_leaves_out_literals_and_functions() -> None:
    assert names_in("where(is_missing(a), missing, log(b)) == true") == {"a", "b"}


sizes = st.floats(min_value=0.5, max_value=1e6)


@given(before=sizes, after=sizes)
def test_midpoint_growth_is_antisymmetric_and_bounded(before: float, after: float) -> None:
    table = pd.DataFrame({"x": [before], "y": [after]})
    forth, back = evaluate("dhs(y, x)", table)[0], evaluate("dhs(x, y)", table)[0]
    assert forth == -back
    assert -2 <= forth <= 2


@given(size=sizes)
def test_midpoint_growth_of_exit_and_entry(size: float) -> None:
    table = pd.DataFrame({"x": [size], "none": [0.0]})
    assert (evaluate("dhs(none, x)", table)[0], evaluate("dhs(x, none)", table)[0]) == (-2.0, 2.0)
