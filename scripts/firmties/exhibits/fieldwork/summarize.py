"""Numbers of the fieldwork table: dispositions, response rates, exclusions, length, retention, a column a wave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from firmties.display import codes_of
from firmties.link import DISPOSITIONS, find_uninvited

RATES = {
    "e": "e, share eligible among cases of known status",
    "RR1": "Response rate 1",
    "RR2": "Response rate 2",
    "RR3": "Response rate 3",
    "RR4": "Response rate 4",
    "COOP1": "Cooperation rate 1",
    "COOP2": "Cooperation rate 2",
}


def compute_rates(counts: Mapping[Any, int]) -> dict[str, tuple[float, float]]:
    r"""Compute response and cooperation rates from the counts of dispositions.

    With :math:`K = (I + P) + (R + NC + O)` and :math:`U = UH + UO`:
    RR1 :math:`= I/(K + U)`, RR2 :math:`= (I + P)/(K + U)`, RR3 :math:`= I/(K + eU)`, RR4 :math:`= (I + P)/(K + eU)`,
    :math:`e = K/(K + NE)` (the proportional allocation of unknown cases), COOP1 :math:`= I/(I + P + R + O)`,
    COOP2 :math:`= (I + P)/(I + P + R + O)`. Source: AAPOR, *Standard Definitions* (10th edition, 2023).

    Parameters
    ----------
    counts
        Cases by disposition code (I, P, R, NC, O, UH, UO, NE); an absent code counts none.

    Returns
    -------
    dict
        For each rate its (numerator, denominator).

    Examples
    --------
    >>> rates = compute_rates({"I": 50, "P": 10, "R": 20, "NC": 10, "O": 10, "UH": 80, "UO": 20, "NE": 100})
    >>> {name: round(above / below, 4) for name, (above, below) in rates.items()}
    {'e': 0.5, 'RR1': 0.25, 'RR2': 0.3, 'RR3': 0.3333, 'RR4': 0.4, 'COOP1': 0.5556, 'COOP2': 0.6667}
    """
    n = {code: float(counts.get(code, 0)) for code in DISPOSITIONS}
    complete, answered = n["I"], n["I"] + n["P"]
    known = answered + n["R"] + n["NC"] + n["O"]
    unknown = n["UH"] + n["UO"]
    share = known / (known + n["NE"]) if known + n["NE"] else 0.0
    contacted = answered + n["R"] + n["O"]
    return {
        "e": (known, known + n["NE"]),
        "RR1": (complete, known + unknown),
        "RR2": (answered, known + unknown),
        "RR3": (complete, known + share * unknown),
        "RR4": (answered, known + share * unknown),
        "COOP1": (complete, contacted),
        "COOP2": (answered, contacted),
    }


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fill one row a figure and wave: section, key, label, wave, wave_label, value, numerator, denominator, text.

    A study without sample files has no rows on invitations and rates.
    """
    panel, waves, study = sources["panel"], sources["waves"], sources["study"]
    firm = study["firm"]
    sample = sources.get("sample")
    ledger = sources.get("ledger")
    sample_types = codes_of(sources["dictionary"], "sample_type")
    whole = None if ledger is None else ledger.loc[ledger["variable"].isna() | (ledger["variable"] == "")]
    rows: list[dict[str, Any]] = []

    def add(section: str, key: str, label: str, value: float | None = None, **more: Any) -> None:
        rows.append({"section": section, "key": key, "label": label, **wave_of, "value": value, **more})

    def add_share(section: str, key: str, label: str, numerator: float, denominator: float) -> None:
        if denominator:
            add(section, key, label, numerator / denominator, numerator=numerator, denominator=denominator)

    previous: set[Any] | None = None
    for wave in waves.itertuples(index=False):
        wave_of = {"wave": wave.id, "wave_label": str(wave.label)}
        here = panel.loc[panel["wave"] == wave.id]
        opened, closed = wave.field if isinstance(getattr(wave, "field", None), (list, tuple)) else (None, None)
        mode = getattr(wave, "mode", None)
        for key, label, text in (("opened", "Opened", opened), ("closed", "Closed", closed), ("mode", "Mode", mode)):
            if isinstance(text, str) and text:
                add("Field", key, label, text=text)
        if sample is not None:
            listed = sample.loc[sample["wave"] == wave.id]
            uninvited = find_uninvited(listed, options.get("open_link", []))
            add_dispositions(listed.loc[~uninvited], sample_types, add, add_share)
            if uninvited.any():
                add("Invitations and their outcome", "open_link", "By open link, in no rate", int(uninvited.sum()))
        excluded = pd.Series(dtype=int)
        if whole is not None:
            # Rules in their order of first use over all waves, so that every wave lists them alike.
            order = list(dict.fromkeys(whole["rule"]))
            excluded = whole.loc[whole["wave"] == wave.id, "rule"].value_counts().reindex(order, fill_value=0)
        n_responses = len(here) + int(excluded.sum())
        add_visits(n_responses, excluded, options, add, add_share)
        add("Responses", "responses", "Responses received", n_responses)
        for rule, n in excluded.items():
            add("Responses", f"excluded: {rule}", f"excluded: {rule}", n)
        add("Responses", "kept", "Responses kept", len(here))
        duration = options.get("duration")
        if duration and here[duration].notna().any():
            add("Length", "minutes", "Median minutes", float(here[duration].median()) / 60)
        firms = set(here[firm].dropna())
        if previous:
            add_share(
                "Panel", "retention", "Firms of the wave before seen again, %", len(firms & previous), len(previous)
            )
        previous = firms
    numbers = pd.DataFrame(rows).reindex(
        columns=["section", "key", "label", "wave", "wave_label", "value", "numerator", "denominator", "text"]
    )
    notes = {
        "n_firms": int(panel[firm].nunique()),
        "n_firm_waves": len(panel),
        "panel_firms": int(panel[firm].nunique()),
        "panel_firm_waves": len(panel),
        "waves": ", ".join(waves["label"].astype(str)),
        "weights": "none",
        **{
            key: ", ".join(options[key])
            for key in ("open_link", "not_visits", "not_agreed", "not_finished")
            if options.get(key)
        },
    }
    return numbers, notes


def add_dispositions(invited: pd.DataFrame, sample_types: Mapping[str, str], add: Any, add_share: Any) -> None:
    """Add a wave's dispositions and its rates, over all invited firms and by type of sample."""
    if invited.empty:
        return
    counts = invited["disposition"].value_counts()
    add("Invitations and their outcome", "invited", "Firms invited", len(invited))
    for code, label in DISPOSITIONS.items():
        add("Invitations and their outcome", code, f"{label} ({code})", int(counts.get(code, 0)))
    for key, (above, below) in compute_rates(counts.to_dict()).items():
        add_share("Response rates, %", key, RATES[key], above, below)
    if "sample_type" in invited and invited["sample_type"].nunique() > 1:
        for kind, members in invited.groupby("sample_type", sort=True):
            above, below = compute_rates(members["disposition"].value_counts().to_dict())["RR2"]
            add_share(
                "Response rates, %",
                f"RR2 {kind}",
                f"Response rate 2: {sample_types.get(str(kind), kind)}",
                above,
                below,
            )


def add_visits(n_responses: int, excluded: pd.Series, options: Mapping[str, Any], add: Any, add_share: Any) -> None:
    """Add the participation and completion rate of a web survey (CHERRIES: Eysenbach 2004, *JMIR* 6(3) e34).

    Participation is agreed / visitors of the first page, completion is finished / agreed. Exclusions are applied in
    their declared order, so a response counts under the first rule it meets.
    """
    if not options.get("not_agreed"):
        return

    def minus(n: int, key: str) -> int:
        return n - int(excluded.reindex(options.get(key, [])).fillna(0).sum())

    visits = minus(n_responses, "not_visits")
    agreed = minus(visits, "not_agreed")
    add("Visits", "visits", "Visitors of the first page", visits)
    add_share("Visits", "participation", "Participation rate (agreed / visitors), %", agreed, visits)
    if options.get("not_finished"):
        add_share(
            "Visits", "completion", "Completion rate (finished / agreed), %", minus(agreed, "not_finished"), agreed
        )
