"""How urgent a vulnerability is: known to be exploited (CISA KEV), likely to be (EPSS).

Both stand beside advisories and decide no verdict. They are kept as one text, a line of JSON and
then one line a CVE in the order of their names, so that one is found without reading all:

    {"epss":"2026-11-22","kev":"2026-11-21"}
    CVE-2021-44228 0.94358 0.99962 2021-12-10

Source: first.org/epss (the columns), the JSON schema of CISA's catalogue (`cveID`, `dateAdded`).
"""

import mmap
import re
from collections.abc import Iterable, Iterator

import msgspec
from msgspec import Struct

from probatum.errors import FormatError
from probatum.vocabulary import Reason

_CVE = re.compile(r"CVE-\d{4}-\d{4,12}")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_SHARE = re.compile(r"1(?:\.0{1,12})?|0(?:\.\d{1,12})?|[1-9](?:\.\d{1,12})?e-\d\d?")
_HEADER = re.compile(r"#.*?score_date:\s*(\d{4}-\d\d-\d\d)")
_MOST = 5_000_000


class Priority(Struct, frozen=True, omit_defaults=True):
    """What is known of one CVE: `exploited_since` a day, `epss` the chance in 30 days, its rank."""

    exploited_since: str = ""
    epss: float | None = None
    percentile: float | None = None
    scored_on: str = ""


class Scores(Struct, frozen=True):
    """EPSS of one day: of each CVE the score and the percentile, as they were written."""

    day: str
    of: dict[str, tuple[str, str]]


class Exploited(Struct, frozen=True):
    """CISA's catalogue of one day: of each CVE the day it was added."""

    day: str
    since: dict[str, str]


class _Listed(Struct):
    cveID: str
    dateAdded: str


class _Catalogue(Struct):
    catalogVersion: str
    dateReleased: str
    vulnerabilities: list[_Listed]


class _Days(Struct):
    epss: str = ""
    kev: str = ""


def scores(lines: Iterable[bytes]) -> Scores:
    """EPSS from its table. Raises: FormatError if a line of it is not one."""
    day, of, columns = "", dict[str, tuple[str, str]](), False
    for number, line in enumerate(lines, 1):
        text = line.decode("ascii", "replace").strip()
        if found := _HEADER.match(text):
            day = found[1]
        elif text == "cve,epss,percentile":
            columns = True
        elif text:
            cve, *shares = text.split(",")
            good = _CVE.fullmatch(cve) and len(shares) == 2 and all(map(_SHARE.fullmatch, shares))
            if not columns or not good or len(of) >= _MOST:
                raise FormatError(Reason.MALFORMED, f"line {number} is no score of EPSS")
            of[cve] = (shares[0], shares[1])
    if not day or not of:
        raise FormatError(Reason.MALFORMED, "a table of EPSS without its day, or without scores")
    return Scores(day, of)


def exploited(text: bytes) -> Exploited:
    """CISA's catalogue from its JSON. Raises: FormatError if it is not that."""
    try:
        read = msgspec.json.decode(text, type=_Catalogue)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise FormatError(Reason.MALFORMED, f"no catalogue of CISA: {exc}") from exc
    since = {one.cveID: one.dateAdded for one in read.vulnerabilities}
    day = read.dateReleased[:10]
    if not since or not all(map(_CVE.fullmatch, since)):
        raise FormatError(Reason.MALFORMED, "CISA's catalogue names what is no CVE, or nothing")
    if not all(map(_DAY.fullmatch, (day, *since.values()))):
        raise FormatError(Reason.MALFORMED, "CISA's catalogue has a day that is none")
    return Exploited(day, since)


def written(scored: Scores | None, listed: Exploited | None) -> Iterator[bytes]:
    """The text of both, line by line."""
    days = _Days(scored.day if scored else "", listed.day if listed else "")
    yield msgspec.json.encode(days) + b"\n"
    shares = scored.of if scored else {}
    since = listed.since if listed else {}
    for cve in sorted({*shares, *since}):
        epss, percentile = shares.get(cve, ("-", "-"))
        yield f"{cve} {epss} {percentile} {since.get(cve, '-')}\n".encode()


class Priorities:
    """Looks CVEs up in such a text; `data` may be a mapped file."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        self._data = data
        end = data.find(b"\n") + 1
        self._start = end
        try:
            days = msgspec.json.decode(data[:end], type=_Days)
        except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
            raise FormatError(Reason.MALFORMED, "no text of priorities") from exc
        self.epss_day, self.kev_day = days.epss, days.kev

    def of(self, ids: Iterable[str]) -> Priority:
        """The most urgent that is said of any of `ids`: the names of one vulnerability."""
        found = [one for one in map(self._of, ids) if one is not None]
        since = min((one.exploited_since for one in found if one.exploited_since), default="")
        scored = max((one for one in found if one.epss is not None), default=None,
                     key=lambda one: one.epss or 0.0)  # fmt: skip
        if scored is None:
            return Priority(since)
        return Priority(since, scored.epss, scored.percentile, self.epss_day)

    def lines(self) -> Iterator[tuple[str, str, str, str]]:
        """Every CVE with its two shares and its day, `-` for what is not known."""
        for line in bytes(self._data[self._start :]).decode("ascii", "replace").splitlines():
            fields = line.split(" ")
            if len(fields) == 4:
                yield fields[0], fields[1], fields[2], fields[3]

    def _of(self, cve: str) -> Priority | None:
        if not _CVE.fullmatch(cve):
            return None
        line = self._line(cve.encode() + b" ")
        if line is None:
            return None
        _, epss, percentile, since = line.decode("ascii", "replace").split(" ")
        return Priority(
            "" if since == "-" else since,
            None if epss == "-" else float(epss),
            None if percentile == "-" else float(percentile),
        )

    def _line(self, wanted: bytes) -> bytes | None:
        """The line that begins with `wanted`, by halving the text."""
        low, high = self._start, len(self._data)
        while low < high:
            middle = (low + high) // 2
            start = max(self._data.rfind(b"\n", 0, middle) + 1, low)
            end = self._data.find(b"\n", start)
            line = self._data[start : end if end >= 0 else high]
            if line.startswith(wanted):
                return line
            if line < wanted:
                low = start + len(line) + 1
            else:
                high = start
        return None
