"""The report's text: sections, placed exhibits, and numbers quoted from the results.

A template and a study's ``report.md`` are Markdown with Jinja expressions, cut into sections at their first-level
headings. A study's section replaces the template's section of the same identifier.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, UndefinedError

from firmties.errors import StudyError, describe_allowed
from firmties.tables import (
    TURN,
    Row,
    Table,
    count_words,
    describe_basis,
    format_compact,
    format_number,
    format_p,
    format_percent,
    is_missing,
    join_words,
    read_html,
    word_reversal,
    write_html,
    write_typst,
)

if TYPE_CHECKING:
    import pandas as pd

HEADING = re.compile(r"^# +(?P<title>.*?)\s*(?:\{(?P<attributes>[^{}]*)\})?\s*$")
# --- sections -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Section:
    """A section: identifier, title, the kinds of exhibit that it takes, its text, and the file that it comes from."""

    name: str
    title: str
    text: str
    kinds: tuple[str, ...] = ()
    origin: str = "report.md"


def split_sections(text: str, origin: str) -> list[Section]:
    """Cut Markdown into sections at its first-level headings; what stands before the first has the name ``""``.

    Examples
    --------
    >>> for part in split_sections('Before.\\n# Growth {#growth kinds="curve forest"}\\nWords.\\n', "report.md"):
    ...     print((part.name, part.title, part.kinds, part.text.strip()))
    ('', '', (), 'Before.')
    ('growth', 'Growth', ('curve', 'forest'), 'Words.')
    """
    sections = [Section("", "", "", origin=origin)]
    fenced = False
    for line in text.splitlines():
        fenced ^= line.startswith(("```", "~~~"))
        if not fenced and (found := HEADING.match(line)):
            attributes = found["attributes"] or ""
            name = re.search(r"#([\w-]+)", attributes)
            kinds = re.search(r'kinds="([^"]*)"', attributes)
            sections.append(
                Section(
                    name[1] if name else re.sub(r"\W+", "-", found["title"].lower()).strip("-"),
                    found["title"],
                    "",
                    tuple(kinds[1].split()) if kinds else (),
                    origin,
                )
            )
        else:
            sections[-1] = replace(sections[-1], text=f"{sections[-1].text}{line}\n")
    return sections if sections[0].text.strip() else sections[1:]


def merge_sections(template: Sequence[Section], own: Sequence[Section]) -> list[Section]:
    """Put a study's sections in the template's order; a section that the template lacks follows the one before it.

    Raises
    ------
    StudyError
        A section given twice, or text before the first heading of the study's file.
    """
    problems = [
        f"{section.origin}: section '#{section.name}' is there twice"
        for at, section in enumerate(own)
        if section.name in [other.name for other in own[:at]]
    ]
    if any(section.name == "" for section in own):
        problems.append(
            f"{own[0].origin}: text before the first heading; begin with a heading such as '# Answer {{#answer}}'"
        )
    if problems:
        raise StudyError(problems)
    kinds = {section.name: section.kinds for section in template}
    merged = list(template)
    before = ""
    for section in own:
        place = [other.name for other in merged]
        section = replace(section, kinds=section.kinds or kinds.get(section.name, ()))
        if section.name in place:
            merged[place.index(section.name)] = section
        else:
            merged.insert(place.index(before) + 1 if before in place else len(template), section)
        before = section.name
    return merged


# --- results --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Results:
    """Everything that the text may quote: tables by name, and the notes of each exhibit."""

    tables: Mapping[str, pd.DataFrame]
    notes: Mapping[str, Mapping[str, Any]]

    def find_rows(self, call: str, source: str, match: Mapping[str, Any]) -> pd.DataFrame:
        """Choose the rows of a result that match all the given columns."""
        if source not in self.tables:
            raise StudyError(f"{call}: no result '{source}'; {describe_allowed(source, self.tables)}")
        rows = self.tables[source]
        for column, wanted in match.items():
            if column not in rows.columns:
                raise StudyError(
                    f"{call}: '{source}' has no column '{column}'; {describe_allowed(column, rows.columns)}"
                )
            rows = rows.loc[rows[column].map(lambda cell, wanted=wanted: _equals(cell, wanted)).astype(bool)]
        return rows

    def value(self, source: str, column: str, **match: Any) -> Any:
        """Quote the one value of a column in the row that matches.

        Raises
        ------
        StudyError
            No row or several rows match, a name is not known, or the value is missing.
        """
        call = word_call("value", source, column, **match)
        row = self.one_row(call, source, match)
        if column not in row.index:
            raise StudyError(f"{call}: '{source}' has no column '{column}'; {describe_allowed(column, row.index)}")
        if is_missing(row[column]):
            raise StudyError(f"{call}: the value is missing")
        return row[column].item() if hasattr(row[column], "item") else row[column]

    def interval(self, source: str, **match: Any) -> tuple[float, float]:
        """Quote the bounds ``conf_low`` and ``conf_high`` of the row that matches."""
        return self.value(source, "conf_low", **match), self.value(source, "conf_high", **match)

    def one_row(self, call: str, source: str, match: Mapping[str, Any]) -> pd.Series:
        """Find the one row that matches."""
        rows = self.find_rows(call, source, match)
        if len(rows) == 1:
            return rows.iloc[0]
        if rows.empty:
            column = list(match)[-1] if match else ""
            allowed = self.tables[source][column].dropna().unique() if match else ()
            hint = f"; '{column}': {describe_allowed(match[column], allowed)}" if match else ""
            raise StudyError(f"{call}: no row matches{hint}")
        varying = [column for column in rows.columns if column not in match and rows[column].nunique() > 1]
        raise StudyError(f"{call}: {len(rows)} rows match; name one more of: {', '.join(varying[:8])}")

    def note(self, exhibit: str, key: str) -> Any:
        """Quote an entry of an exhibit's notes."""
        call = word_call("note", exhibit, key)
        if exhibit not in self.notes:
            raise StudyError(f"{call}: no exhibit '{exhibit}'; {describe_allowed(exhibit, self.notes)}")
        if key not in self.notes[exhibit]:
            raise StudyError(f"{call}: no note '{key}'; {describe_allowed(key, self.notes[exhibit])}")
        return self.notes[exhibit][key]

    def count(self, what: str) -> int:
        """Quote a count by name, such as ``panel firms`` or ``models failed``."""
        counts = self.counts()
        if what not in counts:
            raise StudyError(f"{word_call('count', what)}: no such count; {describe_allowed(what, counts, at_most=40)}")
        return counts[what]

    def counts(self) -> dict[str, int]:
        """All counts by name."""
        counts: dict[str, int] = {}
        # Exhibits of the whole panel agree on its size; whichever the study has will do.
        for notes in self.notes.values():
            if "panel_firms" in notes:
                counts |= {"panel firms": int(notes["panel_firms"]), "panel firm-waves": int(notes["panel_firm_waves"])}
        models = self.tables.get("models")
        if models is not None:
            counts["models"] = len(models)
            counts["models failed"] = int((models["status"] == "failed").sum())
        hypotheses = self.tables.get("hypotheses")
        if hypotheses is not None:
            verdicts = hypotheses.drop_duplicates("hypothesis")["verdict"].astype(str)
            counts["hypotheses"] = len(verdicts)
            for word in ("supported", "against", "undecided", "pending"):
                counts[f"hypotheses {word}"] = int(verdicts.str.startswith(word).sum())
        ledger = self.tables.get("ledger")
        if ledger is not None:
            whole = is_whole_row(ledger)
            counts |= {"responses excluded": int(whole.sum()), "values removed": int((~whole).sum())}
        return counts

    def verdict(self, hypothesis: str) -> str:
        """The verdict on a hypothesis, as a word."""
        call = word_call("verdict", hypothesis)
        rows = self.find_rows(call, "hypotheses", {})
        rows = rows.loc[rows["hypothesis"] == hypothesis]
        if rows.empty:
            known = self.tables["hypotheses"]["hypothesis"].unique()
            raise StudyError(f"{call}: no such hypothesis; {describe_allowed(hypothesis, known)}")
        verdicts = rows["verdict"].dropna()
        return str(verdicts.iloc[0]) if len(verdicts) else "not estimated"


def _equals(cell: Any, wanted: Any) -> bool:
    if is_missing(cell):
        return wanted in (None, "")
    if isinstance(cell, str) or isinstance(wanted, str):
        return str(cell) == str(wanted)
    return bool(cell == wanted)


def word_call(function: str, *arguments: Any, **match: Any) -> str:
    """Write a call of the text as it was made, for a message.

    Examples
    --------
    >>> word_call("value", "hypotheses", "estimate", hypothesis="HT1")
    "value('hypotheses', 'estimate', hypothesis='HT1')"
    """
    parts = [*(repr(argument) for argument in arguments), *(f"{key}={wanted!r}" for key, wanted in match.items())]
    return f"{function}({', '.join(parts)})"


def is_whole_row(ledger: pd.DataFrame) -> pd.Series:
    """Tell ledger rows that stand for a whole response."""
    return ledger["variable"].isna() | (ledger["variable"] == "")


# --- words ----------------------------------------------------------------------------------------------------------


def apply_to_bounds(write: Callable[..., str]) -> Callable[..., str]:
    """Let a filter write a single number or both bounds of an interval."""

    def written(value: Any, *arguments: Any, **options: Any) -> str:
        if isinstance(value, tuple):
            return " to ".join(write(bound, *arguments, **options) for bound in value)
        return write(value, *arguments, **options)

    return written


def format_points(value: Any, digits: int = 1) -> str:
    """Write a share or rate times 100: ``0.0432`` as ``4.3``."""
    return format_number(100 * value, digits)


def write_plainly(value: Any) -> Any:
    """Write what an expression gives when no filter says how: whole numbers whole, others to three figures."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return format_number(value, 0)
    return format_compact(value) if isinstance(value, float) else value


def escape_markdown(text: str) -> str:
    """Write text so that Markdown prints it as it stands.

    Examples
    --------
    >>> escape_markdown("nt_primary * [x]")
    'nt\\\\_primary \\\\* \\\\[x\\\\]'
    """
    return re.sub(r"([\\`*_{}\[\]<>#$~^@|])", r"\\\1", text)


# --- exhibits -------------------------------------------------------------------------------------------------------


@dataclass
class Exhibits:
    """The exhibits of a study, and which of them the text has placed.

    Parameters
    ----------
    entries
        Identifier → configuration entry with ``kind``, ``title``, ``medium``.
    notes
        Identifier → notes, from which captions are written.
    figures
        Identifier → (path, width in per cent of the text).
    tables
        Identifier → HTML page of the table.
    """

    entries: Mapping[str, Mapping[str, Any]]
    notes: Mapping[str, Mapping[str, Any]]
    figures: Mapping[str, tuple[str, float]]
    tables: Mapping[str, str]
    placed: list[str] = field(default_factory=list)

    def check(self, call: str, name: str) -> None:
        """Refuse an exhibit that the study does not have."""
        if name not in self.entries:
            raise StudyError(f"{call}: no exhibit '{name}'; {describe_allowed(name, self.entries)}")

    def place(self, name: str) -> str:
        """Place an exhibit here, with its caption."""
        call = word_call("exhibit", name)
        self.check(call, name)
        if name in self.placed:
            raise StudyError(f"{call}: '{name}' is placed twice")
        self.placed.append(name)
        return self.write_figure(name) if name in self.figures else self.write_table(name)

    def refer(self, name: str) -> str:
        """Name an exhibit in the text, as a link to it."""
        self.check(word_call("see", name), name)
        return f"[{name}](#{name})"

    def write_figure(self, name: str) -> str:
        """Write a figure with caption and alternative text."""
        path, width = self.figures[name]
        title = str(self.entries[name]["title"])
        said = describe_basis(self.notes.get(name, {}))
        alternative = str(self.notes.get(name, {}).get("alt") or " ".join([f"{title}.", *said]))
        said = [*self.word_caption(name), *said]
        caption = " ".join([f"**{name}** {escape_markdown(title)}.", *(escape_markdown(line) for line in said)])
        described = alternative.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
        return f'\n\n![{caption}]({path}){{#{name} alt="{described}" width={width:.0f}%}}\n\n'

    def write_table(self, name: str) -> str:
        """Write a table in a container of its own that scrolls sideways."""
        return wrap_table(self.tables[name], name, self.word_caption(name))

    def word_caption(self, name: str) -> list[str]:
        """The study's own sentence on an exhibit, if there is one."""
        caption = self.entries[name].get("caption")
        return [str(caption).strip()] if caption else []

    def of_section(self, section: str, kinds: Iterable[str]) -> list[str]:
        """The exhibits not yet placed that belong to a section, by name or else by kind, in the study's order."""
        return [
            name
            for name, entry in self.entries.items()
            if name not in self.placed
            and (entry["section"] == section if "section" in entry else entry["kind"] in kinds)
        ]


def wrap_table(page: str, name: str, said: Sequence[str] = ()) -> str:
    """Take a table's HTML page into the report: for HTML, each table in its scrolling container, and for Typst.

    What is ``said`` goes before the table's own notes.
    """
    body = page.partition("<body>")[2].partition("</body>")[0].strip()
    tables, notes = read_html(page)
    if said:
        before = "".join(f"<p>{escape(line, quote=False)}</p>\n" for line in said)
        opening = '<div class="notes">\n'
        body = body.replace(opening, opening + before) if notes else f"{body}\n{opening}{before}</div>"
    opening = f'<div class="scroll" role="region" tabindex="0" aria-label="{name}">'
    body = re.sub(r"<table\b.*?</table>", lambda found: f"{opening}\n{found[0]}\n</div>", body, flags=re.DOTALL)
    body = f'<div id="{name}" class="exhibit">\n{body}\n</div>'
    return f"\n\n```{{=html}}\n{body}\n```\n\n```{{=typst}}\n{write_typst(tables, [*said, *notes], name)}```\n\n"


# --- the appendix ---------------------------------------------------------------------------------------------------


def tabulate_exclusions(ledger: pd.DataFrame, waves: Sequence[Mapping[str, Any]]) -> Table:
    """Count what every rule removed, by wave: responses first, then single values."""
    labels = {wave["id"]: str(wave["label"]) for wave in waves}
    rows = []
    for title, part in (("Responses", ledger.loc[is_whole_row(ledger)]), ("Values", ledger.loc[~is_whole_row(ledger)])):
        if part.empty:
            continue
        rows.append(Row([title]))
        counts = (
            part.groupby(["rule", "wave"], sort=False)
            .size()
            .unstack("wave", fill_value=0)
            .reindex(columns=list(labels), fill_value=0)
        )
        for rule, found in counts.iterrows():
            rows.append(
                Row([str(rule), *(format_number(n, 0) for n in found), format_number(found.sum(), 0)], indent=True)
            )
    return Table("by rule and wave", ["Rule", *labels.values(), "All"], rows)


def tabulate_failures(models: pd.DataFrame) -> Table:
    """List the models that the data could not carry, with the reason."""
    failed = models.loc[models["status"] == "failed"].astype(object).fillna("")
    keys = [key for key in ("model", "outcome", "sample", "block", "reason") if (failed[key] != "").any()]
    rows = [Row([str(entry[key]) for key in keys]) for entry in failed.to_dict("records")]
    return Table(
        "the data could not carry",
        [key.capitalize() for key in keys],
        rows,
        alignment="l" * len(keys),
        widths=[None if key != "reason" else 5 for key in keys],
    )


def tabulate_adjustments(notes: Mapping[str, Mapping[str, Any]]) -> Table:
    """List every variable of each model that an exhibit rests on, from the notes ``adjusted_<model>``."""
    found = {
        key.removeprefix("adjusted_"): str(text)
        for said in notes.values()
        for key, text in said.items()
        if key.startswith("adjusted_")
    }
    models: dict[str, list[str]] = {}
    for model, text in found.items():
        models.setdefault(text, []).append(model)
    rows = [Row([", ".join(names), text], rule_above=True) for text, names in models.items()]
    return Table("and all their variables", ["Model", "Variables"], rows, alignment="ll", widths=[None, 8.0])


def tabulate_inputs(hashes: Mapping[str, str]) -> Table:
    """List the input files with their checksums."""
    rows = [Row([path, digest]) for path, digest in hashes.items()]
    return Table("and their checksums", ["File", "SHA-256"], rows, alignment="ll")


def tabulate_software(versions: Mapping[str, str]) -> Table:
    """List the versions of the software."""
    rows = [Row([name, version]) for name, version in versions.items()]
    return Table("and its versions", ["Package", "Version"], rows, alignment="ll")


# --- the whole ------------------------------------------------------------------------------------------------------


def compose(
    template: str,
    own: str | None,
    study: Mapping[str, Any],
    results: Results,
    exhibits: Exhibits,
    waves: Sequence[Mapping[str, Any]] = (),
    hashes: Mapping[str, str] | None = None,
    versions: Mapping[str, str] | None = None,
) -> str:
    """Write the report's Markdown.

    Sections follow the template's order. An exhibit that the text does not place stands at the end of the section
    that takes its kind; one that no section takes, at the end of the section ``appendix``. Sections without content
    are left out.

    Raises
    ------
    StudyError
        Every fault of the study's text: unknown names, numbers that are not in the results, wrong syntax.
    """
    sections = merge_sections(
        split_sections(template, "the report's template"), split_sections(own or "", "report.md") if own else []
    )
    tables: dict[str, Callable[[], str]] = {
        "adjustments": lambda: wrap_table(write_html(tabulate_adjustments(results.notes), "Models"), "adjustments"),
        "inputs": lambda: wrap_table(write_html(tabulate_inputs(hashes or {}), "Inputs"), "inputs"),
        "software": lambda: wrap_table(write_html(tabulate_software(versions or {}), "Software"), "software"),
        "failures": lambda: wrap_table(write_html(tabulate_failures(results.tables["models"]), "Models"), "failures"),
        "exclusions": lambda: wrap_table(
            write_html(tabulate_exclusions(results.tables["ledger"], waves), "Removed"), "exclusions"
        ),
    }
    environment = make_environment(results, exhibits, tables)
    context = {
        "study": study,
        "waves": list(waves),
        "exhibits": list(exhibits.entries),
        "results": list(results.tables),
        "adjusted": any(key.startswith("adjusted_") for notes in results.notes.values() for key in notes),
    }
    names = [section.name for section in sections]
    problems = [
        f"config.yaml: exhibits: {name}: section: no section '{entry['section']}'; "
        f"{describe_allowed(entry['section'], names)}"
        for name, entry in exhibits.entries.items()
        if "section" in entry and entry["section"] not in names
    ]
    bodies: dict[str, str] = {}
    for section in sections:
        try:
            bodies[section.name] = environment.from_string(section.text).render(context)
        except StudyError as error:
            problems += [f"{section.origin}, section '#{section.name}': {problem}" for problem in error.problems]
        except TemplateSyntaxError as error:
            problems.append(
                f"{section.origin}, section '#{section.name}', line {error.lineno} of its text: {error.message}"
            )
        except UndefinedError as error:
            problems.append(f"{section.origin}, section '#{section.name}': {error.message}")
        except (TypeError, ValueError) as error:
            problems.append(f"{section.origin}, section '#{section.name}': a filter cannot write its value: {error}")
    if problems:
        raise StudyError(problems)
    taken = {kind for section in sections for kind in section.kinds}
    rest = tuple({str(entry["kind"]) for entry in exhibits.entries.values()} - taken)
    parts = []
    for section in sections:
        kinds = section.kinds + (rest if section.name == "appendix" else ())
        unplaced = "".join(exhibits.place(name) for name in exhibits.of_section(section.name, kinds))
        body = f"{bodies[section.name].strip()}\n{unplaced}".strip()
        if body:
            head = f"# {section.title} {{#{section.name}}}\n\n" if section.name else ""
            parts.append(turn_heading(head, body) + "\n")
    return "\n".join(parts)


def turn_heading(head: str, body: str) -> str:
    """Join a heading to its section; one that stands right above a table on a turned page goes onto that page."""
    opening = f"```{{=typst}}\n{TURN}"
    before, found, after = body.partition(opening)
    if not found or not before.startswith("```{=html}") or before.count("```") != 2:
        return head + body
    return f"{opening}```\n\n{head}{before}```{{=typst}}\n{after}"


def make_environment(results: Results, exhibits: Exhibits, tables: Mapping[str, Callable[[], str]]) -> Environment:
    """The functions and filters that the text may use."""
    environment = Environment(
        undefined=StrictUndefined,
        finalize=write_plainly,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        value=results.value,
        interval=results.interval,
        note=results.note,
        count=results.count,
        counts=results.counts(),
        verdict=results.verdict,
        rows=lambda source, **match: results.find_rows(word_call("rows", source, **match), source, match).to_dict(
            "records"
        ),
        exhibit=exhibits.place,
        see=exhibits.refer,
        table=lambda name: tables[name](),
    )
    environment.filters.update(
        number=apply_to_bounds(format_number),
        points=apply_to_bounds(format_points),
        percent=apply_to_bounds(format_percent),
        p=format_p,
        named=count_words,
        listed=join_words,
        plain=escape_markdown,
        reversal=word_reversal,
    )
    return environment


def summarize_run(root: Path) -> str:
    """Say in a few lines what a run has made: the report, models that failed, items that look reversed."""
    made = (root / "reports" / "report.html").is_file()
    lines = [f"The report is in {root.name}/reports/report.html and report.pdf."] if made else []
    changes = root / "logs" / "changes.log"
    lines += changes.read_text(encoding="utf-8").splitlines() if changes.is_file() else []
    path = root / "reports" / "results" / "models.csv"
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            failed = [row for row in csv.DictReader(file) if row["status"] == "failed"]
        if failed:
            lines.append(f"{count_words(len(failed), 'model')} could not be fitted:")
            for row in failed:
                where = ", ".join(row[key] for key in ("model", "outcome", "sample", "block") if row[key])
                lines.append(f"- {where}: {row['reason']}")
    path = root / "data" / "processed" / "reversals.csv"
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as file:
            against = [word_reversal(row) for row in csv.DictReader(file)]
        if against:
            lines.append(f"{count_words(len(against), 'item')} against the rest of the scale; a forgotten reversal?")
            lines += [f"- {line}" for line in against]
    return "\n".join(lines)
