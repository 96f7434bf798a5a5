"""Gathers a project and the packages installed for it into one more artifact (`python_program`)."""

import os
from collections.abc import Iterator

from msgspec import Struct

from probatum.audit.open import printable
from probatum.audit.opened import Caps, Root
from probatum.formats.python_environment import distribution_of
from probatum.formats.python_program import (
    KIND,
    home_of,
    is_of_home,
    is_of_project,
    is_of_site,
)
from probatum.formats.python_project import LeftOut, Project, Source, is_source, size_of

_MOST_LEFT_OUT = 1000


class _Met(Struct, frozen=True):
    """A file of the listing; `path` is empty for what cannot be read, and `why` says why."""

    name: str
    path: bytes
    size: int
    why: str = ""


class Programs:
    """The files of a folder that may be of a program, and the folders of packages among them."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._met: list[_Met] = []
        self._sites: set[str] = set()

    def take(self, root: Root) -> Root:
        """Note a root of the listing; the same root."""
        distribution = distribution_of(root.name)
        if distribution is not None:
            self._sites.add(distribution.rpartition("/")[0])
        name = printable(root.name)
        if root.trouble is not None:
            self._met.append(_Met(name, b"", 0, printable(root.trouble.detail)))
        elif root.path is not None:
            self._met.append(_Met(name, os.fsencode(root.path), root.size))
        return root

    def roots(self) -> Iterator[Root]:
        """Each program as a root of its own; none where there are no packages or no project."""
        sites = [one for one in sorted(self._sites) if not _is_within(one, self._sites - {one})]
        homes = {home_of(one) for one in sites}
        own = [
            one
            for one in self._met
            if not _is_within(one.name, homes) and (one.why or is_of_project(one.name, one.size))
        ]
        if not any(is_source(one.name) for one in own):
            return
        for site in sites:
            home = home_of(site)
            inside = [
                one
                for one in self._met
                if (one.name.startswith(f"{site}/") and (one.why or is_of_site(one.name)))
                or (not one.why and is_of_home(one.name, one.size, home))
            ]
            project = self._program(site, [*own, *inside])
            yield Root(f"{site}!/program", size_of(project), project=project)

    def _program(self, site: str, taken: list[_Met]) -> Project:
        left_out = [
            LeftOut(one.name, one.why)
            for one in taken
            if one.why and one.name.rpartition("/")[2] != ".git"
        ]
        sources = tuple(Source(one.name, one.path, one.size) for one in taken if not one.why)
        too_large = ""
        if len(sources) > self._caps.members:
            too_large = f"a program of more than {self._caps.members:,} files"
        elif sum(one.size for one in sources) > self._caps.total_size:
            too_large = f"a program of more than {self._caps.total_size:,} bytes"
        if len(left_out) > _MOST_LEFT_OUT:
            left_out[_MOST_LEFT_OUT:] = [LeftOut("~", "and more that is not listed here")]
        return Project(sources, tuple(left_out), too_large, KIND, site)


def _is_within(name: str, folders: set[str]) -> bool:
    return any(name.startswith(f"{one}/") or not one for one in folders)
