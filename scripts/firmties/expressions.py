"""The small language of conditions, derived variables, formulas and contrasts.

Text from a study's configuration is parsed here into a tree and never handed
to Python. Conditions and derived variables are evaluated on a table by
:func:`evaluate`; ``formulas.py`` and ``predictions.py`` read the same trees as
model formulas and as contrasts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from firmties.errors import describe_allowed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class ExpressionError(ValueError):
    """An expression that cannot be read or evaluated; the message says where and why."""


@dataclass(frozen=True)
class Following:
    """How the rows of a table are followed over waves.

    Attributes
    ----------
    units
        The columns that together name who is followed, such as the firm, or the firm and its partner.
    waves
        The waves of the study, in their order; the column ``wave`` of the table holds one of them.
    """

    units: tuple[str, ...]
    waves: tuple[int, ...]

    def locate(self, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """Number each row's unit from 0 (-1 where its key is missing) and its wave from 0.

        Raises
        ------
        ExpressionError
            If a unit stands twice in one wave: it could not be said which row is to be followed.
        """
        import numpy as np
        import pandas as pd

        unit = table.groupby(list(self.units), sort=False).ngroup().to_numpy()
        place = pd.Index(self.waves).get_indexer(pd.Index(table["wave"]))
        twice = pd.DataFrame({"unit": unit, "place": place}).duplicated(keep=False).to_numpy() & (unit >= 0)
        if twice.any():
            rows = table.loc[twice, ["wave", *self.units]].drop_duplicates().head(5)
            listed = "; ".join(", ".join(f"{k} {v}" for k, v in row.items()) for row in rows.to_dict("records"))
            remedy = "each may stand once a wave: correct the key in the wave's file"
            raise ExpressionError(f"cannot be followed over waves, being there twice in one wave: {listed}; {remedy}")
        return unit, np.where(unit >= 0, place, -1)


@dataclass(frozen=True)
class Node:
    """One node of a parsed expression.

    ``kind`` is one of number, text, name, list, unary, binary, compare, call;
    ``value`` holds the number, text, name, operator or function name,
    ``children`` the operands, ``keywords`` the named arguments of a call.
    """

    kind: str
    value: Any
    children: tuple[Node, ...] = ()
    keywords: tuple[tuple[str, Node], ...] = field(default=())

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, named arguments included."""
        yield self
        for child in (*self.children, *(node for _, node in self.keywords)):
            yield from child.walk()


TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_]\w*)|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<operator>\*\*|==|!=|<=|>=|[-+*/^:<>=(),\[\]]))"
)
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">", "in", "not in")
# Binding strength of the operators with a left and a right operand, weakest first.
LEVELS: tuple[tuple[str, ...], ...] = (("or",), ("and",), ("not",), COMPARISONS, ("+", "-"), ("*", "/"), (":",))


def split_tokens(text: str) -> list[tuple[str, str, int]]:
    """Split an expression into (kind, token, position) and refuse what the language does not know."""
    tokens, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            at = position + len(text[position:]) - len(text[position:].lstrip())
            raise ExpressionError(f"'{text}': {text[at]!r} at position {at + 1} has no meaning here")
        kind = str(match.lastgroup)
        token = match.group(kind)
        tokens.append((("operator" if token in ("and", "or", "not", "in") else kind), token, match.start(kind)))
        position = match.end()
    return [*tokens, ("end", "", len(text))]


class Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self.text = str(text)
        self.tokens = split_tokens(self.text)
        self.at = 0

    def fail(self, wanted: str) -> ExpressionError:
        """Say what was expected where."""
        _, token, position = self.tokens[self.at]
        found = f"'{token}'" if token else "the end"
        return ExpressionError(f"'{self.text}': expected {wanted} at position {position + 1}, found {found}")

    def take(self, *operators: str) -> str | None:
        """Take the next token if it is one of these operators."""
        kind, token, _ = self.tokens[self.at]
        if kind == "operator" and token in operators:
            self.at += 1
            return token
        return None

    def expect(self, operator: str) -> None:
        """Take this operator or fail."""
        if self.take(operator) is None:
            raise self.fail(f"'{operator}'")

    def parse(self) -> Node:
        """Parse the whole text."""
        node = self.parse_level(0)
        if self.tokens[self.at][0] != "end":
            raise self.fail("an operator or the end")
        return node

    def parse_level(self, level: int) -> Node:
        """Parse operators of this binding strength and all stronger ones."""
        if level == len(LEVELS):
            return self.parse_sign()
        operators = LEVELS[level]
        if operators == ("not",):
            if self.take("not"):
                return Node("unary", "not", (self.parse_level(level),))
            return self.parse_level(level + 1)
        if operators == COMPARISONS:
            return self.parse_comparison(level)
        left = self.parse_level(level + 1)
        while operator := self.take(*operators):
            left = Node("binary", operator, (left, self.parse_level(level + 1)))
        return left

    def parse_comparison(self, level: int) -> Node:
        """Parse ``a < b <= c`` and ``a in [..]``; a chain is the conjunction of its links."""
        left, links = self.parse_level(level + 1), []
        while True:
            operator = self.take("==", "!=", "<=", ">=", "<", ">", "in")
            if operator is None and self.tokens[self.at][1] == "not" and self.tokens[self.at + 1][1] == "in":
                self.at += 2
                operator = "not in"
            if operator is None:
                break
            right = self.parse_level(level + 1)
            links.append(Node("compare", operator, (left, right)))
            left = right
        if not links:
            return left
        result = links[0]
        for link in links[1:]:
            result = Node("binary", "and", (result, link))
        return result

    def parse_sign(self) -> Node:
        """Parse a leading sign."""
        if self.take("-"):
            return Node("unary", "-", (self.parse_sign(),))
        return self.parse_power()

    def parse_power(self) -> Node:
        """Parse a power; both ``^`` and ``**`` are read."""
        base = self.parse_atom()
        if self.take("^", "**"):
            return Node("binary", "^", (base, self.parse_sign()))
        return base

    def parse_atom(self) -> Node:
        """Parse a number, text, name, call, list or parenthesis."""
        kind, token, _ = self.tokens[self.at]
        if self.take("("):
            node = self.parse_level(0)
            self.expect(")")
            return node
        if self.take("["):
            return Node("list", None, tuple(child for _, child in self.parse_items("]")))
        if kind == "number":
            self.at += 1
            return Node("number", float(token))
        if kind == "text":
            self.at += 1
            return Node("text", token[1:-1])
        if kind != "name":
            raise self.fail("a name, a number or '('")
        self.at += 1
        if not self.take("("):
            return Node("name", token)
        items = self.parse_items(")")
        return Node(
            "call",
            token,
            tuple(child for name, child in items if name is None),
            tuple((name, child) for name, child in items if name is not None),
        )

    def parse_items(self, closing: str) -> list[tuple[str | None, Node]]:
        """Parse comma-separated items up to the closing bracket, each with its name if it has one."""
        items: list[tuple[str | None, Node]] = []
        while not self.take(closing):
            if items:
                self.expect(",")
            name = None
            if self.tokens[self.at][0] == "name" and self.tokens[self.at + 1][1] == "=":
                name = self.tokens[self.at][1]
                self.at += 2
            items.append((name, self.parse_level(0)))
        return items


def parse(text: str) -> Node:
    """Parse an expression into a tree.

    Raises
    ------
    ExpressionError
        If the text is not an expression of the language; names the position.

    Examples
    --------
    >>> parse("emp_12m < 250").value
    '<'
    >>> parse("__import__('os').system")
    Traceback (most recent call last):
    firmties.expressions.ExpressionError: '__import__('os').system': '.' at position 17 has no meaning here
    """
    return Parser(text).parse()


LITERALS = {"true": True, "false": False, "missing": None}


def names_in(text: str) -> set[str]:
    """Names of the variables that an expression reads.

    ``count_true('brd')`` reads every choice of a multi-select answer; it gives
    the pattern ``brd__*``.

    Examples
    --------
    >>> sorted(names_in("log(emp_now) > 2 and indep <= 25"))
    ['emp_now', 'indep']
    >>> names_in("count_true('brd') / 6")
    {'brd__*'}
    """
    tree = parse(text)
    names = {node.value for node in tree.walk() if node.kind == "name" and node.value not in LITERALS}
    for node in tree.walk():
        if node.kind == "call" and node.value == "count_true":
            names |= {f"{child.value}__*" for child in node.children if child.kind == "text"}
    return names


def name_benchmark(variable: str, by: str, code: object) -> str:
    """Name the row of data/anchors.csv that holds a variable's constants for one code of another variable.

    Examples
    --------
    >>> name_benchmark("f2f", "stage", 2.0)
    'f2f[stage=2]'
    """
    return f"{variable}[{by}={f'{code:g}' if isinstance(code, float | int) else code}]"


def read_benchmark(node: Node) -> tuple[str, str, Node | None]:
    """Read ``benchmark(x, by=y, among=condition)``: the two variables and the condition, if there is one.

    Raises
    ------
    ExpressionError
        If the call is not of this form.
    """
    keywords = dict(node.keywords)
    if (
        [child.kind for child in node.children] != ["name"]
        or not {"by"} <= keywords.keys() <= {"by", "among"}
        or keywords["by"].kind != "name"
    ):
        raise ExpressionError("benchmark needs a variable, by= a variable, and may have among= a condition")
    return str(node.children[0].value), str(keywords["by"].value), keywords.get("among")


def evaluate(
    expression: str | Node,
    table: pd.DataFrame,
    anchors: Mapping[str, tuple[float, float]] | None = None,
    following: Following | None = None,
) -> pd.Series:
    """Evaluate an expression on every row of a table.

    Parameters
    ----------
    expression
        Text of the expression, or its tree.
    table
        Rows to evaluate on; its columns are the names.
    anchors
        (centre, spread) of each variable that ``anchored(variable)`` may be asked for.
    following
        Who is followed over which waves; without it ``lag`` and ``ever`` are refused.

    Returns
    -------
    pandas.Series
        Numbers as float64 with NaN, truth values as ``boolean`` with NA, or text. A
        comparison with a missing value is missing; ``and``, ``or`` and ``any_true`` follow
        Kleene's logic; a division by zero and the logarithm of a number that is not
        positive are missing.

    Raises
    ------
    ExpressionError
        For an unknown name or function, or operands that do not fit.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"now": [12.0, 9.0, None], "before": [10.0, 0.0, 5.0]})
    >>> evaluate("now / before", table).round(2).tolist()
    [1.2, nan, nan]
    >>> evaluate("now > before and before < 8", table).tolist()
    [False, True, <NA>]
    """
    import numpy as np
    import pandas as pd

    tree = parse(expression) if isinstance(expression, str) else expression
    anchors = anchors or {}

    def numbers(value: Any) -> pd.Series:
        series = spread(value)
        if series.dtype == "float64":
            return series
        try:
            return pd.to_numeric(series).astype("Float64").astype("float64")
        except (TypeError, ValueError) as error:
            raise ExpressionError(f"{expression!s}: a number is needed, '{series.name}' holds text") from error

    def truths(value: Any) -> pd.Series:
        series = spread(value)
        if series.dtype == "boolean":
            return series
        plain = numbers(series)
        if not plain.dropna().isin([0.0, 1.0]).all():
            raise ExpressionError(f"{expression!s}: a condition is needed, '{series.name}' is not true or false")
        return plain.astype("Float64").astype("boolean")

    def spread(value: Any) -> pd.Series:
        if isinstance(value, pd.Series):
            return value
        if value is None:
            return pd.Series(np.nan, index=table.index, dtype="float64")
        dtype = "boolean" if isinstance(value, bool) else ("str" if isinstance(value, str) else "float64")
        return pd.Series(value, index=table.index, dtype=dtype)

    def column(name: str) -> Any:
        if name in LITERALS:
            return LITERALS[name]
        if name not in table.columns:
            raise ExpressionError(f"no variable '{name}'; {describe_allowed(name, table.columns)}")
        series = table[name]
        if series.dtype == "bool":
            return series.astype("boolean")
        return series if is_text(series) or series.dtype == "boolean" else numbers(series)

    def is_text(value: Any) -> bool:
        return isinstance(value, str) or (isinstance(value, pd.Series) and not pd.api.types.is_numeric_dtype(value))

    def compare(operator: str, left: Any, right: Any) -> pd.Series:
        if isinstance(right, list):
            options = [compare("==", left, option) for option in right]
            found = functions["any_true"](*options) if options else spread(False)
            return ~found if operator == "not in" else found
        if is_text(left) or is_text(right):
            one, two = as_text(left), as_text(right)
        else:
            one, two = numbers(left), numbers(right)
        result = {"==": one.eq, "!=": one.ne, "<": one.lt, "<=": one.le, ">": one.gt, ">=": one.ge}[operator](two)
        return result.astype("boolean").mask(one.isna() | two.isna())

    def as_text(value: Any) -> pd.Series:
        series = spread(value)
        if is_text(series):
            return series
        plain = numbers(series)
        return plain.map(lambda number: f"{number:g}", na_action="ignore").astype("str").where(plain.notna())

    def finite(series: pd.Series) -> pd.Series:
        return series.where(np.isfinite(series))

    def arithmetic(operator: str, left: Any, right: Any) -> pd.Series:
        one, two = numbers(left), numbers(right)
        name = {"+": "add", "-": "sub", "*": "mul", "/": "div", "^": "pow"}[operator]
        return finite(getattr(one, name)(two))

    def visit(node: Node) -> Any:
        if node.kind in ("number", "text"):
            return node.value
        if node.kind == "name":
            return column(node.value)
        if node.kind == "list":
            return [visit(child) for child in node.children]
        if node.kind == "unary":
            operand = visit(node.children[0])
            return ~truths(operand) if node.value == "not" else -numbers(operand)
        if node.kind == "compare":
            return compare(node.value, visit(node.children[0]), visit(node.children[1]))
        if node.kind == "binary":
            left, right = (visit(child) for child in node.children)
            if node.value == "and":
                return truths(left) & truths(right)
            if node.value == "or":
                return truths(left) | truths(right)
            if node.value == ":":
                raise ExpressionError(f"{expression!s}: ':' belongs in model formulas only")
            return arithmetic(node.value, left, right)
        return call(node)

    def call(node: Node) -> Any:
        if node.value not in functions:
            raise ExpressionError(f"no function '{node.value}'; {describe_allowed(node.value, functions)}")
        if node.value == "count_true":
            prefix = f"{visit(node.children[0])}__"
            choices = [column(name) for name in table.columns if name.startswith(prefix)]
            if not choices:
                raise ExpressionError(f"no multi-select variable '{prefix[:-2]}'")
            return functions["count_true"](*choices)
        if node.value in ("lag", "ever"):
            if following is None:
                raise ExpressionError(
                    f"{node.value}() belongs in derived variables, where firms are followed over waves"
                )
            if len(node.children) != 1 or node.keywords:
                raise ExpressionError(f"{node.value}() needs one value")
            return follow(node.value, spread(visit(node.children[0])), following)
        if node.value == "benchmark":
            name, by, _ = read_benchmark(node)
            codes = column(by)
            centres = {
                code: anchors.get(name_benchmark(name, by, code), (np.nan, 1.0))[0] for code in codes.dropna().unique()
            }
            return codes.map(centres).astype("float64")
        if node.value == "anchored":
            name = node.children[0].value
            if name not in anchors:
                raise ExpressionError(f"data/anchors.csv: no row for '{name}'")
            centre, scale = anchors[name]
            return (numbers(column(name)) - centre) / scale
        try:
            return functions[node.value](
                *(visit(child) for child in node.children), **{name: visit(child) for name, child in node.keywords}
            )
        except TypeError as error:
            raise ExpressionError(f"{node.value}(): {error}") from error

    def follow(function: str, values: pd.Series, following: Following) -> pd.Series:
        unit, place = following.locate(table)
        n_waves = len(following.waves)
        if function == "lag":
            stands = np.where(place >= 0, unit * n_waves + place, -1)
            before = pd.Index(stands[stands >= 0]).get_indexer(pd.Index(np.where(place > 0, stands - 1, -2)))
            rows = np.append(np.flatnonzero(stands >= 0), -1)[before]
            return pd.Series(values.array.take(rows, allow_fill=True), index=table.index)
        held = truths(values)
        grid = np.zeros((max(unit.max(initial=-1) + 1, 1), n_waves), dtype=bool)
        unknown, known = grid.copy(), place >= 0
        grid[unit[known], place[known]] = held.fillna(False).to_numpy(dtype=bool)[known]
        unknown[unit[known], place[known]] = held.isna().to_numpy()[known]
        grid, unknown = np.maximum.accumulate(grid, axis=1), np.maximum.accumulate(unknown, axis=1)
        so_far = pd.Series(grid[unit, place], index=table.index, dtype="boolean")
        return so_far.mask((~grid & unknown)[unit, place] | ~known)

    def index(*values: Any, at_least_alpha: Any = None) -> pd.Series:
        if not isinstance(at_least_alpha, int | float):
            raise ExpressionError("index needs at_least_alpha= a number; average() demands no alpha")
        frame = pd.concat([numbers(value) for value in values], axis=1, keys=range(len(values)))
        score = frame.mean(axis=1).where(2 * frame.notna().sum(axis=1) >= frame.shape[1])
        # Each wave by itself, so that a further wave moves nothing of an earlier one, and each imputed set by itself.
        apart = [table[name] for name in ("wave", SET) if name in table]
        for _, rows in frame.groupby(apart or np.zeros(len(table))):
            complete = rows.dropna()
            total, k = complete.sum(axis=1).var(), frame.shape[1]
            alpha = (
                k / (k - 1) * (1 - complete.var().sum() / total) if k > 1 and len(complete) > 2 and total > 0 else -1.0
            )
            if alpha < at_least_alpha:
                score[rows.index] = np.nan
        return score

    def rowwise(combine: Callable[[pd.DataFrame], pd.Series]) -> Callable[..., pd.Series]:
        return lambda *values: combine(pd.concat([numbers(value) for value in values], axis=1))

    def average(*values: Any, at_least: float = 1) -> pd.Series:
        frame = pd.concat([numbers(value) for value in values], axis=1)
        return frame.mean(axis=1).where(frame.notna().sum(axis=1) >= at_least)

    def any_true(*values: Any) -> pd.Series:
        result = truths(values[0])
        for value in values[1:]:
            result = result | truths(value)
        return result

    def where(condition: Any, yes: Any, no: Any) -> pd.Series:
        chosen = truths(condition)
        if is_text(yes) or is_text(no):
            one, two = spread(yes), spread(no)
        elif any(isinstance(value, bool) or getattr(value, "dtype", None) == "boolean" for value in (yes, no)):
            one, two = truths(yes), truths(no)
        else:
            one, two = numbers(yes), numbers(no)
        return one.where(chosen.fillna(False), two).mask(chosen.isna())

    def dhs(after: Any, before: Any) -> pd.Series:
        one, two = numbers(after), numbers(before)
        return finite(2 * (one - two) / (one + two))

    def elementwise(function: Any) -> Callable[[Any], pd.Series]:
        def apply(value: Any) -> pd.Series:
            with np.errstate(all="ignore"):
                return finite(function(numbers(value)))

        return apply

    functions: dict[str, Callable[..., Any]] = {
        **{name: elementwise(getattr(np, name)) for name in ("log", "log1p", "exp", "sqrt", "abs", "arcsinh", "round")},
        "max": rowwise(lambda frame: frame.max(axis=1, skipna=False)),
        "min": rowwise(lambda frame: frame.min(axis=1, skipna=False)),
        "sum": rowwise(lambda frame: frame.sum(axis=1, skipna=False)),
        "average": average,
        "any_true": any_true,
        "count_true": lambda *values: rowwise(lambda frame: frame.sum(axis=1, min_count=1))(*map(truths, values)),
        "where": where,
        "is_missing": lambda value: spread(value).isna().astype("boolean"),
        "dhs": dhs,
        "index": index,
        **dict.fromkeys(("anchored", "benchmark", "lag", "ever")),  # type: ignore[dict-item]
    }
    functions["asinh"] = functions.pop("arcsinh")
    with np.errstate(all="ignore"):
        return spread(visit(tree)).rename(None)


FUNCTIONS: dict[str, str] = {
    "log": "natural logarithm",
    "log1p": "natural logarithm of 1 + x",
    "exp": "exponential",
    "sqrt": "square root",
    "abs": "absolute value",
    "round": "rounded to a whole number",
    "asinh": "inverse hyperbolic sine",
    "max": "largest of the values in a row; missing if one is",
    "min": "smallest of the values in a row; missing if one is",
    "sum": "sum of the values in a row; missing if one is",
    "average": "mean of the values in a row if `at_least` of them are there",
    "any_true": "whether any condition holds",
    "count_true": "number of choices ticked in a multi-select answer, given by its name in quotes",
    "where": "where(condition, a, b): a where it holds, b where not, missing where unknown",
    "is_missing": "whether there is no value",
    "dhs": "midpoint growth rate 2 (after - before) / (after + before) (Davis and Haltiwanger)",
    "anchored": "(x - centre) / spread with the constants of data/anchors.csv",
    "benchmark": "benchmark(x, by=y, among=condition): the centre that data/anchors.csv holds of x for the row's code "
    "of y, such as `f2f[stage=2]`; the row to add is the mean where the condition holds, in the first wave that has it",
    "lag": "the value in the wave before; missing if the firm (or partner) was not there; in derived variables of the "
    "panel, and in those of partners with a key (`alters: key:`)",
    "ever": "whether the condition held in this or an earlier wave of the firm; unknown if it never did and is unknown "
    "in one; where `lag` may stand",
    "index": "index(a, b, c, at_least_alpha=0.6): mean of the values if at least half are there, in waves whose own "
    "rows give them a Cronbach's alpha of at least so much; otherwise missing",
}

SET = "set_"
"""Column that tells imputed sets apart where several stand in one table."""

OVER_WAVES = ("lag", "ever")
"""Functions that look at other waves of the same firm; only derived variables have them."""
