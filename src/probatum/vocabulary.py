"""The words every part of Probatum speaks: frozen data, no I/O.

A **Target** is opened into **Artifacts**; of each artifact one or more **Claims** are
judged; each (artifact, claim) ends in exactly one **Verdict** with its **Evidence**
(a certificate, witnesses, or a reason); the **Findings** form a **Report**, and a
**Policy** decides what the report is worth to a team.
"""

from enum import StrEnum
from typing import Any, NoReturn

from msgspec import Struct


class Expected(Struct, frozen=True, omit_defaults=True):
    """What a manifest beside an artifact says of its bytes: `digest` (`sha256:<hex>` or
    `sha512:<hex>`) and `size` in bytes, said by the artifact or listing named `by`.

    `costly` where the bytes lie far away, so that reading them all to compare means fetching
    them all.
    """

    digest: str
    by: str
    size: int | None = None
    costly: bool = False


class Artifact(Struct, frozen=True, kw_only=True):
    """One thing inside a target that can be judged.

    `name` is unique in a report and says where the artifact lies: a path relative to the
    target, then `!/member` for each container it was taken out of (`model.pt!/archive/data.pkl`).
    `size` is in bytes. `digest` is `sha256:<hex>` of the whole content, or None where reading
    all of it was not worth its cost or not possible; certificates bind what they rest on
    themselves and never rely on it. `parent` is the `name` of the container. `expected` is
    what a manifest says of the bytes (the claim `digest-matches`); None where none does.
    """

    name: str
    kind: str
    size: int
    digest: str | None = None
    parent: str | None = None
    expected: Expected | None = None


class Claim(Struct, frozen=True):
    """One sentence that is true or false of an artifact, worded so that it can be decided."""

    id: str
    says: str


class Reason(StrEnum):
    """Why a claim stayed undecided. The `detail` beside it names the one missing fact."""

    MISSING_SUMMARY = "missing-summary"
    MISSING_ADVISORIES = "missing-advisories"
    PARSER_DIFFERENTIAL = "parser-differential"
    UNKNOWN_KIND = "unknown-kind"
    NOT_ANALYSED = "not-analysed"
    OPAQUE = "opaque"
    UNRESOLVED = "unresolved"
    UNSUPPORTED = "unsupported"
    MALFORMED = "malformed"
    TRUNCATED = "truncated"
    ENCRYPTED = "encrypted"
    OUTSIDE_TARGET = "outside-target"
    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    OVER_LIMIT = "over-limit"
    OUT_OF_TIME = "out-of-time"
    OUT_OF_MEMORY = "out-of-memory"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"
    MISSING_EXTRA = "missing-extra"
    OFFLINE = "offline"
    STATISTICAL = "statistical"


class Place(Struct, frozen=True, omit_defaults=True):
    """Where in an artifact something stands: a byte offset, a line (from 1), or a named part.

    A line with a part is a line of that part; a column (from 1, in characters) is one of the line.
    """

    offset: int | None = None
    line: int | None = None
    part: str | None = None
    column: int | None = None

    def __str__(self) -> str:
        said = []
        line = f"{self.line}" if self.column is None else f"{self.line}:{self.column}"
        if self.part and self.line is not None:
            said.append(f"{self.part}:{line}")
        elif self.part:
            said.append(self.part)
        elif self.line is not None:
            said.append(f"line {line}")
        if self.offset is not None:
            said.append(f"byte {self.offset}")
        return ", ".join(said)


class Step(Struct, frozen=True):
    """One step of a trace that leads to an effect.

    In source code `code` is the line at the place, and `end` the line and column (from 1) behind
    the last character of the expression that begins there.
    """

    says: str
    place: Place = Place()
    code: str = ""
    end: tuple[int, int] | None = None


class Excerpt(Struct, frozen=True):
    """The bytes around a witness. `start` is the offset of the first byte; shown as text or hex."""

    start: int
    data: bytes
    text: bool = False


class Witness(Struct, frozen=True):
    """A place at which a claim is broken, and the steps by which anyone can replay it.

    `instead` says what would have stopped it, where that can be said. `also` are the traces to
    further places like it, which are told as one with this.
    """

    says: str
    place: Place = Place()
    steps: tuple[Step, ...] = ()
    excerpt: Excerpt | None = None
    instead: str = ""
    also: tuple[tuple[Step, ...], ...] = ()


class Certificate(Struct, frozen=True):
    """What `probatum.check.<checker>` re-derives from the artifact's bytes, and from nothing else.

    `checker` is a module name in `probatum.check`; `facts` is plain JSON data whose shape that
    module documents.
    """

    checker: str
    facts: dict[str, Any]


FLAW = "known flaw"
"""What `says` of an entry that is a vulnerability of an installed package, and no way in."""


class Entry(Struct, frozen=True):
    """One way into an artifact, such as a route of a web application, and the verdict on it alone.

    `name` is the function (`app.py:read`), `says` what makes it a way in, `verdict` one of
    `proven`, `refuted` and `undecided`, `detail` why it is not proven, if it is not.
    """

    name: str
    says: str
    place: Place
    verdict: str
    detail: str = ""


class Entries(Struct, frozen=True):
    """The ways into an artifact, where a claim is not proven of all of it.

    `certificate` shows the claim for those that are proven, under `assumptions`; None if none is.
    `unknown` says why they are not told, where they are not.
    """

    of: tuple[Entry, ...]
    certificate: Certificate | None = None
    assumptions: tuple[str, ...] = ()
    unknown: str = ""


class _NoTruth:
    """A verdict has no truth value: there is no way to ask it whether a file is "safe"."""

    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict is neither true nor false: match on Proven, Refuted, Undecided")


class Proven(Struct, _NoTruth, frozen=True, tag_field="verdict", tag="proven"):
    """The claim holds, shown by `certificate`, under `assumptions` (one sentence each)."""

    certificate: Certificate
    assumptions: tuple[str, ...] = ()


class Refuted(Struct, _NoTruth, frozen=True, tag_field="verdict", tag="refuted"):
    """The claim is broken at each of the `witnesses` (at least one)."""

    witnesses: tuple[Witness, ...]
    entries: Entries | None = None

    def __post_init__(self) -> None:
        if not self.witnesses:
            raise ValueError("a refutation needs a witness")


class Undecided(Struct, _NoTruth, frozen=True, tag_field="verdict", tag="undecided"):
    """Neither shown nor broken: `reason` is the class of what is missing, `detail` the fact."""

    reason: Reason
    detail: str
    place: Place = Place()
    entries: Entries | None = None


Verdict = Proven | Refuted | Undecided


class Finding(Struct, frozen=True):
    """The one verdict of one analyser on one claim about one artifact."""

    artifact: Artifact
    claim: str
    analyzer: str
    verdict: Verdict


class Planned(Struct, frozen=True):
    """One (artifact, claim) the audit set out to judge, so that silence is impossible."""

    artifact: str
    claim: str
    analyzer: str


class Report(Struct, frozen=True, kw_only=True):
    """Every finding of one audit, with what was planned.

    Invariant (checked by `probatum.audit.report`): each planned (artifact, claim) has exactly
    one finding. `interrupted` says that the user stopped the audit before the plan was whole.
    `claims` holds the sentence of each claim judged, so that a report reads without the analysers.
    """

    targets: tuple[str, ...]
    planned: tuple[Planned, ...]
    findings: tuple[Finding, ...]
    interrupted: bool = False
    claims: tuple[Claim, ...] = ()
