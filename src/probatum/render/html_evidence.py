"""One finding as HTML: the claim's sentence and the evidence for its verdict."""

import shlex
from collections.abc import Callable, Iterator
from typing import assert_never

from probatum.reasons import MEANINGS
from probatum.render.code_lines import Row, advised, code_rows
from probatum.render.evidence import ORDER, called, further, is_path, plural
from probatum.render.excerpts import HexLine, hex_lines, text_lines
from probatum.render.html_text import code, shown
from probatum.render.visible import visible
from probatum.tallies import verdict_word
from probatum.vocabulary import (
    Certificate,
    Entries,
    Excerpt,
    Finding,
    Place,
    Proven,
    Refuted,
    Report,
    Undecided,
    Witness,
)
from probatum.wire import facts_text

_LONGEST_FACTS = 4000
_MOST_WITNESSES, _MOST_ENTRIES = 20, 100
_WIDEST_CODE = 200


def finding(
    one: Finding, *, id: str, classes: str, sentence: str, recheck: str, in_full: bool = True
) -> str:
    """The finding as an `article`; `recheck` is the command that checks the report again.

    Unless `in_full`, certificates and the bytes around witnesses are left to the JSON report,
    and what a reason means to `probatum explain`.
    """
    word = verdict_word(one.verdict)
    return "".join(
        (
            f'<article class="n f {classes}" id="{id}"><h3><b class="v {word}">{word}</b> ',
            f"{code(one.claim)} <span>{shown(sentence)}</span></h3>",
            *_evidence(one, recheck, in_full),
            "</article>\n",
        )
    )


def recheck_command(report: Report) -> str:
    """What to type to have the independent checkers re-derive every certificate."""
    return " ".join(["probatum check report.json", *map(shlex.quote, report.targets)])


def _evidence(one: Finding, recheck: str, in_full: bool) -> Iterator[str]:
    verdict = one.verdict
    match verdict:
        case Proven(certificate, assumptions):
            for assumption in assumptions:
                yield f'<p class="given"><b>Assuming</b> {shown(assumption)}</p>'
            if in_full:
                yield from _certificate(certificate, recheck)
            else:
                checker = code(certificate.checker)
                yield f"<p>Certificate for the checker {checker}: see the JSON report.</p>"
        case Refuted(witnesses):
            for witness, instead in advised(witnesses[:_MOST_WITNESSES]):
                yield from _witness(witness, in_full)
                if places := further(witness):
                    yield f'<p class="also">{shown(places)}</p>'
                if instead:
                    said = _mixed(instead, shown)
                    yield f'<p class="instead"><b>Instead</b> {said}</p>'
            if more := len(witnesses[_MOST_WITNESSES:]):
                yield f"<p>{more} more witnesses are in the JSON report.</p>"
            yield from _ways(verdict.entries)
        case Undecided(reason, detail, place):
            yield f'<p class="missing"><b>{reason}</b> {shown(detail)}{_at(place)}</p>'
            if in_full:
                yield f'<p class="aside">{shown(MEANINGS[reason])}</p>'
            yield from _ways(verdict.entries)
        case _:
            assert_never(verdict)


def _ways(entries: Entries | None) -> Iterator[str]:
    """The entry points, those that are not proven first; or why they are not told."""
    if entries is not None and entries.unknown:
        yield f'<p class="aside">Entry points: {shown(entries.unknown)}.</p>'
    if entries is None or not entries.of:
        return
    proven = sum(one.verdict == "proven" for one in entries.of)
    word = plural(len(entries.of), called(entries))
    yield f"<details><summary>{proven} of {word} proven</summary><ul>"
    for one in sorted(entries.of, key=lambda one: ORDER.index(one.verdict))[:_MOST_ENTRIES]:
        why = f": {_mixed(one.detail, shown)}" if one.detail else ""
        word = f'<b class="v {one.verdict}">{one.verdict}</b>'
        yield f"<li>{word} {code(one.name)} {shown(one.says)}{why}</li>"
    if more := len(entries.of[_MOST_ENTRIES:]):
        yield f"<li>{more} more are in the JSON report</li>"
    yield "</ul>"
    for assumption in entries.assumptions:
        yield f'<p class="given"><b>Assuming</b> {shown(assumption)}</p>'
    yield "</details>"


def _certificate(certificate: Certificate, recheck: str) -> Iterator[str]:
    text = facts_text(certificate)
    lines = "\n".join(shown(line) for line in text[:_LONGEST_FACTS].split("\n"))
    cut = "\n…" if len(text) > _LONGEST_FACTS else ""
    yield f"<details><summary>Certificate for the checker {code(certificate.checker)}</summary>"
    yield f"<pre>{lines}{cut}</pre><p>Re-derive it from the bytes: {code(recheck)}</p></details>"


def _witness(witness: Witness, in_full: bool) -> Iterator[str]:
    yield f'<p class="witness">{_mixed(witness.says, shown)}{_at(witness.place)}</p>'
    if is_path(witness):
        yield f'<ol class="path" tabindex="0">{"".join(map(_line, code_rows(witness)))}</ol>'
    elif witness.steps:
        steps = (f"<li>{shown(step.says)}{_at(step.place)}</li>" for step in witness.steps)
        yield f'<ol class="steps">{"".join(steps)}</ol>'
    if in_full and witness.excerpt is not None and witness.excerpt.data:
        trace = {step.place.offset for step in witness.steps if step.place.offset is not None}
        rows = _text(witness.excerpt, witness.place)
        if not witness.excerpt.text:
            rows = _hex(witness.excerpt, witness.place, trace)
        yield f'<pre class="bytes" tabindex="0">{"".join(rows)}</pre>'


def _line(row: Row) -> str:
    """One line of source code on a path, the file and line beside it."""
    at = shown(str(row.place))
    if row.code:
        says = f'{_code_of(row)} <span class="what">{_mixed(row.says, shown)}</span>'
    else:
        says = _mixed(row.says, code)
    return f'<li><span class="from">{at}</span><span class="says">{says}</span></li>'


def _code_of(row: Row) -> str:
    """The line with what matters of it marked."""
    parts = (
        f"<mark>{shown(text)}</mark>" if marked else shown(text)
        for text, marked in row.pieces(_WIDEST_CODE)
    )
    return f"<code>{''.join(parts)}</code>"


def _mixed(says: str, alone: Callable[[str], str]) -> str:
    """Words with code between backquotes; as `alone` has it where there are none."""
    parts = says.split("`")
    if len(parts) < 3 or len(parts) % 2 == 0:
        return alone(says)
    return "".join(code(one) if odd % 2 else shown(one) for odd, one in enumerate(parts) if one)


def _text(excerpt: Excerpt, place: Place) -> Iterator[str]:
    for row in text_lines(excerpt, place):
        if row.marked is None:
            yield f"<span>{shown(row.text)}</span>\n"
        else:
            before, (spot, after) = row.text[: row.marked], _spot(row.text[row.marked :])
            marked = f"{shown(before)}<mark>{shown(spot)}</mark>{shown(after)}"
            yield f'<span class="here">{marked}</span>\n'


def _spot(text: str) -> tuple[str, str]:
    """The word at the spot, or the one character there that is not to be seen, and what follows."""
    if not text or visible(text[0]) != text[0]:
        return text[:1], text[1:]
    word = text.split(maxsplit=1)[0] if not text[0].isspace() else text[0]
    return word, text[len(word) :]


def _hex(excerpt: Excerpt, place: Place, trace: set[int]) -> Iterator[str]:
    for line in hex_lines(excerpt, place):
        pairs = [f"{byte:02x}" for byte in line.data]
        wide = " " * (47 - 3 * len(pairs) + 1)
        here = ' class="here"' if line.marked is not None else ""
        yield (
            f"<span{here}><s>{line.start:08x}</s>  {_marked(line, pairs, trace, ' ')}{wide}  "
            f"{_marked(line, [shown(one) for one in line.ascii], trace, '')}</span>\n"
        )


def _marked(line: HexLine, cells: list[str], trace: set[int], between: str) -> str:
    offsets = range(line.start, line.start + len(cells))
    return between.join(
        f"<mark>{cell}</mark>"
        if offset == line.marked
        else f"<u>{cell}</u>"
        if offset in trace
        else cell
        for offset, cell in zip(offsets, cells, strict=True)
    )


def _at(place: Place) -> str:
    said = str(place)
    return f' <span class="at">{shown(said)}</span>' if said else ""
