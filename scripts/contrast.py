"""Estimate the contrasts of hypotheses that use one model."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.hypotheses import estimate_contrasts
from firmties.jobs import run_job


def main(fits: str, by_wave: str, table: str, hypotheses: Sequence[Mapping[str, Any]], output: str) -> str:
    """Read the model's fits and its scored table, write the contrasts; return what the log says."""
    entries, apart = (json.loads(Path(path).read_text(encoding="utf-8")) for path in (fits, by_wave))
    contrasts = estimate_contrasts(hypotheses, entries, {entries[0]["table"]: pd.read_parquet(table)}, apart)
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
        table=job.input.table,
        hypotheses=job.params.hypotheses,
        output=job.output[0],
    )
