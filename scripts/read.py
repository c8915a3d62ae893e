"""Read one wave's export as text, with the labels that its format carries."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firmties.jobs import run_job
from firmties.readers import read_wave


def main(raw: str, wave: Mapping[str, Any], responses: str, labels: str) -> str:
    """Read the raw file; write the responses as Parquet and the labels as JSON."""
    table, carried = read_wave(raw, wave)
    table.to_parquet(responses)
    Path(labels).write_text(json.dumps(carried, ensure_ascii=False, indent=1), encoding="utf-8")
    size = f"{len(table)} responses, {table.shape[1] - 1} columns"
    return f"{raw}: {carried['format']}, {size}, SHA-256 {carried['sha256']}\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        raw=job.input.raw,
        wave=job.params.wave,
        responses=job.output.responses,
        labels=job.output.labels,
    )
