"""Compute the declared average adjusted predictions."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.jobs import run_job
from firmties.predictions import tabulate_predictions


def main(fits: Sequence[str], tables: Mapping[str, str], predictions: Sequence[Mapping[str, Any]], output: str) -> str:
    """Read fits and scored tables, write predictions.csv; return what the log says."""
    entries = [entry for path in fits for entry in json.loads(Path(path).read_text(encoding="utf-8"))]
    needed = {entry["table"] for entry in entries}
    frames = {name: pd.read_parquet(path) for name, path in tables.items() if name in needed}
    table, remarks = tabulate_predictions(predictions, entries, frames)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(output, index=False, lineterminator="\n")
    return "\n".join([f"{len(table)} predictions", *remarks]) + "\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    given = job.input.get("fits", [])
    run_job(
        main,
        job.log[0],
        fits=[given] if isinstance(given, str) else list(given),
        tables={name: job.input[name] for name in ("panel", "alters") if name in dict(job.input.items())},
        predictions=job.params.predictions,
        output=job.output[0],
    )
