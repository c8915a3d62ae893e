"""Cleaning one wave: typed values, kinds of missing values, ledger."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmties.clean import CleanWave, check_count, clean_wave, read_long_table, read_numbers, read_type
from firmties.codebook import Variable
from firmties.errors import StudyError
from firmties.slices import slice_clean

AGREE = {str(code): str(code) for code in range(1, 8)}
VARIABLES = [
    Variable("firm", type="id"),
    Variable("resp", type="id"),
    Variable("emp", type="number", minimum=0, maximum=1000),
    Variable("q1", type="ordinal", scale="agree7", codes=AGREE, minimum=1, maximum=7),
    Variable("q2", type="ordinal", scale="agree7", codes=AGREE, minimum=1, maximum=7, reverse=True),
    Variable("role", type="category", codes={"ceo": "CEO", "other": "other"}),
    Variable("fin", type="multiple", codes={"loan": "a loan", "grant": "a grant"}),
    Variable("ok", type="boolean"),
]
CODES = {"-97": "not_applicable", "-98": "dont_know", "-99": "refused"}
ROW = {"firm": "a", "resp": "r1", "emp": "10", "q1": "3", "q2": "2", "role": "ceo", "fin": "loan", "ok": "1"}


def clean(rows: list[dict[str, str]], crosswalk: list[dict[str, Any]] | None = None, **settings: Any) -> CleanWave:
    table = pd.DataFrame([{**ROW, "resp": f"r{i}", "firm": f"f{i}", **row} for i, row in enumerate(rows)], dtype="str")
    table.insert(0, "raw_row", range(1, len(table) + 1))
    return clean_wave(
        table,
        {"file": "data/raw/w.csv", "user_missing": settings.pop("user_missing", {})},
        VARIABLES,
        crosswalk or [],
        {"wave": {"id": 1}, "study": {"firm": "firm", "response": "resp"}, "missing_codes": CODES, **settings},
    )


def test_types_are_read() -> None:
    values = clean([{}]).values.iloc[0]
    assert values[["wave", "emp", "q1", "q2", "q2_raw", "role", "fin__loan", "fin__grant", "ok"]].tolist() == [
        1, 10.0, 3, 6, 2, "ceo", True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "kind"),
    [("", "no_answer"), ("-97", "not_applicable"), ("-98", "dont_know"), ("-99", "refused"), ("5", "")],
)
def test_missing_codes_give_kinds(cell: str, kind: str) -> None:
    assert clean([{"q1": cell}]).kinds["q1"].tolist() == [kind]


def test_missing_code_that_is_an_answer_stays_an_answer() -> None:
    variable = Variable("emp", type="integer", codes={"-99": "a debt of 99"}, minimum=-100, maximum=100)
    table = pd.DataFrame({"raw_row": [1], "firm": ["a"], "emp": ["-99"]})
    wave = clean_wave(
        table, {"file": "w.csv"}, [VARIABLES[0], variable], [],
        {"wave": {"id": 1}, "study": {"firm": "firm"}, "missing_codes": CODES},
    )  # fmt: skip
    assert wave.values["emp"].tolist() == [-99]


def test_declared_user_missing_range_is_no_answer() -> None:
    assert clean([{"emp": "555"}], user_missing={"emp": [["500", "600"]]}).kinds["emp"].tolist() == ["no_answer"]


def test_multi_select_tells_none_chosen_from_not_answered() -> None:
    values = clean([{"fin": "none"}, {"fin": ""}, {"fin": "loan|grant"}]).values["fin__loan"]
    assert values.tolist() == [False, pd.NA, True]


def test_crosswalk_renames_recodes_multiplies_and_ignores() -> None:
    table = pd.DataFrame({"raw_row": [1], "FIRM": ["a"], "Q1": ["9"], "sales": ["2000"], "extra": ["x"]})
    rows = [
        {"action": "rename", "raw_name": "FIRM", "variable": "firm"},
        {"action": "rename", "raw_name": "Q1", "variable": "q1"},
        {"action": "recode", "raw_name": "", "variable": "q1", "raw_code": "9", "code": "7"},
        {"action": "multiply", "raw_name": "", "variable": "sales", "factor": "0.001"},
        {"action": "ignore", "raw_name": "extra", "variable": ""},
    ]
    variables = [VARIABLES[0], VARIABLES[3], Variable("sales", type="number")]
    wave = clean_wave(table, {"file": "w.csv"}, variables, rows, {"wave": {"id": 1}, "study": {"firm": "firm"}})
    assert wave.values[["q1", "sales"]].iloc[0].tolist() == [7, 2.0]


def test_response_key_is_made_where_the_export_has_none() -> None:
    table = pd.DataFrame({"raw_row": [1, 2], "firm": ["a", "b"]})
    wave = clean_wave(table, {"file": "w.csv"}, VARIABLES[:1], [], {"wave": {"id": 3}, "study": {"firm": "firm"}})
    assert wave.values["response"].tolist() == ["3-a", "3-b"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"q1": "8"}, r"q1: '8' is no code of this variable.*allowed: 1, 2, 3, 4, 5, 6, 7 \(data row 1\)"),
        ({"role": "cee"}, r"role: 'cee' is no code.*did you mean 'ceo'"),
        ({"emp": "ten"}, r"emp: 'ten' cannot be read as a number.*\(data row 1\)"),
        ({"q1": "2.5"}, r"q1: '2.5' should be a whole number"),
        ({"ok": "maybe"}, r"ok: 'maybe' should be 1 or 0"),
        ({"fin": "loan|gold"}, r"fin: 'loan\|gold' holds choices that the codebook does not list \(gold\)"),
        ({"emp": "2000"}, r"emp: 2000 outside its range 0 to 1000 \(data rows 1\)"),
        ({"firm": ""}, r"the firm key 'firm' is blank in data rows 1"),
        ({"resp": ""}, r"the response key 'resp' is blank in data rows 1"),
    ],
)
def test_bad_value_names_file_wave_variable_and_row(row: dict[str, str], message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        clean([row])
    assert str(caught.value).startswith("data/raw/w.csv (wave 1): ")


def test_all_bad_values_are_listed_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        clean([{"q1": "8", "ok": "maybe"}])
    assert len(caught.value.problems) == 2


def test_repeated_response_key_is_refused() -> None:
    with pytest.raises(StudyError, match=r"the response key 'resp' is not unique: r1 \(data rows 1, 2\)"):
        clean([{"resp": "r1"}, {"resp": "r1"}])


def test_two_responses_of_a_firm_are_refused_without_a_rule() -> None:
    with pytest.raises(StudyError, match="1 firms have more than one response: x"):
        clean([{"firm": "x"}, {"firm": "x"}])


@pytest.mark.parametrize(("column", "message"), [("q9", "column 'q9' is not in data/codebook.csv")])
def test_unknown_column_is_refused(column: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        clean([{column: "1"}])


def test_missing_column_is_refused() -> None:
    table = pd.DataFrame({"raw_row": [1], "firm": ["a"]})
    with pytest.raises(StudyError, match="no column for variable 'q1'"):
        clean_wave(
            table, {"file": "w.csv"}, [VARIABLES[0], VARIABLES[3]], [], {"wave": {"id": 1}, "study": {"firm": "firm"}}
        )


def test_value_out_of_range_can_be_set_missing_with_its_row_in_the_ledger() -> None:
    wave = clean([{"emp": "2000"}], cleaning={"out_of_range": "missing"})
    assert np.isnan(wave.values["emp"][0])
    assert wave.kinds["emp"].tolist() == ["lost"]
    assert wave.ledger[["variable", "rule", "value_before"]].values.tolist() == [["emp", "out of range", "2000"]]


def test_duplicates_keep_the_most_complete_then_the_senior() -> None:
    cleaning = {
        "exclude": [{"rule": "duplicate", "keep": ["complete", "senior"]}],
        "duplicates": {"senior": {"variable": "role", "order": ["ceo", "other"]}},
    }
    rows = [
        {"firm": "x", "role": "other"},
        {"firm": "x", "role": "ceo"},
        {"firm": "y", "q1": ""},
        {"firm": "y", "role": "other"},
    ]
    assert clean(rows, cleaning=cleaning).values["resp"].tolist() == ["r1", "r3"]


def test_exclusion_with_unknown_condition_keeps_the_response() -> None:
    assert len(clean([{"emp": ""}], cleaning={"exclude": [{"rule": "large", "when": "emp >= 250"}]}).values) == 1


def test_set_missing_keeps_the_value_in_the_ledger() -> None:
    rules = [{"rule": "implausible", "variables": ["emp"], "when": "emp > 500"}]
    wave = clean([{"emp": "600"}], cleaning={"set_missing": rules})
    assert wave.ledger[["variable", "rule", "value_before"]].values.tolist() == [["emp", "implausible", "600"]]
    assert wave.kinds["emp"].tolist() == ["lost"]


def test_one_rule_does_not_hide_a_value_from_the_next() -> None:
    rules = [
        {"rule": "implausible", "variables": ["emp"], "when": "emp > 500"},
        {"rule": "then also", "variables": ["q1"], "when": "emp > 500"},
    ]
    assert clean([{"emp": "600"}], cleaning={"set_missing": rules}).ledger["variable"].tolist() == ["emp", "q1"]


def test_choices_can_be_set_missing() -> None:
    rules = [{"rule": "not asked of large firms", "variables": ["fin", "role"], "when": "emp > 500"}]
    ledger = clean([{"emp": "600"}], cleaning={"set_missing": rules}).ledger
    assert ledger[["variable", "value_before"]].values.tolist() == [
        ["fin__loan", "1"],
        ["fin__grant", "0"],
        ["role", "ceo"],
    ]


def test_ledger_keeps_every_digit() -> None:
    rules = [{"rule": "implausible", "variables": ["emp"], "when": "emp > 500"}]
    assert clean([{"emp": "612.0625"}], cleaning={"set_missing": rules}).ledger["value_before"].tolist() == ["612.0625"]


def test_missing_code_with_a_decimal_zero_is_the_same_code() -> None:
    assert clean([{"emp": "-98.0"}]).kinds["emp"].tolist() == ["dont_know"]


def test_infinite_number_is_refused() -> None:
    with pytest.raises(StudyError, match="emp: 'inf' cannot be read as a number"):
        clean([{"emp": "inf"}])


def test_decimal_comma_is_recognized_in_the_message() -> None:
    with pytest.raises(StudyError, match="with a decimal comma, say so with waves: decimal:"):
        clean([{"emp": "12,5"}])


def test_number_that_may_be_thousands_is_refused_beside_a_decimal_comma() -> None:
    wave = {"id": 1, "decimal": ","}
    assert clean([{"emp": "2,5"}, {"emp": "0.125"}, {"emp": "2.25"}], wave=wave).values["emp"].tolist() == [
        2.5, 0.125, 2.25,
    ]  # fmt: skip
    with pytest.raises(StudyError, match=r"emp: '1.234' cannot be read as a number; .*thousands.*data row 2"):
        clean([{"emp": "2,5"}, {"emp": "1.234"}], wave=wave)


def test_times_of_summer_and_winter_are_read_as_utc() -> None:
    cells = pd.Series(["2024-03-30T10:00:00+01:00", "2024-03-31T10:00:00+02:00", "2024-03-31T08:00:00Z", "2024-04-01"])
    times = read_type(cells, Variable("start", type="datetime"))["start"]
    assert times.astype("str").tolist() == [
        "2024-03-30 09:00:00", "2024-03-31 08:00:00", "2024-03-31 08:00:00", "2024-04-01 00:00:00",
    ]  # fmt: skip


def test_renaming_onto_a_column_of_the_file_is_refused() -> None:
    with pytest.raises(StudyError, match="renames 'ok' to 'q1', a column of the file already"):
        clean([{}], [{"action": "rename", "raw_name": "ok", "variable": "q1"}])


def read_pairs(rows: list[tuple[str, int, int, int]], firms: str = "ab") -> pd.DataFrame:
    text = pd.DataFrame(rows, columns=["firm", "alter_i", "alter_j", "tie"]).astype("str")
    text.insert(0, "raw_row", range(1, len(text) + 1))
    entry = {"wave": {"id": 1}, "table": "alter_pairs", "crosswalk": []}
    keys = pd.DataFrame({"wave": 1, "firm": list(firms)})
    ledger = pd.DataFrame([{"wave": "1", "firm": "gone", "variable": ""}])
    return read_long_table(text, {"file": "p.csv"}, [], entry, {"study": {"firm": "firm"}}, keys, ledger)


def test_long_pairs_are_put_in_order() -> None:
    assert read_pairs([("a", 2, 1, 1)])[["alter_i", "alter_j"]].values.tolist() == [[1, 2]]


def test_partners_of_an_excluded_response_go_with_it() -> None:
    assert read_pairs([("a", 1, 2, 1), ("gone", 1, 2, 1)])["firm"].tolist() == ["a"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a", 1, 2, 1), ("a", 2, 1, 0)], "firm 'a', alter_i 1, alter_j 2 comes twice"),
        ([("a", 1, 1, 1)], "partner 1 is paired with itself"),
        ([("z", 1, 2, 1)], "1 firms are in no response of wave 1, such as 'z'"),
    ],
)
def test_faulty_pair_is_refused(rows: list[tuple[str, int, int, int]], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        read_pairs(rows)


def read_alters(**cells: str) -> pd.DataFrame:
    fields = [
        Variable("share", type="number", minimum=0, maximum=100),
        Variable("distant", type="ordinal", codes=AGREE, minimum=1, maximum=7, reverse=True),
    ]
    text = pd.DataFrame([{"raw_row": 1, "firm": "a", "alter": "1", "share": "20", "distant": "2", **cells}])
    entry = {"wave": {"id": 1}, "table": "alters", "crosswalk": []}
    keys = pd.DataFrame({"wave": [1], "firm": ["a"]})
    ledger = pd.DataFrame(columns=["wave", "firm", "variable"])
    return read_long_table(text, {"file": "a.csv"}, fields, entry, {"study": {"firm": "firm"}}, keys, ledger)


def test_long_partners_are_reversed_too() -> None:
    assert read_alters()["distant"].tolist() == [6]


def test_long_partners_keep_to_their_range() -> None:
    with pytest.raises(StudyError, match="share: 500 outside its range 0 to 100"):
        read_alters(share="500")


def test_blank_slot_is_refused() -> None:
    with pytest.raises(StudyError, match="one is blank in data rows 1"):
        read_alters(alter="")


def test_no_response_left_is_refused() -> None:
    with pytest.raises(StudyError, match="no response is left"):
        clean([{}], cleaning={"exclude": [{"rule": "all", "when": "emp >= 0"}]})


@given(answers=st.lists(st.integers(min_value=1, max_value=7), min_size=1, max_size=20))
def test_reversing_twice_gives_the_answer(answers: list[int]) -> None:
    values = clean([{"q2": str(answer)} for answer in answers]).values
    assert (8 - values["q2"]).tolist() == values["q2_raw"].tolist() == answers


@given(sizes=st.lists(st.integers(min_value=0, max_value=1000), min_size=1, max_size=30))
def test_rows_in_are_rows_out_plus_ledger(sizes: list[int]) -> None:
    rules = [
        {"rule": "tiny", "when": "emp < 2"},
        {"rule": "large", "when": "emp >= 250"},
        {"rule": "duplicate", "keep": ["complete"]},
    ]
    rows = [{"emp": str(size), "firm": f"f{index % 5}"} for index, size in enumerate([*sizes, 100])]
    wave = clean(rows, cleaning={"exclude": rules})
    assert len(rows) == len(wave.values) + len(wave.ledger)


FLAGS = {"attention": {"items": {"q1": 3}}, "self_report": {"items": {"ok": "true"}}}


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"flags_at_least": 2}, ["r0", "r1", "r2"]),
        ({"flags_at_least": 1, "counted": ["attention"]}, ["r0", "r2"]),
        ({"flags_at_least": 2, "or_any": ["self_report"]}, ["r0", "r1"]),
    ],
)
def test_rule_counts_its_flags(rule: dict[str, Any], kept: list[str]) -> None:
    rows = [{}, {"q1": "4"}, {"ok": "0"}, {"q1": "4", "ok": "0"}]
    cleaning = {"exclude": [{"rule": "careless", **rule}]}
    assert clean(rows, cleaning=cleaning, quality_flags=FLAGS).values["resp"].tolist() == kept


def test_ledger_names_flags_and_version() -> None:
    cleaning = {"exclude": [{"rule": "careless", "flags_at_least": 2}]}
    ledger = clean([{}, {"q1": "4", "ok": "0"}], cleaning=cleaning, quality_flags=FLAGS, version=2).ledger
    assert ledger[["reason", "version"]].values.tolist() == [["2 or more quality flags: attention, self_report", 2]]


def test_row_that_went_without_a_reason_stops_the_run() -> None:
    with pytest.raises(StudyError, match="5 responses came in, 3 were kept and 1 have a row in the ledger; 1 are"):
        check_count(5, 3, pd.DataFrame({"variable": ["", "emp"]}), "w.csv")


def test_further_version_of_the_rules_leaves_waves_that_do_not_name_it_alone() -> None:
    config = {"study": {"firm": "firm"}, "cleaning": {"exclude": []}, "quality_flags": {}}
    later = {"id": 2, "cleaning": {"out_of_range": "missing"}, "quality_flags": FLAGS}
    before, after = slice_clean(config, {"id": 1}), slice_clean({**config, "rule_versions": [later]}, {"id": 1})
    assert before == after


@given(st.lists(st.from_regex(r"\A[-+]?(0x)?[0-9]{0,20}[.,]?[0-9]{0,20}(e-?[0-9]{1,3}|inf|nan)?\Z"), max_size=4))
@settings(max_examples=500)
def test_numbers_are_those_that_pandas_reads_rounded_as_python_does(cells: list[str]) -> None:
    text = pd.Series(cells, dtype="str")
    wanted = pd.to_numeric(text.astype("object"), errors="coerce").astype(float)
    if not wanted.isna().any():
        wanted = text.astype("object").map(float).astype(float)
    pd.testing.assert_series_equal(read_numbers(text).astype(float), wanted, check_exact=True)


def test_long_whole_numbers_keep_every_digit() -> None:
    assert read_numbers(pd.Series(["9007199254740993"])).tolist() == [9007199254740993]
