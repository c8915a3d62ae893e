"""Fill the panel with each set of imputed answers, and score it as the panel itself is scored."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from firmties.codebook import Variable
from firmties.completion import fill_cells, fill_partners, split_copies, stack_copies
from firmties.expressions import SET
from firmties.jobs import run_job
from firmties.score import score_study

TOGETHER = 5
"""Sets that are scored at once, since scoring takes little longer for them; no more are held in memory."""


def main(
    panel: str,
    kinds: str,
    alters: str | None,
    alter_pairs: str | None,
    nominations: str | None,
    decisions: str | None,
    weights: str | None,
    cells: Sequence[str],
    scored: Mapping[str, str],
    anchors: Mapping[str, Sequence[float]],
    codebook: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    outputs: Mapping[str, Sequence[str]],
) -> str:
    """Write the completed tables, one file a set."""
    # Who is named does not depend on answers: centralities, which take long, are those of the scored panel.
    if "nominations" in settings:
        settings = {**settings, "nominations": {**settings["nominations"], "centralities": []}}
    firm, response = settings["study"]["firm"], settings["study"].get("response", "response")
    paths = {"alters": alters, "alter_pairs": alter_pairs, "weights": weights, "nominations": nominations}
    tables = {name: pd.read_parquet(path) for name, path in paths.items() if path}
    answers, why = pd.read_parquet(panel), pd.read_parquet(kinds)
    keys = [firm, response]
    decided = pd.read_csv(decisions, dtype="str", keep_default_na=False) if decisions else pd.DataFrame()
    constants = {name: (float(row[0]), float(row[1])) for name, row in anchors.items()}
    variables = {row["name"]: Variable.from_row(row) for row in codebook}
    frames = {name: pd.read_parquet(path) for name, path in scored.items()}
    files = [pq.ParquetFile(path) for path in cells]
    filled_cells = 0
    for first in range(0, len(outputs["panel"]), TOGETHER):
        numbers = list(range(first, len(outputs["panel"])))[:TOGETHER]
        imputed = pd.concat(
            [
                stack_copies(file.read_row_group(number).to_pandas(), ["response"], [number])
                for number in numbers
                for file in files
            ],
            ignore_index=True,
        )
        filled_cells += len(imputed)
        stacked = {
            name: stack_copies(table, ["ego", "alter"] if name == "nominations" else keys, numbers)
            for name, table in tables.items()
        }
        filled = fill_cells(stack_copies(answers, keys, numbers), imputed, response)
        partners = fill_partners(
            stacked.get("alters", pd.DataFrame()), imputed, filled[["wave", *keys]], settings.get("alters", {})
        )
        marked = [table.assign(**{SET: np.repeat(numbers, len(table) // len(numbers))}) for table in (filled, partners)]
        result = score_study(
            marked[0],
            stack_copies(why, [], numbers),
            marked[1],
            stacked.get("alter_pairs", pd.DataFrame()),
            decided,
            constants,
            variables,
            settings,
            stacked.get("weights"),
            stacked.get("nominations"),
        )
        for name, frame in frames.items():
            completed = split_copies(getattr(result, name), frame, numbers)
            for number, table in zip(numbers, completed, strict=True):
                path = Path(outputs[name][number])
                path.parent.mkdir(parents=True, exist_ok=True)
                table.to_parquet(path)
    return f"{len(outputs['panel'])} sets, {filled_cells} values\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        panel=job.input.panel,
        kinds=job.input.kinds,
        alters=job.input.get("alters"),
        alter_pairs=job.input.get("alter_pairs"),
        nominations=job.input.get("nominations"),
        decisions=job.input.get("decisions"),
        weights=job.input.get("weights"),
        cells=job.input.cells,
        scored={"panel": job.input.scored_panel, "alters": job.input.scored_alters},
        anchors=job.params.anchors,
        codebook=job.params.codebook,
        settings=job.params.settings,
        outputs={name: list(paths) for name, paths in job.output.items()},
    )
