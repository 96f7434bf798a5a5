"""Reads again what the lists of Debian's and Alpine's package managers name, by their sources.

Advisories on both speak of source packages in the source's version. The release is the one that
the list itself tells, by `base-files` of Debian and `alpine-release` of Alpine. A list without
one, a field that stands twice, a line that is none of a field, and a package that is pinned to
another repository are Rejected.

Sources: deb822(5), deb-control(5), dpkg(1); wiki.alpinelinux.org, "Apk spec"; the OSV schema.
"""

import re
from collections.abc import Iterator

from probatum.errors import Rejected

Named = tuple[str, str, str]

_DEBIAN_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]*):(.*)", re.A)
_ALPINE_FIELD = re.compile(r"([A-Za-z]):(.*)", re.A)
_SOURCE = re.compile(r"([a-z0-9][A-Za-z0-9.+_-]*)(?: \(([^\s()]+)\))?", re.A)
_NAME = re.compile(r"[A-Za-z0-9._][A-Za-z0-9.+_-]*", re.A)
_NUMBERED = re.compile(r"(\d+)(?:[.+~](?:(?!ubuntu)[a-z0-9.+~])*)?", re.A)
_OF_FILES = frozenset("FMRaZ")  # stand in a package of Alpine once for each of its files


def debian(text: str) -> Iterator[Named]:
    """`var/lib/dpkg/status`. Raises: Rejected."""
    packages = [one for one in _packages(text, _DEBIAN_FIELD) if _is_installed(one)]
    release = _one({_debian_release(one) for one in packages} - {""})
    for one in packages:
        source = _SOURCE.fullmatch(one.get("Source", one["Package"]))
        version = source[2] or one["Version"] if source is not None else ""
        if source is None or not version or " " in version:
            raise Rejected(f"2: no package with a version: {one['Package'][:80]}")
        yield f"Debian:{release}", source[1], version


def alpine(text: str) -> Iterator[Named]:
    """`lib/apk/db/installed`. Raises: Rejected."""
    packages = list(_packages(text, _ALPINE_FIELD))
    release = _one({_alpine_release(one) for one in packages} - {""})
    for one in packages:
        name = one.get("o", one["P"])
        if not _NAME.fullmatch(name) or not one["V"] or " " in one["V"] or "s" in one:
            raise Rejected(f"2: no package of this release with a version: {name[:80]}")
        yield f"Alpine:v{release}", name, one["V"]


def _packages(text: str, field: re.Pattern[str]) -> Iterator[dict[str, str]]:
    """The fields of each package; one of several lines is its first line."""
    if "\r" in text:
        raise Rejected("2: a line that ends for some readers only")
    for paragraph in re.split(r"\n{2,}", text.strip("\n")):
        fields: dict[str, str] = {}
        for line in paragraph.split("\n"):
            if line.startswith((" ", "\t")) and line.strip() and field is _DEBIAN_FIELD and fields:
                continue
            found = field.fullmatch(line)
            if found is None or _stands_twice(found[1], fields):
                raise Rejected(f"2: no field of its own: {line[:80]!r}")
            fields[found[1]] = found[2].strip(" \t")
        yield fields


def _stands_twice(name: str, fields: dict[str, str]) -> bool:
    """Names of Debian's fields are one in large and small letters; those of Alpine are not."""
    if len(name) == 1:
        return name in fields and name not in _OF_FILES
    is_known = name in ("Package", "Version", "Source", "Status")
    return name in fields or (
        not is_known and name.title() in ("Package", "Version", "Source", "Status")
    )


def _is_installed(package: dict[str, str]) -> bool:
    """Whether more than the settings of a package are there."""
    words = package["Status"].split()
    if len(words) != 3:
        raise Rejected("2: a package in no state that is known")
    return words[2] not in ("config-files", "not-installed")


def _debian_release(package: dict[str, str]) -> str:
    found = _NUMBERED.fullmatch(package["Version"]) if package["Package"] == "base-files" else None
    return found[1] if found is not None else ""


def _alpine_release(package: dict[str, str]) -> str:
    named = package["P"] in ("alpine-release", "alpine-base")
    found = re.match(r"(\d+\.\d+)\.\d", package["V"], re.A) if named else None
    return found[1] if found is not None else ""


def _one(releases: set[str]) -> str:
    if len(releases) != 1:
        raise Rejected("2: of which release these are, is not told by the list")
    return releases.pop()
