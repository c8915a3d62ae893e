"""Judge the declared hypotheses by their contrasts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.hypotheses import CONTRASTS, judge_hypotheses
from firmties.jobs import run_job

TEXTS = (
    "hypothesis",
    "component",
    "model",
    "outcome",
    "block",
    "contrast",
    "alternative",
    "outcome_level",
    "reason",
    "signs",
    "signs_reason",
    "weights",
)


def read_contrasts(path: str) -> pd.DataFrame:
    """Read contrasts, numbers to the last digit."""
    table = pd.read_csv(path, dtype="str", keep_default_na=False)
    # Python's own reading is exact; that of pandas need not be.
    numbers = {name: [float(cell) if cell else None for cell in table[name]] for name in CONTRASTS if name not in TEXTS}
    return table.assign(**{name: pd.Series(values, dtype="float64") for name, values in numbers.items()})


def main(
    contrasts: Sequence[str],
    hypotheses: Sequence[Mapping[str, Any]],
    families: Mapping[str, Mapping[str, Any]],
    output: str,
) -> str:
    """Read the contrasts of all models, write hypotheses.csv; return what the log says."""
    tables = [read_contrasts(path) for path in contrasts] or [pd.DataFrame(columns=CONTRASTS)]
    table = judge_hypotheses(hypotheses, families, pd.concat(tables, ignore_index=True))
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(output, index=False, lineterminator="\n")
    verdicts = table.drop_duplicates("hypothesis")
    lines = [f"{name}: {verdict}\n" for name, verdict in zip(verdicts["hypothesis"], verdicts["verdict"], strict=True)]
    return "".join(lines) or "no hypotheses declared\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        contrasts=list(job.input.contrasts),
        hypotheses=job.params.hypotheses,
        families=job.params.families,
        output=job.output[0],
    )
