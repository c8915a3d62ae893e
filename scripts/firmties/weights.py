"""Survey weights, made once a wave: chance of selection, response, the frame's margins, and staying on.

Nothing of a wave rests on a later one, so that a further wave leaves every weight there is as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from firmties.catalogue import WEIGHTS, list_weight_columns
from firmties.errors import StudyError, describe_allowed
from firmties.formulas import as_codes
from firmties.link import find_uninvited
from firmties.panel import find_closed
from firmties.propensities import MISSING, adjust_response, cut_numbers
from firmties.raking import TOLERANCE, Margin, measure_design_effect, rake

COLUMNS = list(WEIGHTS)
"""What the scored tables take over of the weights, by wave and firm."""
ANSWERED = ("I", "P")
"""Dispositions of those who answered."""
NOT_ELIGIBLE = "NE"
Margins = Mapping[int, Mapping[str, Mapping[str, int]]]


@dataclass
class Weights:
    """The weights, and how they were made.

    Attributes
    ----------
    weights
        One row a firm that answered in a wave: ``wave``, firm key, and :data:`COLUMNS`.
    weighting
        One row a wave: what the rule ``weigh`` writes as ``weighting.csv``.
    """

    weights: pd.DataFrame
    weighting: pd.DataFrame


def weigh_waves(
    sample: pd.DataFrame,
    panel: pd.DataFrame,
    margins: Margins,
    settings: Mapping[str, Any],
    firm: str,
    waves: Sequence[int],
    files: Mapping[int, str] | None = None,
    successors: pd.DataFrame | None = None,
) -> Weights:
    r"""Weigh the firms that answered, wave by wave.

    1. Design: 1 / the chance to be asked in the wave, over all draws through which the firm could have come in
       (:func:`find_chances`).
    2. Response: in classes of similar propensity (a logit on variables of the sample file, unweighted), times the sum
       of design weights of eligible firms over that of those who answered (Little 1986, *International Statistical
       Review* 54(2)).
    3. Margins: raked to those of the wave's frame, weights above `trim` times the median cut, and raked again
       (:func:`firmties.raking.rake`).
    4. Scaled to mean 1 in the wave.

    The longitudinal weight of a firm that answered in two consecutive waves is the earlier weight times the inverse
    propensity to stay, in classes again, scaled to mean 1 among those who stayed.

    Parameters
    ----------
    sample
        One row a firm invited in a wave: ``wave``, firm key, ``disposition``, and the columns that `settings` name.
    panel
        One row a firm in a wave that answered, with the variables of the model of staying; rows without a firm key
        are left out.
    margins
        Wave → variable → category → number of firms in the frame.
    settings
        ``weights:`` of the configuration.
    firm
        The firm key.
    waves
        All waves, in their order.
    files
        The sample file of each wave, for messages.
    successors
        From :func:`firmties.panel.list_successors`: a firm that merged into another has closed and is no leaver.

    Returns
    -------
    Weights
        Sorted by wave and firm. Missing: all weights of firms that were not drawn (open link) and of waves without
        sample file or margins or named by `omit`; the longitudinal weight where a firm has no weight in the wave
        before.

    Raises
    ------
    StudyError
        If a selection probability is missing or not within (0, 1], a column is not there, a margin cannot be met, a
        response model separates, or a firm answered that by its disposition did not; every wave's faults together.
    """
    sample = sample.reset_index(drop=True)
    open_link = settings.get("open_link", [])
    drawn = sample.loc[~find_uninvited(sample, open_link)].copy() if len(sample) else sample
    problems = check_columns(drawn, settings) or check_probabilities(drawn, settings["probability"], firm, files)
    if problems:
        raise StudyError(problems)
    drawn = find_chances(drawn, settings, firm, waves)
    answers = panel.dropna(subset=[firm])
    omitted = set(settings.get("omit", []))
    parts: list[pd.DataFrame] = []
    rows: list[dict[str, Any]] = []
    for wave in waves:
        asked = drawn.loc[drawn["wave"] == wave]
        here = answers.loc[answers["wave"] == wave, ["wave", firm]].sort_values(firm, ignore_index=True)
        reason = (
            "left out by the configuration"
            if wave in omitted
            else "no sample file"
            if wave not in set(sample["wave"])
            else "no firm was drawn"
            if asked.empty
            else "no rows in the frame's margins"
            if wave not in margins
            else ""
        )
        row: dict[str, Any] = {"wave": wave, "n": len(here), "n_weighted": 0, "reason": reason}
        part = here.assign(**dict.fromkeys(COLUMNS, np.nan)).astype({"stratum": "str"})
        if not reason:
            try:
                found, told = weigh_wave(asked, here[firm], margins[wave], settings, firm, wave, files)
                part = here.merge(found, on=firm, how="left", validate="one_to_one").reindex(columns=part.columns)
                row |= told
            except StudyError as error:
                problems += error.problems
        parts.append(part)
        rows.append(row)
    if not problems:
        gone = find_closed(drawn, [NOT_ELIGIBLE], firm, successors)
        for at, (earlier, later) in enumerate(pairwise(waves)):
            closed = set() if gone is None else set(gone.loc[gone["wave"] == later, firm])
            try:
                told = weigh_stayers(parts[at], parts[at + 1], answers, closed, settings, firm, (earlier, later))
                rows[at + 1] |= told
            except StudyError as error:
                problems += error.problems
    if problems:
        raise StudyError(problems)
    table = fix_strata(pd.concat(parts, ignore_index=True), firm)
    return Weights(table, pd.DataFrame(rows).reindex(columns=list(WEIGHTING)))


WEIGHTING = {
    "wave": "the wave",
    "n": "firms that answered",
    "n_weighted": "of which with a weight",
    "n_eligible": "firms drawn, those found not eligible left out",
    "response_rate": "share of these that answered, weighted by the design",
    "deff": "design effect of weighting, 1 + CV(w)²",
    "n_effective": "n_weighted / deff",
    "minimum": "smallest weight (the mean is 1)",
    "maximum": "largest weight",
    "n_trimmed": "weights at the limit of trimming",
    "max_over_median": "largest weight over the median",
    "rounds": "times trimmed and raked again",
    "sweeps": "passes of raking over all margins",
    "gap": "largest relative difference of a cell from the margin",
    "n_stayed": "firms with a longitudinal weight",
    "deff_longitudinal": "design effect of the longitudinal weights",
    "reason": "why the wave has no weights, or weights above the limit",
}
"""Columns of ``weighting.csv`` and what they hold."""


def check_columns(sample: pd.DataFrame, settings: Mapping[str, Any]) -> list[str]:
    """Name the columns that no sample file has, and types of sample said to be carried on that none holds."""
    problems = [
        f"config.yaml: weights.{key}: '{name}' is no column of the sample files; "
        + describe_allowed(name, [column for column in sample.columns if column != "wave"])
        for key, names in list_weight_columns(settings).items()
        for name in names
        if name not in sample
    ]
    # In a first wave nobody can have been carried on.
    if problems or not settings.get("carried") or sample["wave"].nunique() < 2:
        return problems
    kinds = sorted(set(sample["sample_type"].dropna().astype("str")))
    return [
        f"config.yaml: weights.carried: '{kind}' is no sample_type in the sample files; {describe_allowed(kind, kinds)}"
        for kind in settings["carried"]
        if kind not in kinds
    ]


def check_probabilities(
    sample: pd.DataFrame, column: str, firm: str, files: Mapping[int, str] | None = None
) -> list[str]:
    """Name the waves in which a selection probability is missing, no number, or not above 0 and at most 1."""
    problems = []
    for wave, part in sample.groupby("wave", sort=True):
        values = pd.to_numeric(part[column], errors="coerce")
        wrong = ~((values > 0) & (values <= 1))
        if wrong.any():
            name, value = part.loc[wrong, [firm, column]].iloc[0]
            said = "is missing" if pd.isna(value) else f"is {value}"
            problems.append(
                f"{name_place(wave, files)}: {column}: the selection probability of firm '{name}' {said} "
                f"({int(wrong.sum())} of "
                f"{len(part)} firms); it is above 0 and at most 1; a firm that was not drawn belongs to a type of "
                "sample named by weights: open_link"
            )
    return problems


def name_place(wave: Any, files: Mapping[int, str] | None) -> str:
    """Name a wave's sample file as all messages do.

    Examples
    --------
    >>> name_place(1, {1: "data/one.csv"}), name_place(1, None)
    ('data/one.csv (wave 1)', 'wave 1')
    """
    return f"{files[wave]} (wave {wave})" if files and wave in files else f"wave {wave}"


def find_chances(sample: pd.DataFrame, settings: Mapping[str, Any], firm: str, waves: Sequence[int]) -> pd.DataFrame:
    r"""Find each invited firm's chance to be in its wave's sample, over all draws through which it could have come.

    A wave asks firms drawn afresh, and (`carried`) firms that an earlier draw brought in and that answered then. A firm
    could have come in through any of the draws up to the wave: :math:`\pi_i = 1-(1-p_{it})\prod_{s<t}(1-p_{is}r_{is})`
    with p the probability of a draw and r the share that answered and so was carried on. This is the multiplicity
    adjustment of a multiple-frame design, by the chance over all frames ("single-frame" estimator: Kalton & Anderson
    1986, *Journal of the Royal Statistical Society A* 149(1)); it holds for draws that are independent and for draws
    among firms that have not answered yet, where p is the chance of those.

    Parameters
    ----------
    sample
        Rows of drawn firms.

    Returns
    -------
    DataFrame
        `sample` with ``chance``, ``stratum`` (wave of the draw and stratum in it), ``stratum_size``.

    Examples
    --------
    >>> one = pd.DataFrame({"wave": 1, "f": ["a", "b"], "sample_type": "new", "p": 0.2, "disposition": ["I", "R"]})
    >>> two = pd.DataFrame({"wave": 2, "f": ["a", "c"], "sample_type": ["old", "new"], "p": [0.2, 0.1],
    ...                     "disposition": "I"})
    >>> found = find_chances(pd.concat([one, two]), {"probability": "p", "carried": ["old"]}, "f", [1, 2])
    >>> found["chance"].round(3).tolist()  # of wave 2: 1 - (1 - 0.1) (1 - 0.2 x 0.5)
    [0.2, 0.2, 0.19, 0.19]
    """
    sample = sample.reset_index(drop=True)
    draw = pd.DataFrame({"wave": sample["wave"], "firm": sample[firm], "disposition": sample["disposition"]})
    draw["label"] = join_cells(
        [as_codes(sample[name]).fillna(MISSING) for name in settings.get("strata", [])], draw.index
    )
    draw["own"] = pd.to_numeric(sample[settings["probability"]]).astype(float)
    draw["carried"] = sample["sample_type"].isin(settings["carried"]) if settings.get("carried") else False
    draw = draw.join(find_entries(draw, waves), validate="one_to_one")
    fresh = draw.loc[~draw["carried"]]
    # ASSUME a firm found not eligible was in no draw's population: it counts neither as having answered nor as not.
    eligible = fresh.loc[fresh["disposition"] != NOT_ELIGIBLE]
    cells = [eligible["wave"], eligible["label"]]
    carry = eligible["disposition"].isin(ANSWERED).astype(float).groupby(cells).mean()
    chance = fresh.groupby(["wave", "label"])["own"].mean()
    parts = []
    for at, wave in enumerate(waves):
        here = draw.loc[draw["wave"] == wave]

        # ASSUME a firm was in the stratum in which the wave's frame has it at the draws that it missed, too.
        def look_up(table: pd.Series, drawn_in: int, rows: pd.DataFrame = here) -> pd.Series:
            keys = pd.MultiIndex.from_product([[drawn_in], rows["label"]])
            return pd.Series(table.reindex(keys).to_numpy(dtype=float), index=rows.index)

        shares = {before: look_up(carry, before) for before in waves[:at]}
        missed = pd.Series(1.0, index=here.index)
        for before in waves[: at + 1]:
            other = look_up(chance, before) * shares.get(before, 1.0)
            missed = missed.where(here["known"] & (here["entry"] == before), missed * (1 - other.fillna(0.0)))
        # Of the firm's own draw its own probability counts, with the share that answered where it was drawn then.
        own = carry.reindex(pd.MultiIndex.from_frame(here[["entry", "entry_label"]])).to_numpy(dtype=float)
        usual = pd.concat(shares.values(), axis=1).mean(axis=1) if shares else pd.Series(np.nan, index=here.index)
        kept = usual.where(~here["known"], own).where(here["carried"], 1.0)
        parts.append(1 - missed * (1 - here["own"] * kept.fillna(1.0)))
    strata = [name_stratum(*pair) for pair in zip(draw["entry"], draw["entry_label"], strict=True)]
    table = sample.assign(chance=pd.concat(parts) if parts else np.nan, stratum=pd.Series(strata, dtype="str"))
    # The draw's own count of the firms that it was made from; exact where they had equal probabilities.
    first = table.loc[draw["entry"] == draw["wave"]]
    sizes = (1 / draw.loc[first.index, "own"]).groupby(first["stratum"]).sum()
    return table.assign(stratum_size=table["stratum"].map(sizes).astype(float))


def find_entries(draw: pd.DataFrame, waves: Sequence[int]) -> pd.DataFrame:
    """Find for each invited firm the draw that brought it in: ``entry`` (wave), ``entry_label`` (stratum), ``known``.

    Parameters
    ----------
    draw
        ``wave``, ``firm``, ``label`` (stratum in the wave), ``carried``.
    """
    entries: dict[Any, tuple[int, str, bool]] = {}
    parts = []
    for wave in waves:
        here = draw.loc[draw["wave"] == wave]
        for name, label, carried in zip(here["firm"], here["label"], here["carried"], strict=True):
            # ASSUME a carried firm in no earlier sample file was drawn before them all; it is known by the first wave
            # that lists it.
            if not carried:
                entries[name] = (wave, label, True)
            else:
                entries.setdefault(name, (wave, label, False))
        found = [entries[name] for name in here["firm"]]
        parts.append(pd.DataFrame(found, index=here.index, columns=["entry", "entry_label", "known"]))
    table = pd.concat(parts) if parts else pd.DataFrame(columns=["entry", "entry_label", "known"])
    return table.astype({"known": bool})


def join_cells(columns: Sequence[pd.Series], index: pd.Index) -> pd.Series:
    """Join categories of several variables as margins name them; blank without variables, missing where one is.

    Examples
    --------
    >>> join_cells([pd.Series(["small", "large"]), pd.Series(["north", None])], pd.RangeIndex(2)).tolist()
    ['small x north', nan]
    """
    joined = pd.Series("", index=index, dtype="str") if not columns else columns[0].astype("str")
    for column in columns[1:]:
        joined = joined + " x " + column.astype("str")
    return joined


def name_stratum(wave: int, label: str) -> str:
    """Name a stratum of the draw of a wave.

    Examples
    --------
    >>> name_stratum(2, "small"), name_stratum(2, "")
    ('2 x small', '2')
    """
    return f"{wave} x {label}" if label else str(wave)


def weigh_wave(
    asked: pd.DataFrame,
    answered: pd.Series,
    margins: Mapping[str, Mapping[str, int]],
    settings: Mapping[str, Any],
    firm: str,
    wave: int,
    files: Mapping[int, str] | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Weigh one wave from its own rows; see :func:`weigh_waves`.

    Parameters
    ----------
    asked
        Rows of the wave's drawn firms, with ``chance``.
    answered
        Firms of the panel.

    Returns
    -------
    weights
        Firm, ``weight_design``, ``weight``, ``stratum``, ``stratum_size`` of the drawn firms that answered.
    told
        What ``weighting.csv`` says of the wave.
    """
    asked = asked.sort_values(firm, kind="stable")
    responded = asked[firm].isin(set(answered)).to_numpy()
    denied = responded & ~asked["disposition"].isin(ANSWERED).to_numpy()
    if denied.any():
        name, code = asked.loc[denied, [firm, "disposition"]].iloc[0]
        raise StudyError(
            f"{name_place(wave, files)}: firm '{name}' answered, and its disposition there is '{code}' "
            f"({int(denied.sum())} in all); one who answered has {' or '.join(ANSWERED)}"
        )
    if not responded.any():
        raise StudyError(f"wave {wave}: weights: no firm that was drawn answered; name the wave in weights: omit")
    # ASSUME firms of unknown eligibility are as often eligible in every class, so that they count as not answering;
    # a response that cleaning took out is none, and its firm has not answered.
    eligible = (asked["disposition"] != NOT_ELIGIBLE).to_numpy()
    design = 1 / asked["chance"].to_numpy(dtype=float)
    cells = pd.DataFrame(
        {name: collapse(as_codes(asked[name]), name, settings, wave) for name in settings.get("response", [])},
        index=asked.index,
    )
    these = asked.loc[responded]
    coded = code_margins(these, margins, settings, firm, wave, files)
    factor = adjust_response(
        cells.loc[eligible],
        responded[eligible],
        design[eligible],
        settings.get("classes", 5),
        f"wave {wave}",
        "response",
    )
    start = design[responded] * factor[responded[eligible]]
    raked = rake(start, coded, settings.get("trim"))
    if raked.gap > 1e3 * TOLERANCE:
        raise StudyError(describe_gap(these, raked.weights, coded, margins, settings, raked.gap, wave))
    weights = raked.weights / raked.weights.mean()
    table = pd.DataFrame(
        {
            firm: these[firm].to_numpy(),
            "weight_design": design[responded],
            "weight": weights,
            "stratum": these["stratum"].to_numpy(),
            "stratum_size": these["stratum_size"].to_numpy(),
        }
    )
    effect = measure_design_effect(weights)
    return table, {
        "n_weighted": len(table),
        "n_eligible": int(eligible.sum()),
        "response_rate": design[responded].sum() / design[eligible].sum(),
        "deff": effect,
        "n_effective": len(table) / effect,
        "minimum": weights.min(),
        "maximum": weights.max(),
        "n_trimmed": raked.n_trimmed,
        "max_over_median": raked.largest,
        "rounds": raked.rounds,
        "sweeps": raked.sweeps,
        "gap": raked.gap,
        "reason": describe_limit(raked.largest, settings.get("trim")),
    }


def describe_limit(largest: float, limit: float | None) -> str:
    """Say how far the largest weight stays above the limit, where the margins leave no weights within it.

    Examples
    --------
    >>> describe_limit(6.2, 5), describe_limit(4.2, 5)
    ('the margins leave no weights within 5 medians; the largest is 6.2 medians', '')
    """
    if limit is None or largest <= limit * (1 + 1e-6):
        return ""
    return f"the margins leave no weights within {limit:g} medians; the largest is {largest:.3g} medians"


def collapse(values: pd.Series, name: str, settings: Mapping[str, Any], wave: int) -> pd.Series:
    """Join categories of a variable or margin as the configuration says for the wave.

    Examples
    --------
    >>> rule = {"variable": "age", "join": ["old", "very old"], "into": "old", "waves": [2]}
    >>> collapse(pd.Series(["old", "very old"]), "age", {"collapse": [rule]}, 2).tolist()
    ['old', 'old']
    >>> collapse(pd.Series(["old", "very old"]), "age", {"collapse": [rule]}, 1).tolist()
    ['old', 'very old']
    """
    for rule in settings.get("collapse", []):
        if rule["variable"] == name and wave in rule.get("waves", [wave]):
            values = values.where(~values.isin(rule["join"]), rule["into"])
    return values


def code_margins(
    rows: pd.DataFrame,
    margins: Mapping[str, Mapping[str, int]],
    settings: Mapping[str, Any],
    firm: str,
    wave: int,
    files: Mapping[int, str] | None = None,
) -> list[Margin]:
    """Number the cells of each margin for those who answered, with the totals that the cells shall have.

    Raises
    ------
    StudyError
        Names each margin that cannot be met: not in the wave's frame, another total than the others, a respondent
        without a category or with one that the frame does not have, a cell of the frame without a respondent, a cell
        with respondents that is empty in the frame.
    """
    problems: list[str] = []
    coded: list[Margin] = []
    totals = {name: sum(margins[name].values()) for name in settings["rake"] if name in margins}
    for name in settings["rake"]:
        place = f"frame_margins: wave {wave}: {name}"
        if name not in margins:
            problems.append(f"{place}: the wave has no such margin (weights: rake); {describe_allowed(name, margins)}")
            continue
        if totals[name] != (whole := next(iter(totals.values()))):
            problems.append(
                f"{place}: the counts add up to {totals[name]:,}, those of {next(iter(totals))} to {whole:,}; margins "
                "that are raked to cover the same firms"
            )
        parts = name.split(" x ")
        columns = [collapse(as_codes(rows[part]), part, settings, wave) for part in parts]
        values = join_cells(columns, rows.index)
        frame = pd.Series(margins[name], dtype=float)
        cells = pd.Series(frame.index, dtype="str")
        if len(parts) > 1:
            split = cells.str.split(" x ", expand=True, regex=False).reindex(columns=range(len(parts)))
            single = [collapse(split[at], part, settings, wave) for at, part in enumerate(parts)]
            cells = join_cells(single, cells.index)
            values = collapse(values, name, settings, wave)
        cells = collapse(cells, name, settings, wave)
        targets = frame.groupby(cells.to_numpy(), sort=False).sum()
        if (unknown := values.isna()).any():
            problems.append(
                f"{name_place(wave, files)}: {name}: firm '{rows.loc[unknown, firm].iloc[0]}' answered and has no "
                f"category ({int(unknown.sum())} in all); fill it in from the frame"
            )
        for value in sorted(set(values.dropna()) - set(targets.index)):
            allowed = describe_allowed(value, targets.index)
            where = name_place(wave, files)
            problems.append(
                f"{place}: the frame has no category '{value}', which the sample holds ({where}); {allowed}"
            )
        counts = values.value_counts().reindex(targets.index).fillna(0)
        for cell in targets.index[(targets > 0) & (counts == 0)]:
            problems.append(
                f"{place} = {cell}: the frame has {targets[cell]:,.0f} firms and none of them answered, so the margin "
                f"cannot be met; join the cell with another (weights: collapse: {{variable: {name}, join: [{cell}], "
                "into: …}), or name the wave in weights: omit"
            )
        for cell in targets.index[(targets == 0) & (counts > 0)]:
            problems.append(
                f"{place} = {cell}: the frame has no firm and {counts[cell]:.0f} answered; correct the margin or the "
                "sample file"
            )
        place_of = {cell: at for at, cell in enumerate(targets.index)}
        codes: NDArray[np.int64] = values.map(place_of).fillna(0).to_numpy(dtype=np.int64)
        shares = np.asarray(targets, dtype=np.float64) / max(float(targets.sum()), 1.0)
        coded.append((codes, shares * len(rows)))
    if problems:
        raise StudyError(problems)
    return coded


def describe_gap(
    rows: pd.DataFrame,
    weights: NDArray[np.float64],
    coded: Sequence[Margin],
    margins: Mapping[str, Mapping[str, int]],
    settings: Mapping[str, Any],
    gap: float,
    wave: int,
) -> str:
    """Say that margins contradict each other among those who answered, and which stays furthest away."""
    away = []
    for codes, targets in coded:
        sums = np.bincount(codes, weights=weights, minlength=len(targets))
        away.append(float(np.abs(sums / np.where(targets > 0, targets, 1) - 1)[targets > 0].max()))
    worst = settings["rake"][int(np.argmax(away))]
    return (
        f"frame_margins: wave {wave}: {worst}: raking {len(rows)} firms to {', '.join(settings['rake'])} does not come "
        f"nearer than {100 * gap:.3g} %: no weights meet all margins at once; join cells (weights: collapse) or rake "
        "to fewer"
    )


def weigh_stayers(
    before: pd.DataFrame,
    after: pd.DataFrame,
    answers: pd.DataFrame,
    closed: Collection[str],
    settings: Mapping[str, Any],
    firm: str,
    pair: tuple[int, int],
) -> dict[str, Any]:
    """Put the longitudinal weight of a pair of waves into the later wave's rows; see :func:`weigh_waves`.

    Parameters
    ----------
    before, after
        Weights of the two waves; ``weight_longitudinal`` of `after` is filled in.
    answers
        The panel, for the variables of the earlier wave.
    closed
        Firms that the later wave found closed or merged: they are no leavers.
    """
    earlier, later = pair
    # ASSUME a firm that the later wave did not ask has not stayed, whatever the reason.
    base = before.loc[before["weight"].notna() & ~before[firm].isin(closed)]
    stayed = base[firm].isin(set(after.loc[after["weight"].notna(), firm])).to_numpy()
    if not stayed.any():
        return {"n_stayed": 0}
    known = answers.loc[answers["wave"] == earlier]
    known = base[[firm]].merge(known, on=firm, how="left", validate="one_to_one")
    classes = settings.get("classes", 5)
    cells = pd.DataFrame(
        {
            name: collapse(cut_numbers(known[name], classes), name, settings, later)
            for name in settings.get("retention", [])
        },
        index=known.index,
    )
    factor = adjust_response(
        cells, stayed, base["weight"].to_numpy(), classes, f"waves {earlier} to {later}", "retention"
    )
    weights = base["weight"].to_numpy()[stayed] * factor[stayed]
    weights = weights / weights.mean()
    after["weight_longitudinal"] = after[firm].map(dict(zip(base.loc[stayed, firm], weights, strict=True)))
    return {"n_stayed": int(stayed.sum()), "deff_longitudinal": measure_design_effect(weights)}


def fix_strata(table: pd.DataFrame, firm: str) -> pd.DataFrame:
    """Give each firm in all waves the stratum of its first answer, so that firms are nested in strata."""
    first = table.dropna(subset=["stratum"]).drop_duplicates(firm).set_index(firm)
    drawn = table["stratum"].notna()
    return table.assign(**{name: table[firm].map(first[name]).where(drawn) for name in ("stratum", "stratum_size")})
