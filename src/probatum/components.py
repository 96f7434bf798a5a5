"""What software is made of: components, and the inventory of them that one artifact names."""

import re
from urllib.parse import quote

from msgspec import Struct

from probatum.vocabulary import Place

_TYPES = {
    "PyPI": "pypi", "npm": "npm", "Go": "golang", "crates.io": "cargo", "Debian": "deb/debian",
    "Alpine": "apk/alpine", "conda": "conda", "Hugging Face": "huggingface",
    "generic": "generic",
}  # fmt: skip
_RUNS = re.compile(r"[-_.]+")


class Component(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One package, model or service, as one place names it.

    `ecosystem` is the OSV schema's name (`PyPI`, `npm`, `Go`, `crates.io`, `Debian:12`,
    `Alpine:v3.20`), `name` is written as that ecosystem compares names, `version` as it stands
    there, empty where none is fixed; then `wanted` is the range or the reference that stands
    instead. `hashes` are `<algorithm>:<hex>`. `source` says where it is taken from (an address, a
    repository, a folder) where that is not the ecosystem's own registry: an advisory on a package
    of that name may speak of something else. `marker` is the condition under which it is
    installed, `groups` the extras or groups that ask for it, none for the main ones. `needs` are
    the names of those that it needs in turn, each with its version where that is told too.
    """

    ecosystem: str
    name: str
    version: str = ""
    place: Place = Place()
    wanted: str = ""
    hashes: tuple[str, ...] = ()
    source: str = ""
    marker: str = ""
    groups: tuple[str, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()


class Unread(Struct, frozen=True):
    """A place of an inventory that names components which are not told, and why."""

    place: Place
    why: str


class Inventory(Struct, frozen=True):
    """Every component that an artifact names, in the order of their places.

    `unread` is empty only if nothing that the artifact names is missing. `resolved` says that what
    these components need in turn is among them, as in a lock file.
    """

    components: tuple[Component, ...]
    unread: tuple[Unread, ...] = ()
    resolved: bool = False


def python_name(name: str) -> str:
    """A name as PyPI compares names. Source: PEP 503, normalized names."""
    return _RUNS.sub("-", name).lower()


def purl(component: Component) -> str:
    """The package URL of a component; empty for an ecosystem that has no type of it.

    Source: github.com/package-url/purl-spec, PURL-SPECIFICATION.rst.
    """
    kind, _, release = component.ecosystem.partition(":")
    if kind not in _TYPES:
        return ""
    name = quote(component.name, safe="/")
    version = f"@{quote(component.version, safe='')}" if component.version else ""
    distro = f"?distro={quote(f'{kind.lower()}-{release}', safe='')}" if release else ""
    return f"pkg:{_TYPES[kind]}/{name}{version}{distro}"
