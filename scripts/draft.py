"""Draft a codebook from an export: `python scripts/draft.py FILE --output codebook.csv`."""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))

from firmties.errors import StudyError
from firmties.jobs import run_command

if TYPE_CHECKING:
    import pandas as pd


def draft(file: Path, output: Path, dictionary: Path | None = None, sheet: str | None = None) -> str:
    """Read the export, write codebook and crosswalk; return what to say of them."""
    import yaml

    from firmties.draft import draft_codebook
    from firmties.readers import read_wave

    beside = output.with_name(
        output.name.replace("codebook", "crosswalk") if "codebook" in output.name else f"crosswalk_{output.name}"
    )
    if not output.parent.is_dir():
        raise StudyError(f"{output}: there is no folder '{output.parent}'; make it, or name another with --output")
    for path in (output, beside):
        if path.exists():
            raise StudyError(f"{path}: is there already and is never overwritten; name another file with --output")
    responses, labels = read_wave(file, {"id": 1, "sheet": sheet, "dictionary": dictionary})
    codebook, crosswalk, scales = draft_codebook(responses, labels)
    write_rows(codebook, output)
    n = len(codebook)
    said = f"{output}: {n} variables drafted; read them through, the marks of identifying columns first"
    if len(crosswalk):
        write_rows(crosswalk, beside)
        said += f"\n{beside}: {len(crosswalk)} columns of the export renamed; give them better names here and there"
    if not scales:
        return said
    for scale in scales.values():
        scale["labels"] = {int(code): label for code, label in scale["labels"].items()}
    text = yaml.safe_dump(
        {"response_scales": scales}, default_flow_style=None, sort_keys=False, allow_unicode=True, width=1000
    )
    return f"{said}\nthe response scales that it names belong into config.yaml:\n\n{text}"


def write_rows(table: pd.DataFrame, path: Path) -> None:
    """Write a table of text to a new file, safe to open in a spreadsheet."""
    from firmties.codebook import guard_cell

    with path.open("x", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(table.columns)
        writer.writerows([guard_cell(cell) for cell in row] for row in table.to_numpy().tolist())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="firmties draft", description="Draft a codebook from an export.")
    parser.add_argument("file", type=Path, help="the export as it came")
    parser.add_argument("--sheet", help="the sheet of a workbook, where several hold rows")
    parser.add_argument("--dictionary", type=Path, help="the tool's data dictionary")
    parser.add_argument("--output", type=Path, default=Path("codebook.csv"), help="the codebook to write")
    options = parser.parse_args(arguments)
    return run_command(draft, options.file, options.output, options.dictionary, options.sheet)


if __name__ == "__main__":
    sys.exit(main())
