"""Collect the results of all models: estimates, those of complete cases beside imputed ones, models, predictions."""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from firmties.disclosure import hide_predicted
from firmties.estimation import tabulate_estimates, tabulate_models
from firmties.jobs import run_job
from firmties.predictions import PREDICTIONS


def main(
    fits: Sequence[str],
    predicted: Sequence[str],
    order: Sequence[str],
    estimates: str,
    models: str,
    predictions: str,
    masks: str,
    minimum: int,
    complete: Sequence[str],
    complete_cases: str,
    dictionary: str | None = None,
) -> str:
    """Read fits and predictions, write the tables of results; return what the log says."""
    entries, beside = (
        [entry for path in paths for entry in json.loads(Path(path).read_text(encoding="utf-8"))]
        for paths in (fits, complete)
    )
    words = pd.read_csv(dictionary, dtype="str", keep_default_na=False) if dictionary else None
    Path(estimates).parent.mkdir(parents=True, exist_ok=True)
    tabulate_estimates(entries, words).to_csv(estimates, index=False, lineterminator="\n")
    tabulate_estimates(beside, words).to_csv(complete_cases, index=False, lineterminator="\n")
    tabulate_models(entries).to_csv(models, index=False, lineterminator="\n")
    # As text, so that every number stays as it was written.
    tables = [pd.read_csv(path, dtype="str", keep_default_na=False) for path in predicted]
    joined = pd.concat([pd.DataFrame(columns=PREDICTIONS), *tables], ignore_index=True)
    joined = joined.sort_values("prediction", key=lambda names: names.map(list(order).index), kind="stable")
    joined = hide_predicted(joined, minimum, set(pd.read_csv(masks, dtype="str")["cell"]))
    joined.to_csv(predictions, index=False, lineterminator="\n")
    failed = [
        f"{entry['model']} {entry['outcome']}: {entry['reason']}\n" for entry in entries if entry["status"] == "failed"
    ]
    return f"{len(entries)} fits, {len(failed)} failed\n" + "".join(failed)


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        fits=list(job.input.fits),
        complete=list(job.input.complete),
        predicted=list(job.input.predictions),
        order=job.params.order,
        masks=job.input.masks,
        minimum=job.params.minimum,
        dictionary=job.input.get("dictionary"),
        estimates=job.output.estimates,
        complete_cases=job.output.complete_cases,
        models=job.output.models,
        predictions=job.output.predictions,
    )
