"""The look of every figure: size, type, colours that are never the only code, and files with stable bytes."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CENTIMETRE = 1 / 2.54
WIDTH = 16.0
"""Width of a figure in centimetres, that of the report's text."""

INK, GREY, FAINT = "#222222", "#6b6b6b", "#d9d9d9"

# Okabe & Ito (2008), "Color universal design", without yellow, which is too light for a line on white.
# Each colour has its marker, line and hatch, so a grey print says the same.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#222222")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
_HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo")

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "axes.labelcolor": INK,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "hatch.linewidth": 0.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    # Text as outlines: a reader's or typesetter's fonts cannot change the figure.
    "svg.fonttype": "path",
    "svg.hashsalt": "firmties",
    "pdf.fonttype": 42,
}

_DATELESS: dict[str, dict[str, None]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


class Look(NamedTuple):
    """How one category or series is drawn, by its place in the order."""

    colour: str
    marker: str
    line: Any
    hatch: str


def look_up(position: int) -> Look:
    """Give the colour, marker, line and hatch of the category at a place in the fixed order.

    The order is that of the dictionary's codes, so a category looks the same in
    every figure. After seven the colours begin again with the next marker.

    Examples
    --------
    >>> look_up(0).marker, look_up(1).marker
    ('o', 's')
    >>> look_up(7).colour == look_up(0).colour, look_up(7).marker == look_up(0).marker
    (True, False)
    """
    n = len(_COLOURS)
    shift = position + position // n
    return Look(_COLOURS[position % n], _MARKERS[shift % n], _LINES[shift % n], _HATCHES[shift % n])


@contextmanager
def use_style() -> Iterator[None]:
    """Draw and save within the project's style."""
    with mpl.rc_context(STYLE):
        yield


def create_figure(
    height: float, width: float = WIDTH, *, layout: Literal["constrained"] | None = "constrained"
) -> Figure:
    """Make an empty figure; `height` and `width` in centimetres."""
    return Figure(figsize=(width * CENTIMETRE, height * CENTIMETRE), layout=layout)


def wrap(text: str, width: int) -> str:
    """Break a label into lines of at most `width` characters, between words.

    Examples
    --------
    >>> wrap("Employment growth (points)", 18)
    'Employment growth\\n(points)'
    """
    return "\n".join(textwrap.wrap(text, width, break_long_words=False)) or text


def mark_empty(axes: Axes, text: str = "nothing to show") -> None:
    """Say in words that a panel is empty, so that a gap is not read as a zero."""
    axes.set(xticks=[], yticks=[])
    axes.set_facecolor("#f4f4f4")
    axes.text(0.5, 0.5, wrap(text, 44), transform=axes.transAxes, ha="center", va="center", color=GREY, style="italic")


def print_figure(figure: Figure, kind: str, title: str = "") -> bytes:
    """Give a figure as the bytes of an SVG, PDF or PNG (200 dpi) file, the same for the same figure.

    Parameters
    ----------
    figure
        What a kind's `draw` made, within :func:`use_style`.
    kind
        ``svg``, ``pdf`` or ``png``.
    title
        Goes into the file's metadata.
    """
    buffer = io.BytesIO()
    metadata = {"Title": title} | _DATELESS[kind] if title else _DATELESS[kind]
    # Laid out once: the files of one figure then agree, and the search for the layout is not repeated.
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    figure.savefig(buffer, format=kind, dpi=200, metadata=metadata)
    return buffer.getvalue()
