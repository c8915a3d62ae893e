"""Choose which small cells are hidden: one mask for every table that shares a cross-classification."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.disclosure import list_crossed, list_predicted, mask_tables
from firmties.jobs import run_job


def main(
    panel: str, predictions: Sequence[str], crosstabs: Sequence[Mapping[str, Any]], minimum: int, output: str
) -> str:
    """Count the cells of cross-tables and of predictions together, write the names of those that are hidden."""
    table = pd.read_parquet(panel)
    tables = [counts for options in crosstabs for counts in list_crossed(table, options)]
    for path in predictions:
        tables += list_predicted(pd.read_csv(path, dtype="str", keep_default_na=False))
    hidden = sorted(mask_tables(tables, minimum))
    pd.DataFrame({"cell": hidden}).to_csv(output, index=False, lineterminator="\n")
    return f"{len(tables)} tables, {len(hidden)} cells and totals hidden\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        panel=job.input.panel,
        predictions=list(job.input.predictions),
        crosstabs=job.params.crosstabs,
        minimum=job.params.minimum,
        output=job.output[0],
    )
