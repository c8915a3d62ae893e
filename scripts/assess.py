"""Judge by alpha and omega which scales may stand in models."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.jobs import run_job
from firmties.reliability import assess_scales


def main(panel: str, scales: Sequence[Mapping[str, Any]], settings: Mapping[str, Any], output: str) -> str:
    """Read the scored panel, write a row a scale; return what the log says."""
    items = dict.fromkeys(item for scale in scales for item in scale["items"])
    found = assess_scales(pd.read_parquet(panel, columns=["wave", *items]), scales, settings)
    found.to_csv(output, index=False, lineterminator="\n")
    return "".join(f"{row.label}: {row.verdict}: {row.reason}\n" for row in found.itertuples())


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        panel=job.input.panel,
        scales=job.params.scales,
        settings=job.params.settings,
        output=job.output[0],
    )
