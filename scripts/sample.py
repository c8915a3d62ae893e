"""Stack the sample files and hold them against the panel."""

from collections.abc import Mapping

import pandas as pd

from firmties.jobs import run_job
from firmties.link import check_sample, stack_tables
from firmties.panel import rename_firms
from firmties.privacy import protect_table


def main(
    samples: Mapping[int, str], panel: str, firm: str, marks: Mapping[str, str], successors: str | None, output: str
) -> str:
    """Read the sample files of the waves that have one, write Parquet; return what the log says."""
    tables = {wave: pd.read_csv(path, dtype={firm: "str"}) for wave, path in samples.items()}
    kept = {wave: protect_table(table, marks, f"{samples[wave]} (wave {wave})") for wave, table in tables.items()}
    sample = stack_tables(kept)
    followed: set[str] = set()
    if successors:
        lines = pd.read_csv(successors, dtype={"firm": "str", "followed_as": "str"})
        sample, followed = rename_firms(sample, lines, firm), set(lines["followed_as"])
    check_sample(sample, pd.read_parquet(panel, columns=["wave", firm]), firm, samples, followed)
    sample.to_parquet(output)
    return f"{len(sample)} firms invited in {len(samples)} waves\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        samples=dict(zip(job.params.waves, job.input.samples, strict=True)),
        panel=job.input.panel,
        firm=job.params.firm,
        marks=job.params.marks,
        successors=job.input.get("successors"),
        output=job.output[0],
    )
