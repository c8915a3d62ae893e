"""Compare a new wave with the codebook and with an earlier wave: columns, codes, scales, units, distributions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from firmties.choices import NONE_CHOSEN
from firmties.clean import strip_zeros
from firmties.codebook import NUMERIC_TYPES, Variable

MOST_PAIRS = 400_000
"""Most pairs of a column and a variable that are compared in full; above, names alone decide."""
UNIT_FACTORS = {
    1000: "thousands and single units",
    100: "shares and percentages, or pence and pounds",
    60: "minutes and seconds, or hours",
    12: "months and years",
}
"""Factors between units that are often mistaken for each other."""
MISSING_WORDS = {
    "not_applicable": ("not applicable", "does not apply", "n a", "na"),
    "dont_know": ("don t know", "do not know", "dont know", "dk"),
    "refused": ("refused", "refusal", "rather not say", "prefer not to say", "prefer not to answer"),
    "no_answer": ("no answer", "not answered", "missing", "no response"),
}
"""Words by which files call missing answers."""
NOT_COMPARED = ("id", "text", "datetime", "json")


@dataclass(frozen=True)
class Match:
    """A column of the file and the variable it is likely to be.

    ``sure`` matches are applied without being told; the others have to be confirmed.
    """

    raw_name: str
    variable: str
    score: float
    sure: bool
    reason: str


def simplify(name: str) -> str:
    """Small letters and digits of a name or text, words kept apart by one space.

    Examples
    --------
    >>> simplify("Has_Plan (2024)")
    'has plan 2024'
    """
    return " ".join(re.findall(r"[^\W_]+", name.lower()))


def measure_likeness(first: str, second: str) -> float:
    """Likeness of two names or texts: Dice's coefficient of their triples of letters, between 0 and 1.

    Examples
    --------
    >>> measure_likeness("emp_now", "Emp now"), round(measure_likeness("emp_now", "emp_12m"), 2)
    (1.0, 0.5)
    """
    a, b = (
        Counter(f"  {text} "[at : at + 3] for at in range(len(text) + 1)) for text in map(simplify, (first, second))
    )
    total = sum(a.values()) + sum(b.values())
    return 2 * sum((a & b).values()) / total if simplify(first) and simplify(second) else 0.0


def tabulate_cells(cells: pd.Series, at_most: int = 5000) -> Counter[str]:
    """How often each text stands among the first answered cells of a column, numbers without needless zeros."""
    answered = cells[cells != ""].head(at_most)
    return Counter(strip_zeros(cell) for cell in answered.tolist())


def measure_fit(found: Mapping[str, int], variable: Variable, missing: Collection[str]) -> float | None:
    """Share of a column's answers that a variable could hold; None if it could hold any.

    Examples
    --------
    >>> measure_fit({"1": 3, "2": 5, "9": 2}, Variable("x", type="ordinal", codes={"1": "a", "2": "b"}), [])
    0.8
    """
    answers = {cell: n for cell, n in found.items() if cell not in missing and cell not in variable.missing_codes}
    total = sum(answers.values())
    if not total or variable.type in ("id", "text", "json"):
        return None
    if variable.type == "boolean":
        allowed: Collection[str] = ("0", "1", "true", "false", "yes", "no")
        return sum(n for cell, n in answers.items() if cell.lower() in allowed) / total
    if variable.type == "multiple":
        parts = {*variable.codes, "none"}
        return sum(n for cell, n in answers.items() if set(re.split(r"[|,; ]+", cell)) <= parts) / total
    if variable.type == "datetime":
        return sum(n for cell, n in answers.items() if re.match(r"\d{4}-\d\d-\d\d", cell)) / total
    if variable.codes:
        return sum(n for cell, n in answers.items() if cell in variable.codes) / total
    low = -np.inf if variable.minimum is None else variable.minimum
    high = np.inf if variable.maximum is None else variable.maximum
    fits = 0
    for cell, n in answers.items():
        try:
            fits += n if low <= float(cell.replace(",", ".")) <= high else 0
        except ValueError:
            continue
    return fits / total


def measure_overlap(found: Mapping[str, int], before: Mapping[str, int]) -> float | None:
    """Shared part of two distributions, 1 minus half the sum of the differences of the shares; None if one is empty.

    Examples
    --------
    >>> measure_overlap({"1": 5, "2": 5}, {"1": 1, "2": 3})
    0.75
    """
    n, m = sum(found.values()), sum(before.values())
    if not n or not m:
        return None
    return sum(min(found[key] / n, before[key] / m) for key in set(found) & set(before))


def match_columns(
    unmapped: Sequence[str],
    variables: Sequence[Variable],
    tables: Mapping[str, Mapping[str, int]],
    texts: Mapping[str, str],
    before: Mapping[str, Mapping[str, int]],
    places: tuple[Mapping[str, float], Mapping[str, float]],
    missing: Collection[str] = (),
) -> list[Match]:
    """Find the likeliest variable of each column that no variable has the name of.

    Name, question text, permitted answers, distribution and place in the questionnaire are compared, as far as they
    are there; the best pairs are taken first, each column and variable once.

    Parameters
    ----------
    unmapped
        Columns of the file without a variable.
    variables
        Variables without a column.
    tables
        Column → text → how often (`tabulate_cells`).
    texts
        Column → question text that the file carries.
    before
        Variable → text → how often in the earlier wave.
    places
        Column → and variable → place in the questionnaire, 0 to 1.
    missing
        Codes of missing answers.

    Returns
    -------
    list of Match
        In the order of `unmapped`.

    Examples
    --------
    >>> plan = Variable("strat_doc", "Do you have a plan?", "ordinal", codes={"0": "no", "1": "yes"})
    >>> texts = {"has_plan": "Do you have a plan"}
    >>> found = match_columns(["has_plan"], [plan], {"has_plan": {"0": 5}}, texts, {}, ({}, {}))
    >>> found[0].variable, found[0].sure, found[0].reason
    ('strat_doc', True, 'the same question text; every answer is one of its codes')
    """
    simple: dict[str, list[Variable]] = {}
    for variable in variables:
        simple.setdefault(simplify(variable.name).replace(" ", ""), []).append(variable)
    in_full = len(unmapped) * len(variables) <= MOST_PAIRS
    pairs: list[Match] = []
    for name in unmapped:
        same = simple.get(simplify(name).replace(" ", ""), [])
        for variable in variables if in_full else same:
            evidence: dict[str, tuple[float, float]] = {
                "name": (3, 1.0 if variable in same else measure_likeness(name, variable.name))
            }
            if texts.get(name) and variable.question:
                evidence["text"] = (4, measure_likeness(texts[name], variable.question))
            fit = measure_fit(tables.get(name, {}), variable, missing)
            if fit is not None:
                evidence["codes"] = (2, fit)
            if variable.name in before and fit is not None and fit >= 0.9:
                shared = measure_overlap(
                    {cell: n for cell, n in tables[name].items() if cell not in missing}, before[variable.name]
                )
                if shared is not None:
                    evidence["distribution"] = (2, shared)
            if name in places[0] and variable.name in places[1]:
                evidence["place"] = (1, max(0.0, 1 - 10 * abs(places[0][name] - places[1][variable.name])))
            weights = sum(weight for weight, _ in evidence.values())
            score = sum(weight * value for weight, value in evidence.values()) / weights
            if score < 0.45 or evidence.get("codes", (0, 1.0))[1] < 0.5:
                continue
            alike = evidence["name"][1] == 1 or evidence.get("text", (0, 0.0))[1] >= 0.95
            sure = alike and evidence.get("codes", (0, 1.0))[1] >= 0.95
            pairs.append(Match(name, variable.name, score, sure, describe_evidence(evidence)))
    pairs.sort(key=lambda match: (-match.score, match.raw_name, match.variable))
    taken: dict[str, Match] = {}
    used: set[str] = set()
    best: dict[str, float] = {}
    for match in pairs:
        best.setdefault(match.raw_name, match.score)
        if match.raw_name not in taken and match.variable not in used:
            taken[match.raw_name] = match
            used.add(match.variable)
    return [taken[name] for name in unmapped if name in taken]


def describe_evidence(evidence: Mapping[str, tuple[float, float]]) -> str:
    """Say in words what speaks for a match."""
    said = []
    for name, (_, value) in evidence.items():
        if name == "name" and value >= 0.5:
            said.append("the same name but for case and signs" if value == 1 else f"the names are alike ({value:.2f})")
        elif name == "text" and value >= 0.5:
            said.append("the same question text" if value >= 0.95 else f"the question texts are alike ({value:.2f})")
        elif name == "codes":
            said.append(
                "every answer is one of its codes" if value == 1 else f"{value:.0%} of the answers fit its codes"
            )
        elif name == "distribution":
            said.append(f"{value:.0%} of the distribution of the earlier wave is shared")
        elif name == "place" and value >= 0.5:
            said.append("it stands at the same place of the questionnaire")
    return "; ".join(said)


def bin_answers(before: pd.Series, now: pd.Series, variable: Variable) -> tuple[np.ndarray, np.ndarray]:
    """Count the answers of two waves in shared bins: codes, or the tenths of the earlier wave's numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> item = Variable("x", type="ordinal", codes={"1": "", "2": ""})
    >>> first, second = bin_answers(pd.Series([1, 1, 2]), pd.Series([2, 2]), item)
    >>> first.tolist(), second.tolist()
    ([2, 1], [0, 2])
    """
    before, now = before.dropna(), now.dropna()
    if variable.type in ("number", "integer") and not variable.codes and before.nunique() > 10:
        numbers = before.astype("float64")
        edges = np.unique(np.quantile(numbers, np.linspace(0, 1, 11)[1:-1]))
        first, second = (np.searchsorted(edges, part.astype("float64"), side="right") for part in (before, now))
        size = len(edges) + 1
        return np.bincount(first, minlength=size), np.bincount(second, minlength=size)
    counts = [part.astype("str").map(strip_zeros).value_counts() for part in (before, now)]
    keys = sorted(set(counts[0].index) | set(counts[1].index))
    return counts[0].reindex(keys, fill_value=0).to_numpy(), counts[1].reindex(keys, fill_value=0).to_numpy()


def compute_stability_index(before: np.ndarray, now: np.ndarray) -> float:
    r"""Population stability index of two sets of counts in the same bins.

    .. math:: \sum_i (q_i - p_i) \ln (q_i / p_i)

    with the shares p before and q now; half an answer is added to each bin, so that an empty one gives a number.
    NaN if either wave has no answer. Source: Siddiqi (2006), Credit Risk Scorecards.

    Examples
    --------
    >>> import numpy as np
    >>> compute_stability_index(np.array([50, 50]), np.array([50, 50]))
    0.0
    >>> round(compute_stability_index(np.array([5000, 5000]), np.array([8000, 2000])), 3)
    0.416
    """
    if not before.sum() or not now.sum():
        return float("nan")
    p, q = ((part + 0.5) / (part.sum() + 0.5 * len(part)) for part in (before, now))
    return float(((q - p) * np.log(q / p)).sum())


def find_chance_index(before: np.ndarray, now: np.ndarray, level: float = 0.001) -> float:
    """Stability index that chance alone exceeds with a probability of `level` where nothing has changed.

    It is a chi-square of (bins - 1) degrees of freedom times (1/n + 1/m) (Yurdakul 2018), so with few answers a
    large index says little.

    Examples
    --------
    >>> import numpy as np
    >>> round(find_chance_index(np.array([50, 50]), np.array([50, 50])), 2)
    0.22
    """
    from scipy.stats import chi2

    bins = int(((before + now) > 0).sum())
    if bins < 2 or not before.sum() or not now.sum():
        return float("nan")
    return float(chi2.ppf(1 - level, bins - 1) * (1 / before.sum() + 1 / now.sum()))


def measure_drift(
    variables: Iterable[Variable],
    before: tuple[pd.DataFrame, pd.DataFrame],
    now: tuple[pd.DataFrame, pd.DataFrame],
) -> pd.DataFrame:
    """Compare the distribution and the missing share of each column of two clean waves.

    Parameters
    ----------
    before, now
        Values, and kinds of their missing values.

    Returns
    -------
    pandas.DataFrame
        A row a column that both waves have: ``column, psi, chance, n_before, n_now, missing_before, missing_now``;
        the shares are of those who were asked (`not_applicable`, `not_asked` and `lost` do not count).
    """
    rows = []
    for variable in variables:
        if variable.type in NOT_COMPARED or variable.unit == "year":
            continue
        for column in [
            name
            for name in now[0].columns.astype(str)
            if name == variable.name or name.startswith(f"{variable.name}__")
        ]:
            if column not in before[0]:
                continue
            counts = bin_answers(before[0][column], now[0][column], variable)
            rows.append(
                {
                    "column": column,
                    "psi": compute_stability_index(*counts),
                    "chance": find_chance_index(*counts),
                    "n_before": int(counts[0].sum()),
                    "n_now": int(counts[1].sum()),
                    "missing_before": find_missing_share(before[1][column]),
                    "missing_now": find_missing_share(now[1][column]),
                }
            )
    names = ["column", "psi", "chance", "n_before", "n_now", "missing_before", "missing_now"]
    return pd.DataFrame(rows, columns=names)


def find_missing_share(kinds: pd.Series) -> float:
    """Share without an answer of those who were asked; NaN if nobody was.

    Examples
    --------
    >>> import pandas as pd
    >>> find_missing_share(pd.Series(["", "refused", "not_applicable", ""])).__round__(3)
    0.333
    """
    asked = kinds[~kinds.isin(["not_applicable", "not_asked", "lost"])]
    return float((asked != "").mean()) if len(asked) else float("nan")


def compare_units(
    variables: Iterable[Variable], before: pd.DataFrame, now: pd.DataFrame, firm: str, least: int = 30
) -> pd.DataFrame:
    """Compare the size of numbers with the earlier wave: of the same firms where there are enough, else of all.

    Returns
    -------
    pandas.DataFrame
        A row a number with at least `least` values above 0 in both waves: ``variable, ratio`` (now to before: median
        of the firms' ratios, or ratio of the medians), ``n, of`` (same firms, all firms), ``factor`` (of `UNIT_FACTORS`
        or its inverse, which `ratio` is near to; NaN if to none).

    Examples
    --------
    >>> import pandas as pd
    >>> one = pd.DataFrame({"firm": range(40), "sales": 50.0})
    >>> found = compare_units([Variable("sales")], one, one.assign(sales=50_000.0), "firm")
    >>> float(found["ratio"][0]), found["of"][0], float(found["factor"][0])
    (1000.0, 'same firms', 1000.0)
    """
    rows = []
    for variable in variables:
        name = variable.name
        if variable.type not in ("number", "integer") or variable.codes or name not in now or name not in before:
            continue
        old, new = (part[[firm, name]].dropna() for part in (before, now))
        old, new = (part[part[name].astype("float64") > 0] for part in (old, new))
        both = old.drop_duplicates(firm).merge(new.drop_duplicates(firm), on=firm, validate="one_to_one")
        if len(both) >= least:
            ratio, n, of = (
                float((both[f"{name}_y"].astype("float64") / both[f"{name}_x"].astype("float64")).median()),
                len(both),
                "same firms",
            )
        elif min(len(old), len(new)) >= least:
            ratio = float(new[name].astype("float64").median() / old[name].astype("float64").median())
            n, of = len(new), "all firms"
        else:
            continue
        rows.append({"variable": name, "ratio": ratio, "n": n, "of": of, "factor": find_unit_factor(ratio)})
    return pd.DataFrame(rows, columns=["variable", "ratio", "n", "of", "factor"])


def find_unit_factor(ratio: float) -> float:
    """Find the factor between two units that a ratio is near to; NaN if it is near none.

    ASSUME the median of the answers to one question does not change more than twofold from wave to wave, so within
    500 to 2000 a mistake of a thousand is likelier; the smaller the factor, the nearer the ratio has to be.

    Examples
    --------
    >>> [find_unit_factor(ratio) for ratio in (950.0, 0.0011, 1.4, 12.2, 4.0)]
    [1000.0, 0.001, nan, 12.0, nan]
    """
    tolerance = {1000: 2.0, 100: 1.5, 60: 1.1, 12: 1.1}
    for factor in UNIT_FACTORS:
        for value in (float(factor), 1 / factor):
            if 1 / tolerance[factor] <= ratio / value <= tolerance[factor]:
                return value
    return float("nan")


def compare_scale(
    answers: pd.Series,
    variable: Variable,
    before: pd.Series | None,
    labels: Mapping[str, str],
    missing: Collection[str],
) -> list[tuple[bool, str]]:
    """Find signs that an item was asked on another response scale than the codebook's.

    Parameters
    ----------
    answers, before
        The answers as given, now and in the earlier wave (None if there is none).
    labels
        Code → label that the file carries for the column, after renaming and recoding.
    missing
        Codes of missing answers.

    Returns
    -------
    list of (whether it is certain enough to stop, what was found)

    Examples
    --------
    >>> import pandas as pd
    >>> item = Variable("t1", type="ordinal", codes={str(n): "" for n in range(1, 8)}, minimum=1, maximum=7)
    >>> compare_scale(pd.Series([1, 2, 3, 4, 5] * 20), item, pd.Series([1, 3, 5, 6, 7] * 20), {}, [])[0]
    (True, 'answers end at 5 of 7 (n = 100); 40% of the earlier wave lay above')
    """
    found: list[tuple[bool, str]] = []
    points = {code: label for code, label in labels.items() if code not in {*missing, *variable.missing_codes}}
    if variable.type not in ("ordinal", "category") or not variable.codes:
        return found
    if variable.type == "ordinal" and len(points) > 2:
        lacking = [code for code in variable.codes if code not in points]
        labelled_ends = min(points, key=_as_number) == min(variable.codes, key=_as_number)
        top = max(points, key=_as_number)
        if lacking and labelled_ends and _as_number(top) < _as_number(max(variable.codes, key=_as_number)):
            found.append(
                (True, f"the file labels {len(points)} points up to {top}, the codebook has {len(variable.codes)}")
            )
    for code, label in points.items():
        known = variable.codes.get(code, "")
        if known and label and known != code and label != code and measure_likeness(known, label) < 0.3:
            found.append((True, f"code {code} is '{label}' in the file, '{known}' in the codebook"))
    if variable.type == "ordinal" and variable.type in NUMERIC_TYPES:
        numbers = pd.to_numeric(answers, errors="coerce").dropna()
        codes = sorted(_as_number(code) for code in variable.codes)
        if len(numbers) >= 30 and len(codes) >= 4 and not np.isnan(codes).any() and numbers.max() < codes[-1]:
            text = f"answers end at {numbers.max():g} of {codes[-1]:g} (n = {len(numbers)})"
            if before is not None and len(before.dropna()) >= 30:
                above = float((pd.to_numeric(before, errors="coerce").dropna() > numbers.max()).mean())
                # The chance that none of n answers lies there, were the share as before.
                chance = (1 - above) ** len(numbers)
                if chance < 1e-4:
                    found.append((chance < 1e-6, f"{text}; {above:.0%} of the earlier wave lay above"))
            elif len(numbers) >= 100 and len([code for code in codes if code > numbers.max()]) >= 2:
                found.append((False, f"{text}; there is no earlier wave to compare with"))
    return found


def _as_number(code: str) -> float:
    try:
        return float(code)
    except ValueError:
        return float("nan")


def propose_recodes(
    cells: Mapping[str, int],
    variable: Variable,
    labels: Mapping[str, str],
    earlier: Mapping[str, str],
    missing: Collection[str],
) -> list[dict[str, Any]]:
    """Propose a code for each unknown code of a column.

    By the label that the file gives it; or as an earlier wave was recoded; or, where the unknown codes count
    1, 2, … and the codebook's are words, by position, which is a guess that has to be confirmed. Of several answers in
    a cell, `cells` counts each.

    Returns
    -------
    list of dict
        ``raw_code, code, reason, sure``.

    Examples
    --------
    >>> plan = Variable("state", type="category", codes={"full": "Complete", "part": "Partial"})
    >>> propose_recodes({"1": 9}, plan, {"1": "complete"}, {}, [])
    [{'raw_code': '1', 'code': 'full', 'reason': "labelled 'complete' in the file", 'sure': True}]
    """
    if not variable.codes or variable.type not in ("category", "ordinal", "multiple"):
        return []
    known = {*variable.codes, *variable.missing_codes, *missing}
    if variable.type == "multiple":
        known |= {NONE_CHOSEN, *variable.codes.values()}
    unknown = [cell for cell in cells if cell and cell not in known]
    by_label = {simplify(label): code for code, label in variable.codes.items()}
    by_label |= {simplify(code): code for code in variable.codes}
    rows = []
    codes = list(variable.codes)
    positional = (
        len(unknown) > 1
        and variable.type != "multiple"
        and all(cell.isdigit() and 1 <= int(cell) <= len(codes) for cell in unknown)
        and not any(code.lstrip("-").isdigit() for code in codes)
    )
    for cell in sorted(unknown):
        if cell in earlier:
            rows.append({"raw_code": cell, "code": earlier[cell], "reason": "as in the wave before", "sure": True})
        elif simplify(labels.get(cell, "")) in by_label and labels.get(cell):
            code, reason = by_label[simplify(labels[cell])], f"labelled '{labels[cell]}' in the file"
            rows.append({"raw_code": cell, "code": code, "reason": reason, "sure": True})
        elif simplify(cell) in by_label:
            rows.append(
                {"raw_code": cell, "code": by_label[simplify(cell)], "reason": "the file holds labels", "sure": True}
            )
        elif positional:
            reason = "a guess: the codebook's codes in their order"
            rows.append({"raw_code": cell, "code": codes[int(cell) - 1], "reason": reason, "sure": False})
    return rows


def find_missing_codes(cells: Collection[str], labels: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Find codes of missing answers that occur in a file by what the file calls them.

    ASSUME letters (.a to .z) and negative numbers with such a label are no answers in any variable.

    Examples
    --------
    >>> find_missing_codes([".a", "-9", "3"], [{"a": "not applicable", "-9": "Refused", "3": "don't know"}])
    {'.a': 'not_applicable', '-9': 'refused'}
    """
    found: dict[str, str] = {}
    for part in labels:
        for code, label in part.items():
            plain = f".{code}" if re.fullmatch("[a-z]", code) else code
            if plain in cells and re.fullmatch(r"\.[a-z]|-\d+", plain):
                words = simplify(label)
                kind = next((kind for kind, names in MISSING_WORDS.items() if words in names), None)
                if kind:
                    found.setdefault(plain, kind)
    return found


def draft_variable(
    name: str, question: str, cells: Mapping[str, int], labels: Mapping[str, str], wave: int
) -> dict[str, str]:
    """Draft a codebook row for a column that is new: its likely type, from its cells.

    Examples
    --------
    >>> draft_variable("New question", "What is new?", {"3": 4, "4": 9}, {}, 2)["variable"]
    'New_question'
    >>> draft_variable("x", "", {"2.5": 4}, {}, 2)["type"]
    'number'
    """
    answers = [cell for cell in cells if cell]

    def all_match(pattern: str) -> bool:
        return bool(answers) and all(re.fullmatch(pattern, cell) for cell in answers)

    codes = "|".join(f"{code}={label}" for code, label in labels.items() if "|" not in f"{code}{label}")
    if codes:
        kind = "category"
    elif all_match(r"-?\d+"):
        kind = "integer"
    elif all_match(r"-?\d+([.,]\d+)?"):
        kind = "number"
    elif all_match(r"\d{4}-\d\d-\d\d([T ].*)?"):
        kind = "datetime"
    else:
        kind = "text"
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") or "new"
    return {
        "variable": plain if plain[0].isalpha() else f"v_{plain}",
        "question": question,
        "type": kind,
        "codes": codes,
        "waves": str(wave),
        "note": "drafted; read it through",
    }
