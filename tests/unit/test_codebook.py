"""Codebook, crosswalk and anchors."""

# Messages are quoted whole.
# ruff: noqa: E501

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmties.codebook import (
    Variable,
    parse_anchors,
    parse_codebook,
    parse_crosswalk,
    parse_margins,
    parse_waves,
    read_table,
)

HEADER = "variable,question,type,scale,codes,minimum,maximum,reverse,waves,missing_codes,identifying\n"
AGREE = {
    "agree5": {"minimum": 1, "maximum": 5, "labels": {"1": "no", "5": "yes"}},
    "kinds": {"labels": {"a": "A", "b": "B"}},
}
PLAN = {
    "plan": Variable("plan", "A plan?", "category", codes={"0": "none", "1": "talked about"}),
    "sales": Variable("sales", "Sales", "number", waves=(1, 2)),
    "yes": Variable("yes", "Yes?", "boolean"),
}


def read(row: str, **options: object) -> tuple[Variable, list[str]]:
    """Parse one row of a codebook; the variable and the problems without the place."""
    variables, problems = parse_codebook(HEADER + row + "\n", response_scales=AGREE, waves=[1, 2, 3], **options)  # type: ignore[arg-type]
    prefix = f"data/codebook.csv: line 2 ({row.split(',')[0]}): "
    return next(iter(variables.values())), [problem.removeprefix(prefix) for problem in problems]


# --- codebook -------------------------------------------------------------------------------------------------------


def test_a_full_row() -> None:
    variable, problems = read('form,Form,category,,a=single|b=hybrid,,,0,"1,3",-97=not_applicable,TRUE')
    assert problems == []
    assert variable == Variable(
        "form",
        "Form",
        "category",
        codes={"a": "single", "b": "hybrid"},
        waves=(1, 3),
        missing_codes={"-97": "not_applicable"},
        identifying=True,
    )


def test_three_columns_are_enough() -> None:
    variables, problems = parse_codebook("variable,question,type\nsize,Employees,number\n")
    assert (list(variables), problems) == (["size"], [])


def test_the_response_scale_gives_codes_and_range() -> None:
    variable, problems = read("t1,Trust,ordinal,agree5,,,,1,,,")
    assert (variable.codes, variable.minimum, variable.maximum, problems) == (
        {"1": "no", "2": "2", "3": "3", "4": "4", "5": "yes"}, 1, 5, [],
    )  # fmt: skip


def test_a_response_scale_may_hold_labels_alone() -> None:
    assert read("t1,Kind,category,kinds,,,,,,,")[0].codes == {"a": "A", "b": "B"}


def test_own_codes_go_before_those_of_the_scale() -> None:
    assert read("t1,Kind,category,kinds,c=C,,,,,,")[0].codes == {"c": "C"}


def test_what_spreadsheets_write() -> None:
    table = "\ufeffvariable;question;type;minimum;maximum;reverse;;\r\nt1;Trust;number;0,5;1,5;TRUE;;\r\n;;;;;;;\r\n"
    variables, problems = parse_codebook(table)
    assert problems == []
    assert (variables["t1"].minimum, variables["t1"].maximum, variables["t1"].reverse) == (0.5, 1.5, True)


def test_a_question_may_run_over_lines() -> None:
    variables, problems = parse_codebook('variable,question,type\na,"one\ntwo",text\nb,x,txt\n')
    assert variables["a"].question == "one\ntwo"
    assert problems[0].startswith("data/codebook.csv: line 4 (b): ")


def test_codes_without_labels_label_themselves() -> None:
    assert read("s,Sample,category,,panel|refresh,,,,,,")[0].codes == {"panel": "panel", "refresh": "refresh"}


def test_an_unknown_type() -> None:
    assert read("t1,Trust,ordinl,agree5,,,,,,,")[1] == [
        (
            "type: 'ordinl' is not allowed; did you mean 'ordinal'? Allowed: id, text, number, integer, boolean, category, "
            "ordinal, multiple, datetime, json"
        )
    ]


def test_an_unknown_response_scale() -> None:
    assert read("t1,Trust,ordinal,agree7,,,,,,,")[1] == [
        "scale: 'agree7' is no response scale of config.yaml (response_scales); did you mean 'agree5'? Allowed: agree5, kinds"
    ]


def test_an_unknown_wave() -> None:
    assert read("t1,Trust,number,,,,,,2-4,,")[1] == ["waves: 4 is no wave of config.yaml; allowed: 1, 2, 3"]


def test_waves_that_a_spreadsheet_made_a_date_of() -> None:
    assert read("t1,Trust,number,,,,,,01-Apr,,")[1] == [
        (
            "waves: '01-Apr' is no list of waves; write 1-4, 2 or 1,3-4 "
            "(a spreadsheet may have made a date of it: format the column as text)"
        )
    ]


def test_an_unknown_kind_of_missing_answer() -> None:
    assert read("t1,Trust,number,,,,,,,-98=dontknow,")[1] == [
        (
            "missing_codes: 'dontknow' is no kind of missing answer (code -98); "
            "did you mean 'dont_know'? Allowed: not_applicable, dont_know, refused, no_answer"
        )
    ]


def test_a_range_that_is_no_number() -> None:
    assert read("t1,Trust,number,,,abc,,,,,")[1] == ["minimum: 'abc' is not a number"]


def test_a_range_upside_down() -> None:
    assert read("t1,Trust,number,,,5,1,,,,")[1] == ["minimum: 5 is larger than the maximum, 1"]


def test_a_code_outside_the_range() -> None:
    assert read("t1,Trust,ordinal,,0=a|6=b,1,6,,,,")[1] == ["codes: 0 lies outside 1 to 6"]


def test_a_code_listed_twice() -> None:
    assert read("t1,Trust,category,,1=a|1=b,,,,,,")[1] == ["codes: the code '1' is listed twice"]


def test_a_code_that_is_no_number_in_a_number() -> None:
    assert read("t1,Trust,integer,,a=b,,,,,,")[1] == [
        "codes: 'a' is not a number, as a variable of type integer must have"
    ]


def test_reversing_needs_the_ends_of_the_scale() -> None:
    assert read("t1,Trust,integer,,,,,1,,,")[1] == [
        "reverse: needs a minimum and a maximum, or a response scale: the answer is recoded to minimum + maximum - x"
    ]


def test_only_numbers_can_be_reversed() -> None:
    assert read("t1,Trust,category,agree5,,,,1,,,")[1] == [
        "reverse: only number, integer, ordinal can be reversed, not category"
    ]


def test_a_multi_select_variable_needs_its_codes() -> None:
    assert read("t1,Tools,multiple,,,,,,,,")[1] == [
        "codes: are blank; a multiple answer becomes one column a choice, so its codes must be listed"
    ]


def test_choices_become_names_of_columns() -> None:
    assert read("t1,Tools,multiple,,bank loan|grant,,,,,,")[1] == [
        "codes: 'bank loan' becomes part of a column name: use letters, digits and _ (the label may be any text)"
    ]


def test_an_ordinal_variable_needs_its_points() -> None:
    assert read("t1,Trust,ordinal,,,,,,,,")[1] == [
        "codes: are blank; an ordinal answer needs codes, a response scale, or a minimum and a maximum"
    ]


def test_neither_true_nor_false() -> None:
    assert read("t1,Trust,number,,,,,maybe,,,")[1] == [
        "reverse: 'maybe' is neither true nor false; write TRUE or FALSE"
    ]


def test_a_name_that_cannot_stand_in_a_formula() -> None:
    assert read("G1Q1[SQ1],Trust,number,,,,,,,,")[1] == [
        "variable: 'G1Q1[SQ1]' is not allowed; use letters without accents, digits and _, beginning with a letter"
    ]


def test_a_variable_listed_twice() -> None:
    problems = parse_codebook("variable,question,type\na,x,text\nb,x,text\na,y,text\n")[1]
    assert problems == ["data/codebook.csv: line 4 (a): variable: is already on line 2; each variable has one row"]


def test_a_missing_column() -> None:
    assert parse_codebook("variable,type\na,text\n")[1] == ["data/codebook.csv: lacks the column 'question'"]


def test_an_unknown_column() -> None:
    problems = parse_codebook("variable,question,type,revers\na,x,text,1\n")[1]
    assert len(problems) == 1
    assert problems[0].startswith(
        "data/codebook.csv: unknown column 'revers'; did you mean 'reverse'? Allowed: variable,"
    )


def test_an_empty_codebook() -> None:
    assert parse_codebook("")[1][0].startswith(
        "data/codebook.csv: is empty; its first line must name the columns: variable,"
    )


def test_a_codebook_without_rows() -> None:
    assert parse_codebook("variable,question,type\n")[1] == ["data/codebook.csv: holds no variable"]


def test_a_comma_that_is_not_quoted() -> None:
    problems: list[str] = []
    read_table("a,b\n1,x,y\n", "x.csv", ["a", "b"], ["a"], problems)
    assert problems == ["x.csv: line 2: has 3 cells, the header 2; put a cell that holds ',' in double quotes"]


def test_a_scale_at_fault_brings_no_further_complaints() -> None:
    problems = parse_codebook(HEADER + "t1,Trust,ordinal,agree5,,,,1,,,\n", response_scales={"agree5": None})[1]
    assert problems == []


def test_levels_of_an_ordinal_variable_with_a_range() -> None:
    assert read("t1,Trust,ordinal,,,1,3,,,,")[0].levels == ["1", "2", "3"]


def test_a_number_has_no_levels() -> None:
    assert read("t1,Size,number,,,1,3,,,,")[0].levels == []


def test_a_row_survives_being_a_parameter() -> None:
    variable = read('form,Form,category,,a=single|b=hybrid,,,0,"1,3",-97=not_applicable,TRUE')[0]
    assert Variable.from_row(variable.as_row()) == variable


@given(st.sets(st.integers(0, 40), min_size=1))
def test_a_list_of_waves_is_read_back(waves: set[int]) -> None:
    assert parse_waves(",".join(map(str, waves))) == tuple(sorted(waves))


# --- crosswalk ------------------------------------------------------------------------------------------------------


def read_crosswalk(*rows: str) -> list[str]:
    """Problems of a crosswalk, without the file's name."""
    text = "wave,raw_name,variable,raw_code,code,factor,action,reason\n" + "\n".join(rows)
    return [problem.removeprefix("data/crosswalk.csv: ") for problem in parse_crosswalk(text, PLAN, [1, 2, 3])[1]]


def test_all_actions() -> None:
    rows = ["1,q1,plan,,,,rename,", "2,,plan,9,1,,recode,", '1,,sales,,,"0,001",multiply,', "*,note,,,,,ignore,"]
    assert read_crosswalk(*rows) == []


def test_the_factor_is_a_number() -> None:
    rows, _ = parse_crosswalk("wave;variable;factor;action\n1;sales;0,001;multiply\n", PLAN, [1])
    assert rows[0]["factor"] == 0.001


def test_a_star_stands_for_all_waves() -> None:
    rows, _ = parse_crosswalk("wave,raw_name,action\n*,note,ignore\n", PLAN, [1])
    assert rows[0]["waves"] == []


def test_an_unknown_wave_in_the_crosswalk() -> None:
    assert read_crosswalk("4,q1,plan,,,,rename,") == ["line 2: wave: 4 is no wave of config.yaml; allowed: 1, 2, 3"]


def test_a_blank_wave_in_the_crosswalk() -> None:
    assert read_crosswalk(",q1,plan,,,,rename,") == [
        "line 2: wave: is blank; write a wave, or * for all; allowed: 1, 2, 3"
    ]


def test_an_unknown_action() -> None:
    assert read_crosswalk("1,q1,plan,,,,renam,") == [
        "line 2: action: 'renam' is not allowed; did you mean 'rename'? Allowed: rename, recode, multiply, ignore"
    ]


def test_an_unknown_variable_in_the_crosswalk() -> None:
    assert read_crosswalk("1,q1,plam,,,,rename,") == [
        "line 2: variable: 'plam' is not in the codebook; did you mean 'plan'? Allowed: plan, sales, yes"
    ]


def test_a_variable_that_the_wave_did_not_ask() -> None:
    assert read_crosswalk("3,turnover,sales,,,,rename,") == [
        "line 2: variable: 'sales' is not asked in wave 3 by the codebook (waves 1, 2)"
    ]


def test_an_unknown_code_in_the_crosswalk() -> None:
    assert read_crosswalk("1,,plan,9,2,,recode,") == ["line 2: code: '2' is no code of plan; allowed: 0, 1"]


def test_an_answer_may_be_recoded_to_a_missing_code() -> None:
    text = "wave,variable,raw_code,code,action\n1,plan,8,-98,recode\n"
    assert parse_crosswalk(text, PLAN, [1], missing_codes=["-98"])[1] == []


def test_truth_values_may_be_recoded_to_digits() -> None:
    assert read_crosswalk("1,,yes,2,0,,recode,") == []


def test_a_cell_that_an_action_needs() -> None:
    assert read_crosswalk("1,,plan,,,,rename,", "1,,sales,,,,multiply,") == [
        "line 2: raw_name: is blank; rename needs it",
        "line 3: factor: is blank; multiply needs it",
    ]


def test_only_numbers_can_be_multiplied() -> None:
    assert read_crosswalk("1,,plan,,,2,multiply,") == [
        "line 2: variable: 'plan' is category; only numbers can be multiplied"
    ]


def test_two_columns_for_one_variable() -> None:
    assert read_crosswalk("1,q1,plan,,,,rename,", "1-2,q2,plan,,,,rename,") == [
        "line 3: variable: wave 1 already renames 'plan' on line 2"
    ]


# --- anchors --------------------------------------------------------------------------------------------------------


def read_anchors(row: str) -> list[str]:
    """Problems of one row of anchors, without its place."""
    problems = parse_anchors(f"variable,centre,spread,wave\n{row}\n", ["trust"], [1])[1]
    return [problem.removeprefix(f"data/anchors.csv: line 2 ({row.split(',')[0]}): ") for problem in problems]


def test_anchors_of_a_known_variable() -> None:
    assert read_anchors("trust,4.1,1.2,1") == []


def test_anchors_of_an_unknown_variable() -> None:
    assert read_anchors("trus,4.1,1.2,1") == ["variable: 'trus' is not known; did you mean 'trust'? Allowed: trust"]


def test_a_spread_of_nothing() -> None:
    assert read_anchors("trust,4.1,0,1") == ["spread: 0 must be above 0"]


def test_a_blank_centre() -> None:
    assert read_anchors("trust,,1.2,1") == ["centre: is blank"]


def test_anchors_of_an_unknown_wave() -> None:
    assert read_anchors("trust,4.1,1.2,7") == ["wave: 7 is no wave of config.yaml; allowed: 1"]


def test_margins_give_the_count_of_each_category() -> None:
    rows = "wave,variable,category,count\n1,size,small,40\n1,size,large,10\n1,region,north,50\n2,size,small,30\n"
    margins = {1: {"size": {"small": 40, "large": 10}, "region": {"north": 50}}, 2: {"size": {"small": 30}}}
    assert parse_margins(rows, [1, 2], file="frame.csv") == (margins, [])


def test_a_category_of_the_margins_that_comes_twice() -> None:
    rows = "wave,variable,category,count\n1,size,small,40\n1,size,small,10\n"
    problems = parse_margins(rows, [1], file="frame.csv")[1]
    assert problems == ["frame.csv: line 3: size 'small' of wave 1 comes twice; keep one row"]


def test_margins_of_an_unknown_wave() -> None:
    rows = "wave,variable,category,count\n7,size,small,40\n"
    assert parse_margins(rows, [1, 2], file="frame.csv")[1] == [
        "frame.csv: line 2: wave: 7 is no wave of config.yaml; allowed: 1, 2"
    ]


def test_margins_that_are_no_counts() -> None:
    rows = "wave,variable,category,count\n1,size,small,many\n"
    assert parse_margins(rows, [1, 2], file="frame.csv")[1] == [
        "frame.csv: line 2: count: 'many' is no whole number of 0 or more"
    ]
