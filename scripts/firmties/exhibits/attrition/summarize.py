"""Numbers of the attrition table, a column a pair of consecutive waves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from firmties.disclosure import Counts, find_minimum, is_asked, is_telling, mask_tables, name_cell
from firmties.display import as_codes, codes_of, label_of, reference_of
from firmties.estimation import fit_model
from firmties.link import find_keys, find_uninvited
from firmties.panel import (
    ANSWERED,
    BEFORE,
    CLOSED,
    compare_groups,
    count_pairs,
    find_closed,
    measure_retention,
    name_retention,
    trace_panel,
)
from firmties.tables import count_words, join_words

RAKED = "The same, each raked to the frame (SMD)"
HIDDEN = "hidden"
"""Reason of a difference that would give a number of few away; one without variance has no reason."""
COUNTS = {
    "answered": "Answered in the earlier wave",
    "stayed": "stayed",
    "left": "left",
    "closed": "closed",
    "returned": "Returned after an absence",
    "new": "New in the later wave",
}


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fill one row a figure and pair: section, key, label, pair, value, std_error, p_value, n_1, n_2, reason."""
    panel, waves, words, firm = sources["panel"], sources["waves"], sources["dictionary"], sources["study"]["firm"]
    few, labels = find_minimum(sources["study"]), dict(zip(waves["id"], waves["label"].astype(str), strict=True))
    order, sample, successors = list(waves["id"]), sources.get("sample"), sources.get("successors")
    closed = find_closed(sample, options.get("closed", []), firm, successors)
    uninvited = panel.iloc[:0] if sample is None else sample.loc[find_uninvited(sample, options.get("open_link", []))]
    told = set() if sample is None or not options.get("closed") else set(sample["wave"])
    status = trace_panel(panel, firm, order, closed)
    rows: list[dict[str, Any]] = []
    raked: list[str] = []
    for pair in count_pairs(status, firm, order).to_dict("records"):
        # Where nobody can be known to have closed, a zero would be a claim; mergers are known.
        pair |= {} if pair["next_wave"] in told or pair["closed"] else {"closed": None}
        name = f"{labels[pair['wave']]} to {labels[pair['next_wave']]}"
        rows += [{"section": "Firms", "key": k, "label": v, "pair": name, "value": pair[k]} for k, v in COUNTS.items()]
    kinds = codes_of(words, "sample_type")
    for found in measure_retention(status, firm, order, sample).to_dict("records"):
        kind = found["sample_type"]
        key, label = "retention", name_retention(sample, options.get("closed", []))
        if kind:
            key, label = f"retention {kind}", f"Retention of: {kinds.get(kind, kind)}"
        pair_of = f"{labels[found['wave']]} to {labels[found['next_wave']]}"
        rows.append({"section": "Firms", "key": key, "label": label, "pair": pair_of, "value": found["retention"]})
    for wave, following in pairwise(order):
        name = f"{labels[wave]} to {labels[following]}"
        then = status.loc[status["wave"] == following].set_index(firm)["status"]
        asked = panel.loc[panel["wave"] == wave].dropna(subset=[firm])
        over = asked[firm].map(then) == CLOSED
        ended, asked = asked.loc[over], asked.loc[~over]
        stayed = asked[firm].map(then) == ANSWERED
        table = asked[list(dict.fromkeys([firm, *options["variables"]]))].assign(stayed=stayed.astype(int))
        rows += [row | {"pair": name} for row in fit_staying(table, options["variables"], words)]
        groups = asked.loc[stayed], asked.loc[~stayed]
        for row in withhold(compare_groups(*groups, options["variables"], words), [*groups, ended], words, few):
            rows.append(row | {"section": "Stayers minus leavers (SMD)", "pair": name, "value": row["smd"]})
        if options.get("refreshment"):
            later = panel.loc[panel["wave"] == following].dropna(subset=[firm])
            before = status.loc[status["wave"] == wave].set_index(firm)["status"]
            new = later[firm].map(before) == BEFORE
            # Only firms that were drawn stand for the population.
            drawn = ~find_keys(later, uninvited, firm)
            groups = later.loc[~new], later.loc[new & drawn]
            others = later.loc[new & ~drawn]
            compared = compare_groups(*groups, options["refreshment"], words)
            for row in withhold(compared, [*groups, others], words, few):
                section = "Panel minus refreshment in the later wave (SMD)"
                rows.append(row | {"section": section, "pair": name, "value": row["smd"]})
            frame = sources.get("frame_margins", {}).get(following, {})
            if sample is not None and "weight" in later and {*options.get("balance", [])} & {*frame}:
                invited = sample.loc[sample["wave"] == following]
                balanced = balance(groups, invited, frame, options["balance"], firm)
                raked.append(word_balance(name, sum(len(group) for group in groups), len(balanced), few))
                if len(balanced):
                    parts = [balanced.loc[balanced.index.isin(group.index)] for group in groups]
                    rest = later.drop(index=balanced.index)
                    test = compare_weighted(balanced)
                    # A margin itself is the same in both by construction.
                    names = [entry for entry in options["refreshment"] if entry not in options["balance"]]
                    compared = compare_groups(parts[0], parts[1], names, words, test)
                    for row in withhold(compared, [*groups, *parts, rest], words, few):
                        section = RAKED
                        rows.append(row | {"section": section, "pair": name, "value": row["smd"]})
    columns = ["section", "key", "label", "pair", "value", "std_error", "p_value", "n_1", "n_2", "reason"]
    numbers = pd.DataFrame(rows).reindex(columns=columns)
    references = [
        f"{label_of(words, name)}: {codes_of(words, name)[code]}"
        for name in options["variables"]
        if (code := reference_of(words, name)) and code in codes_of(words, name)
    ]
    lacking = [labels[w] for w in order if sample is None or w not in set(sample["wave"])]
    ended = set() if successors is None else set(successors["firm"]) & set(panel[firm])
    notes = {
        "n_firms": int(panel[firm].nunique()),
        "n_firm_waves": len(panel),
        "weights": "none",
        "standard_errors": "classical (a firm stands once in a pair)",
        "remark_sample": f"Without sample files (waves {join_words(lacking)}) closed firms cannot be told from leavers."
        if lacking
        else None,
        "remark_raked": [said for said in raked if said],
        "remark_merged": f"Of the closed, {count_words(len(ended), 'firm')} merged into another firm."
        if ended
        else None,
        "remark_closed": "No disposition is declared as closed, so closed firms count as leavers."
        if not lacking and not options.get("closed")
        else None,
        "remark_reference": f"References of the logit: {join_words(references)}." if references else None,
        "remark_one": "There is one wave only, so nobody can stay or leave." if len(order) < 2 else None,
    }
    return numbers, notes


def balance(
    groups: Sequence[pd.DataFrame],
    invited: pd.DataFrame,
    frame: Mapping[str, Mapping[str, int]],
    margins: Sequence[str],
    firm: str,
) -> pd.DataFrame:
    """Rake each of two groups of a wave to the margins of its frame, so that no difference in composition is left.

    A wave's weights make all who answered stand for the frame, not each group of them.

    Parameters
    ----------
    groups
        Rows of the panel with ``weight``; those without a weight are left out.
    invited
        The wave's rows of the sample file, with the margins' variables.
    frame
        Variable → category → number of firms.
    margins
        Those to rake to. Categories that one of the groups lacks are left out of both.

    Returns
    -------
    DataFrame
        The rows of both groups that are left, with the new ``weight``; none if a group has no rows, or its weights do
        not meet the margins.
    """
    from firmties.raking import TOLERANCE, rake

    names = [name for name in margins if name in frame and name in invited]
    rows = pd.concat([group.dropna(subset=["weight"]).assign(group=at) for at, group in enumerate(groups)])
    known = rows[[firm]].merge(invited[[firm, *names]], on=firm, how="left", validate="one_to_one")
    cells = known[names].apply(as_codes).set_axis(rows.index)
    while True:
        common = {
            name: [
                category
                for category, size in frame[name].items()
                if size > 0 and rows.loc[cells[name] == category, "group"].nunique() == len(groups)
            ]
            for name in names
        }
        kept = pd.Series(True, index=rows.index)
        for name in names:
            kept &= cells[name].isin(common[name])
        if kept.all():
            break
        rows, cells = rows.loc[kept], cells.loc[kept]
    parts = []
    for _, group in rows.groupby("group"):
        targets = [pd.Series(frame[name]).reindex(common[name]) for name in names]
        coded = [
            (pd.Index(common[name]).get_indexer(cells.loc[group.index, name]), (target / target.sum()).to_numpy(float))
            for name, target in zip(names, targets, strict=True)
        ]
        found = rake(group["weight"].to_numpy(float), coded)
        if found.gap > 1e3 * TOLERANCE:
            return rows.iloc[:0]
        parts.append(group.assign(weight=found.weights * len(group)))
    return pd.concat(parts).drop(columns="group") if len(parts) == len(groups) else rows.iloc[:0]


def word_balance(pair: str, n: int, n_left: int, few: int) -> str:
    """Say how many firms a raked comparison leaves out, few ones without their number, or that there is none.

    Examples
    --------
    >>> word_balance("2021 to 2022", 80, 79, 5)
    '2021 to 2022: raked without fewer than 5 of 80 firms, which have no weight or a category that one group lacks.'
    >>> word_balance("2021 to 2022", 80, 0, 5)
    '2021 to 2022: panel and refreshment firms cannot both be raked to the frame.'
    """
    if not n_left:
        return f"{pair}: panel and refreshment firms cannot both be raked to the frame."
    gone = n - n_left
    number = f"{gone:,}" if gone >= few else f"fewer than {few}"
    reason = "which have no weight or a category that one group lacks"
    return f"{pair}: raked without {number} of {n:,} firms, {reason}." if gone else ""


def compare_weighted(rows: pd.DataFrame) -> Callable[[pd.Series, pd.Series], dict[str, float]]:
    """Make what compares two groups of weighted rows, by the weights and the strata of the draws."""
    from firmties.survey_estimation import Design, compare_domains

    design = Design(rows["weight"], stratum=rows["stratum"], population=rows["stratum_size"])

    def compare(first: pd.Series, second: pd.Series) -> dict[str, float]:
        values = pd.concat([first, second]).reindex(rows.index)
        inside = [rows.index.isin(part.index) for part in (first, second)]
        return compare_domains(values, design, *inside)

    return compare


def fit_staying(table: pd.DataFrame, variables: list[str], words: pd.DataFrame) -> list[dict[str, Any]]:
    """Fit the logit of staying on variables of the earlier wave; a fit that fails has one row with its reason."""
    section = "Logit of staying: coefficient"
    model = {"id": "staying", "estimator": "logit", "outcomes": ["stayed"], "formula": " + ".join(variables)}
    # What is the same in all rows, or was not asked, has no coefficient.
    used = [name for name in variables if table[name].nunique() > 1]
    if table["stayed"].nunique() < 2 or not used:
        reason = "all left" if not table["stayed"].any() else "all stayed" if used else "no variable varies"
        return [{"section": section, "key": "n_obs", "label": "Firms in the logit", "value": 0, "reason": reason}]
    [fit] = fit_model(model | {"formula": " + ".join(used)}, table, words)
    rows = [{"section": section, "key": "n_obs", "label": "Firms in the logit", "value": fit["n_obs"],
             "reason": fit["reason"]}]  # fmt: skip
    from scipy.special import ndtr

    for at, (term, value) in enumerate(zip(fit["terms"], fit["params"], strict=True)):
        error = fit["cov"][at][at] ** 0.5
        p_value = float(2 * ndtr(-abs(value / error)))
        row = {"section": section, "key": term, "label": label_term(term, words), "value": value}
        rows.append(row | {"std_error": error, "p_value": p_value})
    return rows


def label_term(term: str, words: pd.DataFrame) -> str:
    """Label a term: the variable's label, and that of its level."""
    name, bracket, code = term.partition("[")
    label = "Constant" if term == "Intercept" else label_of(words, name)
    code = code.removesuffix("]")
    return f"{label}: {codes_of(words, name).get(code, code)}" if bracket else label


def withhold(
    rows: list[dict[str, Any]], groups: Sequence[pd.DataFrame], words: pd.DataFrame, few: int
) -> list[dict[str, Any]]:
    """Blank the differences of two groups from which the number of a few firms would follow; see `compare_groups`.

    With both groups' sizes, difference and p-value give both shares.

    Parameters
    ----------
    groups
        The two that are compared, and those of the wave who are in neither: with the topline, theirs would follow.
    words
        The dictionary, for which variables the topline has.
    """
    secret: set[str] = set()
    for name in {row["key"].partition("[")[0] for row in rows}:
        parts = [group[name].dropna() for group in (groups if is_asked(words, name) else groups[:2])]
        if parts[0].dtype.kind in "iufb":
            # Of the others no mean follows, only how many gave which of a few answers.
            others = [part for part in parts[2:] if len(part) and pd.concat(parts).nunique() <= 3]
            secret |= {name} if any(is_telling(part, few) for part in [*parts[:2], *others]) else set()
        else:
            secret |= {f"{name}[{code}]" for code in hide_codes([as_codes(part) for part in parts], few)}
    blank = {"smd": None, "p_value": None, "reason": HIDDEN}
    return [row | blank if row["key"] in secret else row for row in rows]


def hide_codes(groups: Sequence[pd.Series], few: int) -> set[str]:
    """Choose the codes of a category whose number in one of some groups is hidden; the groups' sizes are shown.

    Examples
    --------
    >>> sorted(hide_codes([pd.Series(list("aaaaaaaabbbbbbc")), pd.Series(list("aaaaaaaabbbbbbcccccc"))], 5))
    ['b', 'c']
    """
    codes = sorted(set().union(*groups))
    table = pd.DataFrame({at: group.value_counts() for at, group in enumerate(groups)})
    table = table.reindex(codes).fillna(0).astype(int)
    cells = pd.Series(table.rename_axis(index="code", columns="group").stack())
    hidden = mask_tables([Counts("", cells, [("code",)], [(), ("group",)])], few)
    return {code for code in codes if any(name_cell(["code", "group"], [code, at]) in hidden for at in table)}
