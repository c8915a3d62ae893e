"""Add a wave to a study, or take one back: `python scripts/add_wave.py FILE`, or with `--remove N`."""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from firmties import slices
from firmties.codebook import (
    CODEBOOK_COLUMNS,
    CROSSWALK_COLUMNS,
    MISSING_KINDS,
    Variable,
    decode_text,
    parse_codebook,
    parse_crosswalk,
    release_cell,
)
from firmties.entry import edits
from firmties.errors import StudyError, describe_allowed
from firmties.provenance import compute_checksum
from firmties.study import CODEBOOK, CROSSWALK, Study, inspect_study, load_study

if TYPE_CHECKING:
    import pandas as pd

    from firmties.clean import CleanWave
    from firmties.entry.examine import Examination

RECORDS = Path("data/waves")
PAGES = Path("reports/waves")
OWN_KEYS = ("format", "sheet", "delimiter", "encoding", "decimal")


def load_earlier(study: Study, number: int) -> dict[int, CleanWave]:
    """Clean waves before a wave: as a run left them, or read and cleaned in memory."""
    import pandas as pd

    from firmties.clean import CleanWave, clean_wave
    from firmties.privacy import protect_responses
    from firmties.readers import read_wave

    waves = {}
    for entry in study.config["waves"]:
        wave, raw = entry["id"], study.directory / entry["file"]
        if wave >= number:
            continue
        folder = study.directory / f"data/interim/wave_{wave}"
        paths = [folder / name for name in ("clean.parquet", "kinds.parquet", "flags.parquet", "ledger.csv")]
        # ASSUME what a run left is good to compare with if it is younger than the export.
        if all(path.is_file() and path.stat().st_mtime >= raw.stat().st_mtime for path in paths):
            tables = [pd.read_parquet(path) for path in paths[:3]]
            ledger = pd.read_csv(paths[3], dtype="str", keep_default_na=False)
            waves[wave] = CleanWave(tables[0], tables[1], tables[2], ledger)
            continue
        beside = {"dictionary": study.directory / entry["dictionary"]} if "dictionary" in entry else {}
        responses, labels = read_wave(raw, {**slices.slice_read(entry), **beside})
        protection = study.protection(wave)
        key = find_key(study) if "hash" in protection["marks"].values() else b""
        responses, labels = protect_responses(responses, labels, protection, f"{entry['file']} (wave {wave})", key)
        variables = [Variable.from_row(row) for row in study.codebook_rows(wave)]
        settings = slices.slice_clean(study.config, entry)
        waves[wave] = clean_wave(responses, labels, variables, study.crosswalk_rows(wave), settings)
    return waves


def find_key(study: Study) -> bytes:
    """Read the key of the study's hashes as a run does."""
    from read import read_key

    return read_key(study.directory)


def read_small_table(path: Path) -> pd.DataFrame:
    """Read a sample file or the frame's margins as text."""
    import pandas as pd

    return pd.read_csv(
        io.StringIO(decode_text(path.read_bytes())), dtype="str", keep_default_na=False, sep=None, engine="python"
    )


def make_entry(study: Study, options: argparse.Namespace) -> dict[str, Any]:
    """Write the wave's entry from the options; the rest as the wave before has it."""
    number = max(study.wave_ids) + 1 if options.id is None else options.id
    if number in study.wave_ids:
        raise StudyError(
            f"config.yaml: wave {number} is there already ({study.wave(number)['file']}); give another --id, or take "
            f"it back first: ./firmties remove-wave {number}"
        )
    later = [wave for wave in study.config["waves"] if wave["id"] > number or starts_later(wave, options.field)]
    if later and not options.insert:
        names = ", ".join(str(wave["id"]) for wave in later)
        raise StudyError(
            f"config.yaml: wave {number} lies before wave {names}; what depends on the order (panel, attrition, "
            "trends, report) would be computed anew: say so with --insert"
        )
    before = next((wave for wave in reversed(study.config["waves"]) if wave["id"] < number), study.config["waves"][0])
    entry: dict[str, Any] = {"id": number}
    if options.label:
        entry["label"] = options.label
    entry["file"] = place_in_study(study, options.file)
    if options.sample:
        entry["sample"] = place_in_study(study, options.sample)
    if options.dictionary:
        entry["dictionary"] = place_in_study(study, options.dictionary)
    if options.field:
        entry["field"] = list(options.field)
    if options.mode:
        entry["mode"] = options.mode
    entry |= {key: getattr(options, key) for key in OWN_KEYS if getattr(options, key)}
    if options.missing:
        entry["missing_codes"] = dict(options.missing)
    if unknown := [kind for _, kind in options.missing if kind not in MISSING_KINDS]:
        raise StudyError(f"--missing: '{unknown[0]}' is not allowed; {describe_allowed(unknown[0], MISSING_KINDS)}")
    if before.get("rules", 1) != 1:
        entry["rules"] = before["rules"]
    return entry


def starts_later(wave: Mapping[str, Any], field: Sequence[str] | None) -> bool:
    """Whether a wave was in the field after another."""
    return bool(field and wave.get("field") and str(wave["field"][0]) > field[0])


def place_in_study(study: Study, file: Path) -> str:
    """Where the study keeps a file: data/raw, to which it is copied if it lies elsewhere."""
    folder = (study.directory / "data/raw").resolve()
    inside = file.resolve()
    return f"data/raw/{inside.relative_to(folder).as_posix() if inside.is_relative_to(folder) else file.name}"


def read_given(study: Study, options: argparse.Namespace, number: int) -> tuple[list[Any], list[Any], list[Variable]]:
    """Read the rows that the analyst gives for the wave: of the crosswalk, of the codebook, and its variables."""
    problems: list[str] = []
    rows: list[dict[str, Any]] = []
    variables: dict[str, Variable] = {}
    waves = [*study.wave_ids, number]
    if options.codebook:
        text = decode_text(options.codebook.read_bytes())
        scales = study.config["response_scales"]
        variables, found = parse_codebook(text, file=str(options.codebook), response_scales=scales, waves=waves)
        problems += found
        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=edits.find_delimiter(text)))
        rows = [{name: release_cell(row.get(name) or "") for name in CODEBOOK_COLUMNS if name in row} for row in rows]
        problems += [
            f"{options.codebook}: {name}: is in data/codebook.csv already"
            for name in variables
            if name in study.variables
        ]
    crosswalk: list[dict[str, Any]] = []
    if options.crosswalk:
        # What the wave does not ask by the codebook is opened by its row; so every variable counts as asked.
        from dataclasses import replace

        every = {name: replace(v, waves=()) for name, v in {**study.variables, **study.dropped, **variables}.items()}
        missing = [code for wave in study.config["waves"] for code in wave.get("missing_codes", {})]
        missing += list(study.config.get("missing_codes", {}))
        text = decode_text(options.crosswalk.read_bytes())
        crosswalk, found = parse_crosswalk(text, every, waves, missing_codes=missing, file=str(options.crosswalk))
        problems += found
        problems += [
            f"{options.crosswalk}: a row is of wave {edits.write_waves(row['waves']) or '*'}, not {number}"
            for row in crosswalk
            if row["waves"] != [number]
        ]
    if problems:
        raise StudyError(problems)
    return crosswalk, rows, list(variables.values())


def write_pages(
    study: Study, found: Examination, number: int, entry: Mapping[str, Any], dependents: Sequence[str]
) -> Path:
    """Write the wave page, and the rows that are to be confirmed as tables to edit."""
    from firmties.entry.examine import ROW
    from firmties.entry.page import write_html, write_text

    folder = study.directory / PAGES
    folder.mkdir(parents=True, exist_ok=True)
    label = f" ({entry['label']})" if entry.get("label") else ""
    title = f"Wave {number}{label}: {study.config['study']['title']}"
    text = edits.write_flow(entry)
    (folder / f"wave_{number}.html").write_text(write_html(found, title, text, dependents), encoding="utf-8")
    (folder / f"wave_{number}.txt").write_text(write_text(found, title, text, dependents), encoding="utf-8")
    drafts = {
        "crosswalk": ([*found.crosswalk, *found.unsure], ROW),
        "codebook": ([*found.codebook, *found.drafts], CODEBOOK_COLUMNS),
    }
    for name, (rows, columns) in drafts.items():
        path = folder / f"wave_{number}_{name}.csv"
        if rows:
            path.write_text(edits.append_rows("", rows, columns), encoding="utf-8")
        else:
            path.unlink(missing_ok=True)
    return folder / f"wave_{number}.html"


def write_to_study(study: Study, found: Examination, entry: Mapping[str, Any], sources: Mapping[str, Path]) -> None:
    """Copy the files and write entry, crosswalk and codebook; on any fault everything is as before."""
    root, number = study.directory, entry["id"]
    config = root / "config.yaml"
    before = {path: (root / path).read_bytes() if (root / path).is_file() else None for path in (CODEBOOK, CROSSWALK)}
    before = {"config.yaml": config.read_bytes(), **before}
    after = {
        "config.yaml": edits.change_table(before["config.yaml"] or b"", lambda text: edits.insert_wave(text, entry)),
        CODEBOOK: edits.change_table(
            before[CODEBOOK] or b"",
            lambda text: edits.append_rows(
                edits.replace_cells(text, "waves", found.waves), found.codebook, CODEBOOK_COLUMNS
            ),
        ),
        CROSSWALK: edits.change_table(
            before[CROSSWALK] or b"", lambda text: edits.append_rows(text, found.crosswalk, CROSSWALK_COLUMNS)
        ),
    }
    copied = []
    for target, source in sources.items():
        path = root / target
        if path.resolve() == source.resolve():
            continue
        if path.exists() and compute_checksum(path) != compute_checksum(source):
            raise StudyError(f"{target}: another file of this name is there; it is never overwritten: rename {source}")
        if not path.exists():
            copied.append(target)
    changed = {name: content for name, content in after.items() if content != (before[name] or b"")}
    record = {
        "wave": number,
        "sha256": entry["sha256"],
        "copied": {target: compute_checksum(sources[target]) for target in copied},
        "files": {
            name: {
                "before": edits.hash_bytes(before[name] or b"") if before[name] is not None else None,
                "after": edits.hash_bytes(content),
                "undo": edits.describe_change(before[name] or b"", content),
            }
            for name, content in changed.items()
        },
        "warnings": [
            f"{check.number} {check.title}: {line}"
            for check in found.checks
            if check.state == "warning"
            for line in (check.message, *check.details)
        ],
    }
    path = root / RECORDS / f"wave_{number}.json"
    try:
        for target in copied:
            (root / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(sources[target], root / target)
        for name, content in changed.items():
            (root / name).write_bytes(content)
        _, problems = inspect_study(root)
        if problems:
            raise StudyError([f"the study with wave {number} has faults, so nothing was written", *problems])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except BaseException:
        for name in changed:
            restore(root / name, before[name])
        for target in copied:
            (root / target).unlink(missing_ok=True)
        raise


def restore(path: Path, content: bytes | None) -> None:
    """Write a file as it was; None if it was not there."""
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(content)


def remove_wave(directory: Path, number: int) -> str:
    """Take back what adding a wave wrote, if none of it was edited since."""
    path = directory / RECORDS / f"wave_{number}.json"
    if not path.is_file():
        raise StudyError(
            f"{RECORDS}/wave_{number}.json: is not there, so wave {number} was not added by add-wave; edit by hand"
        )
    record = json.loads(path.read_text(encoding="utf-8"))
    problems = [
        f"{name}: was edited since wave {number} was added; take the wave's parts out by hand, then remove {path.name}"
        for name, state in record["files"].items()
        if not (directory / name).is_file() or compute_checksum(directory / name) != state["after"]
    ]
    problems += [
        f"{name}: is not the file that was copied"
        for name, sha in record["copied"].items()
        if not (directory / name).is_file() or compute_checksum(directory / name) != sha
    ]
    restored: dict[str, bytes | None] = {}
    for name, state in record["files"].items() if not problems else ():
        content = edits.undo_change((directory / name).read_bytes(), state["undo"])
        restored[name] = None if state["before"] is None else content
        if state["before"] is not None and edits.hash_bytes(content) != state["before"]:
            problems.append(f"{path.name}: does not take {name} back to what it was; was the record edited?")
    if problems:
        raise StudyError(problems)
    for name, before in restored.items():
        restore(directory / name, before)
    for name in record["copied"]:
        (directory / name).unlink()
    path.unlink()
    if not any(path.parent.iterdir()):
        path.parent.rmdir()
    # What a run made of the wave is of no use any more; a run makes it again from the raw file.
    shutil.rmtree(directory / f"data/interim/wave_{number}", ignore_errors=True)
    for page in (directory / PAGES).glob(f"wave_{number}[._]*"):
        page.unlink()
    return f"wave {number} is taken back: {', '.join([*record['files'], *record['copied']])}"


def list_dependents(study: Study, number: int) -> list[str]:
    """What a wave before others makes anew."""
    later = [wave for wave in study.wave_ids if wave > number]
    if not later:
        return []
    return [
        f"links and pairs of waves around wave {number}: panel, attrition, retention",
        "everything pooled: scores' table, models, predictions, hypotheses, exhibits, report",
        f"not: the raw files, clean rows, flags and ledgers of waves {', '.join(map(str, study.wave_ids))}",
    ]


def add_wave(options: argparse.Namespace) -> int:
    """Examine the file, write the page, and with --write the study; return the exit status."""
    from firmties.entry.examine import examine_wave
    from firmties.readers import read_wave

    for file in (options.file, options.sample, options.dictionary, options.crosswalk, options.codebook):
        if file and not file.is_file():
            raise StudyError(f"{file}: there is no such file")
    study = load_study(options.study)
    checksum = compute_checksum(options.file)
    for wave in study.config["waves"]:
        raw = study.directory / wave["file"]
        if checksum in (wave.get("sha256"), compute_checksum(raw) if raw.is_file() else "") and "where" not in wave:
            print(f"{options.file}: is already wave {wave['id']} ({wave['file']}); nothing to do")
            return 0
    entry = make_entry(study, options)
    number = entry["id"]
    crosswalk, rows, variables = read_given(study, options, number)
    responses, labels = read_wave(options.file, {**entry, "sha256": checksum, "dictionary": options.dictionary})
    margins = study.config.get("frame_margins")
    found = examine_wave(
        study,
        {**entry, "sha256": checksum},
        responses,
        {**labels, "file": entry["file"]},
        load_earlier(study, number),
        crosswalk=crosswalk,
        codebook=rows,
        new_variables=variables,
        sample=read_small_table(options.sample) if options.sample else None,
        margins=read_small_table(study.directory / margins) if margins else None,
        read_key=lambda: find_key(study),
    )
    # The labels of the entry are text to the check, as in the file.
    entry = {key: value for key, value in found.study.wave(number).items() if key != "decimal" or value != "."}
    page = write_pages(study, found, number, entry, list_dependents(study, number))
    for check in found.checks:
        if check.state in ("stop", "warning"):
            print(f"{check.state}: {check.number} {check.title}: {check.message}")
            for line in check.details:
                print(f"  {line}")
    print(f"the wave page: {page}")
    if not found.may_enter:
        print("a stop stands; nothing was written to the study", file=sys.stderr)
        return 1
    if not options.write:
        print(
            (page.with_suffix(".txt"))
            .read_text(encoding="utf-8")
            .partition("What would be written\n")[2]
            .partition("\n")[2]
        )
        print("nothing was written to the study; say --write to do so")
        return 0
    given = {"file": options.file, "sample": options.sample, "dictionary": options.dictionary}
    sources = {entry[key]: source for key, source in given.items() if source}
    write_to_study(study, found, entry, sources)
    print(f"wave {number} is added; ./firmties run takes it up, ./firmties remove-wave {number} takes it back")
    return 0


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="firmties add-wave", description="Compare a wave's export with the study; write it in with --write."
    )
    parser.add_argument("file", type=Path, nargs="?", help="the export as it came")
    parser.add_argument("--study", type=Path, default=Path(), help="the study's directory (default: this one)")
    parser.add_argument("--id", type=int, help="the wave's number (default: the next)")
    parser.add_argument("--label", help="how tables call the wave, such as 2024")
    parser.add_argument("--sample", type=Path, help="the sample file: everybody invited")
    parser.add_argument("--dictionary", type=Path, help="the tool's data dictionary")
    parser.add_argument(
        "--field", nargs=2, metavar=("FROM", "TO"), help="first and last day in the field, such as 2024-03-01"
    )
    parser.add_argument("--mode", help="how the answers were collected, such as web")
    parser.add_argument("--crosswalk", type=Path, help="rows of the crosswalk for this wave")
    parser.add_argument("--codebook", type=Path, help="rows of the codebook for this wave's new questions")
    parser.add_argument("--sheet", help="the sheet of a workbook, where several hold rows")
    parser.add_argument("--delimiter", help="what stands between the columns of a text file")
    parser.add_argument("--encoding", help="the encoding of a text file")
    parser.add_argument("--format", help="the reader, where it is not found (docs/exports.md)")
    parser.add_argument("--decimal", choices=[".", ","], help="the decimal mark of a text file")
    parser.add_argument(
        "--missing", nargs=2, action="append", default=[], metavar=("CODE", "KIND"), help="a code of missing answers"
    )
    parser.add_argument("--write", action="store_true", help="write the wave into the study")
    parser.add_argument("--insert", action="store_true", help="the wave lies before others")
    parser.add_argument("--remove", type=int, metavar="N", help="take wave N back")
    options = parser.parse_args(arguments)
    if (options.file is None) == (options.remove is None):
        parser.error("name the export")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    options = parse_options(arguments)
    try:
        if options.remove is not None:
            print(remove_wave(options.study, options.remove))
            return 0
        return add_wave(options)
    except StudyError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
