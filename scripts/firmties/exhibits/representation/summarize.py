"""Numbers on how respondents stand against the sampling frame, wave by wave."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from firmties.disclosure import Counts, find_minimum, mask_tables, name_cell
from firmties.display import ENOUGH, as_codes, codes_of, describe_rows, describe_waves, label_of
from firmties.errors import StudyError, describe_allowed
from firmties.exhibits.topline.summarize import hide_answers
from firmties.link import find_keys, find_uninvited
from firmties.tables import join_words

COLUMNS = [
    "part", "wave", "wave_label", "variable", "variable_label", "category", "category_label", "frame_n", "frame_share",
    "invited_n", "invited_share", "n", "share", "difference", "std_difference", "weighted_share",
    "weighted_difference", "weighted_std_difference", "cell",
    "against", "statistic", "df", "p_value", "min_expected", "reason",
]  # fmt: skip

SMALLEST = 5
"""An expected count below this makes the chi-square approximation doubtful (Cochran 1954, *Biometrics* 10(4))."""


def summarize(sources: Mapping[str, Any], options: Mapping[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Compare respondents with the frame on each of its variables, crossed ones left out.

    A variable of the frame is the column of that name in the sample files, else the variable of that name in the panel.
    Respondents are the firms of the panel; those whose category is not known are left out and counted.

    Returns
    -------
    numbers
        Rows of ``part`` category: counts and shares of the frame, of those invited and of respondents (``n``,
        ``share``), ``difference`` in percentage points, ``std_difference``, and the same of weighted respondents, of a
        study with weights; small counts are hidden. Rows of
        ``part`` test, two a variable and wave (``against`` frame or invited): ``statistic``, ``df``, ``p_value``,
        ``min_expected``, or a ``reason`` why there is no test.
    notes
        What the caption needs.

    Raises
    ------
    StudyError
        If a sample file or the panel holds a category that the frame's margins do not have.
    """
    study, waves, words = sources["study"], sources["waves"], sources["dictionary"]
    margins = sources.get("frame_margins", {})
    labels = dict(zip(waves["id"], waves["label"].astype(str), strict=True))
    few, firm, open_link = find_minimum(study), study["firm"], options.get("open_link", [])
    panel = sources["panel"].dropna(subset=[firm])
    sample = sources.get("sample")
    invited = panel.iloc[:0][["wave", firm]] if sample is None else sample.loc[~find_uninvited(sample, open_link)]
    if sample is not None:
        panel = panel.loc[~find_keys(panel, sample.loc[find_uninvited(sample, open_link)], firm)]
    shown = [wave for wave in waves["id"] if wave in margins]
    names = list(dict.fromkeys(name for wave in shown for name in margins[wave] if " x " not in name))
    rows: list[dict[str, Any]] = []
    absent, n_unknown = [], 0
    for name in names:
        values = look_up(panel, invited, name, firm)
        if values is None:
            absent.append(name)
            continue
        frame = {wave: margins[wave][name] for wave in shown if name in margins[wave]}
        counts = {"n": count_categories(values, panel["wave"], name, frame)}
        if name in invited:
            asked = {wave: sizes for wave, sizes in frame.items() if wave in set(invited["wave"])}
            counts["invited_n"] = count_categories(invited[name], invited["wave"], name, asked)
        n_unknown += int(values[panel["wave"].isin(list(frame))].isna().sum())
        hidden = {key: hide_counts(table, few) for key, table in counts.items()}
        if name in sources["panel"]:
            codes = as_codes(sources["panel"][name])
            every = pd.crosstab(codes, sources["panel"]["wave"]).reindex(
                index=list(codes_of(words, name, codes.dropna())), columns=list(waves["id"]), fill_value=0
            )
            hidden["n"] = hide_counts(counts["n"], few, every)
        weighted = None
        if "weight" in panel:
            weighted = pd.crosstab(as_codes(values), panel["wave"], values=panel["weight"], aggfunc="sum")
            weighted = weighted / weighted.sum()
        rows += compare_variable(name, counts, frame, words, hidden, weighted)
    numbers = pd.DataFrame(rows)
    if not numbers.empty:
        numbers.insert(0, "wave_label", numbers["wave"].map(labels))
        order = {wave: at for at, wave in enumerate(waves["id"])}
        numbers = numbers.sort_values("wave", key=lambda ids: ids.map(order), kind="stable", ignore_index=True)
    lacking = [labels[wave] for wave in waves["id"] if wave not in margins]
    notes = describe_rows(panel.loc[panel["wave"].isin(shown)], study, waves) | {
        "waves": describe_waves(shown, waves),
        "minimum_cell": few,
        "remark_lacking": f"The frame's margins (frame_margins:) have no rows of {join_words(lacking)}."
        if lacking
        else None,
        "remark_absent": f"Neither the sample files nor the panel hold {join_words(absent)}." if absent else None,
        "remark_unknown": f"{n_unknown:,} categories of respondents are not known and left out." if n_unknown else None,
        "open_link": ", ".join(options["open_link"]) if options.get("open_link") else None,
    }
    if numbers.get("weighted_share", pd.Series(dtype=float)).notna().any():
        notes["weights"] = "none; chance of selection and of response, raked to the frame's margins"
    # Whole numbers, whether or not one is hidden: a later wave must not change how an earlier one is written.
    return numbers.reindex(columns=COLUMNS).astype(dict.fromkeys(("frame_n", "invited_n", "n"), "Int64")), notes


def look_up(panel: pd.DataFrame, invited: pd.DataFrame, name: str, firm: str) -> pd.Series | None:
    """Look up a variable of the frame for each respondent: in the wave's sample file, else in the panel.

    The sample file comes first, as it knows those who did not answer, too. None if no table holds the variable.
    """
    if name not in invited:
        return panel.get(name, None)
    known = invited[["wave", firm, name]]
    values = panel[["wave", firm]].merge(known, on=["wave", firm], how="left", validate="one_to_one")[name]
    values.index = panel.index
    # ASSUME a variable of the panel that bears a frame variable's name has its categories; others stop the run.
    own = ~panel["wave"].isin(invited["wave"].unique()) if name in panel else pd.Series(False, index=panel.index)
    return values.astype("object").where(~own, panel[name].astype("object") if name in panel else None)


def count_categories(
    values: pd.Series, waves: pd.Series, name: str, frame: Mapping[Any, Mapping[str, int]]
) -> pd.DataFrame:
    """Count the frame's categories: one row a category, one column a wave."""
    codes = as_codes(values)
    problems = [
        f"frame_margins: wave {wave}: {name}: the frame has no category '{value}', which the sample file or the panel "
        f"holds; {describe_allowed(value, sizes)}"
        for wave, sizes in frame.items()
        for value in sorted(set(codes[waves == wave].dropna()) - set(sizes))
    ]
    if problems:
        raise StudyError(problems)
    categories = list(dict.fromkeys(category for sizes in frame.values() for category in sizes))
    return pd.crosstab(codes, waves).reindex(index=categories, columns=list(frame)).fillna(0).astype(int)


def compare_variable(
    name: str,
    counts: Mapping[str, pd.DataFrame],
    frame: Mapping[Any, Mapping[str, int]],
    words: pd.DataFrame,
    hidden: Mapping[str, pd.DataFrame],
    weighted: pd.DataFrame | None = None,
) -> list[dict[str, Any]]:
    """List the rows of one variable: its categories and its tests, wave by wave; see :func:`summarize`.

    Parameters
    ----------
    weighted
        Weighted shares of categories × waves; a wave without weights has none.
    """
    label = label_of(words, name)
    label = name.replace("_", " ").capitalize() if label == name else label
    rows: list[dict[str, Any]] = []
    for wave, sizes in frame.items():
        here = {"wave": wave, "variable": name, "variable_label": label}
        whole = sum(sizes.values())
        labels = codes_of(words, name, sizes)
        for category, size in sizes.items():
            row: dict[str, Any] = {"part": "category", "category": category, "category_label": labels[category]}
            row |= {"frame_n": size, "frame_share": size / whole if whole else np.nan}
            for key, table in counts.items():
                if wave not in table:
                    continue
                n, total = int(table.loc[category, wave]), int(table[wave].sum())
                masked = bool(hidden[key].loc[category, wave])
                row[key] = pd.NA if masked else n
                row["share" if key == "n" else "invited_share"] = (
                    n / total if total and not masked and n >= ENOUGH else np.nan
                )
                if key == "n":
                    row["cell"] = (
                        "suppressed" if masked else "empty" if n == 0 else "shown" if n >= ENOUGH else "no estimate"
                    )
            row["difference"] = 100 * (row["share"] - row["frame_share"])
            row["std_difference"] = standardize_difference(row["share"], row["frame_share"])
            if weighted is not None and row["cell"] == "shown" and wave in weighted and weighted[wave].any():
                # Raked margins are met to a relative 1e-12; so rounded, equal shares are printed alike.
                share = round(float(weighted[wave].get(category, 0.0)), 10)
                row["weighted_share"] = share
                row["weighted_difference"] = round(100 * (share - row["frame_share"]), 7) + 0.0
                row["weighted_std_difference"] = standardize_difference(share, row["frame_share"])
            rows.append(here | row)
        secret = any(wave in mask and mask[wave].any() for mask in hidden.values())
        observed = counts["n"][wave].reindex(list(sizes)).to_numpy()
        tests = {"frame": compare_shares(observed, np.array(list(sizes.values())))}
        if "invited_n" in counts and wave in counts["invited_n"]:
            tests["invited"] = compare_response(observed, counts["invited_n"][wave].reindex(list(sizes)).to_numpy())
        for against, test in tests.items():
            # With the other counts and the total, a statistic would give a hidden count away.
            said = {"reason": "not shown, as a count is hidden"} if secret else test
            rows.append(here | {"part": "test", "against": against, **said})
    return rows


def hide_counts(counts: pd.DataFrame, few: int, every: pd.DataFrame | None = None) -> pd.DataFrame:
    """Choose the counts to hide of categories × waves, of which each wave's total follows from the rest.

    Parameters
    ----------
    every
        The same of all answers, as the topline gives them: what is hidden there is hidden here, and what is few of the
        answers left out here, as by open link, is not given by the difference.

    Examples
    --------
    >>> hide_counts(pd.DataFrame({1: [3, 17, 30], 2: [20, 20, 20]}), 5)[1].tolist()
    [True, True, False]
    """
    parts, hidden = {"here": counts}, set[str]()
    if every is not None:
        answers = [("answer", str(code), every.loc[code].to_numpy()) for code in every.index]
        masks = hide_answers(answers, every.sum().to_numpy(), few)
        hidden = {
            name_cell(["answer", "wave"], [code, wave])
            for code, mask in zip(every.index, masks, strict=True)
            for wave in every.columns[mask]
        }
        parts["left out"] = (every.reindex_like(counts).fillna(0).astype(int) - counts).clip(lower=0)
    # Firms come again in later waves: a category's counts are not added up, and no such sum is published.
    tables = [
        Counts(name, pd.Series(part.rename_axis(index="answer", columns="wave").T.stack()), [("wave",)], ())
        for name, part in parts.items()
    ]
    hidden |= mask_tables(tables, few, hidden)
    # A count and its share give the wave's total, so where that must be hidden, all goes.
    return pd.DataFrame(
        {
            wave: [
                name_cell(["answer", "wave"], (code, wave)) in hidden or name_cell(["wave"], [wave]) in hidden
                for code in counts.index
            ]
            for wave in counts
        },
        index=counts.index,
    )


def standardize_difference(share: float, reference: float) -> float:
    r"""Standardize a difference of shares: :math:`(p-q)/\sqrt{[p(1-p)+q(1-q)]/2}`.

    The standardized difference of a dichotomous variable (Austin 2009, *Statistics in Medicine* 28(25)); missing
    where both shares are 0 or 1, or one is missing.

    Examples
    --------
    >>> round(standardize_difference(0.5, 0.4), 3)
    0.202
    """
    variance = (share * (1 - share) + reference * (1 - reference)) / 2
    return (share - reference) / math.sqrt(variance) if variance > 0 else math.nan


def compare_shares(observed: np.ndarray, frame: np.ndarray) -> dict[str, Any]:
    r"""Test whether respondents have the frame's shares: Pearson's :math:`\sum_j (n_j-nP_j)^2/(nP_j)`, k − 1 df.

    Respondents are a part of the frame: drawn without replacement, N/(N − n) times the statistic would be referred to
    the same distribution (it is that of respondents against the rest of the frame), so that this p is too large
    rather than too small. Unequal chances of being drawn, and firms that answer in several waves, are not allowed for:
    a small p says that shares differ, not why.

    Examples
    --------
    >>> found = compare_shares(np.array([30, 20]), np.array([400, 600]))
    >>> round(found["statistic"], 3), found["df"], round(found["p_value"], 4), found["min_expected"]
    (8.333, 1, 0.0039, 20.0)
    """
    n, whole = observed.sum(), frame.sum()
    if not whole or not n:
        return {"reason": "nobody answered" if whole else "the frame is empty"}
    if (observed[frame == 0] > 0).any():
        return {"reason": "respondents in a category that is empty in the frame"}
    used = frame > 0
    return refer_statistic(observed[used], n * frame[used] / whole, int(used.sum()) - 1)


def compare_response(answered: np.ndarray, invited: np.ndarray) -> dict[str, Any]:
    """Test whether categories differ in who answered: Pearson's chi-square of answered or not × category, k − 1 df.

    Without Yates' correction; categories to which nobody was invited are left out.

    Examples
    --------
    >>> found = compare_response(np.array([30, 20]), np.array([60, 80]))
    >>> round(found["statistic"], 3), found["df"]
    (9.333, 1)
    """
    used = invited > 0
    table = np.array([answered[used], invited[used] - answered[used]])
    if not table.sum(axis=1).all():
        return {"reason": "nobody answered" if not answered.sum() else "all answered"}
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return refer_statistic(table, expected, int(used.sum()) - 1)


def refer_statistic(observed: np.ndarray, expected: np.ndarray, df: int) -> dict[str, Any]:
    """Refer Pearson's statistic to the chi-square distribution."""
    from scipy.special import chdtrc

    if df < 1:
        return {"reason": "one category only"}
    statistic = float(((observed - expected) ** 2 / expected).sum())
    found = {"statistic": statistic, "df": df, "p_value": float(chdtrc(df, statistic))}
    return found | {"min_expected": float(expected.min())}
