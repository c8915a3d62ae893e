"""Test the declared hypotheses."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.hypotheses import tabulate_hypotheses, tabulate_signs
from firmties.jobs import run_job


def main(
    fits: Sequence[str],
    by_wave: Sequence[str],
    tables: Mapping[str, str],
    hypotheses: Sequence[Mapping[str, Any]],
    families: Mapping[str, Mapping[str, Any]],
    output: str,
) -> str:
    """Read fits and scored tables, write hypotheses.csv; return what the log says."""
    entries, apart = (
        [entry for path in paths for entry in json.loads(Path(path).read_text(encoding="utf-8"))]
        for paths in (fits, by_wave)
    )
    needed = {entry["table"] for entry in entries}
    frames = {name: pd.read_parquet(path) for name, path in tables.items() if name in needed}
    table = tabulate_hypotheses(hypotheses, families, entries, frames)
    signs = tabulate_signs(hypotheses, apart, frames)
    signs["signs"] = signs["wave"].astype("str") + "=" + signs["sign"]
    joined = signs.groupby(["hypothesis", "component"], as_index=False)["signs"].agg("|".join)
    table = table.merge(joined, on=["hypothesis", "component"], how="left", validate="one_to_one")
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(output, index=False, lineterminator="\n")
    verdicts = table.drop_duplicates("hypothesis")
    lines = [f"{name}: {verdict}\n" for name, verdict in zip(verdicts["hypothesis"], verdicts["verdict"], strict=True)]
    return "".join(lines) or "no hypotheses declared\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    fits, by_wave = (
        [paths] if isinstance(paths, str) else list(paths)
        for paths in (job.input.get("fits", []), job.input.get("by_wave", []))
    )
    run_job(
        main,
        job.log[0],
        fits=fits,
        by_wave=by_wave,
        tables={name: job.input[name] for name in ("panel", "alters") if name in dict(job.input.items())},
        hypotheses=job.params.hypotheses,
        families=job.params.families,
        output=job.output[0],
    )
