"""Markdown tables."""

from collections.abc import Iterable


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """The rows as a Markdown table; thousands are set apart."""
    lines = [_line(head)]
    lines.append("|" + " --- |" * lines[0].count(" |"))
    return "\n".join([*lines, *map(_line, rows)])


def _line(cells: Iterable[object]) -> str:
    told = (f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells)
    return "| " + " | ".join(told) + " |"
