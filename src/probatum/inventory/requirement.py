"""Reads one requirement on a Python distribution, and the name of a file that holds one.

Sources: PEP 508 (packaging.python.org, dependency specifiers), PEP 440 (version specifiers), PEP
427 (`{name}-{version}(-{build})?-{python}-{abi}-{platform}.whl`), pip's documentation of VCS
support (`#egg=`).
"""

import re
from urllib.parse import unquote, urldefrag

from msgspec import Struct
from msgspec.structs import replace

from probatum.components import Component, python_name
from probatum.vocabulary import Place

_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_EXTRAS = r"\[(?P<extras>[\w\s.,-]*)\]"
_REQUIREMENT = re.compile(
    rf"(?P<name>{_NAME}) ?(?:{_EXTRAS})? ?"
    r"(?:@ ?(?P<url>\S+)(?= |\Z)|\((?P<inner>[^()]*)\)|(?P<wanted>[~=!<>][^;@()]*)|)"
    r" ?(?:;(?P<marker>.*))?\Z",
    re.ASCII,
)
_CLAUSE = re.compile(r"\s*(~=|===?|!=|<=|>=|<|>)\s*([^\s,;()]+)\s*\Z")
_WHEEL = re.compile(r"(?P<name>[\w.]+)-(?P<version>[^-/]+)(?:-\d[^-/]*)?(?:-[^-/]+){3}\.whl\Z")
_SDIST = re.compile(rf"(?P<name>{_NAME})-(?P<version>\d[^-/]*)\.(?:tar\.\w+|tgz|zip)\Z")
_HASH = re.compile(r"(sha\d+|md5)=([0-9a-fA-F]+)")
_EGG = re.compile(rf"(?:^|&)egg=({_NAME})(?:\[[^&]*\])?(?:&|\Z)")
_LONGEST = 1 << 14
_LONGEST_FILE = 512


class Requirement(Struct, frozen=True, kw_only=True):
    """What is wanted of one distribution: a range or a pin, or the address that it comes from.

    `at` is the index of the name in the text.
    """

    name: str
    at: int
    wanted: str = ""
    url: str = ""
    marker: str = ""


def requirement(text: str) -> Requirement | None:
    """The requirement that the text is; None if it is none."""
    bare = " ".join(text.split())  # no run of spaces that an expression could divide in many ways
    found = _REQUIREMENT.match(bare) if len(text) <= _LONGEST else None
    if found is None:
        return None
    wanted = (found["wanted"] or found["inner"] or "").strip()
    if wanted and _clauses(wanted) is None:
        return None
    if found["url"] and not {":", "/"} & set(found["url"]):
        return None
    return Requirement(
        name=python_name(found["name"]),
        at=len(text) - len(text.lstrip()),
        wanted=wanted,
        url=found["url"] or "",
        marker=(found["marker"] or "").strip(),
    )


def is_name(text: str) -> bool:
    """Whether the text can be the name of a distribution."""
    return len(text) <= _LONGEST and re.fullmatch(_NAME, text, re.ASCII) is not None


def pinned(wanted: str) -> str:
    """The one version that a specifier allows by name; empty where it allows others, or none."""
    clauses = _clauses(wanted) or ()
    exact = {said for sign, said in clauses if sign in ("==", "===") and not said.endswith(".*")}
    return exact.pop() if len(exact) == 1 else ""


def component(text: str, place: Place, groups: tuple[str, ...] = ()) -> Component | None:
    """The component that a requirement asks for; None if the text is no requirement."""
    found = requirement(text)
    if found is None:
        return None
    if found.url:
        told = by_address(found.url, place, found.name)
        return replace(told, marker=found.marker, groups=groups) if told is not None else None
    version = pinned(found.wanted)
    return Component(
        ecosystem="PyPI",
        name=found.name,
        version=version,
        place=place,
        wanted="" if version else found.wanted,
        marker=found.marker,
        groups=groups,
    )


def by_address(url: str, place: Place, name: str = "") -> Component | None:
    """What lies at an address, or in a file, as far as its own name tells; None if it does not."""
    address, fragment = urldefrag(url[:_LONGEST])
    file = unquote(address.partition("?")[0].rstrip("/").rpartition("/")[2])[-_LONGEST_FILE:]
    found = _WHEEL.match(file) or _SDIST.match(file)
    egg = _EGG.search(fragment)
    told = name or (found["name"] if found else "") or (egg[1] if egg else "")
    if not is_name(told):
        return None
    same = found is not None and python_name(found["name"]) == python_name(told)
    return Component(
        ecosystem="PyPI",
        name=python_name(told),
        version=found["version"] if found and same else "",
        place=place,
        wanted="" if same else address,
        hashes=tuple(f"{one[1]}:{one[2].lower()}" for one in _HASH.finditer(fragment)),
        source=address,
    )


def _clauses(wanted: str) -> tuple[tuple[str, str], ...] | None:
    """The signs and versions of a specifier; None if it is none."""
    parts = [one for one in wanted.split(",") if one.strip()]
    found = [_CLAUSE.match(one) for one in parts]
    if not all(found):
        return None
    return tuple((one[1], one[2]) for one in found if one is not None)
