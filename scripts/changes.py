"""Write what results came from, and compare them with those that were kept."""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).parent))

from firmties import slices
from firmties.changes import (
    attribute_changes,
    compare_inputs,
    compare_results,
    count_removed,
    describe_inputs,
    describe_rule_change,
    find_changed_rules,
    write_page,
)
from firmties.dictionaries import list_modules as list_dictionaries
from firmties.errors import StudyError, describe_allowed
from firmties.jobs import run_command, run_job
from firmties.provenance import KEPT, MANIFEST, compute_checksum, list_kept, list_modules, list_versions
from firmties.readers import find_readers
from firmties.study import Study, load_study

RESULTS = Path("reports/results")
SCRIPTS = Path(__file__).parent
FOUNDATION = ("read", "clean", "link", "sample", "alters", "score")
MADE_BY = {
    "estimates": ("fit", "collect"),
    "models": ("fit", "collect"),
    "predictions": ("fit", "predict", "mask", "collect"),
    "hypotheses": ("fit", "contrast", "test"),
    "cleaning": (),
}
"""The rules that make each result, beside those that make the scored tables."""
OF_MODELS = {"estimates", "models", "fits", "predictions", "contrasts", "hypotheses"}
"""Sources of an exhibit that come from models."""


def list_made_by(study: Study) -> dict[str, list[str]]:
    """Result or exhibit → the scripts and modules that make it, as the manifest names them."""
    waves = study.config["waves"]
    long_files = slices.list_long_files(study.config, study.crosswalk_rows)
    files = [(wave["file"], slices.slice_read(wave)) for wave in waves]
    files += [(entry["file"], {"id": entry["wave"]["id"], **entry["reader"]}) for entry in long_files]
    found = {name for file, settings in files for name in find_readers(study.directory / file, settings)}
    readers = {f"firmties.readers.{name}" for name in found}
    if any("dictionary" in wave for wave in waves):
        readers |= {f"firmties.dictionaries.{name}" for name in list_dictionaries()}

    def list_paths(rules: Iterable[str], extra: Iterable[str]) -> list[str]:
        scripts = [SCRIPTS / f"{rule}.py" for rule in rules]
        found = {*scripts, *(path for script in scripts for path in list_modules(script, extra))}
        return sorted(f"scripts/{path.relative_to(SCRIPTS).as_posix()}" for path in found)

    made = {name: list_paths((*FOUNDATION, *rules), readers) for name, rules in MADE_BY.items()}
    for exhibit in study.config.get("exhibits", []):
        sources = set(study.kinds[exhibit["kind"]]["sources"])
        rules = ["fit", "predict", "contrast", "test"] if OF_MODELS & sources else []
        rules += ["mask"] if "masks" in sources else []
        kind = f"firmties.exhibits.{exhibit['kind']}.summarize"
        made[exhibit["id"]] = list_paths((*FOUNDATION, *rules, "summarize"), {*readers, kind})
    return made


def list_inputs(study: Study, modules: Iterable[str]) -> dict[str, str]:
    """All that the results rest on, with values or checksums."""
    rows: dict[str, dict[str, object]] = {"data/codebook.csv": {}, "data/crosswalk.csv": {}, "data/anchors.csv": {}}
    rows["data/codebook.csv"] = {row["name"]: row for row in study.codebook_rows(table=None)}
    rows["data/anchors.csv"] = dict(study.anchors)
    for row in study.crosswalk:
        name = str(row["variable"] or row["raw_name"])
        rows["data/crosswalk.csv"][name] = [*rows["data/crosswalk.csv"].get(name, []), row]  # type: ignore[misc]
    own = {*rows, "config.yaml", "report.md"}
    files = {name: study.directory / name for name in slices.list_input_files(study.config) if name not in own}
    sums = {name: compute_checksum(path) for name, path in files.items() if path.is_file()}
    sums |= {name: compute_checksum(SCRIPTS.parent / name) for name in modules}
    sums |= {f"library {name}": version for name, version in list_versions().items()}
    return describe_inputs(study.config, rows, sums)


def write_manifest(study: Study, results: Sequence[Path]) -> dict[str, dict[str, str]]:
    """What the results came from, and their checksums."""
    modules = sorted({name for names in list_made_by(study).values() for name in names})
    return {
        "inputs": list_inputs(study, modules),
        "results": {path.name: compute_checksum(path) for path in results},
    }


def read_results(folder: Path, names: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Tables of results as text, by name."""
    paths = [folder / name for name in names if name.endswith(".csv")]
    return {path.stem: pd.read_csv(path, dtype="str", keep_default_na=False) for path in paths if path.is_file()}


def compare(study: Study, manifest: Mapping[str, Mapping[str, str]], label: str) -> tuple[pd.DataFrame, str]:
    """Compare the results with those kept under a label; return what moved, and the page.

    Without a label nothing is compared, and the page says how results are kept.
    """
    now, folder = study.directory / RESULTS, study.directory / KEPT / label
    kept = json.loads((folder / MANIFEST).read_text(encoding="utf-8")) if label else manifest
    # Only files that are not the same byte for byte can hold what moved.
    same = kept["results"].items() & manifest["results"].items()
    sides = [
        read_results(place, sorted(made["results"].keys() - dict(same).keys()))
        for place, made in ((folder, kept), (now, manifest))
    ]
    inputs = compare_inputs(kept["inputs"], manifest["inputs"])
    shown = {
        exhibit["id"]: slices.list_models_of(study.config, exhibit)
        if OF_MODELS & set(study.kinds[exhibit["kind"]]["sources"])
        else []
        for exhibit in study.config.get("exhibits", [])
    }
    moved = attribute_changes(
        compare_results(*sides), inputs, study.config, study.variables, list_made_by(study), shown
    )
    return moved, write_page(str(study.config["study"]["title"]), label, moved, inputs)


def describe_changes(moved: pd.DataFrame, label: str, html: str) -> str:
    """Say in a line what moved."""
    what = f"{len(moved)} values moved" if len(moved) else "nothing moved"
    return f"Since {label}: {what}; see {html}." if label else "No results are kept yet (./firmties keep LABEL)."


def main(results: Sequence[str], ledger: str, cleaning: str, kept: str, manifest: str, html: str, csv: str) -> str:
    """Count what cleaning removed; write the manifest, and what moved since the results kept last."""
    study = load_study(Path.cwd())
    removed = count_removed(pd.read_csv(ledger, dtype="str", keep_default_na=False))
    removed.to_csv(cleaning, index=False, lineterminator="\n")
    made = write_manifest(study, [Path(path) for path in (*results, cleaning)])
    moved, page = compare(study, made, kept)
    Path(manifest).write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    moved.to_csv(csv, index=False, lineterminator="\n")
    Path(html).write_text(page, encoding="utf-8")
    said = describe_changes(moved, kept, html)
    if kept:
        before = json.loads((KEPT / kept / MANIFEST).read_text(encoding="utf-8"))["inputs"]
        if changed := find_changed_rules(before, made["inputs"]):
            said += "\n" + describe_rule_change(moved, changed)
    return said + "\n"


def compare_on_command(arguments: Sequence[str] | None = None) -> int:
    """Compare the last run's results with those kept under a label; return the exit status."""
    parser = argparse.ArgumentParser(prog="firmties changes", description="Compare results with those that were kept.")
    parser.add_argument("label", nargs="?", help="other results than those kept last")
    parser.add_argument("--study", type=Path, default=Path(), help="the study's directory")
    options = parser.parse_args(arguments)
    return run_command(compare_last_run, options.study, options.label)


def compare_last_run(directory: Path, label: str | None = None) -> str:
    """Write the page reports/changes_LABEL.html and its table; return what they say in a line."""
    made = directory / RESULTS / MANIFEST
    if not made.is_file():
        raise StudyError(f"{made.as_posix()}: is missing; run the study first (./firmties run)")
    kept = [name for _, name in list_kept(directory)]
    if not kept:
        raise StudyError(f"{KEPT.as_posix()}: nothing is kept yet; keep results with ./firmties keep LABEL")
    if label and label not in kept:
        raise StudyError(f"{KEPT.as_posix()}: no results '{label}'; {describe_allowed(label, kept)}")
    label = label or kept[-1]
    moved, page = compare(load_study(directory), json.loads(made.read_text(encoding="utf-8")), label)
    path = Path(f"reports/changes_{label}.html")
    moved.to_csv(directory / path.with_suffix(".csv"), index=False, lineterminator="\n")
    (directory / path).write_text(page, encoding="utf-8")
    return describe_changes(moved, label, path.as_posix())


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        results=[*job.input.results, *job.input.numbers, *job.input.notes],
        ledger=job.input.ledger,
        cleaning=job.output.cleaning,
        kept=job.params.kept,
        manifest=job.output.manifest,
        html=job.output.html,
        csv=job.output.csv,
    )
elif __name__ == "__main__":
    sys.exit(compare_on_command())
