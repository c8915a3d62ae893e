"""The report's text: sections, placed exhibits, quoted numbers."""

import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from firmties.errors import StudyError
from firmties.provenance import PACKAGES
from firmties.report import (
    Exhibits,
    Results,
    compose,
    merge_sections,
    split_sections,
    summarize_run,
    tabulate_adjustments,
    turn_heading,
)
from firmties.tables import TURN, Row, Table, write_html

ROOT = Path(__file__).parents[2]
TEMPLATE = """# Answer {#answer}

Default.

# Growth {#growth kinds="regression curve"}

# Limits {#limits}

Limits.

# Appendix {#appendix}
"""


@pytest.fixture
def results():
    hypotheses = pd.DataFrame(
        {
            "hypothesis": ["H1", "H1", "H2"],
            "claim": ["Claim one", "Claim one", "Claim two"],
            "component": ["a", "b", "a"],
            "estimate": [0.0432, -0.1, None],
            "conf_low": [0.02, -0.2, None],
            "conf_high": [0.06, 0.0, None],
            "verdict": ["supported", "supported", "undecided"],
        }
    )
    models = pd.DataFrame(
        {"model": ["m", "k"], "status": ["fitted", "failed"], "reason": ["", "the outcome is constant"]}
    )
    models = models.assign(outcome="y", sample="", block="")
    ledger = pd.DataFrame({"wave": [1, 1, 2], "variable": ["", "emp", None], "rule": ["late", "range", "late"]})
    return Results(
        {"hypotheses": hypotheses, "models": models, "ledger": ledger},
        {
            "T1": {"panel_firms": 1006, "panel_firm_waves": 2230, "n_firms": 1006},
            "F1": {"n_firms": 3, "remark": "A [remark]."},
        },
    )


@pytest.fixture
def exhibits(results):
    entries = {
        "F1": {"kind": "curve", "title": 'The "curve" & more'},
        "T1": {"kind": "regression", "title": "Steps"},
        "A1": {"kind": "topline", "title": "All"},
    }
    pages = {
        name: write_html(Table(entries[name]["title"], ["", "n"], [Row(["a", "1"])]), name) for name in ("T1", "A1")
    }
    return Exhibits(entries, results.notes, {"F1": ("F1.svg", 80.0)}, pages)


def write(own, results, exhibits, template=TEMPLATE):
    return compose(template, own, {"title": "S"}, results, exhibits)


def problem(own, results, exhibits):
    with pytest.raises(StudyError) as caught:
        write(own, results, exhibits)
    return str(caught.value)


def test_heading_in_a_code_block_is_no_section():
    assert [part.name for part in split_sections("# A {#a}\n```\n# no\n```\n", "report.md")] == ["a"]


def test_own_section_replaces_the_template(results, exhibits):
    assert "Default." not in write("# What we found {#answer}\nMine.\n", results, exhibits)


def test_order_is_the_template_s():
    merged = merge_sections(
        split_sections(TEMPLATE, "t"), split_sections("# L {#limits}\n# A {#answer}\n", "report.md")
    )
    assert [part.name for part in merged] == ["answer", "growth", "limits", "appendix"]


def test_new_section_follows_the_one_before_it():
    merged = merge_sections(
        split_sections(TEMPLATE, "t"), split_sections("# G {#growth}\n# Supply {#supply}\n", "report.md")
    )
    assert [part.name for part in merged][1:3] == ["growth", "supply"]


def test_section_given_twice_is_refused():
    with pytest.raises(StudyError, match="section '#a' is there twice"):
        merge_sections([], split_sections("# A {#a}\n# B {#a}\n", "report.md"))


def test_empty_section_is_left_out(results, exhibits):
    exhibits.entries = {}
    assert "# Growth" not in write(None, results, exhibits)


def test_exhibit_not_placed_goes_to_the_section_of_its_kind(results, exhibits):
    text = write(None, results, exhibits)
    assert text.index("# Growth") < text.index("F1.svg") < text.index("# Limits")


def test_exhibit_that_no_section_takes_goes_to_the_appendix(results, exhibits):
    text = write(None, results, exhibits)
    assert text.index("# Appendix") < text.index('<div id="A1"')


def test_section_of_an_entry_wins_over_its_kind(results, exhibits):
    exhibits.entries["F1"]["section"] = "limits"
    text = write(None, results, exhibits)
    assert text.index("# Limits") < text.index("F1.svg")


def test_unknown_section_of_an_entry_is_refused(results, exhibits):
    exhibits.entries["F1"]["section"] = "limit"
    assert "F1: section: no section 'limit'; did you mean 'limits'" in problem(None, results, exhibits)


def test_exhibit_stands_once(results, exhibits):
    assert write("# G {#growth}\n{{ exhibit('F1') }}\n", results, exhibits).count("F1.svg") == 1


def test_exhibit_placed_twice_is_refused(results, exhibits):
    assert "'F1' is placed twice" in problem(
        "# G {#growth}\n{{ exhibit('F1') }}{{ exhibit('F1') }}\n", results, exhibits
    )


def test_unknown_exhibit_is_refused(results, exhibits):
    assert "see('F2'): no exhibit 'F2'; allowed: F1, T1, A1" in problem(
        "# G {#growth}\n{{ see('F2') }}\n", results, exhibits
    )


def test_value_in_points(results, exhibits):
    own = "# A {#answer}\n{{ value('hypotheses', 'estimate', hypothesis='H1', component='a') | points }}\n"
    assert "\n4.3\n" in write(own, results, exhibits)


def test_interval_in_points(results, exhibits):
    own = "# A {#answer}\n{{ interval('hypotheses', hypothesis='H1', component='a') | points }}\n"
    assert "\n2.0 to 6.0\n" in write(own, results, exhibits)


def test_several_rows_are_refused_with_the_call(results, exhibits):
    message = problem("# A {#answer}\n{{ value('hypotheses', 'estimate', hypothesis='H1') }}\n", results, exhibits)
    assert "value('hypotheses', 'estimate', hypothesis='H1'): 2 rows match; name one more of: component" in message


def test_no_row_is_refused_with_the_nearest(results, exhibits):
    message = problem("# A {#answer}\n{{ value('hypotheses', 'estimate', hypothesis='H7') }}\n", results, exhibits)
    assert "no row matches; 'hypothesis': allowed: H1, H2" in message


def test_missing_value_is_refused(results, exhibits):
    message = problem("# A {#answer}\n{{ value('hypotheses', 'estimate', hypothesis='H2') }}\n", results, exhibits)
    assert "the value is missing" in message


def test_unknown_name_is_refused_with_its_section(results, exhibits):
    assert "report.md, section '#answer': 'nonsense' is undefined" in problem(
        "# A {#answer}\n{{ nonsense }}\n", results, exhibits
    )


def test_all_faults_are_told_at_once(results, exhibits):
    assert problem("# A {#answer}\n{{ x }}\n# G {#growth}\n{{ y }}\n", results, exhibits).startswith("2 problems")


def test_counts_are_written_with_separators(results, exhibits):
    assert "1,006 firms" in write("# A {#answer}\n{{ count('panel firms') }} firms\n", results, exhibits)


def test_verdict(results):
    assert results.verdict("H2") == "undecided"


def test_unknown_count_is_refused(results):
    with pytest.raises(StudyError, match="did you mean 'panel firms'"):
        results.count("panel firm")


def test_hypotheses_are_counted_once_each(results):
    assert results.counts()["hypotheses supported"] == 1


def test_ledger_counts_rows_and_values_apart(results):
    assert (results.counts()["responses excluded"], results.counts()["values removed"]) == (2, 1)


def test_alternative_text_says_title_and_basis(results, exhibits):
    assert 'alt="The &quot;curve&quot; &amp; more. 3 firms. A [remark]."' in write(None, results, exhibits)


def test_caption_is_no_markdown(results, exhibits):
    assert r"A \[remark\]." in write(None, results, exhibits)


def test_study_s_own_caption_is_added_to_a_table(results, exhibits):
    exhibits.entries["T1"]["caption"] = "Read downwards."
    assert "<p>Read downwards.</p>" in write(None, results, exhibits)


def test_failed_models_stand_in_the_report(results, exhibits):
    template = (ROOT / "reports" / "template" / "report.md.j2").read_text("utf-8")
    text = compose(template, None, {"title": "S"}, results, exhibits)
    assert "the outcome is constant" in text


def test_template_types_no_number():
    text = (ROOT / "reports" / "template" / "report.md.j2").read_text("utf-8")
    assert find_typed_numbers(text) == ["95"]


def find_typed_numbers(text):
    """Digits in the words of a text: what stands in expressions, headings' attributes and identifiers is left out."""
    words = re.sub(r"{{.*?}}|{%.*?%}|{#.*?}", " ", text, flags=re.DOTALL)
    return re.findall(r"(?<![A-Za-z0-9])\d[\d.,]*(?![A-Za-z])", words.replace(" %", ""))


def test_demonstration_types_no_number():
    # The level of the intervals is a convention of the whole report, not a result.
    assert set(find_typed_numbers((ROOT / "report.md").read_text("utf-8"))) <= {"95"}


def test_software_listed_is_what_the_project_depends_on():
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert sorted(PACKAGES) == sorted(re.split(r"[^\w-]", name)[0] for name in declared)


def test_closing_summary_names_failed_models(tmp_path):
    folder = tmp_path / "reports" / "results"
    folder.mkdir(parents=True)
    (folder / "models.csv").write_text("model,outcome,sample,block,status,reason\nM1,y,,,failed,empty sample\n")
    assert "- M1, y: empty sample" in summarize_run(tmp_path)


def test_closing_summary_names_an_item_against_its_scale(tmp_path):
    folder = tmp_path / "data" / "processed"
    folder.mkdir(parents=True)
    (folder / "reversals.csv").write_text(
        "wave,wave_label,scale,label,item,reverse,r,conf_low,conf_high,n\n2,2022,trust,Trust,t3,True,-0.5,-0.6,-0.4,99\n"
    )
    assert summarize_run(tmp_path).endswith(
        "- t3 of Trust in wave 2022 (r = −0.50 with the other items, 95 % interval up to −0.40, n = 99)"
    )


def test_closing_summary_says_what_moved(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "changes.log").write_text("Since first: 3 values moved; see reports/changes.html.\n")
    assert summarize_run(tmp_path) == "Since first: 3 values moved; see reports/changes.html."


def test_closing_summary_names_no_report_that_was_not_made(tmp_path):
    assert "report.html" not in summarize_run(tmp_path)


def test_heading_goes_onto_the_turned_page_of_its_table():
    body = f"```{{=html}}\n<table/>\n```\n\n```{{=typst}}\n{TURN}#exhibit\n```"
    assert turn_heading("# Appendix\n\n", body).index(TURN) < turn_heading("# Appendix\n\n", body).index("# Appendix")


def test_turned_page_begins_once():
    body = f"```{{=html}}\n<table/>\n```\n\n```{{=typst}}\n{TURN}#exhibit\n```"
    assert turn_heading("# Appendix\n\n", body).count(TURN) == 1


def test_heading_with_words_stays_above_them():
    body = f"Words.\n\n```{{=html}}\n<table/>\n```\n\n```{{=typst}}\n{TURN}#exhibit\n```"
    assert turn_heading("# Appendix\n\n", body) == "# Appendix\n\n" + body


def test_models_with_the_same_variables_share_a_row():
    notes = {"F1": {"adjusted_M1": "size, age", "adjusted_M3": "size, age"}, "F2": {"adjusted_M9": "ties"}}
    assert [row.cells for row in tabulate_adjustments(notes).rows] == [["M1, M3", "size, age"], ["M9", "ties"]]
