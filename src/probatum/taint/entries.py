"""Tells of each way into a project whether a claim is proven, refuted or undecided of it alone."""

import ast
from collections.abc import Iterator, Mapping

from probatum.check import entry_points
from probatum.check.entry_points import Ways
from probatum.check.entry_ways import Entry as Way
from probatum.errors import Rejected
from probatum.formats.bounds import digest
from probatum.ports import Material
from probatum.taint.review import Flow, Step
from probatum.vocabulary import Certificate, Entries, Entry, Place

_STEP = 1 << 20
_ASSUMED = "what libraries do by themselves is not looked at; the entry points name these: {}"
_TOO_LARGE = "they are told of projects of up to {} MiB, and this one has {:.1f}"
_MORE = (
    "a framework calls a handler for its own route or tool alone",
    "the project's own tests are no part of what runs",
)


def ways_into(material: Material, parsed: Mapping[str, ast.Module]) -> Ways | str:
    """The entry points of a project, of which some files are `parsed`; or why they are not told."""
    if material.size > entry_points.MOST:
        return _TOO_LARGE.format(entry_points.MOST >> 20, material.size / (1 << 20))
    data = b"".join(material.read(at, _STEP) for at in range(0, material.size, _STEP))
    try:
        ways = entry_points.of_project(data, parsed)
    except Rejected as exc:
        return f"not all of the project can be followed: {exc}"
    return ways if ways.entries else "none is known in this project"


def entries(claim: str, flows: list[Flow], ways: Ways, material: Material) -> Entries:
    """The verdict on each entry point: refuted where a path begins in it, proven where its checker
    finds nothing that could make such a call, undecided by what it finds."""
    told = tuple(_entry(one, claim, flows, ways) for one in ways.entries.values())
    proven = {one.name: ways.libraries(one.name) for one in told if one.verdict == "proven"}
    if not proven:
        return Entries(told)
    facts = {
        "claim": claim,
        "size": material.size,
        "sha256": digest(material, 0, material.size),
        "entries": proven,
        "all": sorted(ways.entries),
    }
    libraries = sorted({name for named in proven.values() for name in named})
    assumed = (_ASSUMED.format(", ".join(libraries)), *_MORE) if libraries else _MORE
    return Entries(told, Certificate("entry_points", facts), assumed)


def _entry(entry: Way, claim: str, flows: list[Flow], ways: Ways) -> Entry:
    place = Place(part=entry.file, line=entry.line)
    begun = [(flow, way[-1]) for flow in flows for way in _begun_in(flow, entry)]
    unguarded = [(flow, last) for flow, last in begun if not flow.guard]
    if unguarded:
        flow, last = unguarded[0]
        says = f"{flow.source} reaches `{last.says}` ({last.file}:{last.line})"
        return Entry(entry.label, entry.says, place, "refuted", says)
    if begun:
        flow, last = begun[0]
        says = f"only `{flow.guard}` stands before `{last.says}`"
        return Entry(entry.label, entry.says, place, "undecided", says)
    doubt = ways.doubt(entry.label, claim)
    if doubt is None:
        return Entry(entry.label, entry.says, place, "proven")
    says = f"`{doubt.word}` may run ({doubt.file}:{doubt.line})"
    return Entry(entry.label, entry.says, place, "undecided", says)


def _begun_in(flow: Flow, entry: Way) -> Iterator[tuple[Step, ...]]:
    """The ways of a flow that begin in an entry point."""
    for way in (flow.steps, *flow.also):
        if way[0].file == entry.file and entry.line <= way[0].line <= entry.end:
            yield way
