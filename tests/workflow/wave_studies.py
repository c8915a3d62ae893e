"""Studies of some waves of the demonstration, to which the others can be added."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Collection
from pathlib import Path

import add_wave
from firmties.codebook import parse_waves
from firmties.entry.edits import write_waves

ROOT = Path(__file__).parents[2]
FIELD = {2: ("2022-03-01", "2022-05-31"), 3: ("2023-03-01", "2023-05-31"), 4: ("2024-03-01", "2024-05-31")}
FILES = {1: "wave1.sav", 2: "wave2.csv", 3: "wave3.dta", 4: "wave4.csv"}


def read_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def write_rows(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def find_to_come(study: Path) -> Path:
    return study.parent / f"{study.name}_to_come"


def make_study(directory: Path, waves: Collection[int]) -> Path:
    """Write the demonstration with these waves alone; what the others need lies in a folder beside it."""
    come = find_to_come(directory)
    for folder in (directory / "data/raw", come):
        folder.mkdir(parents=True)
    for name in ("data/anchors.csv", "data/network_type_decision.csv", "report.md"):
        shutil.copy(ROOT / name, directory / name)
    lines, kept, skipping = (ROOT / "config.yaml").read_text(encoding="utf-8").splitlines(keepends=True), [], False
    for line in lines:
        if re.match(r"  - (\{id: |id: \d+$)", line):
            number = line.partition("id: ")[2][0]
            skipping = number.isdigit() and int(number) not in waves
        elif not line.startswith("    "):
            skipping = False
        if not skipping:
            kept.append(line)
    # Whether results stay as they were does not depend on how many sets there are, the time does.
    text = "".join(kept).replace("  sets: 20\n  iterations: 8\n", "  sets: 2\n  iterations: 2\n")
    assert "  sets: 2\n" in text
    if not set(waves) & {2, 3, 4}:
        # Wave 1 lacks variables of which later parts of the configuration are made.
        text = "".join(
            line for line in text.partition("derived:\n  - {name: g_emp,")[0].splitlines(True) if "reconf" not in line
        )
        text = text.replace("over: [wave, size]", "over: [wave]")
        anchors = (directory / "data/anchors.csv").read_text(encoding="utf-8").splitlines(True)
        kept = [line for line in anchors if not line.startswith(("reconf", "ts_", "constraint", "g_"))]
        (directory / "data/anchors.csv").write_text("".join(kept), encoding="utf-8")
    codebook, here = read_rows(ROOT / "data/codebook.csv"), []
    for row in codebook:
        asked = set(parse_waves(row["waves"]) or FILES) & set(waves)
        if asked:
            here.append({**row, "waves": "" if asked == set(waves) else write_waves(asked)})
    write_rows(directory / "data/codebook.csv", here)
    (directory / "config.yaml").write_text(drop_names(text, codebook, here), encoding="utf-8")
    for wave, file in FILES.items():
        for name in (file, f"wave{wave}_sample.csv"):
            shutil.copy(ROOT / "data/raw" / name, (directory / "data/raw" if wave in waves else come) / name)
    crosswalk = read_rows(ROOT / "data/crosswalk.csv")
    write_rows(directory / "data/crosswalk.csv", [row for row in crosswalk if int(row["wave"]) in waves])
    margins = read_rows(ROOT / "data/frame_margins.csv")
    write_rows(directory / "data/frame_margins.csv", [row for row in margins if int(row["wave"]) in waves])
    known = {row["variable"] for row in here}
    for wave in sorted(set(FILES) - set(waves)):
        rows = [row for row in crosswalk if int(row["wave"]) == wave]
        if rows:
            write_rows(come / f"crosswalk_{wave}.csv", rows)
        new = [row for row in codebook if row["variable"] not in known and wave in (parse_waves(row["waves"]) or FILES)]
        if new:
            write_rows(come / f"codebook_{wave}.csv", [{**row, "waves": str(wave)} for row in new])
    return directory


def drop_names(text: str, codebook: list[dict[str, str]], here: list[dict[str, str]]) -> str:
    """Take variables that no wave asked out of the lists of a configuration, and with them the entries made of them."""
    gone = [row["variable"] for row in codebook if row["variable"] not in {row["variable"] for row in here}]
    for name in gone:
        entries = [line for line in text.splitlines(True) if re.match(rf"  - \{{name: .*value: .*\b{name}\b", line)]
        for entry in entries:
            text = text.replace(entry, "")
        text = re.sub(rf"(?<=[ ,]){name},\s+", "", text)
    return text


def list_arguments(study: Path, wave: int, *more: str, file: Path | None = None) -> list[str]:
    """Arguments that add a wave of the demonstration, with the rows that the demonstration has for it."""
    come = find_to_come(study)
    said = [
        "--study",
        str(study),
        "--id",
        str(wave),
        "--label",
        str(2020 + wave),
        "--mode",
        "web",
        "--field",
        *FIELD[wave],
    ]
    said += ["--sample", str(come / f"wave{wave}_sample.csv")]
    if (come / f"crosswalk_{wave}.csv").is_file():
        said += ["--crosswalk", str(come / f"crosswalk_{wave}.csv")]
    if (come / f"codebook_{wave}.csv").is_file():
        known = {row["variable"] for row in read_rows(study / "data/codebook.csv")}
        new = [row for row in read_rows(come / f"codebook_{wave}.csv") if row["variable"] not in known]
        if new:
            write_rows(come / f"new_{wave}.csv", new)
            said += ["--codebook", str(come / f"new_{wave}.csv")]
    if wave == 4:
        said += ["--delimiter", ";"]
    return [str(file or come / FILES[wave]), *said, *more]


def add(study: Path, wave: int, *more: str, file: Path | None = None) -> int:
    return add_wave.main(list_arguments(study, wave, *more, file=file))


def read_page(study: Path, wave: int, suffix: str = "txt") -> str:
    return (study / f"reports/waves/wave_{wave}.{suffix}").read_text(encoding="utf-8")
