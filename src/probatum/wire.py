"""A report as JSON, schema version 1 (`render/report-v1.schema.json` describes it in full).

Each finding is one line of the text, so that a report of any size can be written, searched and
compared line by line. Reading is strict, since a report may come from anyone: what the schema
does not know, contradicts itself or nests too deep is a UsageError, never a traceback.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from probatum import __version__, claims
from probatum.errors import UsageError
from probatum.tallies import verdict_word
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Entries,
    Entry,
    Finding,
    Place,
    Planned,
    Proven,
    Reason,
    Refuted,
    Report,
    Undecided,
    Verdict,
    Witness,
)

VERSION = 1

# Facts nested deeper than this are refused: no checker writes them, and a reader that recurses
# would fail on them.
FACTS_DEPTH = 64


def to_json(report: Report) -> bytes:
    """The report as JSON text. The same report always gives the same bytes."""
    return b"".join(pieces(report))


def pieces(report: Report) -> Iterator[bytes]:
    """The same text in pieces of about one finding, for writing a big report as it is made."""
    says = sentences(report)
    yield b'{"version":%d,\n"tool":%s,\n' % (VERSION, _encoded(_Tool("probatum", __version__)))
    yield b'"targets":%s,\n' % _encoded(report.targets)
    yield b'"interrupted":%s,\n' % _encoded(report.interrupted)
    yield b'"summary":%s,\n' % _encoded(_summary(report.findings))
    yield from _array(b"planned", report.planned)
    yield b",\n"
    yield from _array(b"findings", (_flat(finding, says) for finding in report.findings))
    yield b"}\n"


def from_json(text: bytes) -> Report:
    """The report that `text` describes.

    Raises: UsageError if it is no report of this schema version, or contradicts itself.
    """
    _demand_version(text)
    read = _decoded(text, _Report)
    findings = tuple(_finding(flat) for flat in read.findings)
    _demand_one_verdict_each(findings)
    if read.summary != _summary(findings):
        raise _not_a_report("its summary does not count its findings")
    return Report(
        targets=read.targets,
        planned=msgspec.convert(read.planned, tuple[Planned, ...], from_attributes=True),
        findings=findings,
        interrupted=read.interrupted,
        claims=_claims(read.findings),
    )


def sentences(report: Report) -> dict[str, str]:
    """The sentence of each claim, by its id: the shared claims and those the report brings."""
    return _shared_sentences() | {claim.id: claim.says for claim in report.claims}


def facts_text(certificate: Certificate) -> str:
    """The facts as indented JSON, the way a report carries them."""
    return msgspec.json.format(_encoded(_shallow(certificate).facts), indent=2).decode()


# What is written. Nested structs are the vocabulary's own.


class _Tool(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    version: str


class _Summary(Struct, frozen=True, forbid_unknown_fields=True):
    proven: int
    refuted: int
    undecided: int


class _FlatProven(Struct, frozen=True, tag_field="verdict", tag="proven"):
    artifact: Artifact
    claim: str
    says: str
    analyzer: str
    assumptions: tuple[str, ...]
    certificate: Certificate


class _FlatRefuted(Struct, frozen=True, omit_defaults=True, tag_field="verdict", tag="refuted"):
    artifact: Artifact
    claim: str
    says: str
    analyzer: str
    witnesses: tuple[Witness, ...]
    entries: Entries | None = None


class _FlatUndecided(Struct, frozen=True, omit_defaults=True, tag_field="verdict", tag="undecided"):
    artifact: Artifact
    claim: str
    says: str
    analyzer: str
    reason: Reason
    detail: str
    place: Place
    entries: Entries | None = None


def _flat(finding: Finding, says: dict[str, str]) -> _FlatProven | _FlatRefuted | _FlatUndecided:
    subject = (finding.artifact, finding.claim, says.get(finding.claim, ""), finding.analyzer)
    match finding.verdict:
        case Proven(certificate, assumptions):
            return _FlatProven(*subject, assumptions, _shallow(certificate))
        case Refuted(witnesses, entries):
            return _FlatRefuted(*subject, witnesses, entries)
        case Undecided(reason, detail, place, entries):
            return _FlatUndecided(*subject, reason, detail, place, entries)


def _array(key: bytes, items: Iterable[object]) -> Iterator[bytes]:
    yield b'"%s":[' % key
    between = b"\n"
    for item in items:
        yield between + _encoded(item)
        between = b",\n"
    yield b"\n]"


def _encoded(value: object) -> bytes:
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError):
        # An analyser put something in its evidence that JSON cannot hold, such as half a
        # surrogate pair out of the audited bytes. The report is not lost for it: the value is
        # written readably, and a certificate that needed it exactly will be rejected.
        return _encoder.encode(_writable(value))


def _shallow(certificate: Certificate) -> Certificate:
    if not _depth_over(certificate.facts, FACTS_DEPTH):
        return certificate
    return Certificate(certificate.checker, {"unwritable": "nested too deep"})


def _writable(value: Any) -> Any:
    match value:
        case Reason() | None | bool() | int() | float() | bytes():
            return value
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case Struct():
            fields = value.__struct_fields__
            return type(value)(**{name: _writable(getattr(value, name)) for name in fields})
        case dict():
            return {_writable(str(key)): _writable(one) for key, one in value.items()}
        case list() | tuple():
            return tuple(_writable(one) for one in value)
    return ascii(value)


_encoder = msgspec.json.Encoder(order="deterministic")


# What is read. Every struct refuses fields it does not know and numbers that cannot be.

_Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Line = Annotated[int, Meta(ge=1, le=2**63 - 1)]
_Id = Annotated[str, Meta(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=200)]
_Checker = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]*$", max_length=200)]


class _Place(Struct, frozen=True, forbid_unknown_fields=True):
    offset: _Count | None = None
    line: _Line | None = None
    part: str | None = None
    column: _Line | None = None


class _Step(Struct, frozen=True, forbid_unknown_fields=True):
    says: str
    place: _Place
    code: str
    end: tuple[_Line, _Line] | None


class _Excerpt(Struct, frozen=True, forbid_unknown_fields=True):
    start: _Count
    data: bytes
    text: bool


class _Witness(Struct, frozen=True, forbid_unknown_fields=True):
    says: str
    place: _Place
    steps: tuple[_Step, ...]
    excerpt: _Excerpt | None
    instead: str
    also: tuple[Annotated[tuple[_Step, ...], Meta(min_length=1)], ...]


class _Expected(Struct, frozen=True, forbid_unknown_fields=True):
    digest: Annotated[str, Meta(pattern=r"^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$")]
    by: str
    size: _Count | None = None
    costly: bool = False


class _Artifact(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    kind: _Id
    size: _Count
    digest: Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}$")] | None
    parent: str | None
    expected: _Expected | None


class _Certificate(Struct, frozen=True, forbid_unknown_fields=True):
    checker: _Checker
    facts: dict[str, Any]


class _Entry(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    says: str
    place: _Place
    verdict: Literal["proven", "refuted", "undecided"]
    detail: str


class _Entries(Struct, frozen=True, forbid_unknown_fields=True):
    of: tuple[_Entry, ...]
    certificate: _Certificate | None
    assumptions: tuple[str, ...]
    unknown: str = ""


class _Subject(Struct, frozen=True, forbid_unknown_fields=True, tag_field="verdict"):
    artifact: _Artifact
    claim: _Id
    says: str
    analyzer: _Id


class _ReadProven(_Subject, frozen=True, tag="proven"):
    assumptions: tuple[str, ...]
    certificate: _Certificate


class _ReadRefuted(_Subject, frozen=True, tag="refuted"):
    witnesses: Annotated[tuple[_Witness, ...], Meta(min_length=1)]
    entries: _Entries | None = None


class _ReadUndecided(_Subject, frozen=True, tag="undecided"):
    reason: Reason
    detail: str
    place: _Place
    entries: _Entries | None = None


_Read = _ReadProven | _ReadRefuted | _ReadUndecided


class _Planned(Struct, frozen=True, forbid_unknown_fields=True):
    artifact: str
    claim: _Id
    analyzer: _Id


class _Report(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    tool: _Tool
    targets: tuple[str, ...]
    interrupted: bool
    summary: _Summary
    planned: tuple[_Planned, ...]
    findings: tuple[_Read, ...]


class _Header(Struct, frozen=True):
    version: int


_Shape = TypeVar("_Shape")


def _demand_version(text: bytes) -> None:
    version = _decoded(text, _Header).version
    if version != VERSION:
        raise UsageError(
            f"the report has schema version {version:.0f} and this Probatum reads {VERSION}: "
            "audit again, or use the version that wrote it"
        )


def _decoded(text: bytes, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.json.decode(text, type=shape)
    except RecursionError as exc:
        raise _not_a_report("it is nested too deep") from exc
    except ValueError as exc:
        raise _not_a_report(ascii(str(exc))[1:-1][:300]) from exc


def _not_a_report(why: str) -> UsageError:
    return UsageError(f"not a Probatum report: {why}")


def _finding(read: _Read) -> Finding:
    artifact = msgspec.convert(read.artifact, Artifact, from_attributes=True)
    return Finding(artifact, read.claim, read.analyzer, _verdict(read))


def _verdict(read: _Read) -> Verdict:
    match read:
        case _ReadProven():
            return Proven(_certificate(read.certificate), read.assumptions)
        case _ReadRefuted():
            witnesses = tuple[Witness, ...]
            found = msgspec.convert(read.witnesses, witnesses, from_attributes=True)
            return Refuted(found, _entries(read.entries))
        case _ReadUndecided():
            place = msgspec.convert(read.place, Place, from_attributes=True)
            return Undecided(read.reason, read.detail, place, _entries(read.entries))


def _certificate(read: _Certificate) -> Certificate:
    if _depth_over(read.facts, FACTS_DEPTH):
        raise _not_a_report(f"a certificate nests deeper than {FACTS_DEPTH}")
    return Certificate(read.checker, read.facts)


def _entries(read: _Entries | None) -> Entries | None:
    if read is None:
        return None
    of = msgspec.convert(read.of, tuple[Entry, ...], from_attributes=True)
    certificate = _certificate(read.certificate) if read.certificate is not None else None
    return Entries(of, certificate, read.assumptions, read.unknown)


def _depth_over(facts: object, limit: int) -> bool:
    level = [facts]
    for _ in range(limit):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    match value:
        case dict():
            return value.values()
        case list() | tuple():
            return value
    return ()


def _demand_one_verdict_each(findings: Iterable[Finding]) -> None:
    judged: set[tuple[str, str]] = set()
    artifacts: dict[str, Artifact] = {}
    for finding in findings:
        name = finding.artifact.name
        if artifacts.setdefault(name, finding.artifact) != finding.artifact:
            raise _not_a_report(f"it describes {name!a} in two ways")
        if (name, finding.claim) in judged:
            raise _not_a_report(f"it gives two verdicts on {finding.claim} of {name!a}")
        judged.add((name, finding.claim))


def _claims(findings: Iterable[_Read]) -> tuple[Claim, ...]:
    says: dict[str, str] = {}
    for finding in findings:
        if says.setdefault(finding.claim, finding.says) != finding.says:
            raise _not_a_report(f"it words the claim {finding.claim} in two ways")
    return tuple(Claim(id, sentence) for id, sentence in says.items())


def _summary(findings: Iterable[Finding]) -> _Summary:
    tally = Counter(verdict_word(finding.verdict) for finding in findings)
    return _Summary(tally["proven"], tally["refuted"], tally["undecided"])


@cache
def _shared_sentences() -> dict[str, str]:
    return {claim.id: claim.says for claim in vars(claims).values() if isinstance(claim, Claim)}
