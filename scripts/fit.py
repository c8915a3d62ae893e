"""Fit one declared model for its outcomes, samples and blocks, and what hypotheses rest on to each wave alone."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.estimation import fit_model, fit_waves, list_needed
from firmties.gate import find_refused, leave_out_terms, mark_fit
from firmties.jobs import run_job
from firmties.pooled_models import pool_fits
from firmties.predictions import choose_fits


def write_json(path: str, entries: Iterable[Any]) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(list(entries), allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def main(
    table: str,
    dictionary: str,
    model: Mapping[str, Any],
    sets: Mapping[str, str],
    samples: Mapping[str, str],
    by_wave: Sequence[Mapping[str, Any]],
    output: str,
    output_by_wave: str,
    output_complete: str,
    output_by_set: str,
    completed: Sequence[str] = (),
    assessed: str = "",
    gated: Mapping[str, Sequence[str]] | None = None,
    references: Mapping[str, str] | None = None,
) -> str:
    """Read the scored table and perhaps the completed ones, fit, write the fits as JSON; return what the log says.

    With completed tables the fits are pooled over them, and those of complete cases and of each set stand beside.
    """
    words = pd.read_csv(dictionary, dtype="str", keep_default_na=False)
    refused = find_refused(pd.read_csv(assessed, keep_default_na=False), gated or {}) if assessed else {}
    passed, gone = leave_out_terms(model, sets, refused)

    def fit(path: str, columns: list[str] | None, **starts: Any) -> tuple[list[Any], list[Any]]:
        rows = pd.read_parquet(path, columns=columns)
        found = fit_model(passed, rows, words, sets, samples, references, starts.get("fits", ()))
        found = [mark_fit(entry, gone, refused) for entry in found] if refused else found
        tested = [entry for wanted in by_wave for entry in choose_fits(found, wanted)[:1]]
        return found, fit_waves(tested, rows, words, starts=starts.get("by_wave", ()))

    fits, apart = complete, complete_apart = fit(table, None)
    Path(output_by_set).parent.mkdir(parents=True, exist_ok=True)
    with Path(output_by_set).open("w", encoding="utf-8", newline="\n") as stream:
        each = []
        for path in completed:
            each.append(fit(path, list_needed(complete), fits=complete, by_wave=complete_apart))
            line = dict(zip(("fits", "by_wave"), each[-1], strict=True))
            stream.write(json.dumps(line, allow_nan=False, ensure_ascii=False) + "\n")
    if completed:
        fits, apart = pool_fits([own for own, _ in each]), pool_fits([own for _, own in each])
    write_json(output, fits)
    write_json(output_by_wave, apart)
    write_json(output_complete, complete if completed else [])
    lines = []
    for entry in fits:
        name = " ".join(part for part in (entry["outcome"], entry["sample"], entry["block"]) if part)
        said = entry["reason"] if entry["status"] == "failed" else f"{entry['n_obs']} rows, {len(entry['terms'])} terms"
        left_out = "; ".join(f"{number} {reason}" for reason, number in entry["left_out"].items())
        lines.append(f"{name}: {entry['status']}: {said}" + (f" (left out: {left_out})" if left_out else ""))
        lines += [
            f"{name}: left out by the reliability gate: {term}: {why}" for term, why in entry.get("gate", {}).items()
        ]
    if completed:
        lines.append(f"pooled over {len(completed)} imputed sets")
    return "\n".join(lines) + "\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        table=job.input.table,
        completed=list(job.input.get("completed", [])),
        assessed=job.input.get("assessed", ""),
        gated=job.params.gated,
        dictionary=job.input.dictionary,
        model=job.params.model,
        sets=job.params.sets,
        samples=job.params.samples,
        references=job.params.get("references"),
        by_wave=job.params.by_wave,
        output=job.output.fits,
        output_by_wave=job.output.by_wave,
        output_complete=job.output.complete,
        output_by_set=job.output.by_set,
    )
