"""Weigh the firms that answered, wave by wave."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.codebook import decode_text, parse_margins
from firmties.jobs import run_job
from firmties.weights import weigh_waves


def main(
    sample: str,
    panel: str,
    frame_margins: str,
    settings: Mapping[str, Any],
    firm: str,
    waves: Sequence[int],
    files: Mapping[int, str],
    successors: str | None,
    weights: str,
    weighting: str,
) -> str:
    """Read sample, panel and margins; write the weights as Parquet and how they were made as CSV."""
    needed = list(dict.fromkeys(["wave", firm, *settings.get("retention", [])]))
    found = weigh_waves(
        pd.read_parquet(sample),
        pd.read_parquet(panel, columns=needed),
        parse_margins(decode_text(Path(frame_margins).read_bytes()), (), file=frame_margins)[0],
        settings,
        firm,
        waves,
        files,
        pd.read_csv(successors, dtype={"firm": "str", "followed_as": "str"}) if successors else None,
    )
    found.weights.to_parquet(weights)
    found.weighting.to_csv(weighting, index=False, lineterminator="\n")
    return found.weighting[["wave", "n", "n_weighted", "deff", "n_trimmed", "reason"]].to_string(index=False) + "\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        sample=job.input.sample,
        panel=job.input.panel,
        frame_margins=job.input.frame_margins,
        settings=job.params.settings,
        firm=job.params.firm,
        waves=job.params.waves,
        files=job.params.files,
        successors=job.input.get("successors"),
        weights=job.output.weights,
        weighting=job.output.weighting,
    )
