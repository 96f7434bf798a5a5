"""Reads the case pages in `tests/cases`, whose README is the format.

They are tests, and the examples of the reference pages.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

PAGES = Path(__file__).parent.parent / "tests" / "cases"
_FENCE = re.compile(r"^(`{3,}) *(\S+)([^\n]*)\n(.*?)^\1 *$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#{2,} +(.+?) *$", re.MULTILINE)
_EXPECTED = re.compile(
    r"^-> *(proven|refuted|undecided)(?:\(([a-z-]+)\))?"
    r"(?: +for +([a-z0-9-]+))?((?: +\"[^\"]*\")*) *$",
    re.MULTILINE,
)


class Expected(Struct, frozen=True):
    """One line `-> refuted for load-inert "os.system"`: verdict, reason, id, words of evidence."""

    verdict: str
    reason: str | None
    id: str | None
    words: tuple[str, ...]


class Case(Struct, frozen=True):
    """One fenced sample with the verdicts that its page promises, or what is wrong on the page."""

    page: str
    heading: str
    builder: str = ""
    options: dict[str, str] = {}
    text: str = ""
    expected: tuple[Expected, ...] = ()
    wrong: str = ""


def cases() -> list[Case]:
    """Every case of every page. What is wrong on a page fails that page, not the collection."""
    found: list[Case] = []
    for page in sorted(PAGES.glob("*.md")):
        if page.name == "README.md":
            continue
        try:
            found += cases_of(page.stem, page.read_text(encoding="utf-8"))
        except ValueError as exc:
            found.append(Case(page.stem, "the page can be read", wrong=str(exc)))
    return found


def cases_of(page: str, text: str) -> Iterator[Case]:
    """The cases on one page. A sample without a verdict, or a verdict alone, is an error."""
    fences = list(_FENCE.finditer(text))
    claimed = 0
    for fence, following in zip(fences, [*fences[1:], None], strict=True):
        below = text[fence.end() : following.start() if following else len(text)]
        expected = tuple(_expected(line) for line in _EXPECTED.finditer(below))
        claimed += len(expected)
        headings = _HEADING.findall(text, 0, fence.start())
        if not expected:
            if "example" in fence[3].split():
                continue
            raise ValueError(f"{page}.md: the sample under {headings[-1:]} promises no verdict")
        options = dict(word.split("=", 1) for word in shlex.split(fence[3]))
        heading = headings[-1] if headings else page
        yield Case(page, heading, fence[2], options, fence[4], expected)
    promised = len(re.findall(r"^->", text, re.MULTILINE))
    if promised != claimed:
        raise ValueError(f"{page}.md: {promised - claimed} line(s) '-> …' cannot be read")


def _expected(line: re.Match[str]) -> Expected:
    return Expected(line[1], line[2], line[3], tuple(re.findall(r'"([^"]*)"', line[4])))
