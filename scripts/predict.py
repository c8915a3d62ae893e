"""Compute the declared average adjusted predictions of one model."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.jobs import run_job
from firmties.predictions import tabulate_predictions


def main(fits: str, table: str, predictions: Sequence[Mapping[str, Any]], output: str) -> str:
    """Read the model's fits and its scored table, write the predictions; return what the log says."""
    entries = json.loads(Path(fits).read_text(encoding="utf-8"))
    frame, remarks = tabulate_predictions(predictions, entries, {entries[0]["table"]: pd.read_parquet(table)})
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(output, index=False, lineterminator="\n")
    return "\n".join([f"{len(frame)} predictions", *remarks]) + "\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        fits=job.input.fits,
        table=job.input.table,
        predictions=job.params.predictions,
        output=job.output[0],
    )
