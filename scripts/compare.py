"""Test whether each scale measures the same in every group: which means may be compared."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.invariance import compare_scales
from firmties.jobs import run_job


def main(
    panel: str,
    scales: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    firm: str,
    outputs: Mapping[str, str],
) -> str:
    """Write a row a scale and grouping, a row a step, and the factor means where they may be compared."""
    chosen = settings.get("scales", "all")
    tested = [scale for scale in scales if chosen == "all" or scale["name"] in chosen]
    tables = compare_scales(pd.read_parquet(panel), tested, settings["over"], firm, settings.get("seed", 1))
    for name, table in zip(("verdicts", "steps", "means"), tables, strict=True):
        table.to_csv(outputs[name], index=False, lineterminator="\n")
    held = tables[0]["means_comparable"].sum()
    return f"{len(tables[0])} scales and groupings, means comparable in {held}\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        panel=job.input.panel,
        scales=job.params.scales,
        settings=job.params.settings,
        firm=job.params.firm,
        outputs=dict(job.output.items()),
    )
