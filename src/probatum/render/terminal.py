"""The report for a person at a terminal, and for grep: one line a finding, then the counts."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, assert_never

from probatum.policy import Decision
from probatum.render.code_lines import advised, code_rows
from probatum.render.evidence import (
    acceptances,
    counted,
    further,
    headline,
    is_path,
    parted,
    placed,
    plural,
    unproven_entries,
)
from probatum.render.excerpts import hex_lines, text_lines
from probatum.render.visible import columns, one_cell, visible
from probatum.tallies import verdict_word
from probatum.vocabulary import (
    Excerpt,
    Finding,
    Place,
    Proven,
    Reason,
    Refuted,
    Report,
    Undecided,
    Witness,
)

_COLOURS = {"proven": "\x1b[32m", "refuted": "\x1b[1;31m", "undecided": "\x1b[33m"}
_PLAIN = "\x1b[0m"

# A longer name pushes its own line to the right instead of everybody's.
_WIDEST_NAME = 48
_WIDEST_CODE = 96
_MOST_ENTRIES = 20


# So many findings of one claim and reason that the policy does not ask about share a line, and so
# many claims of one artifact of which the same is said.
_MANY = 10
_MANY_CLAIMS = 3


def render(
    report: Report,
    *,
    colour: bool = False,
    verbose: bool = False,
    decision: Decision | None = None,
) -> str:
    """The findings, refuted first, and the summary; proven ones only counted unless `verbose`.

    With a `decision`, what breaks the policy comes first, and below an empty line what does not:
    there, many findings that say alike share a line. `verbose` gives each its own, shows each
    witness with its steps and bytes, and what a proof assumes.
    """
    breaking, others = parted(report, decision)
    accepted = acceptances(decision)
    blocks = [
        [_row(one, accepted) for one in breaking],
        [row for one in _grouped(others, accepted, verbose) for row in one],
    ]
    if verbose:
        proven = [_row(one, {}) for one in report.findings if isinstance(one.verdict, Proven)]
        blocks[1 if blocks[1] else 0] += proven
    lines = list(_lines(blocks, colour, verbose))
    return "\n".join([*lines, *counted(report)]) + "\n"


def line(finding: Finding, *, colour: bool = False) -> str:
    """One finding as one line, without a newline: `refuted  model.pkl  load-inert  byte 17: …`."""
    return next(_lines([[_row(finding, {})]], colour, verbose=False))


class _Row(NamedTuple):
    verdict: str
    name: str
    claim: str
    said: str
    finding: Finding


def _row(finding: Finding, accepted: dict[tuple[str, str], str]) -> _Row:
    said = headline(finding.verdict)
    if why := accepted.get((finding.artifact.name, finding.claim)):
        said = f"{why}: {said}"
    name, claim = one_cell(finding.artifact.name), visible(finding.claim)
    return _Row(verdict_word(finding.verdict), name, claim, visible(said), finding)


def _grouped(
    findings: list[Finding], accepted: dict[tuple[str, str], str], verbose: bool
) -> Iterator[list[_Row]]:
    """A row for each finding, or one for all those that differ in nothing but the artifact.

    Claims of one artifact of which the same is said share one too.
    """
    groups: dict[tuple[str, Reason] | int, list[_Row]] = {}
    for number, one in enumerate(findings):
        verdict, row = one.verdict, _row(one, accepted)
        alone = verbose or (one.artifact.name, one.claim) in accepted
        if alone or not isinstance(verdict, Undecided):
            groups[number] = [row]
        else:
            groups.setdefault((one.claim, verdict.reason), []).append(row)
    told = [[_shared(rows)] if len(rows) >= _MANY else rows for rows in groups.values()]
    yield from told if verbose else _of_one_artifact(told)


def _shared(rows: list[_Row]) -> _Row:
    first = rows[0]
    said = f"{first.said} (of {first.name}; -v shows each)"
    return first._replace(name=plural(len(rows), "artifact"), said=said)


def _of_one_artifact(groups: list[list[_Row]]) -> Iterator[list[_Row]]:
    """The same rows; claims of one artifact of which the same is said stand in one."""
    same: dict[tuple[str, str], list[_Row]] = {}
    for row in (row for rows in groups for row in rows if row.verdict == "undecided"):
        same.setdefault((row.name, row.said), []).append(row)
    for rows in groups:
        kept = []
        for row in rows:
            each = same.get((row.name, row.said), [row])
            if len(each) < _MANY_CLAIMS:
                kept.append(row)
            elif row is each[0]:
                said = f"{row.said} ({row.claim} and others; -v shows each)"
                kept.append(row._replace(claim=plural(len(each), "claim"), said=said))
        yield kept


def _lines(blocks: list[list[_Row]], colour: bool, verbose: bool) -> Iterator[str]:
    """The rows of all blocks in the same columns, an empty line below each block."""
    rows = [row for block in blocks for row in block]
    verdict_width = _width(row.verdict for row in rows)
    name_width = _width((row.name for row in rows), _WIDEST_NAME)
    claim_width = _width(row.claim for row in rows)
    for block in blocks:
        for verdict, name, claim, said, finding in block:
            painted = f"{_COLOURS[verdict]}{verdict}{_PLAIN}" if colour else verdict
            yield (
                f"{painted}{_gap(verdict, verdict_width)}{name}{_gap(name, name_width)}"
                f"{claim}{_gap(claim, claim_width)}{said}"
            )
            if verbose:
                yield from _evidence(finding)
        if block:
            yield ""


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
            for witness, instead in advised(witnesses):
                if len(witnesses) > 1:  # the only one stands in the finding's own line
                    yield f"    {visible(placed(witness))}"
                yield from _witness(witness)
                if places := further(witness):
                    yield f"      {visible(places)}"
                if instead:
                    yield f"      instead: {visible(instead)}"
            yield from _ways(verdict)
        case Undecided():
            yield from _ways(verdict)
        case _:
            assert_never(verdict)


def _witness(witness: Witness) -> Iterator[str]:
    if is_path(witness):
        yield from _path(witness)
    else:
        for number, step in enumerate(witness.steps, 1):
            at = str(step.place)
            yield f"      {number}. {visible(step.says)}{f'  ({visible(at)})' if at else ''}"
    if witness.excerpt is not None:
        yield from _surroundings(witness.excerpt, witness.place)


def _path(witness: Witness) -> Iterator[str]:
    """Lines of source code in their order, the file and line before each, in columns.

    Below a line, what matters of it is underlined, and what happens to it is said.
    """
    lines = code_rows(witness)
    places = [visible(str(row.place)) for row in lines]
    width = _width(places, _WIDEST_NAME)
    digits = len(str(len(places)))
    for number, (row, at) in enumerate(zip(lines, places, strict=True), 1):
        before = f"      {number:>{digits}}. {at}{_gap(at, width)}"
        if not row.code:
            yield before + visible(row.says)
            continue
        parts = [(visible(text), marked) for text, marked in row.pieces(_WIDEST_CODE)]
        yield before + "".join(text for text, _ in parts)
        under = "".join(("~" if marked else " ") * columns(text) for text, marked in parts)
        said = f"{under.rstrip()} {visible(row.says)}".rstrip()
        if said.strip():
            yield " " * columns(before) + said


def _ways(verdict: Refuted | Undecided) -> Iterator[str]:
    for line in unproven_entries(verdict, _MOST_ENTRIES):
        yield f"      {visible(line)}"


def _pointer(marked: int | None) -> str:
    return " " if marked is None else ">"


def _surroundings(excerpt: Excerpt, place: Place) -> Iterator[str]:
    if excerpt.text:
        for row in text_lines(excerpt, place):
            yield f"      {_pointer(row.marked)} {visible(row.text)}".rstrip()
    else:
        for line in hex_lines(excerpt, place):
            pairs = " ".join(f"{byte:02x}" for byte in line.data)
            shown = f"{_pointer(line.marked)} {line.start:08x}  {pairs:<47}  {line.ascii}"
            yield f"      {shown}".rstrip()
