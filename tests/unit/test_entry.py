"""Comparisons and checks of a new wave, on frames made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from firmties.clean import CleanWave
from firmties.codebook import Variable
from firmties.entry import checks, compare, edits
from firmties.entry.examine import RULES, find_waves, hide_values, translate_labels
from firmties.entry.page import count_rows
from firmties.errors import StudyError

AGREE = {str(point): "" for point in range(1, 8)}


def item(name: str = "t1", **more: object) -> Variable:
    return Variable(name, type="ordinal", codes=AGREE, minimum=1, maximum=7, **more)  # type: ignore[arg-type]


def make_wave(number: int, firms: list[str], **columns: object) -> CleanWave:
    keys = {"wave": number, "firm": firms, "resp": [f"{number}-{firm}" for firm in firms]}
    values = pd.DataFrame({**keys, **columns})
    flags = pd.DataFrame({"wave": number, "response": values["resp"], "firm": firms})
    ledger = pd.DataFrame({name: pd.Series(dtype="str") for name in ("response", "firm", "variable", "value_before")})
    return CleanWave(values, values.astype("str").where(values.isna(), ""), flags, ledger)


class TestMatching:
    def match(self, raw: str, variables: list[Variable], cells: dict[str, int], text: str = "") -> list[compare.Match]:
        return compare.match_columns([raw], variables, {raw: cells}, {raw: text}, {}, ({}, {}), ["-99"])

    def test_same_text_and_fitting_codes_are_sure(self) -> None:
        variables = [item("t1", question="We take their word."), item("t2", question="Help comes back.")]
        found = self.match("Q7_2", variables, {"3": 5, "7": 2, "-99": 1}, "Help comes back!")
        assert [(m.variable, m.sure) for m in found] == [("t2", True)]

    def test_answers_outside_the_codes_make_it_unsure(self) -> None:
        found = self.match("T1", [item("t1")], {"3": 6, "9": 4})
        assert [(m.variable, m.sure) for m in found] == [("t1", False)]
        assert "60% of the answers fit its codes" in found[0].reason

    def test_unlike_columns_are_not_matched(self) -> None:
        assert self.match("comment", [item("t1", question="We take their word.")], {"hello": 6}) == []

    def test_each_variable_is_taken_once(self) -> None:
        tables = {"plan_a": {"1": 9}, "plan_b": {"1": 9}}
        found = compare.match_columns(["plan_a", "plan_b"], [item("plan")], tables, {}, {}, ({}, {}))
        assert len(found) == 1

    def test_forty_thousand_columns_are_matched_by_name_alone(self) -> None:
        names = [f"x{number}" for number in range(40_000)] + ["T_1"]
        variables = [item(f"t{number}") for number in range(1, 200)]
        found = compare.match_columns(names, variables, {}, {}, {}, ({}, {}))
        assert [(m.raw_name, m.variable) for m in found] == [("T_1", "t1")]


class TestDrift:
    @given(st.lists(st.integers(1, 500), min_size=2, max_size=9))
    def test_the_same_counts_have_no_index(self, counts: list[int]) -> None:
        assert compare.compute_stability_index(np.array(counts), np.array(counts)) == 0

    @given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=2, max_size=9))
    def test_the_index_is_symmetric_and_never_negative(self, pairs: list[tuple[int, int]]) -> None:
        before, now = (np.array(part) for part in zip(*pairs, strict=True))
        if before.sum() and now.sum():
            first, second = (compare.compute_stability_index(*part) for part in ((before, now), (now, before)))
            assert first >= 0
            assert first == pytest.approx(second)

    def test_index_by_hand(self) -> None:
        before, now = np.array([60, 40]), np.array([40, 60])
        p, q = 60.5 / 101, 40.5 / 101
        assert compare.compute_stability_index(before, now) == pytest.approx(2 * (p - q) * np.log(p / q))

    def test_few_answers_are_no_alarm(self) -> None:
        drift = pd.DataFrame(
            {
                "column": "t1",
                "psi": 0.9,
                "chance": 1.2,
                "n_before": 9,
                "n_now": 8,
                "missing_before": 0.0,
                "missing_now": 0.2,
            },
            index=[0],
        )
        found = checks.check_drift(drift, make_wave(2, ["a"]).flags, {}, RULES, "x")
        assert [check.state for check in found] == ["pass"]

    def test_missing_shares_are_of_those_asked(self) -> None:
        kinds = pd.Series(["", "refused", "not_applicable", "lost", "no_answer", ""])
        assert compare.find_missing_share(kinds) == 0.5


class TestUnits:
    def test_pounds_for_thousands_stop(self) -> None:
        firms = [f"f{n}" for n in range(40)]
        before = make_wave(1, firms, sales=np.arange(1.0, 41), heads=2.0).values
        now = before.assign(sales=before["sales"] * 1000 * 1.1)
        units = compare.compare_units([Variable("sales"), Variable("heads")], before, now, "firm")
        found = checks.check_units(units, now, before, RULES, "w.csv (wave 2)")
        assert [check.state for check in found] == ["stop"]
        assert "multiply sales by 0.001" in found[0].message

    def test_months_for_years_are_a_warning(self) -> None:
        firms = [f"f{n}" for n in range(40)]
        before = make_wave(1, firms, years=np.arange(1.0, 41)).values
        now = before.assign(years=before["years"] * 12)
        units = compare.compare_units([Variable("years")], before, now, "firm")
        assert [check.state for check in checks.check_units(units, now, before, RULES, "x")] == ["warning"]

    def test_growth_is_neither(self) -> None:
        assert np.isnan(compare.find_unit_factor(1.8))


class TestScales:
    def test_five_points_labelled_seven_by_the_answers(self) -> None:
        before = pd.Series(list(range(1, 8)) * 20)
        found = compare.compare_scale(pd.Series([1, 2, 3, 4, 5] * 20), item(), before, {}, [])
        assert found == [(True, "answers end at 5 of 7 (n = 100); 29% of the earlier wave lay above")]

    def test_five_points_by_the_labels(self) -> None:
        labels = {str(point): f"point {point}" for point in range(1, 6)}
        found = compare.compare_scale(pd.Series([1, 5]), item(), None, labels, [])
        assert found == [(True, "the file labels 5 points up to 5, the codebook has 7")]

    def test_labelled_ends_are_no_shorter_scale(self) -> None:
        labels = {"1": "disagree", "7": "agree", "-99": "refused"}
        assert compare.compare_scale(pd.Series([1, 7] * 60), item(), None, labels, ["-99"]) == []

    def test_another_label_of_the_same_code(self) -> None:
        plan = Variable("plan", type="category", codes={"4": "none yet", "5": "many"})
        found = compare.compare_scale(pd.Series(["4"]), plan, None, {"4": "large firms"}, [])
        assert found == [(True, "code 4 is 'large firms' in the file, 'none yet' in the codebook")]

    def test_a_rare_top_point_that_nobody_chose(self) -> None:
        before = pd.Series([1, 2, 3, 4, 5, 6] * 30 + [7])
        assert compare.compare_scale(pd.Series([1, 2, 3, 4, 5, 6] * 20), item(), before, {}, []) == []


class TestReversals:
    scales = ({"name": "trust", "items": ["t1", "t2", "t3"]},)

    def draw(self, n: int) -> pd.DataFrame:
        random = np.random.default_rng(1)
        base = random.integers(1, 8, n)
        return pd.DataFrame({f"t{k}": np.clip(base + random.integers(-1, 2, n), 1, 7) for k in (1, 2, 3)})

    def check(self, values: pd.DataFrame) -> list[checks.Check]:
        variables = {name: item(name, reverse=name == "t3") for name in ("t1", "t2", "t3")}
        return checks.check_reversals(values, self.scales, variables, "w.csv")

    def test_agreeing_item_passes(self) -> None:
        assert self.check(self.draw(200))[0].state == "pass"

    def test_doubled_reversal_stops(self) -> None:
        found = self.check(self.draw(200).assign(t3=lambda table: 8 - table["t3"]))
        assert found[0].state == "stop"
        assert found[0].message.startswith("w.csv: t3: correlates -0.9")

    def test_too_few_answers_are_not_judged(self) -> None:
        found = self.check(self.draw(99).assign(t3=lambda table: 8 - table["t3"]))
        assert found[0].state == "not applicable"


class TestLinks:
    def find(self, rules: dict[str, object], **now: object) -> list[checks.Check]:
        earlier = {1: make_wave(1, ["a", "b", "c", "d"], year=[2001, 2002, 2003, 2004], heads=[10.0, 20, 30, 40])}
        values = make_wave(2, ["a", "b", "c", "z"], **now).values
        return checks.check_links(values, {**RULES, **rules}, earlier, "firm", "w.csv")

    def test_firms_of_the_panel_that_nobody_knows(self) -> None:
        found = self.find({"panel": "kind == 'panel'"}, kind="panel")
        assert found[0].state == "warning"
        assert "3 of 4 firms of the panel" in found[0].message

    def test_firm_that_carries_on_another_is_looked_for_under_its_key(self) -> None:
        earlier = {1: make_wave(1, ["a", "b"])}
        values = make_wave(2, ["a", "y"], kind="panel", older=pd.array([None, "b|c"], dtype="str")).values
        found = checks.check_links(values, {**RULES, "panel": "kind == 'panel'"}, earlier, "firm", "w.csv", "older")
        assert "2 of 2 firms of the panel" in found[0].message

    def test_founding_year_that_moved(self) -> None:
        found = self.find({"unchanged": ["year"]}, year=[2001, 1999, 2003, 2010])
        assert "year, which cannot change, differs for 1 of 3 firms" in found[0].message

    def test_last_years_staff(self) -> None:
        pair = {"before": "ago", "now": "heads", "within": 0.25, "or_by": 3, "share": 0.8}
        assert self.find({"carried": [pair]}, ago=[12.9, 24, 36, 1])[0].state == "pass"
        assert self.find({"carried": [pair]}, ago=[14, 26, 30, 1])[0].state == "warning"

    def test_without_an_earlier_wave(self) -> None:
        assert checks.check_links(make_wave(1, ["a"]).values, RULES, {}, "firm", "x")[0].state == "not applicable"


class TestDatesConsentEligibility:
    rows = pd.Series([4, 9])

    def test_dates_outside_the_window(self) -> None:
        values = pd.DataFrame({"start": pd.to_datetime(["2024-03-01", "2024-06-02"])})
        found = checks.check_dates(values, self.rows, {"start": "start"}, ["2024-03-01", "2024-05-31"], "w.csv")
        assert (found[0].state, "data row 9" in found[0].message) == ("stop", True)

    def test_last_day_counts(self) -> None:
        values = pd.DataFrame({"start": pd.to_datetime(["2024-03-01T00:00:00", "2024-05-31T23:59:00"])})
        found = checks.check_dates(values, self.rows, {"start": "start"}, ["2024-03-01", "2024-05-31"], "w.csv")
        assert found[0].state == "pass"

    def test_end_before_start(self) -> None:
        values = pd.DataFrame(
            {"s": pd.to_datetime(["2024-03-02", "2024-03-02"]), "e": pd.to_datetime(["2024-03-01"] * 2)}
        )
        found = checks.check_dates(values, self.rows, {"start": "s", "end": "e"}, None, "w.csv")
        assert "e lies before s in 2 responses" in found[0].message

    def test_consent_that_is_missing_counts_as_none(self) -> None:
        values = pd.DataFrame({"ok": pd.array([True, None], dtype="boolean")})
        assert "1 responses without consent" in checks.check_consent(values, self.rows, {"consent": "ok"}, "x")[0][0]

    def test_not_eligible_is_told_from_unknown(self) -> None:
        values = pd.DataFrame({"heads": [300.0, np.nan]})
        found = checks.check_eligibility(values, self.rows, {"eligible": "heads < 250"}, "w.csv")
        assert (found[0].state, "data row 4" in found[0].message) == ("stop", True)
        assert checks.check_eligibility(values[1:], self.rows[1:], {"eligible": "heads < 250"}, "x")[0].state == "pass"


class TestPartnersMarginsNumbers:
    def test_pair_of_a_partner_that_is_not_named(self) -> None:
        alters = {
            "slots": [1, 2],
            "columns": "alt{alter}_{field}",
            "pairs": "at{alter_i}{alter_j}",
            "named_when": "type",
        }
        values = pd.DataFrame({"alt1_type": ["sme", "sme"], "alt2_type": [None, "sme"], "at12": [1.0, None]})
        found = checks.check_partners(values, pd.Series([2, 3]), {"alters": alters}, RULES, "w.csv")
        assert [line.split(": ")[1][:11] for line in found[0].details] == ["1 responses", "1 of 1 resp"]

    def test_shares_of_networks(self) -> None:
        networks = {"slots": [1, 2], "columns": "nw{network}_{field}", "share": "share"}
        values = pd.DataFrame({"nw1_share": [60.0, 60], "nw2_share": [44.0, 50]})
        found = checks.check_partners(values, pd.Series([2, 3]), {"networks": networks}, RULES, "w.csv")
        assert (found[0].state, "data row 3" in found[0].message) == ("warning", True)

    def test_margins_without_rows_of_the_wave(self) -> None:
        margins = pd.DataFrame({"wave": ["1"], "variable": ["size"], "category": ["small"], "count": ["9"]})
        assert checks.check_margins(margins, None, 2, "m.csv")[0].message.startswith("m.csv: has no rows of wave 2")

    def test_empty_cell(self) -> None:
        margins = pd.DataFrame({"wave": "2", "variable": "size x area", "category": ["a x n", "b x n"], "count": "9"})
        sample = pd.DataFrame({"size": ["a", "b"], "area": ["n", "n"], "disposition": ["I", "R"]})
        assert "size x area = b x n: no respondent" in checks.check_margins(margins, sample, 2, "m.csv")[0].message

    @pytest.mark.parametrize(
        "rule", [{"variable": "size x area", "join": ["b x n"]}, {"variable": "size", "join": ["b"]}]
    )
    def test_empty_cell_that_is_joined_with_another(self, rule: dict[str, object]) -> None:
        margins = pd.DataFrame({"wave": "2", "variable": "size x area", "category": ["a x n", "b x n"], "count": "9"})
        sample = pd.DataFrame({"size": ["a", "b"], "area": ["n", "n"], "disposition": ["I", "R"]})
        [found] = checks.check_margins(margins, sample, 2, "m.csv", [rule | {"waves": [2]}])
        assert found.message == "all 2 cells of the margins of wave 2 have respondents or are joined with others"

    def test_respondents_against_the_sample_file(self) -> None:
        values = make_wave(2, ["a", "b", "o"], kind=["panel", "panel", "open"]).values
        sample = pd.DataFrame({"firm": ["a", "c"], "kind": "panel", "disposition": ["I", "I"]})
        found = checks.check_numbers(sample, values, [], {"sample_type": "kind"}, "firm", "w.csv")
        assert [line.removeprefix("w.csv: ")[:6] for line in found[0].details] == ["1 of 2", "1 of 2"]


class TestCodes:
    def test_waves_before_are_followed(self) -> None:
        plan = Variable("state", type="category", codes={"full": "Complete", "part": "Partial"})
        found = compare.propose_recodes({"8": 3}, plan, {}, {"8": "part"}, [])
        assert [(row["code"], row["sure"]) for row in found] == [("part", True)]

    def test_position_is_a_guess(self) -> None:
        plan = Variable("state", type="category", codes={"full": "Complete", "part": "Partial"})
        found = compare.propose_recodes({"1": 3, "2": 4, "-99": 1}, plan, {}, {}, ["-99"])
        assert [(row["raw_code"], row["code"], row["sure"]) for row in found] == [
            ("1", "full", False),
            ("2", "part", False),
        ]

    def test_labels_of_merged_codes(self) -> None:
        labels = {"5": "weekly", "6": "daily"}
        assert translate_labels(labels, [{"raw_code": "6", "code": "5"}]) == {"5": "weekly"}


class TestWaves:
    def test_what_only_another_wave_asked_stays(self) -> None:
        assert find_waves({"a": Variable("a", waves=(1,))}, [], 3, [1, 2], 2) == {}

    @given(st.sets(st.integers(0, 60), min_size=1))
    def test_written_waves_are_read_as_they_were(self, waves: set[int]) -> None:
        from firmties.codebook import parse_waves

        assert set(parse_waves(edits.write_waves(waves))) == waves


CONFIGS = [
    "study: {title: x}\nwaves:\n- id: 1\n  file: a.csv  # the first\n\n# and then\nmodels: []\n",
    "waves:\n  - {id: 1, file: a.csv}\n  - id: 3\n    file: c.csv\n    field: [2023-01-01, 2023-02-01]",
    "waves: [{id: 1, file: a.csv}]  # all\nstudy: {title: 'ä # no comment'}\n",
    "waves:\r\n  - id: 1\r\n    file: a.csv\r\n\r\nfamilies: {}\r\n",
    "waves:\n  - {id: 3, file: c.csv}\n",
]


class TestEdits:
    @pytest.mark.parametrize("text", CONFIGS)
    def test_entry_is_added_and_nothing_else_changes(self, text: str) -> None:
        entry = {"id": 2, "label": "2022", "file": "b.csv", "missing_codes": {".a": "refused"}}
        changed = edits.insert_wave(text, entry)
        before, after = yaml.safe_load(text), yaml.safe_load(changed)
        assert [wave for wave in after["waves"] if wave["id"] == 2] == [entry]
        assert [wave["id"] for wave in after["waves"]] == sorted(wave["id"] for wave in after["waves"])
        assert {**after, "waves": [wave for wave in after["waves"] if wave["id"] != 2]} == before
        left = changed
        for line in text.splitlines():
            assert line.split("  #")[0].rstrip("]}") in left

    def test_waves_that_are_no_list(self) -> None:
        with pytest.raises(StudyError, match="no list"):
            edits.insert_wave("waves: none\n", {"id": 2})

    @given(st.text(alphabet='ab,;"\n ', max_size=40), st.text(alphabet='ab,;"\n ', max_size=40))
    def test_a_change_is_taken_back(self, before: str, after: str) -> None:
        pieces = edits.describe_change(before.encode(), after.encode())
        assert edits.undo_change(after.encode(), pieces) == before.encode()

    @given(st.lists(st.lists(st.text(alphabet='ab,"\n', max_size=5), min_size=2, max_size=2), min_size=1, max_size=5))
    def test_cells_are_found_as_written(self, table: list[list[str]]) -> None:
        text = "\n".join(",".join(edits.write_cell(cell, ",") for cell in row) for row in table) + "\n"
        rows = [[edits.read_cell(text[begin:end]) for begin, end in row] for row in edits.locate_cells(text, ",")]
        assert rows == [[cell.strip() for cell in row] for row in table]

    def test_byte_order_mark_and_quotes_stay(self) -> None:
        text = '\ufeffvariable,question,waves\r\na,"x, ""y""",1-2\r\nb,z,\r\n'
        assert edits.replace_cells(text, "waves", {"a": "1-3"}) == text.replace("1-2", "1-3")

    def test_other_encodings_stay(self) -> None:
        content = "variable;question\na;größe\n".encode("cp1252")
        changed = edits.change_table(content, lambda text: edits.append_rows(text, [{"variable": "b"}], ()))
        assert changed == content + b"b;\n"


def test_long_values_are_not_quoted() -> None:
    assert hide_values("'99' is no code") == "'99' is no code"
    assert "secret" not in hide_values(f"'{'secret words ' * 9}' is no code")


def test_long_tables_say_what_is_left_out() -> None:
    assert count_rows(40_000, "column", "columns") == "40,000 columns, of which the first 100 are shown."
