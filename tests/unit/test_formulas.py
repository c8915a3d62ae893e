"""Formulas: terms, design matrices, derivatives, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmties.expressions import ExpressionError, evaluate, parse
from firmties.formulas import (
    Design,
    check_formula,
    differentiate,
    find_levels,
    name_term,
    parse_formula,
    write_expression,
    write_formula,
)

DICTIONARY = pd.DataFrame(
    {
        "variable": ["form", "stage", "owned", "x"],
        "type": ["category", "ordinal", "boolean", "number"],
        "codes": ["single=S|hybrid=H|interrupted=I", "1=one|2=two|3=three", "", ""],
        "reference": ["hybrid", "", "", ""],
    }
)
TABLE = pd.DataFrame(
    {
        "form": ["single", "hybrid", "interrupted", "hybrid"],
        "stage": pd.array([1, 2, 3, 1], dtype="Int64"),
        "owned": pd.array([True, False, True, True], dtype="boolean"),
        "wave": [1, 1, 2, 2],
        "x": [0.5, 1.0, 2.0, 4.0],
        "z": [1.0, -1.0, 3.0, 2.0],
    }
)


def names(text: str, sets: dict[str, str] | None = None) -> list[str]:
    return [name_term(term) for term in parse_formula(text, sets)]


def build(formula: str, table: pd.DataFrame = TABLE, **options: Any) -> Design:
    terms = parse_formula(formula)
    return Design(terms, table, find_levels(terms, table, DICTIONARY), **options)


# --- terms ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b", ["a", "b"]),
        ("a:b + a", ["a", "a:b"]),
        ("a * b", ["a", "b", "a:b"]),
        ("(a + b) * c", ["a", "b", "c", "a:c", "b:c"]),
        ("a * b * c", ["a", "b", "c", "a:b", "a:c", "b:c", "a:b:c"]),
        ("a + a", ["a"]),
        ("a:b + b:a", ["a:b"]),
        ("a:a", ["a"]),
        ("1 + a", ["a"]),
        ("1", []),
        ("I(a^2) + log( b )", ["I(a ^ 2)", "log(b)"]),
        ("C(a):b", ["C(a):b"]),
    ],
)
def test_formula_expands_as_in_r(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_sets_are_expanded_recursively() -> None:
    assert names("x * A2", {"A1": "size + age", "A2": "A1 + tech"}) == [
        "x", "size", "age", "tech", "x:size", "x:age", "x:tech",
    ]  # fmt: skip


def test_circle_of_sets_is_refused_with_its_way() -> None:
    with pytest.raises(ExpressionError, match="A -> B -> A goes in a circle"):
        parse_formula("A", {"A": "B + x", "B": "A"})


def test_written_formula_reads_back_to_the_same_terms() -> None:
    text = "(form + x) * C(stage) + I((x + 1) ^ 2 / -z) + log(x):owned"
    assert names(write_formula(parse_formula(text))) == names(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('x')", r"'\.' at position 17"),
        ("__import__('os')", r"'__import__' is no function of formulas and not allowed here.*position 1"),
        ("a + __class__", r"'__class__' is code.*position 5"),
        ("I(a + __class__)", r"'__class__' is code.*position 7"),
        ("a.real", r"'\.' at position 2"),
        ("a[0]", r"position 2"),
        ("a + lambda x: x", r"expected an operator or the end at position 12"),
        ("a - b", r"'-' is no operator of formulas.*position 3"),
        ("a ^ 2", r"'\^' is no operator"),
        ("a + 2", r"a number is no term"),
        ("exp(eval(a))", r"'eval' is no function"),
        ("a + I(b:c)", r"':' belongs between terms"),
        ("a +", r"expected a name"),
        ("a < b", r"'<' is no operator"),
    ],
)
def test_what_is_no_formula_is_refused(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        parse_formula(text)


def test_unknown_name_is_reported_with_its_nearest_match() -> None:
    [problem] = check_formula("lnage + x", {}, ["ln_age", "x"])
    assert "no variable 'lnage'; did you mean 'ln_age'?" in problem


@pytest.mark.parametrize(
    "text",
    [
        "a + b * c",
        "(a + b) * c",
        "a - (b - c)",
        "-a ^ 2",
        "(-a) ^ 2",
        "(a ^ 2) ^ 3",
        "not (a > 1 and b < 2)",
        "a / (b * c)",
    ],
)
def test_written_expression_parses_to_the_same_tree(text: str) -> None:
    assert parse(write_expression(parse(text))) == parse(text)


# --- levels and coding ---------------------------------------------------------------------------------------------


def test_levels_begin_with_the_declared_reference() -> None:
    assert find_levels(parse_formula("form"), TABLE, DICTIONARY) == {"form": ["hybrid", "single", "interrupted"]}


def test_reference_of_the_configuration_goes_first() -> None:
    levels = find_levels(parse_formula("form"), TABLE, DICTIONARY, {"form": "interrupted"})
    assert levels["form"][0] == "interrupted"


def test_levels_that_do_not_occur_are_left_out_and_another_becomes_reference() -> None:
    table = TABLE.loc[TABLE["form"] != "hybrid"]
    assert find_levels(parse_formula("form"), table, DICTIONARY) == {"form": ["single", "interrupted"]}


def test_ordinal_and_wave_are_factors_but_boolean_and_wrapped_are_numbers() -> None:
    levels = find_levels(parse_formula("stage + wave + owned + x + I(stage)"), TABLE, DICTIONARY)
    assert levels == {"stage": ["1", "2", "3"], "wave": ["1", "2"]}


def test_forced_factor_takes_the_values_of_a_number_as_levels() -> None:
    assert build("C(x)").names == ["Intercept", "x[1]", "x[2]", "x[4]"]


def test_names_of_columns() -> None:
    assert build("form * owned + I(x ^ 2)").names == [
        "Intercept", "form[single]", "form[interrupted]", "owned", "I(x ^ 2)", "form[single]:owned",
        "form[interrupted]:owned",
    ]  # fmt: skip


def test_interaction_of_two_factors_varies_the_first_fastest_as_in_r() -> None:
    assert build("form * stage").names[5:] == [
        "form[single]:stage[2]", "form[interrupted]:stage[2]", "form[single]:stage[3]", "form[interrupted]:stage[3]",
    ]  # fmt: skip


def test_interaction_without_its_main_effect_keeps_all_levels() -> None:
    assert build("form + form:x").names[3:] == ["form[hybrid]:x", "form[single]:x", "form[interrupted]:x"]


def test_values_of_the_design() -> None:
    design = Design(parse_formula("form:x + x"), TABLE, {"form": ["hybrid", "single", "interrupted"]})
    assert design.matrix().tolist() == [[1, 0.5, 0.5, 0], [1, 1, 0, 0], [1, 2, 0, 2], [1, 4, 0, 0]]


def test_replaced_variable_reaches_every_term_that_reads_it() -> None:
    matrix = build("x * z + I(x ^ 2)").matrix({"x": 3.0})
    assert matrix[:, 1:].tolist() == [[3, z, 9, 3 * z] for z in TABLE["z"]]


def test_replaced_factor_becomes_the_same_level_in_every_row() -> None:
    assert build("form + x").matrix({"form": "single"})[:, 1:3].tolist() == [[1.0, 0.0]] * 4


def test_design_without_intercept_keeps_the_coding() -> None:
    assert build("form", has_intercept=False).names == ["form[single]", "form[interrupted]"]


# --- derivatives ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x ^ 3", lambda x: 3 * x**2),
        ("(2 * x - 1) ^ 2", lambda x: 4 * (2 * x - 1)),
        ("x * z", lambda x: np.full_like(x, 1.5)),
        ("z / x", lambda x: -1.5 / x**2),
        ("log(x)", lambda x: 1 / x),
        ("log1p(x)", lambda x: 1 / (1 + x)),
        ("exp(-x)", lambda x: -np.exp(-x)),
        ("sqrt(x)", lambda x: 0.5 / np.sqrt(x)),
        ("asinh(x)", lambda x: 1 / np.sqrt(1 + x**2)),
        ("log(z)", np.zeros_like),
    ],
)
def test_derivative_is_exact(text: str, expected: Any) -> None:
    x = np.linspace(0.3, 4.0, 7)
    found = evaluate(differentiate(parse(text), "x"), pd.DataFrame({"x": x, "z": 1.5}))
    np.testing.assert_allclose(found, expected(x), rtol=1e-13, atol=1e-14)


def test_derivative_of_the_design_follows_the_product_rule() -> None:
    change = pd.DataFrame((design := build("form * I(x ^ 2) + x:z")).derivative("x"), columns=design.names)
    assert change["form[single]:I(x ^ 2)"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert change["x:z"].tolist() == TABLE["z"].tolist()


@pytest.mark.parametrize("variable", ["form", "owned", "wave"])
def test_variable_with_levels_has_no_slope(variable: str) -> None:
    with pytest.raises(ExpressionError, match=f"'{variable}' has levels, so no slope"):
        build("form + owned + wave").derivative(variable)


def test_function_without_derivative_is_refused() -> None:
    with pytest.raises(ExpressionError, match="no derivative"):
        build("abs(x)").derivative("x")


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(-100, 100)), min_size=1, max_size=20))
def test_interaction_is_the_product_of_its_columns(rows: list[tuple[float, float]]) -> None:
    matrix = Design(parse_formula("a * b"), pd.DataFrame(rows, columns=["a", "b"]), {}).matrix()
    np.testing.assert_array_equal(matrix[:, 3], matrix[:, 1] * matrix[:, 2])


@settings(max_examples=12)
@given(st.permutations(["x", "form", "z", "owned"]))
def test_order_of_main_effects_does_not_change_the_columns(order: list[str]) -> None:
    assert sorted(build(" + ".join(order)).names) == sorted(build("x + form + z + owned").names)
