"""Numbers of the fieldwork table: dispositions, response rates, exclusions, length, retention, a column a wave."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from firmties.disclosure import find_minimum
from firmties.display import codes_of
from firmties.link import DISPOSITIONS, find_uninvited
from firmties.panel import find_closed, measure_retention, name_retention, trace_panel

RATES = {
    "e": "e (CASRO: eligible among cases of known status)",
    "RR1": "Response rate 1",
    "RR2": "Response rate 2",
    "RR3": "Response rate 3",
    "RR4": "Response rate 4",
    "COOP1": "Cooperation rate 1",
    "COOP2": "Cooperation rate 2",
}


WEIGHTING = {
    "n_weighted": "Responses with a weight",
    "deff": "Design effect of weighting",
    "n_effective": "Effective number of responses",
    "maximum": "Largest weight (the mean is 1)",
}


def compute_rates(counts: Mapping[Any, int]) -> dict[str, tuple[float, float]]:
    r"""Compute response and cooperation rates from the counts of dispositions.

    With :math:`K = (I + P) + (R + NC + O)` and :math:`U = UH + UO`:
    RR1 :math:`= I/(K + U)`, RR2 :math:`= (I + P)/(K + U)`, RR3 :math:`= I/(K + eU)`, RR4 :math:`= (I + P)/(K + eU)`,
    :math:`e = K/(K + NE)` (cases of unknown status are as often eligible as those of known status: proportional
    allocation, the estimator of CASRO), COOP1 :math:`= I/(I + P + R + O)`,
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

    A study without sample files has no rows on invitations and rates, one without weights none on them.
    """
    panel, waves, study = sources["panel"], sources["waves"], sources["study"]
    firm = study["firm"]
    sample = sources.get("sample")
    ledger = sources.get("ledger")
    weighting = sources.get("weighting")
    sample_types = codes_of(sources["dictionary"], "sample_type")

    def label_kind(kind: Any) -> str:
        return sample_types.get(str(kind), str(kind))

    whole = None if ledger is None else ledger.loc[ledger["variable"].isna() | (ledger["variable"] == "")]
    rows: list[dict[str, Any]] = []

    def add(section: str, key: str, label: str, value: float | None = None, **more: Any) -> None:
        rows.append({"section": section, "key": key, "label": label, **wave_of, "value": value, **more})

    def add_share(section: str, key: str, label: str, numerator: float, denominator: float) -> None:
        if denominator:
            add(section, key, label, numerator / denominator, numerator=numerator, denominator=denominator)

    gone = find_closed(sample, options.get("closed", []), firm, sources.get("successors"))
    status = trace_panel(panel, firm, list(waves["id"]), gone)
    retained = measure_retention(status, firm, list(waves["id"]), sample)
    has_types = sample is not None and "sample_type" in sample and sample["sample_type"].nunique() > 1
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
            add_dispositions(listed.loc[~uninvited], has_types, label_kind, add, add_share)
            if uninvited.any():
                add("Invitations and their outcome", "open_link", "By open link, in no rate", int(uninvited.sum()))
        excluded = pd.Series(dtype=int)
        if whole is not None:
            # Rules in their order of first use over all waves, so that every wave lists them alike.
            order = list(dict.fromkeys(whole["rule"]))
            excluded = whole.loc[whole["wave"] == wave.id, "rule"].value_counts().reindex(order, fill_value=0)
        n_responses = len(here) + int(excluded.sum())
        if options.get("not_agreed"):
            removed = pd.DataFrame(columns=["firm", "rule"]) if whole is None else whole.loc[whole["wave"] == wave.id]
            visits = list_visits(here[firm], removed, options)
            asked = listed.loc[~uninvited, firm] if sample is not None else None
            add_visits("Visits", visits, asked, options, add, add_share)
            if has_types:
                for kind, members in listed.groupby("sample_type", sort=True):
                    own = visits.loc[visits["firm"].isin(members[firm])]
                    asked = members.loc[~uninvited[members.index], firm]
                    add_visits(f"Visits: {label_kind(kind)}", own, asked, options, add, add_share)
        add("Responses", "responses", "Responses received", n_responses)
        for rule, n in excluded.items():
            add("Responses", f"excluded: {rule}", f"excluded: {rule}", n)
        add("Responses", "kept", "Responses kept", len(here))
        duration = options.get("duration")
        if duration and here[duration].notna().sum() >= find_minimum(study):
            add("Length", "minutes", "Median minutes", float(here[duration].median()) / 60)
        for found in retained.loc[retained["next_wave"] == wave.id].to_dict("records"):
            kind = found["sample_type"]
            key, label = (
                (f"retention {kind}", f"of: {label_kind(kind)}")
                if kind
                else ("retention", name_retention(sample, options.get("closed", [])))
            )
            add_share("Firms of the wave before that answered again", key, label, found["stayed"], found["asked"])
        if weighting is not None:
            made = weighting.loc[(weighting["wave"] == wave.id) & weighting["deff"].notna()]
            for key, label in WEIGHTING.items() if len(made) else ():
                add("Weights", key, label, float(made[key].iloc[0]))
    # A type that the first wave does not have stands beneath its section all the same.
    sections = list(dict.fromkeys(row["section"].partition(": ")[0] for row in rows))
    rows.sort(key=lambda row: sections.index(row["section"].partition(": ")[0]))
    numbers = pd.DataFrame(rows).reindex(
        columns=["section", "key", "label", "wave", "wave_label", "value", "numerator", "denominator", "text"]
    )
    told = {} if weighting is None else dict(zip(weighting["wave"], weighting["reason"].fillna(""), strict=True))
    notes = {
        "n_firms": int(panel[firm].nunique()),
        "n_firm_waves": len(panel),
        "panel_firms": int(panel[firm].nunique()),
        "panel_firm_waves": len(panel),
        "waves": ", ".join(waves["label"].astype(str)),
        "weights": "none",
        "remark_weights": [
            f"Weights of {wave.label}: {told[wave.id]}." for wave in waves.itertuples(index=False) if told.get(wave.id)
        ],
        **{
            key: ", ".join(options[key])
            for key in ("open_link", "not_visits", "not_agreed", "not_finished", "closed")
            if options.get(key)
        },
        **{
            f"{row['section']}; {row['label']}; {row['wave_label']}": (
                f"{row['numerator']:,.7g} / {row['denominator']:,.7g}"
            )
            for row in rows
            if "denominator" in row
        },
    }
    return numbers, notes


def add_dispositions(
    invited: pd.DataFrame, has_types: bool, label_kind: Callable[[Any], str], add: Any, add_share: Any
) -> None:
    """Add a wave's dispositions and its rates, over all invited firms and, if there are several, by type of sample."""
    if invited.empty:
        return
    counts = invited["disposition"].value_counts()
    add("Invitations and their outcome", "invited", "Firms invited", len(invited))
    for code, label in DISPOSITIONS.items():
        add("Invitations and their outcome", code, f"{label} ({code})", int(counts.get(code, 0)))
    for key, (above, below) in compute_rates(counts.to_dict()).items():
        add_share("Response rates, %", key, RATES[key], above, below)
    if has_types:
        for kind, members in invited.groupby("sample_type", sort=True):
            rates = compute_rates(members["disposition"].value_counts().to_dict())
            for key in ("e", "RR1", "RR2", "RR3", "RR4"):
                add_share(f"Response rates, %: {label_kind(kind)}", f"{key} {kind}", RATES[key], *rates[key])


def list_visits(kept: pd.Series, gone: pd.DataFrame, options: Mapping[str, Any]) -> pd.DataFrame:
    """List the unique visitors of a wave: ``firm`` and the furthest that any of its responses got, ``stage``.

    0 visited the first page, 1 agreed, 2 finished. A response without a firm is a visitor of its own. Exclusions are
    applied in their declared order, so a response counts under the first rule it meets.

    Parameters
    ----------
    kept
        Firm of each response kept.
    gone
        ``firm`` and ``rule`` of the others.

    Examples
    --------
    >>> gone = pd.DataFrame({"firm": ["b", "a"], "rule": ["no consent", "broke off"]})
    >>> rules = {"not_agreed": ["no consent"], "not_finished": ["broke off"]}
    >>> sorted(list_visits(pd.Series(["a"]), gone, rules)["stage"])
    [0, 2]
    """
    visits = gone.loc[~gone["rule"].isin(options.get("not_visits", []))]
    stage = pd.Series(2, index=visits.index).mask(visits["rule"].isin(options.get("not_finished", [])), 1)
    stage = stage.mask(visits["rule"].isin(options["not_agreed"]), 0)
    finished = pd.Series(2, index=kept.index)
    firms = pd.concat([kept, visits["firm"]], ignore_index=True)
    responses = pd.DataFrame({"firm": firms, "stage": pd.concat([finished, stage], ignore_index=True)})
    known = responses["firm"].notna()
    unique = responses.loc[known].sort_values("stage", kind="stable").drop_duplicates("firm", keep="last")
    return pd.concat([unique, responses.loc[~known]], ignore_index=True)


def add_visits(
    section: str, visits: pd.DataFrame, invited: pd.Series | None, options: Mapping[str, Any], add: Any, add_share: Any
) -> None:
    """Add the view, participation and completion rate of a web survey (CHERRIES: Eysenbach 2004, *JMIR* 6(3) e34).

    All of unique visitors. View is visitors of the first page / firms invited, who stand for the visitors of the site
    of an open survey; participation is agreed / visitors of the first page; completion is finished / agreed.
    """
    agreed, finished = int((visits["stage"] >= 1).sum()), int((visits["stage"] == 2).sum())
    suffix = section.removeprefix("Visits")
    if not suffix:
        add(section, "visits", "Visitors of the first page", len(visits))
    if invited is not None:
        seen = int(visits["firm"].isin(invited).sum())
        add_share(section, f"view{suffix}", "View rate (visitors / invited), %", seen, len(invited))
    add_share(section, f"participation{suffix}", "Participation rate (agreed / visitors), %", agreed, len(visits))
    if options.get("not_finished"):
        add_share(section, f"completion{suffix}", "Completion rate (finished / agreed), %", finished, agreed)
