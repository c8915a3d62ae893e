"""Fit one declared model for its outcomes, samples and blocks, and what hypotheses rest on to each wave alone."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.estimation import fit_model, fit_waves
from firmties.jobs import run_job
from firmties.predictions import choose_fits


def main(
    table: str,
    dictionary: str,
    model: Mapping[str, Any],
    sets: Mapping[str, str],
    samples: Mapping[str, str],
    by_wave: Sequence[Mapping[str, Any]],
    output: str,
    output_by_wave: str,
    references: Mapping[str, str] | None = None,
) -> str:
    """Read the scored table, fit, write the fits as JSON; return what the log says."""
    words = pd.read_csv(dictionary, dtype="str", keep_default_na=False)
    rows = pd.read_parquet(table)
    fits = fit_model(model, rows, words, sets, samples, references)
    tested = [fit for wanted in by_wave for fit in choose_fits(fits, wanted)[:1]]
    for path, entries in ((output, fits), (output_by_wave, fit_waves(tested, rows, words))):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(json.dumps(entries, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")
    lines = []
    for fit in fits:
        name = " ".join(part for part in (fit["outcome"], fit["sample"], fit["block"]) if part)
        said = fit["reason"] if fit["status"] == "failed" else f"{fit['n_obs']} rows, {len(fit['terms'])} terms"
        left_out = "; ".join(f"{number} {reason}" for reason, number in fit["left_out"].items())
        lines.append(f"{name}: {fit['status']}: {said}" + (f" (left out: {left_out})" if left_out else ""))
    return "\n".join(lines) + "\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        table=job.input.table,
        dictionary=job.input.dictionary,
        model=job.params.model,
        sets=job.params.sets,
        samples=job.params.samples,
        references=job.params.get("references"),
        by_wave=job.params.by_wave,
        output=job.output.fits,
        output_by_wave=job.output.by_wave,
    )
