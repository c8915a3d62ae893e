"""Turn the sources of one exhibit into its numbers and notes."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.codebook import Variable, decode_text, parse_margins
from firmties.jobs import run_job, stream_sets
from firmties.privacy import protect_table

AS_TEXT = ("published", "listing", "dictionary", "masks")
"""Sources of printed numbers and of codes, where 0.30 is not 0.3 and 2 not 2.0."""


def read_source(name: str, paths: str | Sequence[str]) -> Any:
    """Read a table (Parquet, or one or several of CSV), entries of JSON files into one list, or the frame's margins."""
    if name == "completed":  # imputed sets are read one after another, with the columns that are asked for
        return [lambda columns, path=path: pd.read_parquet(path, columns=list(columns)) for path in paths]
    if not isinstance(paths, str) and paths[0].endswith(".csv"):
        return pd.concat([read_table(path) for path in paths], ignore_index=True)
    if not isinstance(paths, str):
        return [entry for path in paths for entry in json.loads(Path(path).read_text(encoding="utf-8"))]
    if name == "frame_margins":
        return parse_margins(decode_text(Path(paths).read_bytes()), (), file=paths)[0]
    if Path(paths).suffix == ".parquet":
        return pd.read_parquet(paths)
    # Keys are text even if they look like numbers.
    return read_table(paths, "str" if name in AS_TEXT else dict.fromkeys(("firm", "response", "followed_as"), "str"))


def read_table(file: Any, dtype: Any = None) -> pd.DataFrame:
    """Read CSV; a label may be "none" or "NA", so only an empty field is missing."""
    return pd.read_csv(file, keep_default_na=False, na_values=[""], dtype=dtype, low_memory=False)


def tabulate_fits(read: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    """Tables of estimates and of models from the fits of the models that the exhibit names, as `collect` writes them.

    An exhibit reads its own models' fits rather than the tables of all, so that another model's change leaves it alone.
    """
    tables = {}
    if "estimates" in read or "models" in read:
        from firmties.estimation import tabulate_estimates, tabulate_models

        if "estimates" in read:
            tables["estimates"] = tabulate_estimates(read["estimates"], read.get("dictionary"))
        if "models" in read:
            tables["models"] = tabulate_models(read["models"])
    return {name: read_table(StringIO(table.to_csv(index=False))) for name, table in tables.items()}


def find_sets(
    paths: Mapping[str, Any], fits: Sequence[Mapping[str, Any]], study: Mapping[str, Any]
) -> Callable[[], Iterator[tuple[list[Any], dict[str, pd.DataFrame]]]]:
    """Give what reads the imputed sets one by one: the fits to a set and its completed tables."""
    from firmties.estimation import list_needed

    completed = {name: paths[f"completed_{name}"] for name in ("panel", "alters") if f"completed_{name}" in paths}
    needed = {
        name: list(dict.fromkeys([*list_needed(fit for fit in fits if fit["table"] == name), study["firm"]]))
        for name in completed
    }

    def read() -> Iterator[tuple[list[Any], dict[str, pd.DataFrame]]]:
        for own, tables in stream_sets(paths["fits_by_set"], completed, needed):
            yield own["fits"], tables

    return read


def main(
    sources: Mapping[str, str | Sequence[str]],
    kind: str,
    options: Mapping[str, Any],
    numbers: str,
    notes: str,
    waves: Sequence[Mapping[str, Any]] = (),
    study: Mapping[str, Any] | None = None,
    scales: Sequence[Mapping[str, Any]] = (),
    marks: Mapping[str, str] | None = None,
    codebook: Sequence[Mapping[str, Any]] = (),
    crosswalk: Sequence[Mapping[str, Any]] = (),
) -> str:
    summarize = import_module(f"firmties.exhibits.{kind}.summarize").summarize
    by_set = ("fits_by_set", "completed_panel", "completed_alters")
    read = {name: read_source(name, paths) for name, paths in sources.items() if paths and name not in by_set}
    if sources.get("fits_by_set"):
        read["sets"] = find_sets(sources, read["fits"], dict(study or {}))
    if "listing" in read:
        read["listing"] = protect_table(read["listing"], marks or {}, str(sources["listing"]))
    read |= tabulate_fits(read)
    read |= {"waves": pd.DataFrame(list(waves)), "scales": pd.DataFrame(list(scales)), "study": dict(study or {})}
    read["codebook"] = {row["name"]: Variable.from_row(row) for row in codebook}
    read["crosswalk"] = list(crosswalk)
    table, remarks = summarize(read, dict(options))
    Path(numbers).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(numbers, index=False, lineterminator="\n")
    Path(notes).write_text(json.dumps(remarks, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return f"{kind}: {len(table)} rows\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        sources={
            name: paths if isinstance(paths, str) else list(paths)
            for name, paths in job.input.items()
            if name not in ("modules", "sound")
        },
        kind=job.params.kind,
        options=job.params.options,
        numbers=job.output.numbers,
        notes=job.output.notes,
        waves=job.params.get("waves", []),
        study=job.params.get("study", {}),
        scales=job.params.get("scales", []),
        marks=job.params.get("marks", {}),
        codebook=job.params.get("codebook", []),
        crosswalk=job.params.get("crosswalk", []),
    )
