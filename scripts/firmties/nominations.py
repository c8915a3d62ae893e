"""Ties among respondents from nominations: degrees, strong (mutual) and weak (second-order) ties, exposure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

from firmties.errors import StudyError

MOST_PATHS = 20_000_000
"""Most paths of two steps that are held at a time (about 300 MB); what is counted does not depend on it."""

MOST_RESPONDENTS = {"betweenness": 5_000, "closeness": 20_000}
"""Most respondents in a wave for which a centrality is computed; all shortest paths are needed for it."""

LEFT_OUT = {
    "nobody": "names nobody",
    "itself": "the firm names itself",
    "again": "names the same firm again",
    "excluded": "by a firm whose response was excluded",
    "not kept": "of a firm whose response was excluded",
    "no respondent": "of a firm that gave no answer in the wave",
}
"""Why a nomination is left out; each that is has a row of its own among those left out."""


class Ties(NamedTuple):
    """Nominations among the respondents of one wave.

    Attributes
    ----------
    nominated
        Row i, column j: i named j.
    strong
        Both named each other.
    any
        One named the other, or both.
    """

    nominated: sparse.csr_array
    strong: sparse.csr_array
    any: sparse.csr_array


def keep_nominations(
    rows: pd.DataFrame, respondents: Collection[str], excluded: Collection[str], where: str
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep each nomination of one respondent of a wave by another once; say why each other one is left out.

    Parameters
    ----------
    rows
        One row a nomination: ``ego`` (who names), ``alter`` (who is named), as text; ``raw_row`` for messages.
    respondents
        Firm keys of the wave's responses that were kept.
    excluded
        Firm keys of the wave's responses that cleaning took out.
    where
        File and wave, for messages.

    Returns
    -------
    kept, left_out : pandas.DataFrame
        ``ego``, ``alter``, sorted; and ``ego``, ``alter``, ``reason`` (see `LEFT_OUT`), in the order of `rows`. Each
        row is in one of the two.

    Raises
    ------
    StudyError
        If an ego is blank or gave no response at all, or if no firm that was named is a respondent: then the two
        columns do not hold the same keys.

    Examples
    --------
    >>> rows = pd.DataFrame({"ego": ["a", "a", "a", "b"], "alter": ["b", "b", "a", "x"], "raw_row": [1, 2, 3, 4]})
    >>> kept, left_out = keep_nominations(rows, ["a", "b"], [], "w1.csv")
    >>> kept.values.tolist(), left_out["reason"].tolist()
    ([['a', 'b']], ['names the same firm again', 'the firm names itself', 'of a firm that gave no answer in the wave'])
    """
    # Keys are looked at once each, and rows by the keys' places in the alphabet: a million rows are few firms.
    places, keys = pd.factorize(pd.concat([rows["ego"], rows["alter"]]), sort=True)
    ego, alter = places[: len(rows)], places[len(rows) :]
    is_blank, is_known, was_excluded = keys == "", keys.isin(list(respondents)), keys.isin(list(excluded))
    if is_blank[ego].any():
        at = ", ".join(map(str, rows.loc[is_blank[ego], "raw_row"].head(5)))
        raise StudyError(f"{where}: who names is blank in data rows {at}; each nomination needs the firm that made it")
    strangers = rows[~(is_known | was_excluded)[ego]]
    if len(strangers):
        shown = ", ".join(f"'{name}'" for name in strangers["ego"].drop_duplicates().head(5))
        at = ", ".join(map(str, strangers["raw_row"].head(5)))
        n = strangers["ego"].nunique()
        who = "1 firm that names others is" if n == 1 else f"{n:,} firms that name others are"
        raise StudyError(
            f"{where}: {who} in no response of the wave: {shown} (data rows {at}); correct the key or take the rows out"
        )
    if not (is_known[alter] & (alter != ego)).any() and not is_blank[alter].all():
        shown = ", ".join(f"'{name}'" for name in rows["alter"][~is_blank[alter]].drop_duplicates().head(5))
        raise StudyError(
            f"{where}: none of the firms that are named is a respondent of the wave: {shown}; respondents are such as "
            f"{', '.join(repr(name) for name in sorted(respondents)[:3])}: both columns must hold the firm key"
        )
    reasons = {
        "excluded": ~is_known[ego],
        "nobody": is_blank[alter],
        "itself": alter == ego,
        "not kept": (~is_known & was_excluded)[alter],
        "no respondent": ~is_known[alter],
        "again": pd.Series(ego.astype("int64") * len(keys) + alter).duplicated().to_numpy(),
    }
    reason = np.select(list(reasons.values()), [LEFT_OUT[name] for name in reasons], "")
    kept = np.flatnonzero(reason == "")
    kept = kept[np.lexsort((alter[kept], ego[kept]))]
    ends = rows[["ego", "alter"]]
    left_out = ends[reason != ""].assign(reason=reason[reason != ""])
    return ends.iloc[kept].reset_index(drop=True), left_out.reset_index(drop=True)


def build_ties(edges: pd.DataFrame, respondents: pd.Index) -> Ties:
    """Turn the nominations of a wave (``ego``, ``alter``) into matrices in the order of the respondents.

    Examples
    --------
    >>> ties = build_ties(pd.DataFrame({"ego": ["a", "b", "a"], "alter": ["b", "a", "c"]}), pd.Index(["a", "b", "c"]))
    >>> ties.strong.toarray().astype(int).tolist()
    [[0, 1, 0], [1, 0, 0], [0, 0, 0]]
    """
    n = len(respondents)
    ends = [respondents.get_indexer(pd.Index(edges[name])) for name in ("ego", "alter")]
    nominated = sparse.coo_array((np.ones(len(edges), dtype="float32"), tuple(ends)), shape=(n, n)).tocsr()
    returned = nominated.T.tocsr()
    return Ties(nominated, nominated.multiply(returned).tocsr(), nominated.maximum(returned).tocsr())


def list_weak(ties: Ties, over: str, most: int = MOST_PATHS) -> Iterator[tuple[slice, sparse.csr_array]]:
    """Yield weak ties by blocks of rows: who is reached in two steps, and neither in one nor oneself.

    Parameters
    ----------
    over
        What the two steps are: ``strong`` (mutual nominations: a strong tie's strong tie) or ``any`` (nominations in
        either direction). A firm that is named in any direction is reached in one step.
    most
        Most paths of two steps at a time.

    Examples
    --------
    >>> chain = pd.DataFrame({"ego": list("abbccd"), "alter": list("babcdc")})
    >>> ties = build_ties(chain.query("ego != alter"), pd.Index(list("abcd")))
    >>> [block.toarray().astype(int).tolist() for _, block in list_weak(ties, "any")]
    [[[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]]
    """
    step: sparse.csr_array = ties.strong if over == "strong" else ties.any
    near = (ties.any + sparse.eye_array(step.shape[0], dtype="float32", format="csr")).tocsr()
    paths = np.cumsum(step @ np.diff(step.indptr))
    start, n = 0, step.shape[0]
    while start < n:
        before = paths[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(paths, before + most, side="right")))
        reached = (step[start:end] @ step).tocsr()
        reached.data[:] = 1
        weak = (reached - reached.multiply(near[start:end])).tocsr()
        weak.eliminate_zeros()
        yield slice(start, end), weak
        start = end


def multiply(ties: Ties, over: str, columns: np.ndarray, weak_over: str) -> np.ndarray:
    """Sum columns over each respondent's ties of a kind: out, in, any, strong or weak."""
    columns = columns.astype("float64")
    if over == "weak":
        total = np.zeros_like(columns)
        for rows, block in list_weak(ties, weak_over):
            total[rows] = block @ columns
        return total
    matrix = {"out": ties.nominated, "in": ties.nominated.T, "any": ties.any, "strong": ties.strong}[over]
    return np.asarray(matrix @ columns)


def measure_nominations(
    edges: pd.DataFrame, firm_waves: pd.DataFrame, keys: Sequence[str], settings: Mapping[str, Any]
) -> pd.DataFrame:
    r"""Measure each respondent's place among the nominations of its wave.

    Parameters
    ----------
    edges
        One row a nomination: ``wave``, ``ego``, ``alter``, each once (:func:`keep_nominations`).
    firm_waves
        The keys of all respondents. Those of a wave without nominations have missing values.
    keys
        Wave and firm.
    settings
        ``nominations:`` of the configuration: ``weak_over`` (strong or any).

    Returns
    -------
    pandas.DataFrame
        The keys; float64, every count 0 for a respondent whom nobody named and who named nobody:

        - ``degree_out``, ``degree_in``: nominations made and received, among respondents.
        - ``degree_any``: respondents named or named by.
        - ``ties_strong``: mutual nominations.
        - ``ties_weak``: respondents reached in two steps and not in one (:func:`list_weak`).
        - ``reciprocity`` = ties_strong / degree_out; missing for who named nobody.

    Notes
    -----
    Strong and weak are understood as in studies of diffusion by nominations: a tie that both ends name is strong, a
    friend's friend weak. In Granovetter's (1973) terms that is structure, not intensity; where a survey asks how
    close a tie is, `alters` measures that.

    Examples
    --------
    >>> edges = pd.DataFrame({"wave": 1, "ego": list("abbc"), "alter": list("bacb")})
    >>> firms = pd.DataFrame({"wave": 1, "firm": list("abcd")})
    >>> measured = measure_nominations(edges, firms, ["wave", "firm"], {"weak_over": "strong"})
    >>> measured[["degree_out", "ties_strong", "ties_weak"]].values.tolist()
    [[1.0, 1.0, 1.0], [2.0, 2.0, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
    """

    def measure(wave: Any, ties: Ties) -> dict[str, np.ndarray]:
        n = ties.nominated.shape[0]
        out, strong = np.diff(ties.nominated.indptr), np.diff(ties.strong.indptr)
        return {
            "degree_out": out,
            "degree_in": np.bincount(ties.nominated.indices, minlength=n),
            "degree_any": np.diff(ties.any.indptr),
            "ties_strong": strong,
            "ties_weak": multiply(ties, "weak", np.ones((n, 1)), settings.get("weak_over", "strong"))[:, 0],
            "reciprocity": np.divide(strong, out, out=np.full(n, np.nan), where=out > 0),
        }

    return _measure_waves(edges, firm_waves, keys, measure)


def measure_centralities(
    edges: pd.DataFrame, firm_waves: pd.DataFrame, keys: Sequence[str], names: Sequence[str]
) -> pd.DataFrame:
    r"""Measure how central each respondent is among those of its wave, ties in either direction, by networkx.

    Parameters
    ----------
    edges, firm_waves, keys
        As for :func:`measure_nominations`.
    names
        Of these:

        - betweenness: the share of the pairs of others between whom the respondent lies on shortest paths, each path
          counted by its share (Freeman 1977).
        - closeness: :math:`\frac{r}{n-1}\cdot\frac{r}{\sum_j d_j}` over the r others that can be reached, of n
          respondents (Wasserman & Faust 1994, p. 201); 0 for an isolate.

    Raises
    ------
    StudyError
        If a wave has more respondents than a centrality is computed for (`MOST_RESPONDENTS`).

    Examples
    --------
    >>> edges = pd.DataFrame({"wave": 1, "ego": list("ab"), "alter": list("bc")})
    >>> firms = pd.DataFrame({"wave": 1, "firm": list("abc")})
    >>> measure_centralities(edges, firms, ["wave", "firm"], ["betweenness"])["betweenness"].tolist()
    [0.0, 1.0, 0.0]
    """

    def measure(wave: Any, ties: Ties) -> dict[str, np.ndarray]:
        n = ties.nominated.shape[0]
        for name in names:
            if n > MOST_RESPONDENTS[name]:
                raise StudyError(
                    f"config.yaml: nominations: centralities: {name} is computed for at most "
                    f"{MOST_RESPONDENTS[name]:,} respondents in a wave; wave {wave} has {n:,}: take it out of the list"
                )
        return {name: _measure_centrality(ties, name) for name in names}

    return _measure_waves(edges, firm_waves, keys, measure)


def measure_exposures(
    edges: pd.DataFrame,
    firm_waves: pd.DataFrame,
    keys: Sequence[str],
    entries: Sequence[Mapping[str, Any]],
    weak_over: str = "strong",
) -> pd.DataFrame:
    """Measure what each respondent is exposed to: the state of those it is tied to, in the same wave.

    Parameters
    ----------
    edges
        One row a nomination: ``wave``, ``ego``, ``alter``, each once.
    firm_waves
        The keys of all respondents, each once, and the variables that the entries name (numbers or truth values).
    entries
        ``nominations: exposures:`` of the configuration: ``name``, ``of`` (a variable), ``over`` (whom: out, in, any,
        strong, weak), ``by``: mean (of a truth value the share), sum, or any (whether one of them has it,
        a number above 0).

    Returns
    -------
    pandas.DataFrame
        The keys and a float64 column an entry. Who is tied to nobody has a missing mean, a sum of 0 and is exposed to
        none (0). Partners whose value is missing are left out; where all of them are, so is the exposure.

    Examples
    --------
    >>> edges = pd.DataFrame({"wave": 1, "ego": list("aab"), "alter": list("bca")})
    >>> firms = pd.DataFrame({"wave": 1, "firm": list("abc"), "adopted": [True, False, True]})
    >>> entries = [{"name": "share", "of": "adopted", "over": "out", "by": "mean"},
    ...            {"name": "strong", "of": "adopted", "over": "strong", "by": "sum"}]
    >>> measure_exposures(edges, firms, ["wave", "firm"], entries)[["share", "strong"]].values.tolist()
    [[0.5, 0.0], [1.0, 1.0], [nan, 0.0]]
    """
    values = {entry["of"]: firm_waves[entry["of"]].astype("Float64").astype("float64") for entry in entries}
    table = firm_waves[list(keys)].assign(**values)

    def measure(wave: Any, ties: Ties) -> dict[str, np.ndarray]:
        here = table[table[keys[0]] == wave]
        found: dict[str, np.ndarray] = {}
        for over in dict.fromkeys(entry["over"] for entry in entries):
            own = [entry for entry in entries if entry["over"] == over]
            x = here[list(dict.fromkeys(entry["of"] for entry in own))]
            parts = (np.ones((len(x), 1)), x.notna().to_numpy(), x.fillna(0).to_numpy(), (x > 0).to_numpy())
            sums = multiply(ties, over, np.hstack(parts), weak_over)
            for entry in own:
                at = x.columns.get_loc(entry["of"])
                met = sums[:, 0]
                known, total, having = (sums[:, 1 + at + block * len(x.columns)] for block in range(3))
                if entry["by"] == "mean":
                    found[entry["name"]] = np.divide(total, known, out=np.full(len(x), np.nan), where=known > 0)
                else:
                    value = total if entry["by"] == "sum" else (having > 0).astype("float64")
                    found[entry["name"]] = np.where((met > 0) & (known == 0), np.nan, value)
        return {entry["name"]: found[entry["name"]] for entry in entries}

    return _measure_waves(edges, table, keys, measure)


def _measure_waves(
    edges: pd.DataFrame,
    firm_waves: pd.DataFrame,
    keys: Sequence[str],
    measure: Callable[[Any, Ties], Mapping[str, np.ndarray]],
) -> pd.DataFrame:
    """Measure each wave that has nominations from its own rows; the rows keep their order."""
    wave, firm = keys
    parts = []
    for number in edges["wave"].drop_duplicates().sort_values():
        own = firm_waves.loc[firm_waves[wave] == number, list(keys)]
        ties = build_ties(edges.loc[edges["wave"] == number], pd.Index(own[firm]))
        parts.append(own[[]].assign(**{name: x.astype("float64") for name, x in measure(number, ties).items()}))
    if not parts:
        return firm_waves[list(keys)].copy()
    return firm_waves[list(keys)].join(pd.concat(parts), validate="one_to_one")


def _measure_centrality(ties: Ties, name: str) -> np.ndarray:
    """One of networkx's centralities, over ties in either direction."""
    import networkx

    graph = networkx.from_scipy_sparse_array(ties.any, edge_attribute="tie")
    compute = {"betweenness": networkx.betweenness_centrality, "closeness": networkx.closeness_centrality}[name]
    found = compute(graph)
    return np.array([found[at] for at in range(graph.number_of_nodes())])
