"""Gather partners and pairs of partners from wide columns or from long files."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.alters import gather_alters, gather_pairs, join_attributes, keep_named_pairs
from firmties.clean import read_long_table
from firmties.codebook import Variable
from firmties.errors import StudyError, describe_allowed
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
    attributes: Sequence[Mapping[str, Any]],
    alters: str,
    alter_pairs: str,
    left_out: str,
) -> str:
    """Write one row a partner and one row a pair, as Parquet, and answers about pairs that are none, as CSV."""
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
        answered = pd.concat(parts["alter_pairs"] or [empty], ignore_index=True)
    else:
        partners = gather_alters(table, settings["alters"], keys)
        answered = gather_pairs(table, settings["alters"], keys)
    pairs, without = keep_named_pairs(answered, partners, keys)
    answers = "1 answer about a pair" if len(without) == 1 else f"{len(without)} answers about pairs"
    told = f"{answers} left out: a partner of them was not named\n" if len(without) else ""
    for entry in attributes:
        partners, n_without = join_attributes(partners, read_attributes(entry, marks), *describe_keys(entry))
        told += f"{n_without} of {len(partners)} partners have no row in {entry['file']}\n"
    partners.to_parquet(alters)
    pairs.to_parquet(alter_pairs)
    without.to_csv(left_out, index=False, lineterminator="\n")
    firms = len(partners[keys].drop_duplicates())
    return f"{len(partners)} partners of {firms} firm-waves, {len(pairs)} pairs\n{told}"


def describe_keys(entry: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """Which column of the partners meets which of the file, and the file's name for messages."""
    by_wave = {"wave": entry["wave"]} if "wave" in entry else {}
    return {**by_wave, entry["by"]: entry["key"]}, str(entry["file"])


def read_attributes(entry: Mapping[str, Any], marks: Mapping[str, str]) -> pd.DataFrame:
    """Read what a file knows of partners: its keys, and the columns taken, numbers as such."""
    where = str(entry["file"])
    text, _ = read_wave(where, {"id": None})
    text = protect_table(text, {str(name): marks[str(name)] for name in text if str(name) in marks}, where)
    keys = list(describe_keys(entry)[0].values())
    wanted = [*keys, *(taken["name"] for taken in entry["take"])]
    columns = [name for name in text if name != "raw_row"]
    if lacking := [name for name in wanted if name not in columns]:
        raise StudyError([f"{where}: lacks the column '{name}'; {describe_allowed(name, columns)}" for name in lacking])
    table = text[wanted].mask(text[wanted] == "")
    numbers = [taken["name"] for taken in entry["take"] if taken["type"] == "number"]
    numbers += [entry["wave"]] if "wave" in entry else []
    for name in numbers:
        read = pd.to_numeric(table[name], errors="coerce").astype("float64")
        if (wrong := read.isna() & table[name].notna()).any():
            rows = ", ".join(map(str, text.loc[wrong, "raw_row"].head(5)))
            shown = ", ".join(f"'{cell}'" for cell in table.loc[wrong, name].drop_duplicates().head(5))
            raise StudyError(
                f"{where}: {name}: {shown} is no number (data rows {rows}); correct it, or say type: category"
            )
        table = table.assign(**{name: read})
    return table


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
        attributes=job.params.attributes,
        alters=job.output.alters,
        alter_pairs=job.output.alter_pairs,
        left_out=job.output.left_out,
    )
