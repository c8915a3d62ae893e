"""Write the scored panel for Stata and SPSS, with its labels and typed missing values."""

from pathlib import Path

import pandas as pd
import pyreadstat

from firmties.export import blank_times, code_table, prepare_spss, prepare_stata
from firmties.jobs import run_job


def main(panel: str, kinds: str, dictionary: str, title: str, dta: str, sav: str) -> str:
    """Write ``panel.dta`` and ``panel.sav``."""
    table = pd.read_parquet(panel)
    why = pd.read_parquet(kinds)
    variables = pd.read_csv(dictionary, dtype="str", keep_default_na=False).query("table == 'panel'")
    coded = code_table(table, variables)
    stata = prepare_stata(coded, why)
    pyreadstat.write_dta(
        stata.table,
        dta,
        file_label=title[:80],
        column_labels=stata.labels,
        variable_value_labels=stata.value_labels,
        missing_user_values=stata.missing,
        version=15,
    )
    spss = prepare_spss(coded, why)
    pyreadstat.write_sav(
        spss.table,
        sav,
        file_label=title[:60],
        column_labels=spss.labels,
        variable_value_labels=spss.value_labels,
        missing_ranges=spss.missing,
        compress=True,
    )
    for path in (Path(dta), Path(sav)):
        path.write_bytes(blank_times(path.read_bytes()))
    return f"{len(table)} rows, {table.shape[1]} variables\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        panel=job.input.panel,
        kinds=job.input.kinds,
        dictionary=job.input.dictionary,
        title=job.params.title,
        dta=job.output.dta,
        sav=job.output.sav,
    )
