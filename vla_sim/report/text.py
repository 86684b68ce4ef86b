"""Figures in words, alike in every report."""

import math


def number(value: float | None, digits: int = 0, unit: str = "") -> str:
    """ "0.31 m"; a dash for None and for what is not finite."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.{digits}f} {unit}".rstrip()


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
