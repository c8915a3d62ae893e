"""Draw one figure from its numbers and notes, and nothing else."""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.jobs import run_job
from firmties.plot_style import print_figure, use_style
from firmties.tables import guard_csv


def main(
    numbers: str,
    notes: str,
    kind: str,
    options: Mapping[str, Any],
    title: str,
    svg: str,
    pdf: str,
    png: str,
    csv: str,
) -> str:
    draw = import_module(f"firmties.exhibits.{kind}.draw").draw
    # Labels are text, even if they look like numbers.
    labels = {name: "str" for name in pd.read_csv(numbers, nrows=0) if str(name).endswith("label")}
    table = pd.read_csv(numbers, keep_default_na=False, na_values=[""], dtype=labels)
    remarks = json.loads(Path(notes).read_text(encoding="utf-8"))
    Path(svg).parent.mkdir(parents=True, exist_ok=True)
    with use_style():
        figure = draw(table, remarks, dict(options))
        for path in (svg, pdf, png):
            Path(path).write_bytes(print_figure(figure, Path(path).suffix[1:], title))
    Path(csv).write_text(guard_csv(Path(numbers).read_text(encoding="utf-8")), encoding="utf-8")
    return f"{kind}: {len(table)} rows drawn\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        numbers=job.input.numbers,
        notes=job.input.notes,
        kind=job.params.kind,
        options=job.params.options,
        title=job.params.title,
        svg=job.output.svg,
        pdf=job.output.pdf,
        png=job.output.png,
        csv=job.output.csv,
    )
