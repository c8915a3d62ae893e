"""Choose which small cells are hidden: one mask for every table that shares a cross-classification."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.disclosure import (
    is_asked,
    list_combined,
    list_crossed,
    list_predicted,
    mask_tables,
    mask_waves,
    name_cell,
)
from firmties.formulas import as_codes
from firmties.jobs import run_job


def main(
    panel: str,
    dictionary: str,
    predictions: Sequence[str],
    crosstabs: Sequence[Mapping[str, Any]],
    minimum: int,
    output: str,
    combinations: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Count the cells of cross-tables, combinations and predictions together, write the names of those that are hidden.

    Of what the topline counts wave by wave, totals over the waves that would give away a wave's number are hidden, too.
    """
    table = pd.read_parquet(panel)
    tables = [counts for options in crosstabs for counts in list_crossed(table, options)]
    tables += [counts for options in combinations for counts in list_combined(table, options)]
    for path in predictions:
        tables += list_predicted(pd.read_csv(path, dtype="str", keep_default_na=False))
    words = pd.read_csv(dictionary, dtype="str", keep_default_na=False)
    crossed = {str(name) for counts in tables for name in counts.cells.index.names}
    totals: set[str] = set()
    for name in sorted(name for name in crossed if name in table and is_asked(words, name)):
        _, codes = mask_waves(pd.crosstab(table["wave"], as_codes(table[name])), minimum)
        totals |= {name_cell([name], [code]) for code in codes}
    hidden = sorted(mask_tables(tables, minimum, totals))
    pd.DataFrame({"cell": hidden}).to_csv(output, index=False, lineterminator="\n")
    return f"{len(tables)} tables, {len(hidden)} cells and totals hidden\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        panel=job.input.panel,
        dictionary=job.input.dictionary,
        predictions=list(job.input.predictions),
        crosstabs=job.params.crosstabs,
        combinations=job.params.combinations,
        minimum=job.params.minimum,
        output=job.output[0],
    )
