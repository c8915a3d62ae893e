"""Checks of a new wave on entry, each passed, warned of, stopped at, or not applicable with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from firmties.catalogue import match_pairs, match_slots
from firmties.clean import CleanWave, evaluate_condition
from firmties.codebook import Variable
from firmties.entry.compare import UNIT_FACTORS
from firmties.reversals import correlate_with_rest, find_reversed_items

TITLES = {
    1: "Columns and types",
    2: "Keys",
    3: "Codes, ranges and response scales",
    4: "Dates",
    5: "Consent and identifying content",
    6: "Eligibility",
    7: "Links to earlier waves",
    8: "Units",
    9: "Reverse-keyed items",
    10: "Drift",
    11: "Partners and networks",
    12: "Margins of the frame",
    13: "Numbers against the sample file",
}
STATES = ("stop", "warning", "pass", "not applicable")
MOST_DETAILS = 25
"""Most lines that a check lists; what is beyond is counted."""


@dataclass(frozen=True)
class Check:
    """One result: the check's number, its state, what was found, and the places."""

    number: int
    state: str
    message: str
    details: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The check's name."""
        return TITLES[self.number]


def conclude(
    number: int, stops: Sequence[str], warnings: Sequence[str], passed: str | Sequence[str], *, skipped: str = ""
) -> list[Check]:
    """Put findings into results: one for all stops, one for all warnings, or one that says what was found in order.

    Of several statements of what was found in order, the first is the message and the others are its details.

    Examples
    --------
    >>> [check.state for check in conclude(3, ["a"], ["b", "c"], "all codes are known")]
    ['stop', 'warning']
    >>> conclude(3, [], [], "all codes are known")[0].message
    'all codes are known'
    """
    results = [
        Check(
            number,
            state,
            found[0] if len(found) == 1 else f"{len(found)} findings",
            limit(found) if len(found) > 1 else (),
        )
        for state, found in (("stop", stops), ("warning", warnings))
        if found
    ]
    if not results and skipped:
        return [Check(number, "not applicable", skipped)]
    if not results:
        first, *more = [passed] if isinstance(passed, str) else passed
        return [Check(number, "pass", first, limit(more))]
    return results


def limit(lines: Sequence[str]) -> tuple[str, ...]:
    """The first lines, and how many more there are.

    Examples
    --------
    >>> limit([str(n) for n in range(30)])[-1]
    'and 5 more'
    """
    rest = len(lines) - MOST_DETAILS
    return (*lines[:MOST_DETAILS], *([f"and {rest:,} more"] if rest > 0 else ()))


def name_rows(rows: Iterable[Any]) -> str:
    """Name the first rows of the file.

    Examples
    --------
    >>> name_rows([3, 9]), name_rows(range(1, 9)), name_rows([])
    ('data rows 3, 9', 'data rows 1, 2, 3, 4, 5 and 3 more', 'rows unknown')
    """
    listed = [str(row) for row in rows]
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return f"data row{'s' if len(listed) != 1 else ''} {', '.join(listed[:5])}{more}" if listed else "rows unknown"


def check_dates(
    values: pd.DataFrame, rows: pd.Series, rules: Mapping[str, Any], field: Sequence[str] | None, where: str
) -> list[Check]:
    """Check 4: first and last page inside the field window, and in this order.

    Parameters
    ----------
    values
        The responses kept.
    rows
        Row of the file for each of them.
    rules
        ``start``, ``end``: the variables of the first page and of submission.
    field
        First and last day in the field; None if not stated.
    """
    columns = [str(name) for name in (rules.get("start"), rules.get("end")) if name in values]
    if not columns:
        return conclude(4, [], [], "", skipped="config.yaml: entry_checks: names no start and end that the wave has")
    stops = []
    if field:
        first, last = pd.Timestamp(field[0]), pd.Timestamp(field[1]) + pd.Timedelta(days=1)
        for name in columns:
            times = values[name]
            outside = times.notna() & ~((times >= first) & (times < last))
            if outside.any():
                shown = ", ".join(times[outside].dt.date.astype("str").unique()[:3])
                stops.append(
                    f"{where}: {name}: {outside.sum()} responses outside {field[0]} to {field[1]}, such as "
                    f"{shown} ({name_rows(rows[outside])}); correct --field, or the file"
                )
    if len(columns) == 2:
        early = values[columns[1]] < values[columns[0]]
        if early.any():
            stops.append(
                f"{where}: {columns[1]} lies before {columns[0]} in {early.sum()} responses ({name_rows(rows[early])})"
            )
    names = " and ".join(columns)
    passed = [
        f"{names} of all {len(values)} responses kept lie inside the field window, {field[0]} to {field[1]}"
        if field
        else "the field window is not stated (--field), so no date was held against it"
    ]
    passed += [f"no {columns[1]} lies before its {columns[0]}"] if len(columns) == 2 else []
    return conclude(4, stops, [], passed)


def check_consent(values: pd.DataFrame, rows: pd.Series, rules: Mapping[str, Any], where: str) -> tuple[list[str], str]:
    """Check 5, first part: every response kept has agreed; stops, and what was found."""
    name = rules.get("consent")
    if name not in values:
        return [], "no variable of consent is named (entry_checks: consent)"
    without = ~(values[name].astype("boolean").fillna(False).astype(bool))
    if without.any():
        places = name_rows(rows[without])
        text = f"{where}: {name}: {without.sum()} responses without consent are kept ({places})"
        return [f"{text}; add a rule to cleaning: exclude:"], ""
    return [], f"the respondents of all {len(values)} responses kept have agreed ({name})"


def check_eligibility(values: pd.DataFrame, rows: pd.Series, rules: Mapping[str, Any], where: str) -> list[Check]:
    """Check 6: no response kept is surely outside the population."""
    condition = rules.get("eligible")
    if not condition:
        return conclude(6, [], [], "", skipped="config.yaml: entry_checks: has no eligible:")
    outside = evaluate_condition(f"not ({condition})", values, "entry_checks: eligible", where)
    surely = evaluate_condition(condition, values, "entry_checks: eligible", where)
    text = f"{where}: {outside.sum()} responses kept are not eligible ({condition}; {name_rows(rows[outside])})"
    stops = [f"{text}; add a rule to cleaning: exclude:"] if outside.any() else []
    unknown = len(values) - int(surely.sum())
    return conclude(
        6,
        stops,
        [],
        f"{surely.sum()} of {len(values)} responses kept are eligible ({condition}); {unknown} lack an answer that "
        "would tell, and none is surely not eligible",
    )


def check_links(
    values: pd.DataFrame,
    rules: Mapping[str, Any],
    earlier: Mapping[int, CleanWave],
    firm: str,
    where: str,
    successor_of: str | None = None,
) -> list[Check]:
    """Check 7: firms of the panel are found again, and what cannot change has not.

    A firm is known if any response of an earlier wave came from it, kept or not; one that carries on another, named in
    the column `successor_of`, is looked for under the other's key. ``unchanged`` variables are compared
    with the firm's last answer; so are ``carried`` pairs, where the wave before asked the value of its own time.
    """
    if not earlier:
        return conclude(7, [], [], "", skipped="there is no earlier wave")
    warnings, passed = [], []
    if successor_of in values:
        older = values[successor_of].str.partition("|")[0].str.strip().replace("", None)
        values = values.assign(**{firm: older.fillna(values[firm])})
    known: set[str] = set()
    for wave in earlier.values():
        known |= set(wave.values[firm].astype("str")) | set(wave.ledger.loc[wave.ledger["variable"] == "", "firm"])
    condition = rules.get("panel")
    if condition:
        panel = values[evaluate_condition(condition, values, "entry_checks: panel", where)]
        found = panel[firm].astype("str").isin(known)
        if len(panel):
            text = (
                f"{found.sum()} of {len(panel)} firms of the panel ({condition}) are in an earlier wave "
                f"({found.mean():.1%}, at least {rules['panel_found']:.0%} expected)"
            )
            if found.mean() < rules["panel_found"]:
                warnings.append(f"{where}: {firm}: {text}")
            else:
                passed.append(text)
    again = values[firm].astype("str").isin(known)
    passed.append(f"{again.sum()} of all {len(values)} firms, whatever their kind, were in an earlier wave")
    history = pd.concat([wave.values for _, wave in sorted(earlier.items())], ignore_index=True)
    for name, word in [(name, "cannot change") for name in rules["unchanged"]] + [
        (name, "seldom changes") for name in rules["seldom_changed"]
    ]:
        if name not in values or name not in history:
            continue
        last = history.dropna(subset=[name]).drop_duplicates(firm, keep="last")[[firm, name]]
        pairs = values[[firm, name]].dropna().merge(last, on=firm, suffixes=("_now", "_before"), validate="many_to_one")
        moved = int((pairs[f"{name}_now"].astype("str") != pairs[f"{name}_before"].astype("str")).sum())
        text = f"{name}, which {word}, differs for {moved} of {len(pairs)} firms"
        if moved and (word == "cannot change" or moved > 0.1 * len(pairs)):
            warnings.append(f"{where}: {text}")
        elif len(pairs):
            passed.append(text)
    last_wave = earlier[max(earlier)].values
    for pair in rules["carried"]:
        before, now = pair["before"], pair["now"]
        if before not in values or now not in last_wave:
            continue
        pairs = (
            values[[firm, before]]
            .dropna()
            .merge(last_wave[[firm, now]].dropna(), on=firm, suffixes=("_x", "_y"), validate="many_to_one")
        )
        if len(pairs):
            said, was = (pairs[name].astype("float64") for name in (pairs.columns[1], pairs.columns[2]))
            near = (said - was).abs() <= np.maximum(pair["within"] * was, pair["or_by"])
            text = (
                f"{before} is within {pair['within']:.0%} or {pair['or_by']:g} of the last {now} for {near.sum()} of "
                f"{len(pairs)} firms ({near.mean():.0%}, at least {pair['share']:.0%} expected)"
            )
            (warnings if near.mean() < pair["share"] else passed).append(
                f"{where}: {text}" if near.mean() < pair["share"] else text
            )
    return conclude(7, [], warnings, passed)


def check_units(
    units: pd.DataFrame, values: pd.DataFrame, before: pd.DataFrame | None, rules: Mapping[str, Any], where: str
) -> list[Check]:
    """Check 8: no number has changed by a factor between units, and amounts per head stay within their factor.

    A ratio near 1000 stops; other factors, which real change can bring about too, are warned of.
    """
    if before is None:
        return conclude(8, [], [], "", skipped="there is no earlier wave")
    stops: list[str] = []
    warnings: list[str] = []
    passed: list[str] = []
    for row in units[units["factor"].notna()].to_dict("records"):
        size = row["factor"] if row["factor"] > 1 else 1 / row["factor"]
        mistaken = f"as if {UNIT_FACTORS[round(size)]} were mistaken; if so, add to data/crosswalk.csv"
        text = (
            f"{where}: {row['variable']}: the median is {format_ratio(row['ratio'])} times that of the earlier wave "
            f"({row['of']}, n = {row['n']}), {mistaken}: multiply {row['variable']} by {1 / row['factor']:g}"
        )
        (stops if round(size) == 1000 else warnings).append(text)
    for pair in rules["per_head"]:
        if any(name not in table for name in (pair["value"], pair["by"]) for table in (values, before)):
            continue
        medians = []
        for table in (before, values):
            amount, heads = (table[pair[key]].astype("float64") for key in ("value", "by"))
            medians.append(float((amount / heads)[(amount > 0) & (heads > 0)].median()))
        ratio = medians[1] / medians[0] if medians[0] else float("nan")
        text = (
            f"{pair['value']} per {pair['by']}: median {medians[1]:.4g}, in the earlier wave {medians[0]:.4g}; the "
            f"ratio is {format_ratio(ratio)}, within a factor of {pair['factor']:g} expected"
        )
        if not 1 / pair["factor"] <= ratio <= pair["factor"]:
            warnings.append(f"{where}: {text}")
        else:
            passed.append(text)
    factors = ", ".join(map(str, UNIT_FACTORS))
    passed.append(
        f"{len(units)} numbers compared with the earlier wave: no median has changed by one of the factors between "
        f"units ({factors})"
    )
    return conclude(8, stops, warnings, passed)


def format_ratio(ratio: float) -> str:
    """Write a ratio with three digits.

    Examples
    --------
    >>> format_ratio(1234.5), format_ratio(0.00098765)
    ('1,234', '0.000988')
    """
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def check_reversals(
    values: pd.DataFrame,
    scales: Iterable[Mapping[str, Any]],
    variables: Mapping[str, Variable],
    where: str,
    least: int = 100,
) -> list[Check]:
    """Check 9: each reverse item agrees with the rest of its scale after recoding.

    It stops where the upper 95 % bound of the correlation (Fisher's z) with the mean of the other items lies below 0:
    the reversal was then forgotten in the file's questionnaire, or done in the file already.
    """
    stops, passed = [], []
    for scale in scales:
        items = [name for name in scale["items"] if name in values]
        keyed = [name for name in items if variables[name].reverse]
        if not keyed or len(items) < 2:
            continue
        against = find_reversed_items(values[items], keyed, least)
        for name, row in against.iterrows():
            text = (
                f"{where}: {name}: correlates {row['r']:.2f} (at most {row['conf_high']:.2f}, n = {row['n']:.0f}) with "
                f"the rest of the scale {scale['name']} after recoding; "
            )
            if name in keyed:
                stops.append(
                    f"{text}it was reversed twice or asked the other way round: recode it back in data/crosswalk.csv, "
                    "or make it a variable of its own"
                )
            else:
                stops.append(f"{text}it was asked the other way round, or lacks its mark in the codebook (reverse)")
        rest = correlate_with_rest(values[items])
        passed += [
            f"{name} {rest.loc[name, 'r']:.2f}"
            for name in keyed
            if name not in against.index and rest.loc[name, "n"] >= least and rest.loc[name, "r"] == rest.loc[name, "r"]
        ]
    skipped = "" if stops or passed else f"no scale has a reverse item with {least} answers"
    return conclude(
        9,
        stops,
        [],
        f"after recoding each correlates with the rest of its scale as it should, above 0: {', '.join(passed)}",
        skipped=skipped,
    )


def check_drift(
    drift: pd.DataFrame | None,
    flags: pd.DataFrame,
    earlier: Mapping[int, CleanWave],
    rules: Mapping[str, Any],
    where: str,
) -> list[Check]:
    """Check 10: distributions, missing shares and shares of flags against earlier waves.

    ASSUME a stability index that chance alone reaches once in a thousand times is no sign of drift, and neither is a
    share that lies within three standard errors; with few answers both would be alarms otherwise. The spread of the
    flags' shares over earlier waves gets the standard error of a share added.
    """
    if drift is None:
        return conclude(10, [], [], "", skipped="there is no earlier wave")
    warnings = []
    for row in drift.to_dict("records"):
        if row["psi"] >= rules["psi"] and row["psi"] > row["chance"]:
            warnings.append(
                f"{where}: {row['column']}: the answers are distributed otherwise than in the earlier wave: stability "
                f"index {row['psi']:.2f}, from {rules['psi']:g} on it is drift; chance alone exceeds "
                f"{row['chance']:.2f} once in a thousand times ({row['n_now']} answers, {row['n_before']} before)"
            )
        change = row["missing_now"] - row["missing_before"]
        pooled = (row["missing_now"] + row["missing_before"]) / 2
        error = np.sqrt(pooled * (1 - pooled) * (1 / max(row["n_now"], 1) + 1 / max(row["n_before"], 1)))
        if abs(change) >= rules["missing_change"] and abs(change) > 3 * error:
            warnings.append(
                f"{where}: {row['column']}: {row['missing_now']:.0%} of those asked gave no answer, in the earlier "
                f"wave {row['missing_before']:.0%}; a change below {rules['missing_change'] * 100:g} points is expected"
            )
    passed = [describe_drift(drift, rules)]
    names = [name for name in flags if name not in ("wave", "response", "firm", "n_flags")]
    for name in names:
        shares = [float(wave.flags[name].mean()) for wave in earlier.values() if name in wave.flags and len(wave.flags)]
        if len(shares) < 2 or not len(flags):
            continue
        now, mean = float(flags[name].mean()), float(np.mean(shares))
        spread = float(np.sqrt(np.var(shares, ddof=1) + mean * (1 - mean) / len(flags)))
        text = (
            f"flag {name}: raised for {now:.1%} of the responses, in earlier waves for {mean:.1%} on average; within "
            f"{3 * spread * 100:.1f} points (3 standard deviations) expected"
        )
        if abs(now - mean) > 3 * spread:
            warnings.append(f"{where}: {text}")
        else:
            passed.append(text)
    return conclude(10, [], warnings, passed)


def describe_drift(drift: pd.DataFrame, rules: Mapping[str, Any]) -> str:
    """Say of distributions that did not drift why they count as such: the largest index, the threshold, and chance.

    Examples
    --------
    >>> drift = pd.DataFrame({"column": ["t1"], "psi": [0.9], "chance": [1.2], "n_before": [9], "n_now": [8]})
    >>> print(describe_drift(drift, {"psi": 0.25}).partition(": ")[2])
    the largest is 0.90 (t1, 8 answers, 9 before), not above 1.20, which chance alone exceeds once in a thousand times \
    with so few answers
    """
    known = drift.dropna(subset=["psi"])
    if known.empty:
        return "no column has answers in both waves"
    top = known.sort_values("psi").iloc[-1]
    text = (
        f"{len(known)} columns compared with the earlier wave, none drifted (stability index of {rules['psi']:g} or "
        f"more, and above what chance gives): the largest is {top['psi']:.2f} ({top['column']}, {top['n_now']} "
        f"answers, {top['n_before']} before)"
    )
    if top["psi"] < rules["psi"]:
        return text
    return (
        f"{text}, not above {top['chance']:.2f}, which chance alone exceeds once in a thousand times with so few "
        "answers"
    )


def check_partners(
    values: pd.DataFrame, rows: pd.Series, config: Mapping[str, Any], rules: Mapping[str, Any], where: str
) -> list[Check]:
    """Check 11: pairs only among named partners, at least one pair where there are two, shares of networks near 100."""
    warnings, passed = [], []
    settings = config.get("alters", {})
    if "columns" in settings:
        slots = match_slots(settings["columns"], "alter", settings["slots"], values.columns.astype(str))
        field = settings["named_when"]
        named = pd.DataFrame(
            {
                slot: values[slots[slot][field]].notna()
                if field in slots.get(slot, {})
                else pd.Series(False, index=values.index)
                for slot in settings["slots"]
            }
        )
        if named.any(axis=None):
            n = named.sum(axis=1)
            passed.append(
                f"{n.mean():.2f} partners named by a firm on average, at most {n.max()} of {len(named.columns)} that "
                "can be"
            )
            if "pairs" in settings:
                pairs = match_pairs(settings["pairs"], settings["slots"])
                answered = pd.Series(0, index=values.index)
                stray = pd.Series(False, index=values.index)
                for (first, second), column in pairs.items():
                    if column not in values:
                        continue
                    there = values[column].notna()
                    answered += there
                    stray |= there & ~(named[first] & named[second])
                if stray.any():
                    warnings.append(
                        f"{where}: {stray.sum()} responses tie partners that are not named ({name_rows(rows[stray])})"
                    )
                silent = (n >= 2) & (answered == 0)
                text = f"{silent.sum()} of {(n >= 2).sum()} responses with two partners or more answered no pair"
                (warnings if silent.any() else passed).append(
                    f"{where}: {text} ({name_rows(rows[silent])})" if silent.any() else text
                )
    settings = config.get("networks", {})
    if "columns" in settings:
        slots = match_slots(settings["columns"], "network", settings["slots"], values.columns.astype(str))
        columns = [fields[settings["share"]] for fields in slots.values() if settings["share"] in fields]
        if columns:
            total = values[columns].astype("float64").sum(axis=1, min_count=1)
            off = total.notna() & ((total - 100).abs() > rules["shares_within"])
            total_n = total.notna().sum()
            text = (
                f"shares of networks sum to 100 ± {rules['shares_within']:g} for all but {off.sum()} of {total_n} "
                "responses"
            )
            (warnings if off.any() else passed).append(
                f"{where}: {text} ({name_rows(rows[off])})" if off.any() else text
            )
    skipped = "" if warnings or passed else "the study has no partners or networks in columns"
    return conclude(11, [], warnings, passed, skipped=skipped)


def check_margins(
    margins: pd.DataFrame | None,
    sample: pd.DataFrame | None,
    wave: int,
    file: str | None,
    collapse: Sequence[Mapping[str, Any]] = (),
) -> list[Check]:
    """Check 12: every cell of the frame's margins has respondents, or a rule that joins it with another.

    Parameters
    ----------
    margins
        Rows of the margins' file: ``wave, variable, category, count``; None if the study has none.
    sample
        The wave's sample file, with the frame's variables and ``disposition``.
    collapse
        The rules of ``weights: collapse``.
    """
    joined = {
        (rule["variable"], cell) for rule in collapse for cell in rule["join"] if wave in rule.get("waves", [wave])
    }
    if margins is None:
        return conclude(12, [], [], "", skipped="the study has no frame_margins:")
    own = margins[margins["wave"].astype("str") == str(wave)]
    if own.empty:
        return conclude(
            12,
            [],
            [f"{file}: has no rows of wave {wave}; add them, or it has no weights and no frame in the flow figure"],
            "",
        )
    if sample is None:
        return conclude(12, [], [], "", skipped="no sample file was given (--sample)")
    answered = sample[sample["disposition"].isin(["I", "P"])]
    empty, judged = [], 0
    for row in own.to_dict("records"):
        names = str(row["variable"]).split(" x ")
        if not set(names) <= set(answered):
            continue
        judged += 1
        cells = str(row["category"]).split(" x ")
        hit = pd.Series(True, index=answered.index)
        for name, cell in zip(names, cells, strict=False):
            hit &= answered[name].astype("str") == cell
        covered = {(str(row["variable"]), str(row["category"])), *zip(names, cells, strict=False)}
        if not hit.any() and not covered & joined:
            empty.append(
                f"{file}: wave {wave}: {row['variable']} = {row['category']}: no respondent; join the cell with "
                f"another (weights: collapse: {{variable: {row['variable']}, join: [{row['category']}], into: …, "
                f"waves: [{wave}]}})"
            )
    skipped = "" if judged else "no variable of the margins is in the sample file"
    return conclude(
        12,
        [],
        empty,
        f"all {judged} cells of the margins of wave {wave} have respondents"
        + (" or are joined with others" if joined else ""),
        skipped=skipped,
    )


def check_numbers(
    sample: pd.DataFrame | None,
    values: pd.DataFrame,
    gone: Iterable[str],
    rules: Mapping[str, Any],
    firm: str,
    where: str,
) -> list[Check]:
    """Check 13: who answered is in the sample file, and by it has answered, each kind of sample by itself.

    ASSUME a response of a kind of sample that the sample file does not hold (an open link) came without invitation.
    """
    if sample is None:
        return conclude(13, [], [], "", skipped="no sample file was given (--sample)")
    kind = rules.get("sample_type")
    invited = values
    warnings: list[str] = []
    passed = [
        "every firm that answered by the sample file has a response here, and no response is of a firm not invited"
    ]
    if kind in values and kind in sample:
        kinds = sample[kind].astype("str").unique()
        invited = values[values[kind].astype("str").isin(kinds)]
        if len(values) > len(invited):
            passed.append(
                f"{len(values) - len(invited)} responses are of kinds that the sample file does not hold, and not "
                "judged"
            )
    strangers = ~invited[firm].astype("str").isin(set(sample[firm].astype("str")))
    if strangers.any():
        warnings.append(
            f"{where}: {strangers.sum()} of {len(invited)} firms that were invited are not in the sample file"
        )
    answered = sample[sample["disposition"].isin(["I", "P"])]
    lost = ~answered[firm].astype("str").isin({*values[firm].astype("str"), *map(str, gone)})
    if lost.any():
        warnings.append(
            f"{where}: {lost.sum()} of {len(answered)} firms that answered by the sample file have no response here"
        )
    if kind in values and kind in sample:
        for name, count in answered[kind].astype("str").value_counts(sort=False).items():
            here = int((values[kind].astype("str") == name).sum())
            passed.append(
                f"{name}: {count} firms answered by the sample file, {here} responses are kept after cleaning"
            )
    else:
        passed.append(
            f"{len(answered)} firms answered by the sample file, {len(values)} responses are kept after cleaning"
        )
    return conclude(13, [], warnings, passed)
