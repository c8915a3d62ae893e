"""Collect all fits into one table of estimates and one of models."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from firmties.estimation import tabulate_estimates, tabulate_models
from firmties.jobs import run_job


def main(fits: Sequence[str], estimates: str, models: str, dictionary: str | None = None) -> str:
    """Read the fits, write estimates.csv and models.csv; return what the log says."""
    entries = [entry for path in fits for entry in json.loads(Path(path).read_text(encoding="utf-8"))]
    words = pd.read_csv(dictionary, dtype="str", keep_default_na=False) if dictionary else None
    Path(estimates).parent.mkdir(parents=True, exist_ok=True)
    tabulate_estimates(entries, words).to_csv(estimates, index=False, lineterminator="\n")
    tabulate_models(entries).to_csv(models, index=False, lineterminator="\n")
    failed = [
        f"{entry['model']} {entry['outcome']}: {entry['reason']}\n" for entry in entries if entry["status"] == "failed"
    ]
    return f"{len(entries)} fits, {len(failed)} failed\n" + "".join(failed)


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        fits=list(job.input.fits) if not isinstance(job.input.fits, str) else [job.input.fits],
        dictionary=job.input.get("dictionary"),
        estimates=job.output.estimates,
        models=job.output.models,
    )
