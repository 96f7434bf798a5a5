"""The rules by which other tools match a version with a record, written again from their sources.

`osv-scanner` (offline): the text is listed, or a range before the first one of commits has it
(google/osv-scalibr, enricher/vulnmatch/osvlocal, `IsAffected`, `rangeAffectsVersion`).
`osv.dev`: the text is listed, or a range has it (google/osv.dev, gcp/api/server.py,
`_is_affected`).
`PyPI's service`: the version is listed; a build that is no release is not known to it, and skipped
(pip-audit, _service/pypi.py).

Both of OSV order what is no version below every version. A walk goes through the events in their
order and is inside or not behind the last one.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from msgspec import Struct
from pip._vendor.packaging.version import InvalidVersion, Version

Key = tuple[int, Any]
Rule = Callable[["Said", str], bool]
BEGIN: Key = (-1, "")


class Said(Struct, frozen=True):
    """What one record says of a package: listed texts, and the events of each range in order.

    `before_commits` is how many of the ranges stand before the first one of commits; the ranges of
    several entries are kept apart by what each one lists.
    """

    listed: frozenset[str]
    versions: frozenset[Key]
    ranges: tuple[tuple[tuple[Key, str, str], ...], ...]
    before_commits: int


def said(entry: dict[str, Any]) -> Said:
    """What an entry says, prepared to be asked often."""
    listed = frozenset(entry.get("versions") or ())
    lines = entry.get("ranges") or ()
    kinds = [line["type"] for line in lines]
    first = kinds.index("GIT") if "GIT" in kinds else len(kinds)
    ranges = tuple(_events(line["events"]) for line in lines if line["type"] != "GIT")
    return Said(listed, frozenset(map(order, listed)), ranges, first)


def osv_scanner(one: Said, text: str) -> bool:
    return text in one.listed or _within(one.ranges[: one.before_commits], text)


def osv_dev(one: Said, text: str) -> bool:
    return text in one.listed or _within(one.ranges, text)


def pypi_service(one: Said, text: str) -> bool:
    return order(text) in one.versions


def _within(ranges: Iterable[tuple[tuple[Key, str, str], ...]], text: str) -> bool:
    here = order(text)
    return any(_walk(events, here, text) for events in ranges)


def _walk(events: tuple[tuple[Key, str, str], ...], here: Key, text: str) -> bool:
    inside = False
    for bound, kind, written in events:
        if kind == "introduced":
            inside = inside or here >= bound
        elif kind == "fixed" and inside:
            inside = here < bound
        elif kind == "last_affected" and inside:
            inside = here <= bound or written == text
    return inside


def _events(events: list[dict[str, str]]) -> tuple[tuple[Key, str, str], ...]:
    each = [(kind, text) for event in events for kind, text in event.items()]
    marks = [(BEGIN if text == "0" else order(text), kind, text) for kind, text in each]
    return tuple(sorted(marks, key=lambda mark: mark[0]))


@lru_cache(1 << 17)
def order(text: str) -> Key:
    """A version's place; what is none stands before all of them."""
    try:
        return 1, Version(text)
    except InvalidVersion:
        return 0, text.lower()


RULES: dict[str, Rule] = {
    "osv-scanner": osv_scanner,
    "osv.dev, as pip-audit -s osv asks it": osv_dev,
    "PyPI's service, as pip-audit asks it": pypi_service,
}
