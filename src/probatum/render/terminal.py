"""The report for a person at a terminal, and for grep: one line a finding, then the counts."""

import re
from collections.abc import Iterable, Iterator
from typing import assert_never

from probatum.render.evidence import headline, incompleteness, placed, summary, worst_first
from probatum.render.excerpts import hex_lines, text_lines
from probatum.render.visible import columns, visible
from probatum.vocabulary import Excerpt, Finding, Place, Proven, Refuted, Report, Undecided, Witness
from probatum.wire import verdict_word

_COLOURS = {"proven": "\x1b[32m", "refuted": "\x1b[1;31m", "undecided": "\x1b[33m"}
_PLAIN = "\x1b[0m"

# A longer name pushes its own line to the right instead of everybody's.
_WIDEST_NAME = 48


def render(report: Report, *, colour: bool = False, verbose: bool = False) -> str:
    """The findings, refuted first, and the summary; proven ones only counted unless `verbose`.

    `verbose` also shows each witness with its steps and bytes, and what a proof assumes.
    """
    shown = [
        finding
        for finding in worst_first(report.findings)
        if verbose or not isinstance(finding.verdict, Proven)
    ]
    lines = list(_rows(shown, colour, verbose))
    if shown:
        lines.append("")
    lines.append(summary(report))
    if lacking := incompleteness(report):
        lines.append(lacking)
    return "\n".join(lines) + "\n"


def line(finding: Finding, *, colour: bool = False) -> str:
    """One finding as one line, without a newline: `refuted  model.pkl  load-inert  byte 17: …`."""
    return "".join(_rows([finding], colour, verbose=False))


def _rows(findings: list[Finding], colour: bool, verbose: bool) -> Iterator[str]:
    cells = [
        (
            verdict_word(finding.verdict),
            _one_cell(finding.artifact.name),
            visible(finding.claim),
            visible(headline(finding.verdict)),
        )
        for finding in findings
    ]
    verdict_width = _width(cell[0] for cell in cells)
    name_width = _width((cell[1] for cell in cells), _WIDEST_NAME)
    claim_width = _width(cell[2] for cell in cells)
    for finding, (verdict, name, claim, said) in zip(findings, cells, strict=True):
        painted = f"{_COLOURS[verdict]}{verdict}{_PLAIN}" if colour else verdict
        yield (
            f"{painted}{_gap(verdict, verdict_width)}{name}{_gap(name, name_width)}"
            f"{claim}{_gap(claim, claim_width)}{said}"
        )
        if verbose:
            yield from _evidence(finding)


def _one_cell(name: str) -> str:
    # Two spaces end a column, so a name must not hold two, begin or end with one.
    return re.sub(r"(?<= ) |^ | $", r"\\x20", visible(name)) or "''"


def _width(texts: Iterable[str], limit: int = 1000) -> int:
    return max((width for text in texts if (width := columns(text)) <= limit), default=0)


def _gap(text: str, width: int) -> str:
    return " " * (max(0, width - columns(text)) + 2)


def _evidence(finding: Finding) -> Iterator[str]:
    verdict = finding.verdict
    match verdict:
        case Proven(_, assumptions):
            for assumption in assumptions:
                yield f"    assuming {visible(assumption)}"
        case Refuted(witnesses):
            for witness in witnesses:
                if len(witnesses) > 1:  # the only one stands in the finding's own line
                    yield f"    {visible(placed(witness))}"
                yield from _witness(witness)
        case Undecided():
            return
        case _:
            assert_never(verdict)


def _witness(witness: Witness) -> Iterator[str]:
    for number, step in enumerate(witness.steps, 1):
        at = str(step.place)
        yield f"      {number}. {visible(step.says)}{f'  ({visible(at)})' if at else ''}"
    if witness.excerpt is not None:
        yield from _surroundings(witness.excerpt, witness.place)


def _pointer(marked: int | None) -> str:
    return " " if marked is None else ">"


def _surroundings(excerpt: Excerpt, place: Place) -> Iterator[str]:
    if excerpt.text:
        for row in text_lines(excerpt, place):
            yield f"      {_pointer(row.marked)} {visible(row.text)}".rstrip()
    else:
        for line in hex_lines(excerpt, place):
            pairs = " ".join(f"{byte:02x}" for byte in line.data)
            yield f"      {_pointer(line.marked)} {line.start:08x}  {pairs:<47}  {line.ascii}"
