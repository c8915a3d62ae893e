"""Keep a study's results under a label, with the manifest of what they came from."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from firmties.errors import StudyError
from firmties.jobs import run_command
from firmties.provenance import KEPT, MANIFEST, compute_checksum, list_kept

RESULTS = Path("reports/results")


def keep(study: Path, label: str) -> str:
    """Copy results and manifest to data/kept/LABEL; return what was done."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", label):
        raise StudyError(
            f"label '{label}': allowed are letters, digits, '.', '_' and '-', beginning with a letter or digit"
        )
    made, folder = study / RESULTS / MANIFEST, study / KEPT / label
    if not made.is_file():
        raise StudyError(f"{made.as_posix()}: is missing; run the study first (./firmties run)")
    manifest = json.loads(made.read_text(encoding="utf-8"))
    changed = [
        name
        for name, checksum in manifest["results"].items()
        if not (made.parent / name).is_file() or compute_checksum(made.parent / name) != checksum
    ]
    if changed:
        raise StudyError(
            f"{made.as_posix()}: {', '.join(changed[:5])}: not as the last whole run left it; run the study first "
            "(./firmties run)"
        )
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise StudyError(
            f"{(KEPT / label).as_posix()}: is there without {MANIFEST}, as if keeping had been broken off; remove it, "
            "or choose another label"
        )
    if folder.exists():
        if json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["results"] == manifest["results"]:
            return f"{(KEPT / label).as_posix()} holds these results already; nothing was written"
        raise StudyError(
            f"{(KEPT / label).as_posix()}: holds other results and is never overwritten; choose another label"
        )
    number = max((number for number, _ in list_kept(study)), default=0) + 1
    folder.mkdir(parents=True)
    for name in manifest["results"]:
        shutil.copyfile(made.parent / name, folder / name)
    text = json.dumps({"number": number, **manifest}, ensure_ascii=False, indent=1)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return f"{len(manifest['results'])} results kept in {(KEPT / label).as_posix()}; add the folder to version control"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="firmties keep", description=__doc__)
    parser.add_argument("label", help="letters, digits, '.', '_' and '-', such as 2024-paper")
    parser.add_argument("--study", type=Path, default=Path(), help="the study's directory")
    options = parser.parse_args(arguments)
    return run_command(keep, options.study, options.label)


if __name__ == "__main__":
    sys.exit(main())
