"""What drawings of a report are made of: lines, words and axes as inline SVG.

Pixels are those of the drawing's own view box; the page scales it. Colours are the page's
(`report.css`), and none says anything that a text, a shape or a dash does not say too.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup, escape

WIDTH = 680  # of charts
XY = tuple[float, float]
Area = tuple[float, float, float, float]  # x0, y0, x1, y1 [m] or [px]
Series = Sequence[tuple[float, float]]


def tag(name: str, /, *children: str | None, **attributes: str | float | None) -> Markup:
    """One element; children and attributes that are None are left out, text that is no `Markup` is escaped.
    class_="x" is class, aria_label is aria-label."""
    given = ((k.rstrip("_").replace("_", "-"), v) for k, v in attributes.items() if v is not None)
    head = "".join([name, *(f' {key}="{escape(str(value))}"' for key, value in given)])
    inside = Markup().join(c for c in children if c is not None)
    return Markup(f"<{head}>{inside}</{name}>" if inside else f"<{head}/>")


def px(value: float) -> str:
    """A coordinate with one decimal, as short as it goes."""
    return f"{value:.1f}".removesuffix(".0")


def points(line: Iterable[XY]) -> str:
    return " ".join(f"{px(x)},{px(y)}" for x, y in line)


def sane(*values: float) -> bool:
    """Finite, and small enough to draw."""
    return all(math.isfinite(v) and abs(v) < 1e6 for v in values)


def label(x: float, y: float, words: str, class_: str = "") -> Markup:
    return tag("text", words, x=px(x), y=px(y), class_=class_ or None)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return tag("line", x1=px(x1), y1=px(y1), x2=px(x2), y2=px(y2), class_=class_)


def rect(x: float, y: float, width: float, height: float, class_: str, *inside: Markup) -> Markup:
    return tag("rect", *inside, x=px(x), y=px(y), width=px(max(width, 0.0)), height=px(height), class_=class_)


def cross(x: float, y: float, size: float) -> str:
    return (
        f"M{px(x - size)} {px(y - size)}L{px(x + size)} {px(y + size)}"
        f"M{px(x - size)} {px(y + size)}L{px(x + size)} {px(y - size)}"
    )


def drawing(width: float, height: float, says: str, *parts: Markup | None, class_: str) -> Markup:
    """says: the drawing in words, for those who do not see it."""
    box = f"0 0 {px(width)} {px(height)}"
    return tag("svg", *parts, viewBox=box, class_=class_, role="img", aria_label=says)


def steps(low: float, high: float, most: int = 8) -> list[float]:
    """Round numbers from low to high, at most `most` + 1 of them."""
    span = max(high - low, 1e-9)
    size = 10.0 ** math.floor(math.log10(span / most))
    size = next(size * k for k in (1, 2, 5, 10, 20) if span / (size * k) <= most)
    first = math.ceil(low / size - 1e-9)
    return [n * size for n in range(first, math.floor(high / size + 1e-9) + 1)]


def thin(series: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of the points, evenly, the first and the last among them. most: 2 or more."""
    if len(series) <= most:
        return list(series)
    return [series[round(i * (len(series) - 1) / (most - 1))] for i in range(most)]


def lowest(series: Series, most: int) -> list[tuple[float, float]]:
    """At most about `most` points, each the lowest of its stretch: no dip is lost."""
    size = max(1, math.ceil(len(series) / most))
    return [min(series[i : i + size], key=lambda p: p[1]) for i in range(0, len(series), size)]
