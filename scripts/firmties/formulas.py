"""Model formulas: from text to terms, from terms to a design matrix and its derivatives.

A formula is the right-hand side of a model in the notation of Wilkinson and
Rogers (1973) as R writes it: ``+``, ``:``, ``*``, parentheses, ``I(expression)``
for arithmetic, ``C(variable)`` for a variable that is to be a factor, functions
of the expression language (``log(x)``), and the names of sets of terms. It is
parsed by :mod:`firmties.expressions` and never handed to Python.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from firmties.errors import describe_allowed
from firmties.expressions import FUNCTIONS, LITERALS, ExpressionError, Node, evaluate, parse

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

INTERCEPT = "Intercept"
FACTOR_TYPES = ("category", "ordinal")
WRAPPERS = ("I", "C")
BINDING = {"or": 0, "and": 1, "+": 3, "-": 3, "*": 4, "/": 4, "^": 6}


def write_expression(node: Node) -> str:
    """Write a tree of the expression language as canonical text.

    Examples
    --------
    >>> write_expression(parse("(a+b)*log( c )^2"))
    '(a + b) * log(c) ^ 2'
    """

    def nested(child: Node, binding: int, *, strict: bool = False) -> str:
        text = write_expression(child)
        own = 5 if child.kind == "unary" else 9
        if child.kind in ("binary", "compare"):
            own = BINDING.get(child.value, 2)
        return f"({text})" if own < binding or (strict and own == binding) else text

    if node.kind == "number":
        return str(int(node.value)) if float(node.value).is_integer() and abs(node.value) < 1e15 else repr(node.value)
    if node.kind == "text":
        return f"'{node.value}'"
    if node.kind == "list":
        return f"[{', '.join(map(write_expression, node.children))}]"
    if node.kind == "unary":
        return f"{'not ' if node.value == 'not' else node.value}{nested(node.children[0], 5)}"
    if node.kind in ("binary", "compare"):
        left, right = node.children
        binding = BINDING.get(node.value, 2)
        power = node.value == "^"
        return f"{nested(left, binding, strict=power)} {node.value} {nested(right, binding, strict=not power)}"
    if node.kind == "call":
        named = [f"{name}={write_expression(child)}" for name, child in node.keywords]
        return f"{node.value}({', '.join([*map(write_expression, node.children), *named])})"
    return str(node.value)


@dataclass(frozen=True)
class Factor:
    """One factor of a term: the text that names it, the expression that gives its values, and its variables."""

    name: str
    node: Node
    is_forced: bool = False

    @property
    def label(self) -> str:
        """What stands in names of terms: ``C(x)`` is shown as ``x``."""
        return write_expression(self.node) if self.is_forced else self.name

    @property
    def variables(self) -> list[str]:
        """Names of the variables read, in the order of the text."""
        names = (node.value for node in self.node.walk() if node.kind == "name" and node.value not in LITERALS)
        return list(dict.fromkeys(names))


Term = tuple[Factor, ...]


def name_term(term: Term) -> str:
    """Name a term as a formula writes it."""
    return ":".join(factor.name for factor in term)


def parse_formula(text: str | int, sets: Mapping[str, str] | None = None) -> list[Term]:
    """Parse a formula into its terms.

    Parameters
    ----------
    text
        Right-hand side. ``1`` stands for the intercept, which is always there.
    sets
        Named groups of terms; their names may be used in the formula and in one another.

    Returns
    -------
    list of Term
        Each term once (``a:b`` is ``b:a``), main effects before interactions as in R; without the intercept.

    Raises
    ------
    ExpressionError
        For text that is not a formula, an unknown function, a circle of sets, or an operator that formulas
        do not have; names the position.

    Examples
    --------
    >>> [name_term(term) for term in parse_formula("(a + b) * c + I(a ^ 2)")]
    ['a', 'b', 'c', 'I(a ^ 2)', 'a:c', 'b:c']
    >>> [name_term(term) for term in parse_formula("x + controls", {"controls": "size + log(age)"})]
    ['x', 'size', 'log(age)']
    """
    terms = _expand(str(text), dict(sets or {}), ())
    unique: dict[frozenset[str], Term] = {}
    for term in terms:
        unique.setdefault(frozenset(factor.name for factor in term), term)
    unique.pop(frozenset(), None)
    return sorted(unique.values(), key=len)


def _expand(text: str, sets: Mapping[str, str], path: tuple[str, ...]) -> list[Term]:
    def fail(problem: str, word: str) -> ExpressionError:
        position = text.find(word) + 1
        return ExpressionError(f"formula '{text}': {problem}" + (f" (position {position})" if position else ""))

    def visit(node: Node) -> list[Term]:
        if node.kind == "binary" and node.value in ("+", ":", "*"):
            left, right = (visit(child) for child in node.children)
            if node.value == "+":
                return left + right
            crossed = [_join(one, two) for one in left for two in right]
            return crossed if node.value == ":" else left + right + crossed
        if node.kind == "name" and node.value in sets:
            if node.value in path:
                raise ExpressionError(f"sets: {' -> '.join([*path, node.value])} goes in a circle")
            return _expand(str(sets[node.value]), sets, (*path, node.value))
        if node.kind == "name":
            if node.value.startswith("__"):
                raise fail(f"'{node.value}' is code, which a formula may not hold", node.value)
            if node.value in LITERALS:
                raise fail(f"'{node.value}' is no variable", node.value)
            return [(Factor(node.value, node),)]
        if node.kind == "number":
            if node.value == 1:
                return [()]
            raise fail("a number is no term (only 1, the intercept); arithmetic goes into I(…)", f"{node.value:g}")
        if node.kind == "call":
            for inner in node.walk():
                if inner.kind == "binary" and inner.value == ":":
                    raise fail("':' belongs between terms, not inside a function", ":")
                if inner.kind == "name" and inner.value.startswith("__"):
                    raise fail(f"'{inner.value}' is code, which a formula may not hold", inner.value)
                allowed = [*WRAPPERS, *FUNCTIONS] if inner is node else FUNCTIONS
                if inner.kind == "call" and inner.value not in allowed:
                    problem = f"'{inner.value}' is no function of formulas and not allowed here"
                    raise fail(f"{problem}; {describe_allowed(inner.value, allowed)}", inner.value)
            if node.value in WRAPPERS and (len(node.children) != 1 or node.keywords):
                raise fail(f"{node.value}(…) takes one expression", f"{node.value}(")
            inside = node.children[0] if node.value in WRAPPERS else node
            return [(Factor(write_expression(node), inside, is_forced=node.value == "C"),)]
        word = str(node.value) if node.value is not None else "["
        raise fail(f"'{word}' is no operator of formulas (those are + : *); arithmetic goes into I(…)", word)

    return visit(parse(text))


def _join(one: Term, two: Term) -> Term:
    return tuple({factor.name: factor for factor in (*one, *two)}.values())


def write_formula(terms: Iterable[Term]) -> str:
    """Write terms as a formula without sets.

    Examples
    --------
    >>> write_formula(parse_formula("a * b"))
    'a + b + a:b'
    """
    return " + ".join(map(name_term, terms)) or "1"


def list_factors(terms: Iterable[Term]) -> list[Factor]:
    """Give the factors of terms, each once, in order."""
    return list({factor.name: factor for term in terms for factor in term}.values())


def list_variables(terms: Iterable[Term]) -> list[str]:
    """Give the names of the variables that terms read, in order.

    Examples
    --------
    >>> list_variables(parse_formula("a * log(b / c)"))
    ['a', 'b', 'c']
    """
    return list(dict.fromkeys(name for factor in list_factors(terms) for name in factor.variables))


def check_formula(text: str | int, sets: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """List what is wrong with a formula: its syntax, or names that are no variables.

    Examples
    --------
    >>> check_formula("g_emo + ln_age", {}, ["g_emp", "ln_age"])
    ["formula 'g_emo + ln_age': no variable 'g_emo'; did you mean 'g_emp'? Allowed: g_emp, ln_age"]
    """
    known = list(known)
    try:
        names = list_variables(parse_formula(text, sets))
    except ExpressionError as error:
        return [str(error)]
    return [
        f"formula '{text}': no variable '{name}'; {describe_allowed(name, [*known, *sets])}"
        for name in names
        if name not in known
    ]


def as_codes(values: pd.Series) -> pd.Series:
    """Write values as the dictionary writes codes: ``3``, ``2.5``, ``true``, text as it is; missing stays missing.

    Examples
    --------
    >>> import pandas as pd
    >>> as_codes(pd.Series([1.0, 2.5, None])).tolist()
    ['1', '2.5', nan]
    """
    import pandas as pd

    if pd.api.types.is_bool_dtype(values):
        return values.map({True: "true", False: "false"}, na_action="ignore").astype("str")
    if pd.api.types.is_numeric_dtype(values):
        plain = values.astype("Float64").astype("float64")
        distinct = {number: f"{number:.15g}" for number in plain.dropna().unique()}
        return plain.map(distinct).astype("str").where(plain.notna())
    return values.astype("str").where(values.notna())


def find_levels(
    terms: Iterable[Term], table: pd.DataFrame, dictionary: pd.DataFrame, references: Mapping[str, str] | None = None
) -> dict[str, list[str]]:
    """Find which factors of a formula are categorical, and their levels.

    A factor is categorical if it is ``C(…)``, the variable ``wave``, a variable that the dictionary calls category
    or ordinal, or one that holds text; ``I(x)`` makes an ordinal variable a number. Booleans are numbers 0 and 1.

    Parameters
    ----------
    table
        The estimation sample; levels that do not occur in it are left out.
    dictionary
        Columns variable, type, codes, reference.
    references
        Reference levels that go before those of the dictionary.

    Returns
    -------
    dict
        Name of the factor -> codes, the reference first (the first code where none is declared or it does not
        occur), the others in the dictionary's order.

    Examples
    --------
    >>> import pandas as pd
    >>> words = pd.DataFrame({"variable": ["form"], "type": ["category"], "codes": ["a=A|b=B|c=C"], "reference": ["b"]})
    >>> find_levels(parse_formula("form"), pd.DataFrame({"form": ["c", "a", "b"]}), words)
    {'form': ['b', 'a', 'c']}
    """
    import pandas as pd

    entries = dictionary.drop_duplicates("variable").set_index("variable")
    found = {}
    for factor in list_factors(terms):
        name = factor.node.value if factor.node.kind == "name" else None
        if factor.name.startswith("I("):
            continue
        entry = entries.loc[name] if name in entries.index else None
        is_declared = name == "wave" or (entry is not None and entry["type"] in FACTOR_TYPES)
        if not (factor.is_forced or is_declared or (name is not None and not _is_numeric(table[name]))):
            continue
        present = set(as_codes(evaluate_codes(factor, table).drop_duplicates()).dropna())
        declared = entry["codes"] if entry is not None and pd.notna(entry["codes"]) else ""
        ordered = [code for code in (pair.partition("=")[0] for pair in str(declared).split("|")) if code in present]
        levels = ordered + sorted(present.difference(ordered), key=_sort_key)
        stated = (references or {}).get(str(name)) or (entry["reference"] if entry is not None else None)
        reference = "" if stated is None or pd.isna(stated) else str(stated)
        found[factor.name] = sorted(levels, key=lambda level: level != reference) if reference in levels else levels
    return found


def _is_numeric(values: pd.Series) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(values))


def _sort_key(code: str) -> tuple[float, str]:
    try:
        return float(code), code
    except ValueError:
        return float("inf"), code


def evaluate_codes(factor: Factor, table: pd.DataFrame) -> pd.Series:
    """Give the values of a categorical factor, untouched where it is a variable."""
    return table[factor.node.value] if factor.node.kind == "name" else evaluate(factor.node, table)


def find_missing(factor: Factor, table: pd.DataFrame) -> np.ndarray:
    """Say in which rows a factor has no value."""
    values = table[factor.node.value] if factor.node.kind == "name" else evaluate(factor.node, table)
    return values.isna().to_numpy(dtype=bool)


def differentiate(node: Node, variable: str) -> Node:
    """Differentiate an expression with respect to a variable, by rule.

    Raises
    ------
    ExpressionError
        If the variable stands in a comparison or a function without a derivative here.

    Examples
    --------
    >>> write_expression(differentiate(parse("x ^ 2 + 3 * x"), "x"))
    '2 * x + 3'
    >>> write_expression(differentiate(parse("log(x)"), "x"))
    '1 / x'
    """
    if all(inner.kind != "name" or inner.value != variable for inner in node.walk()):
        return _number(0)
    if node.kind == "name":
        return _number(1)
    inner = [differentiate(child, variable) for child in node.children]
    if node.kind == "unary" and node.value == "-":
        return _multiply(_number(-1), inner[0])
    if node.kind == "binary":
        (u, v), (du, dv) = node.children, inner
        if node.value in ("+", "-"):
            return _add(du, dv if node.value == "+" else _multiply(_number(-1), dv))
        if node.value == "*":
            return _add(_multiply(du, v), _multiply(u, dv))
        if node.value == "/":
            whole = _add(_multiply(du, v), _multiply(_number(-1), _multiply(u, dv)))
            return Node("binary", "/", (whole, _power(v, 2)))
        if node.value == "^" and v.kind == "number":
            return _multiply(_multiply(v, _power(u, v.value - 1)), du)
    if node.kind == "call" and len(node.children) == 1 and node.value in ("log", "log1p", "exp", "sqrt", "asinh"):
        u = node.children[0]
        outer = {
            "log": lambda: Node("binary", "/", (_number(1), u)),
            "log1p": lambda: Node("binary", "/", (_number(1), _add(_number(1), u))),
            "exp": lambda: node,
            "sqrt": lambda: Node("binary", "/", (_number(0.5), node)),
            "asinh": lambda: Node("binary", "/", (_number(1), Node("call", "sqrt", (_add(_number(1), _power(u, 2)),)))),
        }[node.value]()
        return _multiply(outer, inner[0])
    raise ExpressionError(f"'{write_expression(node)}' has no derivative with respect to '{variable}' here")


def _number(value: float) -> Node:
    return Node("number", float(value))


def _add(one: Node, two: Node) -> Node:
    zero = _number(0)
    return two if one == zero else one if two == zero else Node("binary", "+", (one, two))


def _multiply(one: Node, two: Node) -> Node:
    if _number(0) in (one, two):
        return _number(0)
    return two if one == _number(1) else one if two == _number(1) else Node("binary", "*", (one, two))


def _power(base: Node, exponent: float) -> Node:
    return base if exponent == 1 else Node("binary", "^", (base, _number(exponent)))


class Design:
    """The design matrix of terms on a table, with variables set to other values on demand.

    Treatment coding; in an interaction a factor keeps all its levels if the term without it is not in the model
    (R's rule), so that ``stage:x`` without ``x`` gives a slope a stage.

    Parameters
    ----------
    terms
        From :func:`parse_formula`.
    table
        Complete rows; its columns are the variables.
    levels
        Levels of the categorical factors, the reference first (:func:`find_levels`).
    has_intercept
        Whether the first column is the intercept; without it (absorbed) the coding stays the same.
    known
        ``blocks`` of another design on the same rows and levels, which are then not evaluated anew.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"form": ["a", "b", "a"], "x": [1.0, 2.0, 3.0]})
    >>> design = Design(parse_formula("form * x"), table, {"form": ["a", "b"]})
    >>> design.names
    ['Intercept', 'form[b]', 'x', 'form[b]:x']
    >>> design.matrix({"form": "b"})[:, 3].tolist()
    [1.0, 2.0, 3.0]
    >>> design.derivative("x")[:, 2:].tolist()
    [[1.0, 0.0], [1.0, 1.0], [1.0, 0.0]]
    """

    def __init__(
        self,
        terms: Sequence[Term],
        table: pd.DataFrame,
        levels: Mapping[str, Sequence[str]],
        *,
        has_intercept: bool = True,
        known: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.terms = list(terms)
        self.levels = {name: list(codes) for name, codes in levels.items()}
        self.has_intercept = has_intercept
        self.factors = list_factors(self.terms)
        self.variables = list_variables(self.terms)
        self.table = table[self.variables].reset_index(drop=True)
        known = known or {}
        self.blocks = {
            factor.name: known[factor.name] if factor.name in known else self.evaluate_factor(factor, self.table)
            for factor in self.factors
        }
        present = {frozenset[str](), *(frozenset(factor.name for factor in term) for term in self.terms)}
        # Whether a factor of a term is coded by contrasts (without its reference level).
        self.contrasted = [
            [frozenset(other.name for other in term if other is not factor) in present for factor in term]
            for term in self.terms
        ]
        self.names = [INTERCEPT] if has_intercept else []
        self.term_of_column = [-1] if has_intercept else []
        for position, term in enumerate(self.terms):
            parts = [self._name_columns(*pair) for pair in zip(term, self.contrasted[position], strict=True)]
            names = reduce(lambda left, right: [f"{one}:{two}" for two in right for one in left], parts)
            self.names += names
            self.term_of_column += [position] * len(names)

    def _name_columns(self, factor: Factor, is_contrasted: bool) -> list[str]:
        if factor.name not in self.levels:
            return [factor.name]
        return [f"{factor.label}[{level}]" for level in self.levels[factor.name][is_contrasted:]]

    def evaluate_factor(self, factor: Factor, table: pd.DataFrame) -> np.ndarray:
        """Give a factor's values on rows of a table: one column, or an indicator a level."""
        import numpy as np

        if factor.name in self.levels:
            import pandas as pd

            levels = self.levels[factor.name]
            numbers, distinct = pd.factorize(evaluate_codes(factor, table))
            places = {level: at for at, level in enumerate(levels)}
            # A missing value, number -1, is the last one here: none of the levels.
            columns = np.array([*(places.get(code, -1) for code in as_codes(pd.Series(distinct))), -1])
            return (columns[numbers][:, None] == np.arange(len(levels))).astype(float)
        return evaluate(factor.node, table).astype("Float64").to_numpy(dtype=float, na_value=np.nan)[:, None]

    def assemble(self, blocks: Mapping[str, np.ndarray], terms: Iterable[int]) -> dict[int, np.ndarray]:
        """Give the columns of terms, by their position, from the values of their factors."""
        columns = {}
        for position in terms:
            coded = [
                blocks[factor.name][:, 1:] if is_contrasted and factor.name in self.levels else blocks[factor.name]
                for factor, is_contrasted in zip(self.terms[position], self.contrasted[position], strict=True)
            ]
            columns[position] = reduce(
                lambda left, right: (right[:, :, None] * left[:, None, :]).reshape(len(left), -1), coded
            )
        return columns

    def matrix(self, replaced: Mapping[str, Any] | None = None) -> np.ndarray:
        """Give the matrix (rows × columns), some variables set to one value for every row.

        Parameters
        ----------
        replaced
            Variable -> value: a code for a category, True or False for a boolean, else a number.
        """
        import numpy as np

        blocks = self._replace(replaced or {})
        parts = self.assemble(blocks, range(len(self.terms)))
        first = [np.ones((len(self.table), 1))] if self.has_intercept else []
        return np.hstack([*first, *parts.values(), np.empty((len(self.table), 0))])

    def _replace(self, replaced: Mapping[str, Any]) -> dict[str, np.ndarray]:
        if not replaced:
            return self.blocks
        import numpy as np

        table = self.table.assign(**replaced)
        first = table.iloc[:1]
        touched = [factor for factor in self.factors if not set(replaced).isdisjoint(factor.variables)]
        # What depends on replaced variables alone is the same in every row.
        return self.blocks | {
            factor.name: np.repeat(self.evaluate_factor(factor, first), len(table), axis=0)
            if set(factor.variables) <= set(replaced)
            else self.evaluate_factor(factor, table)
            for factor in touched
        }

    def derivative(self, variable: str, replaced: Mapping[str, Any] | None = None) -> np.ndarray:
        """Give the derivative of the matrix with respect to a numeric variable, by exact rules.

        Raises
        ------
        ExpressionError
            If the variable is categorical, or stands in a function without a derivative.
        """
        import numpy as np

        if variable in self.table and (self.table[variable].dtype in ("bool", "boolean") or self._is_level(variable)):
            raise ExpressionError(f"'{variable}' has levels, so no slope; compare mu({variable}=…) of two levels")
        blocks = self._replace(replaced or {})
        table = self.table.assign(**(replaced or {}))
        touched = {
            factor.name: self.evaluate_factor(Factor(factor.name, differentiate(factor.node, variable)), table)
            for factor in self.factors
            if variable in factor.variables
        }
        result = np.zeros((len(self.table), len(self.names)))
        owner = np.array(self.term_of_column)
        for position, term in enumerate(self.terms):
            for factor in term:
                if factor.name in touched:
                    changed = self.assemble(blocks | {factor.name: touched[factor.name]}, [position])[position]
                    result[:, owner == position] += changed
        return result

    def _is_level(self, variable: str) -> bool:
        return any(variable in factor.variables for factor in self.factors if factor.name in self.levels)

    def mean_rows_over(self, variable: str, weights: np.ndarray | None = None) -> np.ndarray:
        """Give for each row the mean row of the matrix if every row had this row's value of a variable.

        Parameters
        ----------
        weights
            Of the rows, with mean 1; None for none.

        Raises
        ------
        ExpressionError
            If an expression mixes the variable with others, as ``I(x * z)`` does.
        """
        import numpy as np

        result = [np.ones((len(self.table), 1))] if self.has_intercept else []
        for position, term in enumerate(self.terms):
            own = [factor for factor in term if variable in factor.variables]
            if mixed := [factor.name for factor in own if len(factor.variables) > 1]:
                raise ExpressionError(f"'{mixed[0]}' mixes '{variable}' with others; write the product as a:b")
            others = {factor.name: np.ones_like(self.blocks[factor.name]) for factor in term if factor not in own}
            itself = {factor.name: np.ones_like(self.blocks[factor.name]) for factor in own}
            at_value = self.assemble(self.blocks | others, [position])[position]
            of_others = self.assemble(self.blocks | itself, [position])[position]
            share = of_others if weights is None else of_others * weights[:, None]
            result.append(at_value * share.mean(axis=0))
        return np.hstack(result)
