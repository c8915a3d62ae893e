"""Gather partners and pairs of partners from wide columns or from long files."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.alters import gather_alters, gather_pairs, keep_named_pairs
from firmties.clean import read_long_table
from firmties.codebook import Variable
from firmties.jobs import run_job
from firmties.privacy import protect_table
from firmties.readers import read_wave


def main(
    panel: str,
    ledger: str,
    successors: str | None,
    long_files: Sequence[Mapping[str, Any]],
    fields: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    marks: Mapping[str, str],
    alters: str,
    alter_pairs: str,
) -> str:
    """Write one row a partner and one row a pair, as Parquet."""
    table = pd.read_parquet(panel)
    firm = settings["study"]["firm"]
    keys = ["wave", firm]
    if long_files:
        gone = pd.read_csv(ledger, dtype="str", keep_default_na=False)
        lines = pd.read_csv(successors, dtype={"firm": "str", "followed_as": "str"}) if successors else None
        variables = [Variable.from_row(row) for row in fields]
        parts: dict[str, list[pd.DataFrame]] = {"alters": [], "alter_pairs": []}
        for entry in long_files:
            text, labels = read_wave(entry["file"], {"id": entry["wave"]["id"], **entry["reader"]})
            raw = {row["raw_name"]: row["variable"] for row in entry["crosswalk"]}
            own = {str(name): marks[raw.get(name, name)] for name in text if raw.get(name, name) in marks}
            text = protect_table(text, own, f"{entry['file']} (wave {entry['wave']['id']})")
            read = read_long_table(text, labels, variables, entry, settings, table[keys], gone, lines)
            parts[entry["table"]].append(read)
        partners = pd.concat(parts["alters"], ignore_index=True)
        empty = pd.DataFrame(columns=[*keys, "alter_i", "alter_j", "tie"]).astype({"wave": "int64"})
        pairs = keep_named_pairs(pd.concat(parts["alter_pairs"] or [empty], ignore_index=True), partners, keys)
    else:
        partners = gather_alters(table, settings["alters"], keys)
        pairs = gather_pairs(table, partners, settings["alters"], keys)
    partners.to_parquet(alters)
    pairs.to_parquet(alter_pairs)
    return f"{len(partners)} partners of {len(partners[keys].drop_duplicates())} firm-waves, {len(pairs)} pairs\n"


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        panel=job.input.panel,
        ledger=job.input.ledger,
        successors=job.input.get("successors"),
        long_files=job.params.long_files,
        fields=job.params.fields,
        settings=job.params.settings,
        marks=job.params.marks,
        alters=job.output.alters,
        alter_pairs=job.output.alter_pairs,
    )
