"""Numbers as text, and the writers of tables."""

import csv
import io
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmties.tables import (
    TURN,
    TURN_BACK,
    Row,
    Table,
    describe_basis,
    escape_latex,
    escape_typst,
    fit_inset,
    fit_type,
    format_interval,
    format_number,
    format_p,
    measure_columns,
    read_html,
    write_csv,
    write_html,
    write_latex,
    write_typst,
)


@pytest.fixture
def table():
    return Table(
        "Growth & form",
        ["", "b", "n"],
        [
            Row(["Form"]),
            Row(["hybrid <1>", "−0.042\n(0.011)", "1,200"], indent=True),
            Row(["N", "", "7"], rule_above=True),
        ],
        spans=[[("", 1), ("OLS", 2)]],
        notes=["Errors: 5 % & more."],
    )


def test_number_that_rounds_to_zero_has_no_sign():
    assert format_number(-0.0004, 2) == "0.00"


def test_missing_bound_leaves_the_interval_blank():
    assert format_interval(0.1, float("nan")) == ""


def test_small_p_is_not_zero():
    assert format_p(1e-9) == "< 0.001"


def test_basis_says_unweighted():
    assert describe_basis({"n_firms": 2, "weights": "none"}) == ["2 firms; unweighted."]


def test_basis_adds_remarks_in_order():
    assert describe_basis({"remark_a": "One.", "remark_b": "Two."}) == ["One.", "Two."]


def test_row_of_wrong_length_is_refused():
    with pytest.raises(ValueError, match="a row of 2 cells under 3 columns"):
        Table("T", ["", "a", "b"], [Row(["x", "1"])])


def test_spans_must_cover_the_columns():
    with pytest.raises(ValueError, match="does not cover 3 columns"):
        Table("T", ["", "a", "b"], [], spans=[[("", 1), ("x", 1)]])


def test_csv_joins_spanning_headings(table):
    assert next(csv.reader(io.StringIO(write_csv(table)))) == ["", "OLS: b", "OLS: n"]


def test_csv_has_ascii_minus_on_one_line(table):
    assert list(csv.reader(io.StringIO(write_csv(table))))[2] == ["hybrid <1>", "-0.042 (0.011)", "1,200"]


def test_html_gives_scope_to_every_heading(table):
    body = write_html(table, "T6").partition("<body>")[2]
    assert body.count("<th ") == body.count(" scope=") == len(re.findall("<th[ >]", body))


def test_html_escapes_cells(table):
    assert "hybrid &lt;1&gt;" in write_html(table, "T6")


def test_html_has_a_caption_with_the_number(table):
    assert "<caption><strong>T6</strong> Growth &amp; form</caption>" in write_html(table, "T6")


def test_html_is_well_nested(table):
    class Nesting(HTMLParser):
        def __init__(self):
            super().__init__()
            self.open = []

        def handle_starttag(self, tag, attrs):
            if tag not in ("meta", "br", "col"):
                self.open.append(tag)

        def handle_endtag(self, tag):
            assert self.open.pop() == tag

    parser = Nesting()
    parser.feed(write_html(table, "T6"))
    assert parser.open == []


def test_html_reads_back_as_it_was(table):
    (again,), _ = read_html(write_html(table, "T6"))
    assert (again.rows, again.columns, again.spans) == (table.rows, table.columns, [[("", 1), ("OLS", 2)]])


def test_latex_spreads_lines_over_rows(table):
    assert r"\quad hybrid $<$1$>$ & $-$0.042 & 1,200 \\" in write_latex(table, "T6")


def test_latex_rules_stand_under_spans(table):
    assert r"\cmidrule(lr){2-3}" in write_latex(table, "T6")


def test_latex_rows_have_as_many_cells_as_columns(table):
    for line in write_latex(table, "T6").splitlines():
        if line.endswith(r"\\") and "multicolumn" not in line and "caption" not in line:
            assert line.replace(r"\&", "").count("&") == 2


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_latex_leaves_no_bare_special_character(text):
    plain = escape_latex(text)
    for character in "&%#_":
        assert plain.count(character) == plain.count("\\" + character)


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1))
def test_typst_escapes_keep_the_text(text):
    written = escape_typst(text)
    assert (
        "".join(part.replace("\\", "", 1) if part.startswith("\\") else part for part in split_escapes(written)) == text
    )


def split_escapes(text):
    at = 0
    while at < len(text):
        width = 2 if text[at] == "\\" else 1
        yield text[at : at + width]
        at += width


def test_wide_table_is_turned():
    wide = Table(
        "T", ["", *(f"column {at}" for at in range(20))], [Row(["a variable of some length", *["−0.123"] * 20])]
    )
    assert fit_type(wide)[1]


def test_narrow_table_takes_the_largest_type():
    assert fit_type(Table("T", ["", "n"], [Row(["a", "1"])])) == (8.8, False)


def test_columns_with_room_stand_apart():
    assert fit_inset(Table("T", ["", "n"], [Row(["a", "1"])]), 8.8, turned=False) == 8.0


def test_columns_without_room_keep_the_least_margin():
    crowded = Table("T", ["", *"abcdefgh"], [Row(["a variable", *["[−201.48, 588.92]"] * 8])])
    assert fit_inset(crowded, 8.0, turned=False) == 3.2


def test_heading_over_columns_takes_part_in_their_width():
    plain = Table("T", ["", "a", "b"], [Row(["x", "1", "2"])])
    headed = replace(plain, spans=[[("", 1), ("Negative binomial", 2)]])
    assert sum(measure_columns(headed)) > 2 * sum(measure_columns(plain))


def test_table_that_needs_a_turned_page_turns_it_and_turns_it_back():
    wide = Table("T", ["", *(f"column {at}" for at in range(20))], [Row(["a variable", *["−0.123"] * 20])])
    written = write_typst([wide], [], "T6")
    assert (written.startswith(TURN), written.endswith(TURN_BACK)) == (True, True)


def test_typst_repeats_spans_over_their_columns(table):
    assert "table.cell(colspan: 2, align: center)[#strong[OLS]]" in write_typst([table], [], "T6")


def test_infinite_value_is_written():
    assert format_number(-math.inf) == "−∞"
