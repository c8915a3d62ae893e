"""The wave page: what was found of a new wave, in HTML and as text, without any respondent's row."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from firmties.entry.checks import STATES, Check
from firmties.entry.edits import write_cell
from firmties.entry.examine import ROW, RULES, Examination

MOST_ROWS = 100
"""Most rows of a table on the page; how many more there are is said."""
MOST_LINES = 20
"""Most rows of crosswalk and codebook that the page quotes; their files have all."""
ALIKE = 5
"""More changes of one kind and reason than this are put in one row."""
SIGNS = {"stop": "■ stop", "warning": "▲ warning", "pass": "✓ pass", "not applicable": "– not applicable"}
HEADINGS = {"stop": "Stops", "warning": "Warnings", "pass": "Passed", "not applicable": "Not applicable"}

STYLE = """
:root { --ink: #1b1f24; --soft: #565d66; --rule: #c9ced4; --stop: #9b1c1c; --warning: #8a5a00; --pass: #1d6b3a; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.2rem 1rem 3rem; max-width: 68rem; color: var(--ink); background: #fff;
  font: 1rem/1.5 system-ui, "Segoe UI", "Liberation Sans", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 .6rem; padding-top: .6rem; border-top: 1px solid var(--rule); }
.verdict { font-size: 1.1rem; font-weight: 600; border-left: .4rem solid; padding: .5rem .8rem; margin: 1rem 0;
  background: #f6f7f8; }
.stop { border-color: var(--stop); }
.warning { border-color: var(--warning); }
.pass { border-color: var(--pass); }
.check { border-left: .3rem solid var(--rule); padding: .15rem .8rem; margin: .7rem 0;
  overflow-wrap: anywhere; break-inside: avoid; }
.check.stop { border-color: var(--stop); }
.check.warning { border-color: var(--warning); }
.check.pass { border-color: var(--pass); }
.check p { margin: .15rem 0; }
.check ul { margin: .2rem 0 .4rem; padding-left: 1.2rem; }
.state { font-weight: 600; white-space: nowrap; }
.check p:first-child { font-weight: 600; }
.stop .state { color: var(--stop); }
.warning .state { color: var(--warning); }
.pass .state { color: var(--pass); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--rule); }
td { overflow-wrap: break-word; min-width: 4rem; }
td:not(.number) { min-width: 7rem; max-width: 34rem; }
td:not(.number):last-child { min-width: 12rem; }
th { border-bottom: 2px solid #555; }
.number { text-align: right; }
pre { background: #f6f7f8; padding: .7rem; font-size: .82rem; line-height: 1.4; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.note { color: var(--soft); }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; gap: 0; }
dd { margin-bottom: .4rem; }
h1 { font-size: 1.35rem; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; }
.scroll { overflow: visible; }
thead { display: table-header-group; } }
"""

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>{{ style }}</style>
</head>
<body>
<h1>{{ title }}</h1>
<p class="verdict {{ verdict_state }}">{{ verdict }}</p>
<dl>{% for name, value in facts.items() %}<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>
{% for heading, checks in groups %}
<h2>{{ heading }}</h2>
{% for check in checks %}
<div class="check {{ check.state }}">
<p><span class="state">{{ signs[check.state] }}</span> · {{ check.number }} {{ check.title }}</p>
{% if check.state == "pass" and check.details %}
<ul><li>{{ check.message }}</li>{% for line in check.details %}<li>{{ line }}</li>{% endfor %}</ul>
{% else %}
<p>{{ check.message }}</p>
{% if check.details %}<ul>{% for line in check.details %}<li>{{ line }}</li>{% endfor %}</ul>{% endif %}
{% endif %}
</div>
{% endfor %}
{% endfor %}
{% for table in tables %}
<h2>{{ table.heading }}</h2>
<p class="note">{{ table.note }}</p>
{% if table.rows %}
<div class="scroll" tabindex="0" role="region" aria-label="{{ table.heading }}"><table>
<thead><tr>
{% for name in table.columns %}
<th scope="col"{{ ' class=number' if table.numbers and not loop.first }}>{{ name }}</th>
{% endfor %}
</tr></thead>
<tbody>
{% for row in table.rows %}
<tr>
{% for cell in row %}
<td{{ ' class=number' if table.numbers and not loop.first }}>{{ cell }}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table></div>
{% endif %}
{% endfor %}
<h2>What would be written</h2>
{% for block in blocks %}
<p>{{ block.heading }}</p>
{% if block.lines %}<pre>{{ block.lines | join("\n") }}</pre>{% endif %}
{% endfor %}
</body>
</html>
"""


def describe_verdict(found: Examination) -> tuple[str, str]:
    """State of the page, and one sentence on whether the wave may come in."""
    counts = {state: sum(check.state == state for check in found.checks) for state in STATES}
    words = {"stop": ("stop", "stops"), "warning": ("warning", "warnings"), "pass": ("check passed", "checks passed")}
    words["not applicable"] = ("not applicable",) * 2
    said = ", ".join(f"{counts[state]} {words[state][counts[state] > 1]}" for state in STATES if counts[state])
    if counts["stop"]:
        return "stop", f"The wave cannot come in as it is: {said}. Nothing is written to the study while a stop stands."
    if counts["warning"]:
        return "warning", f"The wave may come in; read the warnings first: {said}."
    return "pass", f"The wave may come in: {said}."


def list_tables(found: Examination) -> list[dict[str, Any]]:
    """The tables of changes and of drift; of long ones the first rows."""
    changes = found.changes
    order = list(dict.fromkeys(row["what"] for row in changes))
    # What is usual comes last, so that a long list of renamed columns hides nothing.
    order.sort(key=lambda what: what in ("renamed", "ignored", "other code"))
    rows = gather_alike(sorted(changes, key=lambda row: order.index(row["what"])))
    tables = [
        {
            "heading": "What is different",
            "note": f"{len(changes):,} difference{'s' if len(changes) != 1 else ''} from the codebook and the earlier "
            "wave; many of one kind and reason stand in one row."
            + (f" The first {MOST_ROWS} rows are shown." if len(rows) > MOST_ROWS else ""),
            "columns": ["what", "column of the file", "variable", "how it is known"],
            "rows": [
                [cut_words(row[key]) for key in ("what", "column", "variable", "detail")] for row in rows[:MOST_ROWS]
            ],
            "numbers": False,
        }
    ]
    if found.drift is not None:
        threshold = found.study.config.get("entry_checks", {}).get("psi", RULES["psi"])
        drift = found.drift.sort_values("psi", ascending=False, na_position="last", kind="stable")
        tables.append(
            {
                "heading": "Drift per item",
                "note": count_rows(len(drift), "column", "columns")
                + " The stability index compares the distribution of the answers with the earlier wave's (0: the "
                f"same). It is warned of from {threshold:g} on, if it also lies above the next figure, which chance "
                "alone exceeds once in a thousand times. Missing: of those asked.",
                "columns": [
                    "column",
                    "stability index",
                    "chance gives up to",
                    "answers",
                    "answers before",
                    "missing",
                    "missing before",
                ],
                "rows": [
                    [
                        cut_words(row["column"]),
                        format_number(row["psi"]),
                        format_number(row["chance"]),
                        f"{row['n_now']:,}",
                        f"{row['n_before']:,}",
                        format_share(row["missing_now"]),
                        format_share(row["missing_before"]),
                    ]
                    for row in drift.head(MOST_ROWS).to_dict("records")
                ],
                "numbers": True,
            }
        )
    return tables


def gather_alike(rows: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Put changes of one kind in one row: those of one variable, and many with one reason, the first of them named.

    Examples
    --------
    >>> rows = [{"what": "renamed", "column": f"Q{n}", "variable": f"v{n}", "detail": "as before"} for n in range(9)]
    >>> gather_alike(rows)[0]["column"], gather_alike(rows[:2])[1]["column"]
    ('9 columns: Q0, Q1, Q2, … Q8', 'Q1')
    >>> codes = [{"what": "other code", "column": "", "variable": "plan", "detail": f"{n} is {n + 1}"} for n in (1, 2)]
    >>> gather_alike(codes)[0]["detail"]
    '1 is 2; 2 is 3'
    """
    codes: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        codes.setdefault((row["what"], row["column"], row["variable"]), []).append(row["detail"])
    rows = [
        {"what": what, "column": column, "variable": variable, "detail": "; ".join(details)}
        for (what, column, variable), details in codes.items()
    ]
    groups: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for row in rows:
        groups.setdefault((row["what"], row["detail"]), []).append(row)
    gathered = []
    for members in groups.values():
        if len(members) <= ALIKE:
            gathered += [dict(row) for row in members]
            continue
        one = dict(members[0])
        for key, word in (("column", "columns"), ("variable", "variables")):
            names = list(dict.fromkeys(row[key] for row in members if row[key]))
            if len(names) > 1:
                one[key] = f"{len(names):,} {word}: {', '.join(names[:3])}, … {names[-1]}"
        gathered.append(one)
    return gathered


def cut_words(text: str) -> str:
    """Cut words that are so long that no table holds them.

    Examples
    --------
    >>> cut_words("a column " + "x" * 100)[-6:], len(cut_words("x" * 100))
    ('xxxxx…', 60)
    """
    return re.sub(r"\S{61,}", lambda found: f"{found[0][:59]}…", text)


def count_rows(n: int, one: str, many: str, most: int = MOST_ROWS) -> str:
    """Say how many rows there are, and how many of them are shown.

    Examples
    --------
    >>> count_rows(1, "column", "columns"), count_rows(40_000, "column", "columns")
    ('1 column.', '40,000 columns, of which the first 100 are shown.')
    """
    shown = f", of which the first {most} are shown" if n > most else ""
    return f"{n:,} {one if n == 1 else many}{shown}."


def format_number(value: float) -> str:
    """Two digits, a dash where there is none.

    Examples
    --------
    >>> format_number(0.1234), format_number(float("nan"))
    ('0.12', '–')
    """
    return f"{value:.2f}" if value == value else "–"


def format_share(value: float) -> str:
    """Whole per cent, a dash where there is none.

    Examples
    --------
    >>> format_share(0.123)
    '12%'
    """
    return f"{value:.0%}" if value == value else "–"


def list_blocks(found: Examination, entry_text: str, dependents: Sequence[str]) -> list[dict[str, Any]]:
    """What would be written, and what has to be confirmed or added by hand."""
    tables = [
        ("data/crosswalk.csv, rows to append", found.crosswalk, ROW),
        ("Likely rows that have to be confirmed (give them with --crosswalk)", found.unsure, ROW),
        ("data/codebook.csv, rows to append", found.codebook, list(found.codebook[0] if found.codebook else ())),
        (
            "Rows drafted for columns that are new (read them through and give them with --codebook)",
            found.drafts,
            list(found.drafts[0] if found.drafts else ()),
        ),
    ]
    listed = [{"heading": "config.yaml, in waves:", "lines": [entry_text]}]
    listed += [
        {
            "heading": f"{heading}: {count_rows(len(rows), 'row', 'rows', MOST_LINES)}",
            "lines": write_rows(rows, names),
        }
        for heading, rows, names in tables
        if rows
    ]
    if found.waves:
        lines = [f"{name}: {waves}" for name, waves in found.waves.items()]
        listed.append({"heading": "data/codebook.csv, new contents of the column waves:", "lines": lines})
    listed.append({"heading": "data/anchors.csv stays as it is: indices keep the constants they have.", "lines": []})
    if dependents:
        heading = "The wave lies before others. What depends on it will be computed anew:"
        listed.append({"heading": heading, "lines": list(dependents)})
    return listed


def write_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    """Lines of a CSV table, of a long one the first."""
    lines = [",".join(write_cell(row.get(name, ""), ",") for name in columns) for row in rows[:MOST_LINES]]
    return [",".join(columns), *lines]


def group_checks(checks: Sequence[Check]) -> list[tuple[str, list[Check]]]:
    """Checks by state, the gravest first."""
    groups = [(HEADINGS[state], [check for check in checks if check.state == state]) for state in STATES]
    return [(heading, found) for heading, found in groups if found]


def write_html(found: Examination, title: str, entry_text: str, dependents: Sequence[str] = ()) -> str:
    """Write the wave page as one HTML file that needs no other; everything of the data is escaped."""
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.undefined = jinja2.StrictUndefined
    state, verdict = describe_verdict(found)
    return environment.from_string(TEMPLATE).render(
        title=title,
        style=jinja2.utils.markupsafe.Markup(STYLE),
        verdict_state=state,
        verdict=verdict,
        facts=found.facts,
        groups=group_checks(found.checks),
        signs=SIGNS,
        tables=list_tables(found),
        blocks=list_blocks(found, entry_text, dependents),
    )


def write_text(found: Examination, title: str, entry_text: str, dependents: Sequence[str] = ()) -> str:
    """Write the wave page as plain text."""
    _, verdict = describe_verdict(found)
    lines = [title, "=" * len(title), "", *textwrap.wrap(verdict, 100), ""]
    lines += [f"{name}: {value}" for name, value in found.facts.items()]
    for heading, checks in group_checks(found.checks):
        lines += ["", heading, "-" * len(heading)]
        for check in checks:
            lines.append(f"{SIGNS[check.state]} · {check.number} {check.title}: {check.message}")
            lines += [f"    {line}" for line in check.details]
    for table in list_tables(found):
        lines += ["", table["heading"], "-" * len(table["heading"]), table["note"]]
        if table["rows"]:
            lines += ["\t".join(table["columns"]), *("\t".join(map(str, row)) for row in table["rows"])]
    lines += ["", "What would be written", "---------------------"]
    for block in list_blocks(found, entry_text, dependents):
        lines += [block["heading"], *(f"    {line}" for line in block["lines"])]
    return "\n".join(lines) + "\n"
