"""The report as GitHub-flavoured Markdown, short enough for a comment on a pull request.

Every word that comes from an audited file stands in a code span or a code block whose fence is
longer than any run of backticks inside it: there, no link, image, HTML, mention or reference to
an issue comes alive. Tables are avoided, since a cell ends at a `|` even inside a code span.
"""

import re
from collections.abc import Iterable, Iterator
from typing import assert_never

from probatum.policy import Decision
from probatum.render.code_lines import advised, code_rows
from probatum.render.evidence import (
    acceptances,
    further,
    headline,
    incompleteness,
    is_path,
    judgement,
    parted,
    plural,
    summary,
)
from probatum.render.excerpts import hex_lines, text_lines
from probatum.render.visible import visible
from probatum.vocabulary import Excerpt, Finding, Place, Proven, Refuted, Report, Undecided, Witness
from probatum.wire import sentences

# GitHub takes 65,536 characters in a comment; the rest is for what is said around the report.
_LONGEST = 60_000
_LONGEST_PART = 400
# Nothing that GitHub makes a link of: no `www.`, no `GH-1`, no digits of a commit.
_WORDS = re.compile(r"(?:[A-Za-z ,;:()']|\.(?= |$))*")
_LONGEST_CODE = 120
_WITNESSES = 5


def render(report: Report, *, decision: Decision | None = None) -> str:
    """A summary, every refuted and undecided finding with its evidence, the proven ones folded.

    With a `decision`, what does not break the policy is folded too.
    """
    says, accepted = sentences(report), acceptances(decision)
    proven = [one for one in report.findings if isinstance(one.verdict, Proven)]
    breaking, others = parted(report, decision)
    text = f"### Probatum: {summary(report)}\n"
    if lacking := incompleteness(report):
        text += f"\n**{lacking}**\n"
    for line in judgement(decision, report):
        text += f"\n{code(line)}\n"
    items = ("\n".join(_item(one, says, accepted)) for one in breaking)
    text += _list(items, len(breaking), _LONGEST)
    if others:
        items = ("\n".join(_item(one, says, accepted)) for one in others)
        title = f"{plural(len(others), 'claim')} not proven, without breaking the policy"
        text += _folded(title, _list(items, len(others), _LONGEST - len(text)))
    if proven:
        lines = (f"- {_name(one)} {code(one.claim)}" for one in proven)
        listed = _list(lines, len(proven), _LONGEST - len(text))
        text += _folded(f"{plural(len(proven), 'claim')} proven", listed)
    return text


def _folded(title: str, listed: str) -> str:
    return f"\n<details>\n<summary>{title}</summary>\n{listed}\n</details>\n"


def _list(items: Iterable[str], number: int, room: int) -> str:
    """The items as a list, and how many were left out for want of room (in characters)."""
    text = ""
    for index, item in enumerate(items):
        if len(text) + len(item) > room:
            return f"{text}\n\n{number - index} more are in the full report.\n"
        text += f"\n{item}"
    return f"{text}\n" if text else ""


def _item(
    finding: Finding, says: dict[str, str], accepted: dict[tuple[str, str], str]
) -> Iterator[str]:
    verdict = finding.verdict
    why = accepted.get((finding.artifact.name, finding.claim))
    given = f" ({code(why)})" if why else ""
    match verdict:
        case Refuted(witnesses):
            yield f"- **refuted**{given} {_name(finding)} {code(finding.claim)}: {_said(finding)}"
            yield f"  The claim was: {code(says.get(finding.claim, finding.claim))}"
            for witness, instead in advised(witnesses[:_WITNESSES]):
                yield from _witness(witness)
                if places := further(witness):
                    yield f"\n  {code(places)}"
                if instead:
                    yield f"\n  Instead: {_mixed(instead)}"
        case Undecided():
            named = f"{_name(finding)} {code(finding.claim)}"
            yield f"- **undecided**{given} {named}: {_said(finding)}"
        case Proven():
            yield f"- **proven** {_name(finding)} {code(finding.claim)}"
        case _:
            assert_never(verdict)


def _witness(witness: Witness) -> Iterator[str]:
    if is_path(witness):
        yield from _path(witness)
    else:
        for number, step in enumerate(witness.steps, 1):
            at, says = str(step.place), code(step.says)
            yield f"  {number}. {says}{f' at {code(at)}' if at else ''}"
    if witness.excerpt is not None:
        rows = list(_rows(witness.excerpt, witness.place))
        ticks = fence("\n".join(rows), 3)
        yield ""
        yield from (f"  {row}".rstrip() for row in (f"{ticks}text", *rows, ticks))


def _path(witness: Witness) -> Iterator[str]:
    """Lines of source code in their order; what happens there behind each."""
    for number, row in enumerate(code_rows(witness), 1):
        at = str(row.place)
        said = [f"{code(at)} " if at else ""]
        if row.code:
            said.append(code("".join(text for text, _ in row.pieces(_LONGEST_CODE))))
        if row.says:
            said.append(f": {_mixed(row.says)}" if row.code else code(row.says))
        yield f"  {number}. {''.join(said)}"


def _rows(excerpt: Excerpt, place: Place) -> Iterator[str]:
    if excerpt.text:
        for row in text_lines(excerpt, place):
            yield f"{' ' if row.marked is None else '>'} {visible(row.text, _LONGEST_PART)}"
    else:
        for line in hex_lines(excerpt, place):
            pairs = " ".join(f"{byte:02x}" for byte in line.data)
            mark = " " if line.marked is None else ">"
            yield f"{mark} {line.start:08x}  {pairs:<47}  {line.ascii}"


def _name(finding: Finding) -> str:
    return code(finding.artifact.name)


def _said(finding: Finding) -> str:
    return code(headline(finding.verdict))


def code(text: str) -> str:
    """The text as a code span, in which nothing of it comes alive."""
    shown = visible(text, _LONGEST_PART)
    if not shown.strip():
        return f"`'{shown}'`"
    ticks = fence(shown, 1)
    # A span that begins or ends with a backtick or a space keeps it by one space of padding.
    pad = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def _mixed(says: str) -> str:
    """Words with code between backquotes as they are; all of it as code where a word is not one."""
    words, spans = says.split("`")[::2], says.split("`")[1::2]
    if len(words) != len(spans) + 1 or not all(map(_WORDS.fullmatch, words)):
        return code(says)
    parts = [word + code(span) for word, span in zip(words, spans, strict=False)]
    return "".join([*parts, words[-1]])


def fence(text: str, least: int) -> str:
    """Backticks enough to hold a text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1)
