"""Write the report: one Markdown text, then one HTML file and one PDF from it."""

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.errors import StudyError
from firmties.jobs import run_job
from firmties.privacy import find_identifying_content, find_values, list_searched, spread_marks, word_finding
from firmties.provenance import compute_checksum, list_versions
from firmties.readers import read_wave
from firmties.report import Exhibits, Results, compose, escape_markdown

# The text block of the PDF in millimetres; a figure takes its full width unless it would be too tall.
TEXT_WIDTH, FIGURE_HEIGHT = 168.0, 205.0
MARKDOWN = "markdown+implicit_figures-raw_tex-tex_math_dollars"


def main(
    template: Sequence[str],
    report: str | None,
    figures: Sequence[str],
    tables: Sequence[str],
    results: Sequence[str],
    study: Mapping[str, Any],
    exhibits: Sequence[Mapping[str, Any]],
    waves: Sequence[Mapping[str, Any]],
    inputs: Sequence[str],
    withheld: Sequence[tuple[Mapping[str, Any], Sequence[str]]],
    marks: Mapping[str, str],
    html: str,
    pdf: str,
) -> str:
    """Read the results, write the text, let pandoc and Typst set it.

    Parameters
    ----------
    template
        The files of ``reports/template``, found by their names.
    report
        The study's own ``report.md``, if it has one.
    results
        CSV and JSON files; a JSON file holds the notes of the exhibit it is named after.
    inputs
        Files whose checksums the report lists.
    withheld
        What reading a wave needs, and its raw columns of which no value may stand in the report.
    marks
        Variable → drop, hash or cleared.
    """
    scan(report, Path(html).parent, withheld, marks)
    parts = {Path(path).name: Path(path) for path in template}
    quoted = Results(
        tables={Path(path).stem: read_table(path) for path in results if path.endswith(".csv")},
        notes={
            Path(path).stem: json.loads(Path(path).read_text("utf-8")) for path in results if path.endswith(".json")
        },
    )
    entries = {str(entry["id"]): entry for entry in exhibits}
    placed = Exhibits(
        entries=entries,
        notes=quoted.notes,
        figures={Path(path).stem: (Path(path).name, measure_width(Path(path))) for path in figures},
        tables={Path(path).stem: Path(path).read_text("utf-8") for path in tables},
    )
    text = compose(
        parts["report.md.j2"].read_text("utf-8"),
        Path(report).read_text("utf-8") if report else None,
        study,
        quoted,
        placed,
        waves,
        {name_input(path): compute_checksum(path) for path in inputs},
        list_versions(),
    )
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for path in figures:
            shutil.copyfile(path, work / Path(path).name)
        (work / "report.md").write_text(write_head(study) + text, encoding="utf-8")
        style = {"style": parts["report.css"].read_text("utf-8")}
        (work / "style.json").write_text(json.dumps({"variables": style}), encoding="utf-8")
        html_options = ("--embed-resources", "--mathml", "--toc", "--defaults=style.json")
        # Pandoc and Typst work outside Python, so the two forms are made at the same time.
        with ThreadPoolExecutor(2) as pool:
            web = pool.submit(run_pandoc, work, "html5", parts, "report.html", "page.html", *html_options)
            run_pandoc(work, "typst", parts, "report.typ", "page.typ")
            compiled = compile_typst(work / "page.typ")
            web.result()
        page = (work / "page.html").read_bytes()
    Path(html).parent.mkdir(parents=True, exist_ok=True)
    Path(html).write_bytes(page)
    Path(pdf).write_bytes(compiled)
    return f"{len(entries)} exhibits, {len(text.split())} words of source\n"


def scan(
    report: str | None,
    folder: Path,
    withheld: Sequence[tuple[Mapping[str, Any], Sequence[str]]],
    marks: Mapping[str, str],
) -> None:
    """Stop if a file that the report is made of, or that lies beside it, holds an identifying value.

    The values are those of the raw files' columns that are dropped or hashed; they are read anew and kept nowhere.
    """
    own = (Path("config.yaml"), Path("data/codebook.csv"), Path("data/crosswalk.csv"))
    known = " ".join(path.read_text("utf-8", errors="replace") for path in own if path.is_file())
    written = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in TEXTS and path.parent != folder / "template" and path.name != "report.html"
    )
    tables = {path: split_cells(path) for path in [*([Path(report)] if report else []), *written]}
    # What was looked at is no find in another form of its table either, nor what stands in the study's own texts.
    cleared = {
        cell for table in tables.values() for name in table if marks.get(str(name)) == "cleared" for cell in table[name]
    }
    problems = [
        f"{path}: column '{name}' holds {word_finding(kind)}; take out what shows it, or mark its "
        "variable cleared in data/codebook.csv if you looked and it is none (docs/privacy.md)"
        for path in written
        for name, kind, _ in find_identifying_content(
            tables[path].map(lambda cell: "" if cell in cleared or cell in known else cell)
        )
    ]
    texts = {path: "\n".join(table.to_numpy().ravel()) for path, table in tables.items()}
    for wave, columns in withheld:
        table, labels = read_wave(wave["file"], wave) if columns else (pd.DataFrame(), {})
        for name in spread_marks(dict.fromkeys(columns, "drop"), labels.get("choices", {}), table):
            values = list_searched(table[name].unique(), known)
            problems += [
                f"{path}: holds a value of '{name}' of {wave['file']} (wave {wave['id']}), which data/codebook.csv "
                "says to drop or hash; take out what shows it (docs/privacy.md)"
                for path, text in texts.items()
                if find_values(text, values)
            ]
    if problems:
        raise StudyError(
            [*problems, "The report was not written; the files named stay in reports/ until you remove them"]
        )


TEXTS = (".csv", ".json", ".html", ".tex", ".svg", ".txt")


def split_cells(path: Path) -> pd.DataFrame:
    """Split a file into cells of text: the columns of a CSV file, else a column of lines or of an HTML file's texts."""
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype="str", keep_default_na=False)
    text = path.read_text("utf-8", errors="replace")
    if path.suffix in (".html", ".svg"):
        text = unescape(re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", "\n", text, flags=re.DOTALL))
    return pd.DataFrame({"text": text.split("\n")}, dtype="str")


def read_table(path: str) -> pd.DataFrame:
    """Read a result; only an empty field is missing."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""], low_memory=False)


def measure_width(svg: Path) -> float:
    """The width that a figure takes, in per cent of the text, so that it is not taller than a page."""
    with svg.open(encoding="utf-8") as file:
        head = file.read(3000)
    sizes = [re.search(rf'<svg[^>]*\b{name}="([\d.]+)', head) for name in ("width", "height")]
    if not all(sizes):
        return 100.0
    width, height = (float(size[1]) for size in sizes if size)
    return min(100.0, 100 * FIGURE_HEIGHT / (TEXT_WIDTH * height / width))


def name_input(path: str) -> str:
    """Name an input relative to the study; of a file elsewhere the name alone, so that no machine's path is printed."""
    given = Path(path)
    return given.name if given.is_absolute() or ".." in given.parts else given.as_posix()


def write_head(study: Mapping[str, Any]) -> str:
    """The metadata block: title, authors, notice."""
    title = str(study.get("title") or "Report")
    head: dict[str, Any] = {
        "title": escape_markdown(title),
        "pagetitle": title,
        "running": escape_markdown(title),
        "author": [escape_markdown(str(name)) for name in study.get("authors") or []],
        "lang": study.get("language", "en-GB"),
    }
    if notice := study.get("notice"):
        head |= {"notice-heading": "Please note.", "notice": escape_markdown(str(notice).strip())}
    return f"---\n{json.dumps(head, ensure_ascii=False)}\n---\n\n"


def run_pandoc(work: Path, to: str, parts: Mapping[str, Path], template: str, output: str, *options: str) -> None:
    """Run pandoc in a folder of its own."""
    import pypandoc

    command = [
        pypandoc.get_pandoc_path(),
        "report.md",
        f"--from={MARKDOWN}",
        f"--to={to}",
        "--standalone",
        f"--output={output}",
        f"--template={parts[template].resolve()}",
        f"--lua-filter={parts['figures.lua'].resolve()}",
        *options,
    ]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StudyError(f"report.md could not be set as {to}: {done.stderr.strip()}")


def compile_typst(source: Path) -> bytes:
    """Compile a Typst file; without a date and with the package's own fonts, the same text gives the same bytes."""
    import typst

    settings: dict[str, Any] = {"root": source.parent, "ignore_system_fonts": True, "timestamp": 0}
    try:
        compiled = typst.compile(source, pdf_standards=["ua-1"], **settings)
    except RuntimeError as error:
        # A study's text may break a rule of accessible PDF, such as a heading two levels below the last; that is no
        # reason to have no report. The rule's log says it.
        print(f"The PDF does not meet PDF/UA-1: {error}")
        compiled = typst.compile(source, **settings)
    if not isinstance(compiled, bytes):
        raise StudyError("report.md: Typst gave more than one document")
    return compiled


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        template=list(job.input.template),
        report=next(iter(job.input.report), None),
        figures=list(job.input.figures),
        tables=list(job.input.tables),
        results=[*job.input.results, *job.input.numbers, *job.input.notes, job.input.ledger, job.input.reversals],
        study=job.params.study,
        exhibits=job.params.exhibits,
        waves=job.params.waves,
        inputs=list(job.params.get("inputs", [])),
        withheld=job.params.withheld,
        marks=job.params.marks,
        html=job.output.html,
        pdf=job.output.pdf,
    )
