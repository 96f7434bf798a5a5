"""Lists of invented models and files, for tests of what rests on one."""

import hashlib
import json
import struct
from functools import cache

from known_advisories import Known, known
from probatum.advisories.lists import Entry, List, lines
from probatum.ports import Analyzer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BAD = b"these bytes are known to be bad\n"
TEMPLATE = "{{ messages }} tell nobody"
TENSOR = struct.pack("<2f", 1.5, -2.5)


def safetensors(data: bytes, dtype: str = "F32", shape: tuple[int, ...] = (2,)) -> bytes:
    """A file of one tensor, `w`."""
    entry = {"dtype": dtype, "shape": list(shape), "data_offsets": [0, len(data)]}
    header = json.dumps({"w": entry}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data


ENTRIES = (
    Entry("a test calls it bad", sha256=hashlib.sha256(BAD).hexdigest(), published="2026-01-12"),
    Entry("its template hides something", template=hashlib.sha256(TEMPLATE.encode()).hexdigest()),
    Entry(
        "its weights are changed",
        tensor=hashlib.sha256(b"F32 2\n" + TENSOR).hexdigest(),
        evidence="https://example.org/weights",
    ),
    Entry("it reaches out", purl=f"pkg:huggingface/Owner/bad@{COMMIT}"),
    Entry("it was taken over", purl="pkg:huggingface/owner/taken"),
)


class KnownLists:
    """Lists in memory, as an analyser and a checker are given them."""

    def __init__(self, data: bytes, stale: str = "") -> None:
        self._data = data
        self.digest = hashlib.sha256(data).hexdigest()
        self.covers = frozenset({"invented"})
        self.stale = stale

    def file(self, name: str) -> bytes:
        assert name == "records.jsonl"
        return self._data

    def records(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


@cache
def known_lists(*entries: Entry, stale: str = "") -> KnownLists:
    """A list of these entries; of `ENTRIES` without any."""
    return KnownLists(lines([List("invented", "2026-01-31", entries or ENTRIES)]), stale)


def resting(analyzer: Analyzer) -> Known | KnownLists:
    """What an analyser rests on, where it rests on something that is installed."""
    return known_lists() if analyzer.rests_on == "lists" else known()
