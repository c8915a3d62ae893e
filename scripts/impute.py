"""Impute the missing answers of one wave from that wave alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from firmties.alters import gather_slots
from firmties.catalogue import alter_variables, expand_choices
from firmties.codebook import Variable
from firmties.imputation import WaveImputation
from firmties.jobs import run_job

CELLS = pa.schema([("set", pa.int32()), ("response", pa.string()), ("variable", pa.string()), ("value", pa.string())])


def main(
    panel: str,
    alters: str,
    kinds: str,
    dictionary: str,
    anchors: Mapping[str, Sequence[float]],
    codebook: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    outputs: Mapping[str, str],
) -> str:
    """Write imputed cells, a row group a set, and what the chains and the models were."""
    table = pd.read_parquet(panel)
    wave = int(settings["waves"][0]["id"])
    here = (table["wave"] == wave).to_numpy()
    table, why = table[here].reset_index(drop=True), pd.read_parquet(kinds)[here].reset_index(drop=True)
    keys = ["wave", settings["study"]["firm"]]
    partners = partner_kinds = pd.DataFrame()
    if "alters" in settings["imputation"]:
        chosen = settings["alters"]
        partners = pd.read_parquet(alters, filters=[("wave", "==", wave)]).reset_index(drop=True)
        wide = pd.concat([table[keys], why.drop(columns=keys)], axis=1)
        partner_kinds = gather_slots(wide, chosen["columns"], chosen["slots"], "alter", keys)
        named = [*keys, "alter"]
        partner_kinds = partners[named].merge(partner_kinds, on=named, how="left", validate="one_to_one")
    variables = {row["name"]: Variable.from_row(row) for row in codebook}
    imputation = WaveImputation(
        table,
        partners,
        why,
        partner_kinds,
        pd.read_csv(dictionary, dtype="str", keep_default_na=False),
        expand_choices(variables.values()),
        alter_variables(settings, variables),
        settings,
        {name: (float(row[0]), float(row[1])) for name, row in anchors.items()},
        wave,
    )
    count = 0
    with pq.ParquetWriter(outputs["cells"], CELLS) as writer:
        for _, cells in imputation.run():
            count += len(cells)
            writer.write_table(pa.Table.from_pandas(cells, schema=CELLS, preserve_index=False))
    imputation.tabulate_chains().to_csv(outputs["chains"], index=False, float_format="%.6g", lineterminator="\n")
    models = imputation.tabulate_models()
    models.to_csv(outputs["models"], index=False, float_format="%.10g", lineterminator="\n")
    told = models.loc[models["reason"].ne("") & models["reason"].ne("nothing missing"), ["variable", "reason"]]
    lines = "".join(f"  {name}: {reason}\n" for name, reason in told.itertuples(index=False))
    return f"wave {wave}: {count} values in {settings['imputation']['sets']} sets\n{lines}"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        panel=job.input.panel,
        alters=job.input.alters,
        kinds=job.input.kinds,
        dictionary=job.input.dictionary,
        anchors=job.params.anchors,
        codebook=job.params.codebook,
        settings=job.params.settings,
        outputs=dict(job.output.items()),
    )
