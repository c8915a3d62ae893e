"""Random draws and equations that the generator is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]


def make_generator(seed: int, wave: int, purpose: str) -> np.random.Generator:
    """Make the random generator of one purpose in one wave, so that no part shifts the draws of another.

    Parameters
    ----------
    seed : int
        The data set's seed.
    wave : int
        Number of the wave; 0 for what does not change over waves.
    purpose : str
        Any name.

    Returns
    -------
    numpy.random.Generator

    Examples
    --------
    >>> make_generator(1, 2, "growth").random() == make_generator(1, 2, "growth").random()
    True
    >>> make_generator(1, 2, "growth").random() == make_generator(1, 2, "sample").random()
    False
    """
    return np.random.default_rng([seed, wave, crc32(purpose.encode())])


def evaluate(equation: Mapping[str, float], columns: Columns) -> NDArray[np.float64]:
    """Evaluate a linear equation: the sum of coefficient times term, `a x b` being a product.

    Parameters
    ----------
    equation : mapping of str to float
        Coefficients by term.
    columns : mapping of str to array
        Arrays of one length, without missing values; `one` must be among them.

    Returns
    -------
    array of float

    Raises
    ------
    KeyError
        A term names no column.

    Examples
    --------
    >>> columns = {"one": np.ones(2), "a": np.array([1.0, 2.0]), "b": np.array([3.0, 5.0])}
    >>> evaluate({"one": 0.5, "a": 2, "a x b": 0.1}, columns).tolist()
    [2.8, 5.5]
    """
    total = np.zeros(len(columns["one"]))
    for term, coefficient in equation.items():
        if coefficient:
            total += coefficient * np.prod([columns[name] for name in term.split(" x ")], axis=0)
    return total


def to_share(logit: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Turn logits into probabilities, 1 / (1 + exp(-x)).

    Examples
    --------
    >>> float(to_share(0.0))
    0.5
    """
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(logit, dtype=float))))


def cut(values: NDArray[np.float64], thresholds: Sequence[float] | NDArray[Any]) -> NDArray[np.int64]:
    """Number the interval in which each value lies, from 1 up to one more than there are thresholds.

    Examples
    --------
    >>> cut(np.array([-2.0, 0.0, 9.0]), [-1.0, 1.0]).tolist()
    [1, 2, 3]
    """
    return np.searchsorted(np.asarray(thresholds, dtype=float), values) + 1


def draw_index(generator: np.random.Generator, shares: Any, size: int | None = None) -> NDArray[np.int64]:
    """Draw positions 0, 1, … with the given shares: one list of shares for all, or one row of shares each.

    Examples
    --------
    >>> draw_index(make_generator(1, 0, "example"), [0.0, 1.0], 3).tolist()
    [1, 1, 1]
    >>> draw_index(make_generator(1, 0, "example"), [[1.0, 0.0], [0.0, 1.0]]).tolist()
    [0, 1]
    """
    table = np.atleast_2d(np.asarray(shares, dtype=float))
    cumulated = np.cumsum(table, axis=1)
    count = len(table) if size is None else size
    uniform = generator.random((count, 1)) * cumulated[:, -1:]
    return np.minimum((uniform >= cumulated).sum(axis=1), table.shape[1] - 1)


def draw_count(generator: np.random.Generator, mean: NDArray[np.float64], alpha: float = 0.0) -> NDArray[np.int64]:
    """Draw Poisson counts, or negative binomial ones with variance mean + alpha mean^2 (NB2).

    Examples
    --------
    >>> draw_count(make_generator(1, 0, "example"), np.zeros(2), alpha=0.5).tolist()
    [0, 0]
    """
    if alpha:
        mean = mean * generator.gamma(1 / alpha, alpha, size=np.shape(mean))
    return np.asarray(generator.poisson(mean))


def draw_keys(generator: np.random.Generator, size: int, digits: int = 12) -> NDArray[np.str_]:
    """Draw hexadecimal keys, as a hash would give, each different.

    Examples
    --------
    >>> len(set(draw_keys(make_generator(1, 0, "example"), 100).tolist()))
    100
    """
    numbers: NDArray[np.uint64] = np.unique(generator.integers(16**digits, size=size + 16, dtype=np.uint64))
    numbers = generator.permutation(numbers)[:size]
    return np.array([f"{number:0{digits}x}" for number in numbers.tolist()])


def draw_choices(
    generator: np.random.Generator, shape: tuple[int, ...], choices: int, share: float, most: int = 3
) -> NDArray[np.bool_]:
    """Draw multi-select answers: one choice for certain, each other with the given share, no more than `most` in all.

    Returns
    -------
    array of bool
        `shape` and then one column a choice.

    Examples
    --------
    >>> drawn = draw_choices(make_generator(1, 0, "example"), (50,), 8, 0.5)
    >>> int(drawn.sum(axis=1).min()) >= 1, int(drawn.sum(axis=1).max()) <= 3
    (True, True)
    """
    place = generator.random((*shape, choices)).argsort(axis=-1)
    chosen = (place == 0) | ((generator.random((*shape, choices)) < share) & (place < most))
    return np.asarray(chosen)


def name_choices(chosen: NDArray[np.bool_], choices: Sequence[str]) -> NDArray[np.str_]:
    """Write multi-select answers as the choices' codes joined by `|`, or `none`.

    Parameters
    ----------
    chosen : array of bool, one row an answer, one column a choice
    choices : sequence of str

    Returns
    -------
    array of str

    Examples
    --------
    >>> name_choices(np.array([[True, True], [False, False]]), ["loan", "grant"]).tolist()
    ['loan|grant', 'none']
    """
    count = len(choices)
    texts = np.array(
        [
            "|".join(choice for place, choice in enumerate(choices) if mask >> place & 1) or "none"
            for mask in range(1 << count)
        ]
    )
    return texts[chosen @ (1 << np.arange(count))]
