"""Estimates for the population of firms, wave by wave, of all firms and of groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from firmties.disclosure import Counts, find_minimum, is_telling, mask_tables, mask_waves, name_cell
from firmties.display import ENOUGH, as_codes, codes_of, describe_rows, label_of
from firmties.exhibits.trends.summarize import make_design
from firmties.survey_estimation import (
    Design,
    estimate_mean,
    estimate_proportion,
    estimate_quantiles,
    estimate_ratio,
    estimate_total,
)
from firmties.tables import join_words

STATISTICS = ("mean", "share", "total", "ratio", "quantile")
ALL = ""
"""The group of all firms, and the code of figures that rest on all codes."""
_VALUES = ["estimate", "std_error", "conf_low", "conf_high"]
COLUMNS = [
    "part", "part_label", "unit", "digits", "statistic", "variable", "figure_label", "probability", "code", "group",
    "group_label", "wave", "wave_label", *_VALUES, "df", "n", "population", "cell",
]  # fmt: skip


class Figure(NamedTuple):
    """One statistic: of which variables, and of which code or at which probability if it has one."""

    statistic: str
    variables: tuple[str, ...]
    label: str
    code: str = ALL
    probability: float | None = None


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Estimate each figure in each wave from that wave's rows, for all firms and for each group.

    Returns
    -------
    numbers
        One row an entry (`part`), figure, group and wave: ``estimate``, ``std_error``, ``conf_low``, ``conf_high``
        (times `scale`), ``df``, ``n`` (firms with an answer; blank where few), ``population`` (firms in the frame, of a
        total) and ``cell``: ``shown``, ``suppressed``, ``no estimate`` (fewer than
        :data:`firmties.display.ENOUGH`, or a ratio of which the denominator adds up to 0), ``no population`` (a total
        of a wave without margins of the frame), ``no weights`` (of the wave) or ``empty``.
    notes
        What the caption needs.
    """
    panel, words, study, waves = (sources[name] for name in ("panel", "dictionary", "study", "waves"))
    few, firm, weights = find_minimum(study), study["firm"], find_weights(panel, options)
    rows = panel if weights is None else panel[panel[weights].notna()]
    by = options.get("by")
    group = pd.Series(ALL, rows.index, dtype="object") if by is None else as_codes(rows[by])
    labels = {ALL: "All firms"} | ({} if by is None else codes_of(words, by, group.dropna()))
    sizes = {wave: count_frame(sources.get("frame_margins", {}), wave) for wave in waves["id"]}
    unweighted = [wave for wave in waves["id"] if wave in set(panel["wave"]) and wave not in set(rows["wave"])]
    found: list[dict[str, Any]] = []
    for part, entry in enumerate(options["estimates"]):
        figures = list_figures(entry, rows, words)
        figure_labels = {ALL: ""} | codes_of(words, figures[0].variables[0])
        figure_labels |= {figure.code: figure.code for figure in figures if figure.code not in figure_labels}
        answers = read_answers(rows, figures[0], group)
        before = mask_answers(answers, rows["wave"], waves, few) if figures[0].statistic == "share" else {}
        head = {"part": part, "part_label": entry.get("label") or figures[0].label} | describe_entry(entry, figures[0])
        for wave, wave_label in waves[["id", "label"]].itertuples(index=False):
            here = (rows["wave"] == wave).to_numpy()
            own = answers[here]
            told = own.assign(group=group[here]).dropna()
            small, hidden = hide_small(told, few, figures[0].statistic == "share", before.get(wave, set()))
            design = make_design(rows[here], firm, weights) if here.any() else None
            for figure in figures:
                place = (
                    {"wave": wave, "wave_label": str(wave_label)}
                    | head
                    | describe_figure(figure, figure_labels[figure.code])
                )
                for code, label in labels.items():
                    domain = own.notna().all(axis=1).to_numpy() & (
                        np.ones(len(own), dtype=bool)
                        if code == ALL
                        else group[here].eq(code).to_numpy(dtype=bool, na_value=False)
                    )
                    row = place | {"group": code, "group_label": label, "n": int(domain.sum()), "df": np.nan}
                    row |= dict.fromkeys(_VALUES, np.nan)
                    row["population"] = sizes[wave] if figure.statistic == "total" else pd.NA
                    row["cell"] = name_state(row, figure, hidden, wave in unweighted)
                    if design is not None and row["cell"] == "shown":
                        row |= estimate_figure(figure, own, design, domain, sizes[wave], few)
                        row |= {name: row[name] * place["scale"] for name in _VALUES}
                    if code in small:
                        row["n"] = pd.NA
                    found.append(row)
    numbers = pd.DataFrame(found).reindex(columns=COLUMNS).astype({"n": "Int64", "population": "Int64"})
    numbers = numbers.sort_values("part", kind="stable", ignore_index=True)
    return numbers, describe(panel, rows, group, sources, options, weights, sizes, unweighted)


def find_weights(panel: pd.DataFrame, options: Mapping[str, Any]) -> str | None:
    """Find the weights' name; None where every firm counts the same, as the study has no weights."""
    return options.get("weights", "weight" if "weight" in panel else None)


def count_frame(margins: Mapping[Any, Mapping[str, Mapping[str, int]]], wave: Any) -> int | None:
    """Count the firms of a wave's frame: each margin covers it whole, so the first one's categories add up to it.

    Examples
    --------
    >>> count_frame({1: {"size": {"small": 70, "large": 30}}}, 1)
    100
    """
    return sum(next(iter(margins[wave].values())).values()) if margins.get(wave) else None


def list_figures(entry: Mapping[str, Any], rows: pd.DataFrame, words: pd.DataFrame) -> list[Figure]:
    """List the figures of an entry: one, but one a code of a category and one a probability of quantiles."""
    [statistic] = [name for name in STATISTICS if name in entry]
    asked = entry[statistic]
    if statistic == "ratio":
        names = (asked["numerator"], asked["denominator"])
        return [Figure("ratio", names, " / ".join(label_of(words, name) for name in names))]
    if statistic == "quantile":
        name = asked["variable"]
        probabilities = asked.get("probabilities", [0.5])
        return [Figure("quantile", (name,), label_of(words, name), probability=p) for p in probabilities]
    figure = Figure(statistic, (asked,), label_of(words, asked))
    if statistic != "share" or str(rows[asked].dtype) in ("boolean", "bool"):
        return [figure]
    return [figure._replace(code=code) for code in codes_of(words, asked, as_codes(rows[asked]).dropna())]


def read_answers(rows: pd.DataFrame, figure: Figure, group: pd.Series) -> pd.DataFrame:
    """Read a figure's variables: codes of a share, else numbers; missing where the group is not known."""
    columns = {
        name: as_codes(rows[name]) if figure.statistic == "share" else rows[name].astype("Float64").astype("float64")
        for name in figure.variables
    }
    return pd.DataFrame(columns, index=rows.index).mask(group.isna())


def mask_answers(answers: pd.DataFrame, wave: pd.Series, waves: pd.DataFrame, few: int) -> dict[Any, set[str]]:
    """Find the answers whose share in a wave the topline would hide, as its count and those of other waves tell it."""
    [name] = answers.columns
    counts = pd.crosstab(wave, answers[name]).reindex(index=list(waves["id"]), fill_value=0)
    if counts.empty:
        return {}
    mask, _ = mask_waves(counts, few)
    return {at: {name_cell([name], [code]) for code in mask if mask.at[at, code]} for at in mask.index}


def hide_small(
    told: pd.DataFrame, few: int, coded: bool, before: Collection[str] = ()
) -> tuple[set[str], set[tuple[str, str]]]:
    """Choose what to hide of one wave: groups of few, and figures from which the answers of few would follow.

    Parameters
    ----------
    told
        Firms with all answers and a ``group``.
    coded
        Whether answers are codes; numbers of at most three values are counted like codes.
    before
        Answers that are hidden of all firms, by their names.

    Returns
    -------
    small
        Groups whose size is hidden.
    hidden
        Pairs of group and code, which is :data:`ALL` where nothing of the group is shown.

    Examples
    --------
    >>> told = pd.DataFrame({"group": ["a"] * 30 + ["b"] * 50, "plan": ["true"] * 3 + ["false"] * 47 + ["true"] * 30})
    >>> sorted(hide_small(told, 5, coded=True)[1])
    [('a', ''), ('a', 'false'), ('a', 'true'), ('b', ''), ('b', 'false'), ('b', 'true')]
    """
    if told.empty:
        return set(), set()
    groups = sorted(set(told["group"]))
    masked = mask_tables([Counts("groups", told.groupby("group").size())], few)
    small = {group for group in groups if group != ALL and name_cell(["group"], [group]) in masked}
    hidden = {(group, ALL) for group in small}
    if len(told) < few:
        hidden |= {(group, ALL) for group in [ALL, *groups]}
    for name in told.columns.drop("group"):
        if coded or told[name].nunique() <= 3:
            counts = told.groupby(["group", name]).size()
            masked = mask_tables([Counts(name, counts, [(name,)], [(), ("group",)])], few, before)
            pairs = {pair for pair in counts.index if name_cell(["group", name], pair) in masked}
            pairs |= {(ALL, code) for code in set(told[name]) if name_cell([name], [code]) in masked}
            # A truth value and a number of few values tell all their counts at once.
            whole = not coded or set(told[name]) <= {"true", "false"}
            hidden |= pairs | ({(group, ALL) for group, _ in pairs} if whole else set())
            continue
        if is_telling(told[name], few):
            hidden |= {(group, ALL) for group in [ALL, *groups]}
        telling = {group for group, values in told.groupby("group")[name] if is_telling(values, few)}
        others = told.loc[~told["group"].isin(telling), "group"].value_counts(sort=False).sort_index()
        # Of one group alone the rest of all firms would tell.
        telling |= {str(others.idxmin())} if len(telling) == 1 and len(others) else set()
        hidden |= {(group, ALL) for group in telling}
    return small, hidden


def name_state(row: Mapping[str, Any], figure: Figure, hidden: set[tuple[str, str]], unweighted: bool) -> str:
    """Say whether a figure is shown, and if not, why."""
    if unweighted:
        return "no weights"
    if row["n"] == 0:
        return "empty"
    if hidden & {(row["group"], ALL), (row["group"], figure.code)}:
        return "suppressed"
    if row["n"] < ENOUGH:
        return "no estimate"
    return "no population" if figure.statistic == "total" and row["population"] is None else "shown"


def estimate_figure(
    figure: Figure, answers: pd.DataFrame, design: Design, domain: np.ndarray, population: int | None, few: int
) -> dict[str, Any]:
    r"""Estimate a figure of the domain; the design's other rows stay in it with no contribution.

    A total's weights are scaled to :math:`w_i N / \sum w` over the firms with an answer, N being the frame's size.

    # ASSUME firms without an answer are like those of the wave that gave one: otherwise a total would leave them out.
    """
    known = answers.notna().all(axis=1).to_numpy()
    first = answers[figure.variables[0]]
    if figure.statistic == "share":
        held = first.eq(figure.code or "true").to_numpy(dtype=float, na_value=np.nan)
        return _keep(estimate_proportion(np.where(known, held, np.nan), design, domain))
    values = first.to_numpy(dtype=float)
    if figure.statistic == "mean":
        return _keep(estimate_mean(values, design, domain))
    weight = np.asarray(design.weights, dtype=float)
    if figure.statistic == "total":
        # They add up to the frame's size in every sample: what varies is the distance from the mean, not the sum.
        scaled = Design(
            weight * (population or np.nan) / weight[known].sum(),
            design.stratum,
            design.cluster,
            design.population,
            margins=[known],
        )
        return _keep(estimate_total(values, scaled, domain))
    if figure.statistic == "ratio":
        below = answers[figure.variables[1]].to_numpy(dtype=float)
        if not np.sum((weight * below)[domain]):
            return {"cell": "no estimate"}
        return _keep(estimate_ratio(values, below, design, domain))
    [found] = estimate_quantiles(values, [figure.probability or 0.5], design, domain)
    # A quantile is the answer of a firm; the ends of a distribution are those of few.
    inside = values[domain]
    beyond = {
        name: min((inside <= found[name]).sum(), (inside >= found[name]).sum())
        for name in ("estimate", "conf_low", "conf_high")
    }
    if beyond["estimate"] < few:
        return {"cell": "suppressed"}
    if min(beyond.values()) < few:
        found |= dict.fromkeys(("std_error", "conf_low", "conf_high"), np.nan)
    return _keep(found)


def _keep(found: Mapping[str, float]) -> dict[str, Any]:
    return {name: found[name] for name in (*_VALUES, "df")}


def describe_entry(entry: Mapping[str, Any], figure: Figure) -> dict[str, Any]:
    """Unit, decimals and factor of an entry."""
    share = figure.statistic == "share"
    return {
        "unit": entry.get("unit", "%" if share and "scale" not in entry else ""),
        "digits": entry.get("digits", 1),
        "scale": entry.get("scale", 100 if share else 1),
        "statistic": figure.statistic,
        "variable": " / ".join(figure.variables),
    }


def describe_figure(figure: Figure, label: str) -> dict[str, Any]:
    """Name a figure within its entry."""
    words = label
    if figure.probability is not None:
        words = "median" if figure.probability == 0.5 else f"{100 * figure.probability:g} % quantile"
    return {"figure_label": words, "probability": figure.probability, "code": figure.code}


def describe(
    panel: pd.DataFrame,
    rows: pd.DataFrame,
    group: pd.Series,
    sources: Mapping[str, Any],
    options: Mapping[str, Any],
    weights: str | None,
    sizes: Mapping[Any, int | None],
    unweighted: Collection[Any],
) -> dict[str, Any]:
    """Say what the figures rest on, what was left out, and how large the population is."""
    waves, words, few = sources["waves"], sources["dictionary"], find_minimum(sources["study"])
    label = dict(zip(waves["id"], waves["label"].astype(str), strict=True))
    by = options.get("by")
    known = ", ".join(f"{label[wave]}: {size:,}" for wave, size in sizes.items() if size is not None)
    unknown = join_words(label[wave] for wave, size in sizes.items() if size is None)
    left_out = int(panel["wave"].isin(set(rows["wave"])).sum()) - len(rows)
    totals = any("total" in entry for entry in options["estimates"])
    used = rows[group.notna()]
    return describe_rows(used, sources["study"], waves) | {
        "weights": weights or "none",
        "standard_errors": "by the design (Taylor linearization), "
        + ("strata and firms of the sample" if weights and "stratum" in rows else "firms as sampling units")
        + (", finite populations" if weights and "stratum_size" in rows else ""),
        "statistics": [name for name in STATISTICS if any(name in entry for entry in options["estimates"])],
        "minimum_cell": few,
        "by": label_of(words, by) if by else None,
        "remark_chances": None
        if weights
        else "The study has no weights, so every firm counts the same; this describes the population only if all were "
        "as likely to answer.",
        "remark_population": f"Totals are of the firms in the sampling frame ({known}): weights are scaled to add up "
        "to it, and firms without an answer count like those of the wave with one."
        if totals and known
        else None,
        "remark_no_population": f"The frame's margins have no rows of {unknown}, so its totals are not estimated."
        if totals and unknown
        else None,
        "remark_no_weights": f"No firm of {join_words(label[wave] for wave in unweighted)} has a weight, so nothing is "
        "estimated there."
        if unweighted
        else None,
        "remark_left_out": f"{left_out:,} firm-waves without a weight are left out." if left_out else None,
        "remark_groups": f"{len(rows) - len(used):,} firm-waves of which {label_of(words, str(by))} is not known are "
        "left out of all rows."
        if len(rows) > len(used)
        else None,
    }
