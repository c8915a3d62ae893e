"""Stack the clean waves into one firm × wave panel."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.jobs import run_job
from firmties.link import stack_waves


def main(
    waves: Sequence[int],
    values: Sequence[str],
    kinds: Sequence[str],
    flags: Sequence[str],
    ledgers: Sequence[str],
    study: Mapping[str, Any],
    order: Sequence[str],
    outputs: Mapping[str, str],
) -> str:
    """Stack values, kinds, flags and ledgers; write Parquet, the ledger as CSV."""
    keys = ["wave", study["firm"], study.get("response", "response")]
    tables = {wave: pd.read_parquet(path) for wave, path in zip(waves, values, strict=True)}
    reasons = {wave: pd.read_parquet(path) for wave, path in zip(waves, kinds, strict=True)}
    panel, why = stack_waves(tables, reasons, keys, order)
    panel.to_parquet(outputs["panel"])
    why.to_parquet(outputs["kinds"])
    pd.concat([pd.read_parquet(path) for path in flags], ignore_index=True).to_parquet(outputs["flags"])
    ledger = pd.concat([pd.read_csv(path, dtype="str", keep_default_na=False) for path in ledgers], ignore_index=True)
    ledger.to_csv(outputs["ledger"], index=False, lineterminator="\n")
    return f"{len(panel)} firm-waves, {panel[study['firm']].nunique()} firms, {len(ledger)} rows in the ledger\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        waves=job.params.waves,
        values=job.input.get("values"),
        kinds=job.input.kinds,
        flags=job.input.flags,
        ledgers=job.input.ledgers,
        study=job.params.study,
        order=job.params.order,
        outputs=dict(job.output.items()),
    )
