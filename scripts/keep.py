"""Keep a study's results under a label, or compare them with those kept last."""

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
from firmties.provenance import compute_checksum
from firmties.study import load_study

KEPT = Path("data/kept")
RESULTS = Path("reports/results")
MANIFEST = "manifest.json"


def list_inputs(study_directory: Path) -> tuple[str, dict[str, str]]:
    """Title of the study, and all its inputs with their values or checksums."""
    from firmties.changes import describe_inputs

    study = load_study(study_directory)
    scripts = Path(__file__).parent
    files = [path for path in sorted((study_directory / "data").rglob("*")) if path.is_file()]
    own = ("interim", "processed", "kept", "waves")
    data = {path.relative_to(study_directory).as_posix(): path for path in files}
    read_apart = ("data/codebook.csv", "data/crosswalk.csv")
    sums = {
        name: compute_checksum(path)
        for name, path in data.items()
        if name.split("/")[1] not in own and name not in read_apart and not path.name.startswith(".")
    }
    modules = sorted([*scripts.glob("*.py"), *(scripts / "firmties").rglob("*.py")])
    sums |= {f"scripts/{path.relative_to(scripts).as_posix()}": compute_checksum(path) for path in modules}
    return str(study.config["study"]["title"]), describe_inputs(
        study.config, study.codebook_rows(table=None), study.crosswalk, sums
    )


def list_results(study: Path) -> list[Path]:
    """Files of results; a study that was not run yet has none."""
    found = sorted((study / RESULTS).glob("*.csv"))
    if not found:
        raise StudyError(f"{(study / RESULTS).as_posix()}: holds no results; run the study first (./firmties run)")
    return found


def list_kept(study: Path) -> list[tuple[int, str]]:
    """Kept results in the order of keeping: number and label."""
    found = (study / KEPT).glob(f"*/{MANIFEST}")
    return sorted((json.loads(path.read_text(encoding="utf-8"))["number"], path.parent.name) for path in found)


def keep(study: Path, label: str) -> str:
    """Copy results and manifest to data/kept/LABEL; return what was done."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", label):
        raise StudyError(
            f"label '{label}': allowed are letters, digits, '.', '_' and '-', beginning with a letter or digit"
        )
    results, before, folder = list_results(study), list_kept(study), study / KEPT / label
    if folder.exists():
        raise StudyError(
            f"{(KEPT / label).as_posix()}: is there already and is never overwritten; choose another label"
        )
    _, inputs = list_inputs(study)
    folder.mkdir(parents=True)
    for path in results:
        shutil.copyfile(path, folder / path.name)
    number = before[-1][0] + 1 if before else 1
    manifest = {"number": number, "inputs": inputs, "results": {path.name: compute_checksum(path) for path in results}}
    (folder / MANIFEST).write_text(json.dumps(manifest, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return f"{len(results)} results kept in {(KEPT / label).as_posix()}; add the folder to version control"


def compare(study: Path, label: str | None = None) -> str:
    """Write reports/changes.html and reports/changes.csv; return what they say in a line."""
    import pandas as pd

    from firmties.changes import KEYS, attribute_changes, compare_inputs, compare_results, write_page

    kept = [name for _, name in list_kept(study)]
    if not kept:
        raise StudyError(f"{KEPT.as_posix()}: nothing is kept yet; keep results with ./firmties keep LABEL")
    if label and label not in kept:
        raise StudyError(f"{KEPT.as_posix()}: no results '{label}'; kept are {', '.join(kept)}")
    label = label or kept[-1]
    list_results(study)
    sides = [
        {
            name: pd.read_csv(folder / f"{name}.csv", dtype="str", keep_default_na=False)
            for name in KEYS
            if (folder / f"{name}.csv").is_file()
        }
        for folder in (study / KEPT / label, study / RESULTS)
    ]
    manifest = json.loads((study / KEPT / label / MANIFEST).read_text(encoding="utf-8"))
    title, now = list_inputs(study)
    inputs = compare_inputs(manifest["inputs"], now)
    moved = attribute_changes(compare_results(*sides), inputs)
    moved.to_csv(study / "reports/changes.csv", index=False, lineterminator="\n")
    (study / "reports/changes.html").write_text(write_page(title, label, moved, inputs), encoding="utf-8")
    what = f"{len(moved)} values moved" if len(moved) else "nothing moved"
    return f"since {label}: {what}, {len(inputs)} inputs changed; see reports/changes.html and reports/changes.csv"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="firmties", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    keeping = commands.add_parser("keep", help="keep the results under a label")
    keeping.add_argument("label", help="letters, digits, '.', '_' and '-', such as 2024-paper")
    comparing = commands.add_parser("changes", help="compare the results with those kept last")
    comparing.add_argument("label", nargs="?", help="other results than those kept last")
    for command in (keeping, comparing):
        command.add_argument("--study", type=Path, default=Path(), help="the study's directory")
    options = parser.parse_args(arguments)
    try:
        print(
            keep(options.study, options.label) if options.command == "keep" else compare(options.study, options.label)
        )
    except StudyError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
