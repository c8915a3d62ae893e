"""Draft a codebook from an export: `python scripts/draft.py FILE --output codebook.csv`."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from firmties.errors import StudyError


def draft(file: Path, output: Path, dictionary: Path | None = None, sheet: str | None = None) -> int:
    """Read the export, write the codebook; return the number of variables."""
    from firmties.codebook import guard_cell
    from firmties.dictionaries import read_dictionary
    from firmties.draft import draft_codebook
    from firmties.readers import read_wave

    if output.exists():
        raise StudyError(f"{output}: is there already and is never overwritten; name another file with --output")
    responses, labels = read_wave(file, {"id": 1, "sheet": sheet})
    if dictionary:
        # What the dictionary says of a column goes before what the export says.
        for part, said in read_dictionary(dictionary).items():
            before = labels.get(part)
            labels[part] = {**before, **said} if isinstance(before, dict) and isinstance(said, dict) else said
    codebook = draft_codebook(responses, labels)
    with output.open("x", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(codebook.columns)
        writer.writerows([guard_cell(cell) for cell in row] for row in codebook.to_numpy().tolist())
    return len(codebook)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="firmties draft", description="Draft a codebook from an export.")
    parser.add_argument("file", type=Path, help="the export as it came")
    parser.add_argument("--sheet", help="the sheet of a workbook, where several hold rows")
    parser.add_argument("--dictionary", type=Path, help="the tool's data dictionary")
    parser.add_argument("--output", type=Path, default=Path("codebook.csv"), help="the codebook to write")
    options = parser.parse_args(arguments)
    try:
        count = draft(options.file, options.output, options.dictionary, options.sheet)
    except StudyError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.output}: {count} variables drafted; read them through, the marks of identifying columns first")
    return 0


if __name__ == "__main__":
    sys.exit(main())
