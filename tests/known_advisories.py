"""A snapshot of invented advisories, for tests of what rests on one."""

import json
from functools import cache
from typing import Any

from probatum.advisories.snapshot import INDEX, RECORDS, Built, build
from probatum.errors import FormatError
from probatum.vocabulary import Reason


class Known:
    """A snapshot in memory, as an analyser and a checker are given one."""

    def __init__(
        self, built: Built, covers: frozenset[str] = frozenset({"PyPI", "npm"}), stale: str = ""
    ) -> None:
        self._files = built.files()
        self.digest = built.about.digest
        self.covers = covers
        self.stale = stale

    def file(self, name: str) -> bytes:
        if name not in self._files:
            raise FormatError(Reason.MISSING_ADVISORIES, f"there is no {name}")
        return self._files[name]

    def records(self, offset: int, length: int) -> bytes:
        return self._files[RECORDS][offset : offset + length]


def record(id: str, name: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    """A record of one range of versions; `more` are fields of the record or of what it affects."""
    ecosystem = more.pop("ecosystem", "PyPI")
    affected = {
        "package": {"ecosystem": ecosystem, "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
    }
    affected |= {key: more.pop(key) for key in ("versions", "ranges") if key in more}
    modified = "2026-11-01T00:00:00Z"
    return {"id": id, "modified": modified, "affected": [affected]} | more


RECORDS_OF_CASES = (
    record("EX-1", "server", {"introduced": "0"}, {"fixed": "2.6.0"}, aliases=["CVE-1900-0001"]),
    record("EX-2", "server", {"introduced": "2.0"}, {"fixed": "2.7.0"}),
    record("EX-3", "open-ended", {"introduced": "1.0"}),
    record("EX-4", "odd-bound", {"introduced": "0"}, {"last_affected": "2.6.0-NA"}),
    record("EX-5", "taken-back", {"introduced": "0"}, withdrawn="2026-11-02T00:00:00Z"),
    record("EX-6", "listed", {"introduced": "0"}, {"fixed": "1.0"}, versions=["0.9", "1.5"]),
    record("MAL-1900-8", "taken", versions=["1.3.1"], ranges=[], aliases=["GHSA-taken"]),
    record("EX-9", "taken", {"introduced": "1.0"}, {"fixed": "1.3.2"}),
    record("MAL-1900-10", "squatted", {"introduced": "0"}, summary="Malicious code in squatted"),
    record("EX-7", "@scope/tool", {"introduced": "0"}, {"fixed": "1.2.0"}, ecosystem="npm",
           ranges=[{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]}]),
)  # fmt: skip


@cache
def known(*records: str, stale: str = "", unread: int = 0) -> Known:
    """The snapshot of these records, as JSON; of `RECORDS_OF_CASES` without any."""
    given = records or tuple(map(json.dumps, RECORDS_OF_CASES))
    built = build([one.encode() for one in given], "2026-11-20T00:00:00Z")
    assert len(built.about.unread) == unread and INDEX in built.files()
    return Known(built, stale=stale)
