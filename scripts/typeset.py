"""Print one table as CSV, HTML and LaTeX from its numbers and notes alone."""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from firmties.jobs import run_job
from firmties.tables import write_csv, write_html, write_latex


def main(
    numbers: str, notes: str, kind: str, title: str, options: Mapping[str, Any], csv: str, html: str, tex: str
) -> str:
    """Read the numbers and notes of an exhibit, set its table, write it in three forms."""
    module = import_module(f"firmties.exhibits.{kind}.tabulate")
    # A kind that prints what someone else wrote keeps its text: 0.30 is not 0.3.
    frame = pd.read_csv(numbers, keep_default_na=False, na_values=[""], dtype=getattr(module, "AS_TEXT", None))
    about = json.loads(Path(notes).read_text(encoding="utf-8"))
    table = module.tabulate(frame, about, {"title": title, **options})
    name = Path(html).stem
    Path(csv).parent.mkdir(parents=True, exist_ok=True)
    Path(csv).write_text(write_csv(table), encoding="utf-8")
    Path(html).write_text(write_html(table, name), encoding="utf-8")
    Path(tex).write_text(write_latex(table, name), encoding="utf-8")
    return f"{kind}: {len(table.rows)} rows printed\n"


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
        csv=job.output.csv,
        html=job.output.html,
        tex=job.output.tex,
    )
