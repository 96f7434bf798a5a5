"""Rows of known vulnerabilities, and what it takes to have seen one.

A row's sink is *flagged* if something is told within two lines of it. It is *discriminated* if it
is flagged in the vulnerable release and not at the matching place of the fixed one. Of Probatum
only a refutation of the right claim counts, at the sink or at a step of its path in the same file;
of the peers any finding of any rule.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.reviewing.reviewers import Told

_NEAR = 2
GUARDS = frozenset(["guard", "optin", "opt-in", "auth", "default", "denylist"])
"""Kinds of fix that keep the sink."""

CLAIMS = {
    "archive-traversal": ("no-archive-traversal", "no-path-traversal"),
    "code-injection": ("no-code-injection",),
    "command-injection": ("no-command-injection",),
    "deserialization": ("no-unsafe-deserialization",),
    "hardcoded-secret": ("no-hardcoded-secret",),
    "path-traversal": ("no-path-traversal", "no-archive-traversal"),
    "sandbox-escape": ("no-code-injection",),
    "sqli": ("no-sql-injection",),
    "ssrf": ("no-request-forgery",),
    "ssti": ("no-template-injection",),
    "timing": ("constant-time-comparison",),
    "trust-remote-code": ("pinned-remote-code",),
    "unsafe-reflection": ("no-unsafe-reflection",),
    "xxe": ("no-external-entities",),
}
"""The claims whose refutation is right for a class of vulnerability, by how the class begins."""


@dataclass(frozen=True)
class Row:
    """One vulnerability: the releases, the file, and the sink's lines in both (none: gone)."""

    cve: str
    package: str
    vulnerable: str
    fixed: str
    kind: str
    fix: str
    file: str
    lines: tuple[int, ...]
    fixed_lines: tuple[int, ...]
    is_call: bool

    @property
    def claims(self) -> tuple[str, ...]:
        return next((CLAIMS[one] for one in CLAIMS if self.kind.startswith(one)), ())

    @property
    def sides(self) -> tuple[tuple[str, tuple[int, ...]], tuple[str, tuple[int, ...]]]:
        """Version and lines, of the vulnerable release and of the fixed one."""
        return (self.vulnerable, self.lines), (self.fixed, self.fixed_lines)


def rows(table: Path) -> list[Row]:
    """The verified rows of a table with tabs between its columns."""
    with table.open(newline="") as opened:
        return [
            _row(one) for one in csv.DictReader(opened, delimiter="\t") if one["verified"] == "yes"
        ]


def _row(one: dict[str, str]) -> Row:
    return Row(
        cve=one["cve"],
        package=one["package"],
        vulnerable=one["last_vuln"],
        fixed=one["first_fixed"],
        kind=one["class"],
        fix=one["fix_type"],
        file=one["file"],
        lines=_lines(one["sink_lines_vuln"]),
        fixed_lines=_lines(one["sink_lines_fixed"]),
        is_call=one["sink_is_call"] == "1",
    )


def _lines(said: str) -> tuple[int, ...]:
    return tuple(int(part) for part in said.split(",") if part.strip().isdigit())


def seen(told: list[Told], file: str, lines: tuple[int, ...], claims: tuple[str, ...]) -> bool:
    """Whether something is told at one of the lines; of certain claims only, if any are given."""
    places = (
        place
        for one in told
        if not claims or one.rule in claims
        for place in one.places
        if place[0].endswith(file)
    )
    return any(abs(line - wanted) <= _NEAR for _, line in places for wanted in lines)


def groups(all_rows: list[Row]) -> Iterator[tuple[str, list[int]]]:
    """The groups that goals are set for, as numbers of rows."""
    numbered = list(enumerate(all_rows))
    yield "all rows", [number for number, _ in numbered]
    yield "sink is a call", [number for number, row in numbered if row.is_call]
    yield "fix keeps the sink", [number for number, row in numbered if row.fix in GUARDS]
    yield "other fixes", [number for number, row in numbered if row.fix not in GUARDS]
    for kind in sorted({row.kind for row in all_rows}):
        yield kind, [number for number, row in numbered if row.kind == kind]
