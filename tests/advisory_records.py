"""Advisories as tests write them: records in the OSV schema, of packages that do not exist."""

import json
from typing import Any

from probatum.advisories.index import Index
from probatum.advisories.matching import Match, affected
from probatum.advisories.snapshot import build, loaded
from probatum.components import Component

Event = tuple[str, str]


def record(own: str = "TEST-1", *entries: dict[str, Any], **how: Any) -> bytes:
    said = {"id": own, "modified": "2026-01-02T00:00:00Z", "affected": list(entries), **how}
    return json.dumps(said).encode()


def entry(
    *events: Event,
    name: str = "thing",
    ecosystem: str = "PyPI",
    versions: list[str] | None = None,
    kind: str = "ECOSYSTEM",
) -> dict[str, Any]:
    """One entry with one range, or with none if there are no events."""
    ranges = [{"type": kind, "events": [{event: text} for event, text in events]}]
    said = {"package": {"ecosystem": ecosystem, "name": name}, "versions": versions}
    return {**said, "ranges": ranges if events else []}


def index(*records: bytes) -> Index:
    return loaded(build(records, "2026-01-03").files()).index


def matches(
    data: list[bytes], version: str, name: str = "thing", ecosystem: str = "PyPI"
) -> tuple[Match, ...]:
    return affected(index(*data), Component(ecosystem=ecosystem, name=name, version=version))


def verdicts(data: list[bytes], versions: str, **how: str) -> str:
    """A letter for each of the versions: `a`ffected, `n`ot, `u`nknown."""
    told = (matches(data, version, **how) for version in versions.split())
    return "".join("".join(match.verdict[0] for match in found) or "-" for found in told)
