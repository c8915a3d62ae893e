"""Stack the clean waves into one firm × wave panel."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.jobs import run_job
from firmties.link import stack_tables, stack_waves
from firmties.panel import list_successors, rename_firms


def main(
    waves: Sequence[int],
    values: Sequence[str],
    kinds: Sequence[str],
    flags: Sequence[str],
    ledgers: Sequence[str],
    samples: Mapping[int, str],
    study: Mapping[str, Any],
    order: Sequence[str],
    outputs: Mapping[str, str],
) -> str:
    """Stack values, kinds, flags and ledgers, a firm under the id of the one it carries on; write Parquet and CSV."""
    firm = study["firm"]
    keys = ["wave", firm, study.get("response", "response")]
    tables = {wave: pd.read_parquet(path) for wave, path in zip(waves, values, strict=True)}
    reasons = {wave: pd.read_parquet(path) for wave, path in zip(waves, kinds, strict=True)}
    raised = pd.concat([pd.read_parquet(path) for path in flags], ignore_index=True)
    ledger = pd.concat([pd.read_csv(path, dtype="str", keep_default_na=False) for path in ledgers], ignore_index=True)
    if column := study.get("successor_of"):
        listed = {wave: pd.read_csv(path, dtype="str") for wave, path in samples.items()}
        told = pd.concat(
            [
                stack_tables({wave: table.reindex(columns=["wave", firm, column]) for wave, table in source.items()})
                for source in (tables, listed)
                if source
            ],
            ignore_index=True,
        )
        known = [*told[firm].dropna(), *ledger["firm"]]
        told = told.rename(columns={firm: "firm", column: "successor_of"})
        successors = list_successors(told, known, waves)
        successors.to_csv(outputs["successors"], index=False, lineterminator="\n")
        tables = {wave: rename_firms(table, successors, firm) for wave, table in tables.items()}
        raised, ledger = rename_firms(raised, successors, "firm"), rename_firms(ledger, successors, "firm")
    panel, why = stack_waves(tables, reasons, keys, order)
    panel.to_parquet(outputs["panel"])
    why.to_parquet(outputs["kinds"])
    raised.to_parquet(outputs["flags"])
    ledger.to_csv(outputs["ledger"], index=False, lineterminator="\n")
    return f"{len(panel)} firm-waves, {panel[firm].nunique()} firms, {len(ledger)} rows in the ledger\n"


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
        samples=dict(zip(job.params.get("sampled", []), job.input.get("samples", []), strict=True)),
        study=job.params.study,
        order=job.params.order,
        outputs=dict(job.output.items()),
    )
