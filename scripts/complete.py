"""Fill the panel with each set of imputed answers, and score it as the panel itself is scored."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from firmties.codebook import Variable
from firmties.imputation import align_table, fill_cells, fill_partners
from firmties.jobs import run_job
from firmties.score import score_study


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
    """Write the completed tables, one file a set; only one set is held at a time."""
    table, why = pd.read_parquet(panel), pd.read_parquet(kinds)
    firm, response = settings["study"]["firm"], settings["study"].get("response", "response")
    keys = ["wave", firm]
    partners = pd.read_parquet(alters) if alters else pd.DataFrame()
    pairs = pd.read_parquet(alter_pairs) if alter_pairs else pd.DataFrame()
    decided = pd.read_csv(decisions, dtype="str", keep_default_na=False) if decisions else pd.DataFrame()
    nominated = pd.read_parquet(nominations) if nominations else None
    weighed = pd.read_parquet(weights) if weights else None
    constants = {name: (float(row[0]), float(row[1])) for name, row in anchors.items()}
    variables = {row["name"]: Variable.from_row(row) for row in codebook}
    frames = {name: pd.read_parquet(path) for name, path in scored.items()}
    files = [pq.ParquetFile(path) for path in cells]
    filled_cells = 0
    for number in range(len(outputs["panel"])):
        imputed = pd.concat([file.read_row_group(number).to_pandas() for file in files], ignore_index=True)
        filled_cells += len(imputed)
        filled = fill_cells(table, imputed, response)
        named = fill_partners(partners, imputed, table[[*keys, response]], settings.get("alters", {}))
        result = score_study(filled, why, named, pairs, decided, constants, variables, settings, weighed, nominated)
        for name, frame in frames.items():
            path = Path(outputs[name][number])
            path.parent.mkdir(parents=True, exist_ok=True)
            align_table(getattr(result, name), frame).to_parquet(path)
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
