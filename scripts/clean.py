"""Clean one wave: types, missing codes, ranges, exclusions, reverse-keyed items."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.clean import clean_wave
from firmties.codebook import Variable
from firmties.jobs import run_job


def main(
    responses: str,
    labels: str,
    codebook: Sequence[Mapping[str, Any]],
    crosswalk: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    values: str,
    kinds: str,
    flags: str,
    ledger: str,
) -> str:
    """Clean the responses; write values, kinds of missing values and flags as Parquet, the ledger as CSV."""
    wave = clean_wave(
        pd.read_parquet(responses),
        json.loads(Path(labels).read_text(encoding="utf-8")),
        [Variable.from_row(row) for row in codebook],
        crosswalk,
        settings,
    )
    wave.values.to_parquet(values)
    wave.kinds.to_parquet(kinds)
    wave.flags.to_parquet(flags)
    wave.ledger.to_csv(ledger, index=False, lineterminator="\n")
    return f"{len(wave.values)} responses kept\n{wave.ledger.groupby('rule', sort=False).size().to_string()}\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        responses=job.input.responses,
        labels=job.input.labels,
        codebook=job.params.codebook,
        crosswalk=job.params.crosswalk,
        settings=job.params.settings,
        values=job.output.values,
        kinds=job.output.kinds,
        flags=job.output.flags,
        ledger=job.output.ledger,
    )
