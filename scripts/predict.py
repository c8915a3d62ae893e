"""Compute the declared average adjusted predictions of one model."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.estimation import list_needed
from firmties.jobs import run_job, stream_sets
from firmties.predictions import pool_predictions, tabulate_predictions


def main(
    fits: str,
    table: str,
    predictions: Sequence[Mapping[str, Any]],
    output: str,
    by_set: str = "",
    completed: Sequence[str] = (),
) -> str:
    """Read the model's fits and its table, or those of each imputed set, write the predictions; return the log."""
    entries = json.loads(Path(fits).read_text(encoding="utf-8"))
    name, needed = entries[0]["table"], list_needed(entries)
    if completed:
        sets = stream_sets([by_set], {name: completed}, {name: needed})
        frame, remarks = pool_predictions(predictions, ((own["fits"], tables) for own, tables in sets))
    else:
        frame, remarks = tabulate_predictions(predictions, entries, {name: pd.read_parquet(table)})
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(output, index=False, lineterminator="\n")
    return "\n".join([f"{len(frame)} predictions", *remarks]) + "\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        fits=job.input.fits,
        by_set=job.input.by_set,
        table=job.input.table,
        completed=list(job.input.get("completed", [])),
        predictions=job.params.predictions,
        output=job.output[0],
    )
