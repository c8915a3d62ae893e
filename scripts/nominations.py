"""Gather nominations among respondents from files of the waves or from a field of the partners."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from firmties.errors import StudyError, describe_allowed
from firmties.jobs import run_job
from firmties.nominations import keep_nominations
from firmties.panel import rename_firms
from firmties.privacy import protect_table
from firmties.readers import read_wave


def main(
    panel: str,
    ledger: str,
    successors: str | None,
    alters: str | None,
    files: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    firm: str,
    marks: Mapping[str, str],
    nominations: str,
    left_out: str,
) -> str:
    """Write one row a nomination that is kept, as Parquet, and one row each that is not, as CSV."""
    respondents = pd.read_parquet(panel, columns=["wave", firm])
    gone = pd.read_csv(ledger, dtype="str", keep_default_na=False)
    gone = gone[gone["variable"] == ""]
    lines = pd.read_csv(successors, dtype={"firm": "str", "followed_as": "str"}) if successors else None
    kept, out = [], []
    for wave, where, rows in read_rows(alters, files, settings, firm, marks):
        ends = rows.assign(wave=wave)
        if lines is not None:
            ends = rename_firms(rename_firms(ends, lines, "ego"), lines, "alter")
        own = set(respondents.loc[respondents["wave"] == wave, firm])
        excluded = set(gone.loc[gone["wave"] == str(wave), "firm"]) - own
        found, rest = keep_nominations(ends, own, excluded, where)
        kept.append(found.assign(wave=wave))
        out.append(rest.assign(wave=wave))
    edges = pd.concat(kept, ignore_index=True)[["wave", "ego", "alter"]]
    edges.to_parquet(nominations)
    reasons = pd.concat(out, ignore_index=True)[["wave", "ego", "alter", "reason"]]
    reasons.to_csv(left_out, index=False, lineterminator="\n")
    counts = reasons.groupby(["wave", "reason"]).size().reset_index(name="n")
    told = "".join(f"wave {wave}: {n:,} left out: {reason}\n" for wave, reason, n in counts.to_numpy())
    return f"{len(edges):,} nominations in {edges['wave'].nunique()} waves; {len(reasons):,} left out\n{told}"


def read_rows(
    alters: str | None,
    files: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    firm: str,
    marks: Mapping[str, str],
) -> Iterator[tuple[int, str, pd.DataFrame]]:
    """Yield wave, place for messages, and rows with ego, alter and raw_row."""
    if alters:
        field = settings["partner_key"]
        partners = pd.read_parquet(alters, columns=["wave", firm, field])
        for wave in sorted(partners["wave"].unique()):
            own = partners[partners["wave"] == wave]
            ends = own.rename(columns={firm: "ego", field: "alter"}).assign(raw_row=range(1, len(own) + 1))
            yield int(wave), f"partners' {field} (wave {wave})", ends[["ego", "alter", "raw_row"]].fillna({"alter": ""})
        return
    names = {settings["ego"]: "ego", settings["alter"]: "alter"}
    for entry in files:
        wave = entry["wave"]
        where = f"{entry['file']} (wave {wave})"
        text, _ = read_wave(entry["file"], {"id": wave, **entry["reader"]})
        text = protect_table(text, {str(name): marks[str(name)] for name in text if str(name) in marks}, where)
        if lacking := [name for name in names if name not in text]:
            columns = [name for name in text if name != "raw_row"]
            raise StudyError(
                [
                    f"{where}: lacks the column '{name}'; {describe_allowed(name, columns)}; config.yaml: "
                    "nominations: ego, alter say what the columns are called"
                    for name in lacking
                ]
            )
        yield wave, where, text.rename(columns=names)[["ego", "alter", "raw_row"]]


if "snakemake" in globals():
    job = globals()["snakemake"]
    run_job(
        main,
        job.log[0],
        panel=job.input.panel,
        ledger=job.input.ledger,
        successors=job.input.get("successors"),
        alters=job.input.get("alters"),
        files=job.params.files,
        settings=job.params.settings,
        firm=job.params.firm,
        marks=job.params.marks,
        nominations=job.output.nominations,
        left_out=job.output.left_out,
    )
