"""The language of conditions and derived variables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.expressions import FUNCTIONS, SET, ExpressionError, Following, evaluate, names_in, parse

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


PANEL = pd.DataFrame(
    {
        "wave": [1, 2, 4, 1, 2],
        "firm": ["a", "a", "a", "b", "c"],
        "x": [1.0, np.nan, 3.0, 4.0, 5.0],
        "kind": ["one", "two", None, "one", "one"],
    }
)
FIRMS = Following(("firm",), (1, 2, 4))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("lag(x)", [np.nan, 1.0, np.nan, np.nan, np.nan]),
        ("lag(lag(x))", [np.nan, np.nan, 1.0, np.nan, np.nan]),
        ("lag(x > 0)", [pd.NA, True, pd.NA, pd.NA, pd.NA]),
        ("lag(kind) == 'two'", [pd.NA, False, True, pd.NA, pd.NA]),
        ("ever(x >= 1)", [True, True, True, True, True]),
        ("ever(x >= 3)", [False, pd.NA, True, True, True]),
        ("ever(x > 9)", [False, pd.NA, pd.NA, False, False]),
    ],
)
def test_functions_over_waves(expression: str, expected: list[object]) -> None:
    found = evaluate(expression, PANEL, following=FIRMS).astype(object)
    assert found.isna().tolist() == pd.Series(expected, dtype=object).isna().tolist()
    assert found.dropna().tolist() == pd.Series(expected, dtype=object).dropna().tolist()


def test_lag_follows_the_waves_of_the_study_and_not_their_numbers() -> None:
    table = PANEL.assign(x=[1.0, 2.0, 3.0, 4.0, 5.0])
    assert evaluate("lag(x)", table, following=FIRMS)[2] == 2.0
    assert pd.isna(evaluate("lag(x)", table, following=Following(("firm",), (1, 2, 3, 4)))[2])


@pytest.mark.parametrize("expression", ["lag(x)", "ever(x > 2)", "lag(x > 2)", "lag(kind)"])
@given(order=st.permutations(range(len(PANEL))))
def test_functions_over_waves_do_not_depend_on_the_order_of_rows(expression: str, order: list[int]) -> None:
    straight = evaluate(expression, PANEL, following=FIRMS)
    pd.testing.assert_series_equal(evaluate(expression, PANEL.iloc[order], following=FIRMS).sort_index(), straight)


@given(cut=st.sampled_from([1, 2]), values=st.lists(st.sampled_from([0.0, 1.0, None]), min_size=5, max_size=5))
def test_further_wave_moves_no_earlier_value(cut: int, values: list[float | None]) -> None:
    panel = PANEL.assign(x=pd.Series(values, dtype="float64"))
    early = panel[panel["wave"] <= cut]
    for expression in ("lag(x)", "ever(x == 1)", "index(x, x, at_least_alpha=0.6)"):
        before = evaluate(expression, early, following=Following(("firm",), (1, 2, 4)[:cut]))
        pd.testing.assert_series_equal(evaluate(expression, panel, following=FIRMS)[early.index], before)


def test_unit_that_stands_twice_in_a_wave_is_named() -> None:
    twice = pd.concat([PANEL, PANEL.head(1)], ignore_index=True)
    with pytest.raises(ExpressionError, match="being there twice in one wave: wave 1, firm a"):
        evaluate("lag(x)", twice, following=FIRMS)


def test_unit_without_a_key_is_not_followed() -> None:
    table = PANEL.assign(firm=["a", None, "a", "b", None])
    assert evaluate("lag(x)", table, following=FIRMS).isna().all()


def test_lag_is_refused_where_nobody_is_followed() -> None:
    with pytest.raises(ExpressionError, match="lag\\(\\) belongs in derived variables"):
        evaluate("lag(x)", PANEL)


def test_benchmark_is_the_frozen_centre_of_the_code() -> None:
    anchors = {"f2f[stage=1]": (60.0, 1.0), "f2f[stage=2]": (40.0, 1.0)}
    table = pd.DataFrame({"f2f": [10.0, 20.0, 30.0], "stage": pd.array([2, 1, 3], dtype="Int64")})
    found = evaluate("benchmark(f2f, by=stage, among=f2f > 6)", table, anchors)
    np.testing.assert_allclose(found, [40.0, 60.0, np.nan])


@pytest.mark.parametrize("call", ["benchmark(x)", "benchmark(x, by=2)", "benchmark(1, by=x)", "benchmark(x, of=x)"])
def test_benchmark_of_another_form_is_refused(call: str) -> None:
    with pytest.raises(ExpressionError, match="benchmark needs a variable, by= a variable"):
        evaluate(call, PANEL)


# Two variables with correlation r and equal variances have alpha 2r / (1 + r): 2 / 3 for r = .5.
@pytest.mark.parametrize(("bound", "is_there"), [(0.66, True), (0.67, False)])
def test_index_needs_the_alpha_that_is_asked_for(bound: float, is_there: bool) -> None:
    table = pd.DataFrame({"wave": 1, "x": [-1.0, 0.0, 1.0], "y": [0.0, -1.0, 1.0]})
    assert evaluate(f"index(x, y, at_least_alpha={bound})", table).notna().all() == is_there


def test_index_is_the_mean_of_half_of_its_parts() -> None:
    table = pd.DataFrame({"wave": 1, "x": [1.0, 2.0, 3.0, 4.0], "y": [1.0, 2.0, 3.0, None]})
    assert evaluate("index(x, y, at_least_alpha=0.6)", table).tolist() == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("call", ["index(x, x)", "index(x, x, at_least_alpha=x)"])
def test_index_without_an_alpha_is_refused(call: str) -> None:
    with pytest.raises(ExpressionError, match="index needs at_least_alpha= a number"):
        evaluate(call, PANEL)


def test_index_judges_each_wave_by_itself() -> None:
    table = pd.DataFrame({"wave": [1] * 3 + [2] * 3, "x": [1.0, 2, 3, 1, 2, 3], "y": [1.0, 2, 3, 3, 2, 1]})
    assert evaluate("index(x, y, at_least_alpha=0.6)", table).notna().tolist() == [True] * 3 + [False] * 3


def test_index_judges_each_imputed_set_by_itself() -> None:
    table = pd.DataFrame({"wave": 1, SET: [1] * 3 + [2] * 3, "x": [1.0, 2, 3, 1, 2, 3], "y": [1.0, 2, 3, 3, 2, 1]})
    assert evaluate("index(x, y, at_least_alpha=0.6)", table).notna().tolist() == [True] * 3 + [False] * 3


CALLS = {
    "index": "index(a, at_least_alpha=0.6)",
    "lag": "lag(a)",
    "ever": "ever(f)",
    "benchmark": "benchmark(a, by=f)",
    "where": "where(f, a, a)",
    "count_true": "count_true('m')",
    "any_true": "any_true(f)",
    "dhs": "dhs(a, a)",
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_documented_function_can_be_called(name: str) -> None:
    table = TABLE.assign(wave=1, firm=range(3))
    assert len(evaluate(CALLS.get(name, f"{name}(a)"), table, {"a": (0.0, 1.0)}, Following(("firm",), (1,)))) == 3


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
