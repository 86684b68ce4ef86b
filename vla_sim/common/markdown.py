"""Tables of Markdown reports."""

from collections.abc import Iterable


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> list[str]:
    """Lines of a table. A | or a line break in a cell does not break it."""
    head = list(head)
    return [_row(head), "|" + " --- |" * len(head), *(_row(cells) for cells in rows)]


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(c).replace("|", "\\|").replace("\n", " ") for c in cells) + " |"
