"""Figures in words, alike in every report."""

import math


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """ "0.31 m"; a dash for None and for what is not finite."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.{digits}f} {unit}".rstrip()


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def percent(share: float) -> str:
    """Whole percent of 0..1; 100 and 0 are said of exactly that alone."""
    if 0.0 < share < 0.005 or 0.995 <= share < 1.0:
        return f"{min(max(100.0 * share, 0.1), 99.9):.1f}"
    return f"{100.0 * share:.0f}"
