"""Estimate the contrasts of hypotheses that use one model."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.estimation import list_needed
from firmties.hypotheses import estimate_contrasts, pool_contrasts
from firmties.jobs import run_job, stream_sets


def main(
    fits: str,
    by_wave: str,
    table: str,
    hypotheses: Sequence[Mapping[str, Any]],
    output: str,
    complete: str = "",
    by_set: str = "",
    completed: Sequence[str] = (),
) -> str:
    """Read the model's fits and its table, or those of each imputed set, write the contrasts; return the log."""
    entries, apart = (json.loads(Path(path).read_text(encoding="utf-8")) for path in (fits, by_wave))
    name, needed = entries[0]["table"], list_needed(entries)
    tables = {name: pd.read_parquet(table)}
    if completed:
        beside = json.loads(Path(complete).read_text(encoding="utf-8"))
        sets = stream_sets([by_set], {name: completed}, {name: needed})
        contrasts = pool_contrasts(
            hypotheses,
            ((own["fits"], own["by_wave"], rows) for own, rows in sets),
            entries,
            apart,
            estimate_contrasts(hypotheses, beside, tables),
        )
    else:
        contrasts = estimate_contrasts(hypotheses, entries, tables, apart)
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    contrasts.to_csv(output, index=False, lineterminator="\n")
    failed = contrasts.loc[contrasts["reason"] != "", ["hypothesis", "component", "reason"]]
    return f"{len(contrasts)} contrasts\n" + "".join(f"{': '.join(row)}\n" for row in failed.itertuples(index=False))


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        fits=job.input.fits,
        by_wave=job.input.by_wave,
        complete=job.input.complete,
        by_set=job.input.by_set,
        table=job.input.table,
        completed=list(job.input.get("completed", [])),
        hypotheses=job.params.hypotheses,
        output=job.output[0],
    )
