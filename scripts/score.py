"""Score constructs: scales, partners, networks, value chain, derived variables."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.codebook import Variable
from firmties.jobs import run_job
from firmties.reversals import find_reversals
from firmties.score import score_study


def main(
    panel: str,
    kinds: str,
    alters: str | None,
    alter_pairs: str | None,
    nominations: str | None,
    decisions: str | None,
    weights: str | None,
    anchors: Mapping[str, Sequence[float]],
    codebook: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    outputs: Mapping[str, str],
) -> str:
    """Score the linked tables; write them as Parquet, their dictionary and items that run against theirs as CSV."""
    variables = {row["name"]: Variable.from_row(row) for row in codebook}
    scored = score_study(
        pd.read_parquet(panel),
        pd.read_parquet(kinds),
        pd.read_parquet(alters) if alters else pd.DataFrame(),
        pd.read_parquet(alter_pairs) if alter_pairs else pd.DataFrame(),
        pd.read_csv(decisions, dtype="str", keep_default_na=False) if decisions else pd.DataFrame(),
        {name: (float(row[0]), float(row[1])) for name, row in anchors.items()},
        variables,
        settings,
        pd.read_parquet(weights) if weights else None,
        pd.read_parquet(nominations) if nominations else None,
    )
    for name in ("panel", "alters", "alter_pairs", "networks"):
        getattr(scored, name).to_parquet(outputs[name])
    scored.dictionary.to_csv(outputs["dictionary"], index=False, lineterminator="\n")
    keyed = [name for name, variable in variables.items() if variable.reverse]
    labels = {wave["id"]: str(wave.get("label", wave["id"])) for wave in settings["waves"]}
    reversals = find_reversals(scored.panel, settings.get("scales", []), keyed)
    reversals.insert(1, "wave_label", reversals["wave"].map(labels))
    reversals.to_csv(outputs["reversals"], index=False, lineterminator="\n")
    return f"{len(scored.panel)} firm-waves, {scored.panel.shape[1]} variables, {len(scored.alters)} partners\n"


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
        anchors=job.params.anchors,
        codebook=job.params.codebook,
        settings=job.params.settings,
        outputs=dict(job.output.items()),
    )
