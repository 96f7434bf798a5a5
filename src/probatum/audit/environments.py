"""Gathers the metadata of installed Python distributions into one more artifact for each folder.

The file of metadata is told as it is anyway; what is asked of its environment as a whole is not
asked of it again, as with the files of a project (`audit.projects`).
"""

import os
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from probatum.audit.open import printable
from probatum.audit.opened import Caps, Root
from probatum.formats.python_environment import (
    KIND,
    LARGEST_PATHS,
    distribution_of,
    is_metadata,
    is_paths,
    is_taken,
)
from probatum.formats.python_project import LeftOut, Project, Source, size_of

_MOST_BYTES = 256 << 20


class _Environment(Struct):
    """The distributions in one folder so far: their files, and which have said their name."""

    sources: list[Source] = []
    left_out: list[LeftOut] = []
    met: set[str] = set()
    told: set[str] = set()


class Environments:
    """The environments among the roots met so far, by their folders."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._found: dict[str, _Environment] = {}
        self._paths: dict[str, list[Root]] = {}
        self._names: set[str] = set()

    def take(self, root: Root) -> Root:
        """Note a root of the listing; the same root, marked if an environment covers it."""
        if root.name.endswith("!/environment"):
            self._names.add(root.name)
        distribution = distribution_of(root.name)
        if distribution is None:
            if is_paths(root.name) and root.size <= LARGEST_PATHS:
                self._paths.setdefault(root.name.rpartition("/")[0], []).append(root)
            return root
        one = self._found.setdefault(distribution.rpartition("/")[0], _Environment())
        one.met.add(distribution)
        if not is_taken(root.name):
            return root
        if not _held(root, one):
            one.told.add(distribution)
            return root
        if is_metadata(root.name) or distribution == root.name:
            one.told.add(distribution)
        return replace(root, in_project=True)

    def roots(self) -> Iterator[Root]:
        """Each environment as a root of its own."""
        for folder, one in sorted(self._found.items()):
            for paths in self._paths.get(folder, ()):
                _held(paths, one)
            project = self._project(one)
            name = f"{folder or '.'}!/environment"
            while name in self._names:
                name += "~"
            yield Root(name, size_of(project), project=project)

    def _project(self, one: _Environment) -> Project:
        silent = (LeftOut(name, "no file of it says what it is") for name in one.met - one.told)
        too_large = ""
        if len(one.sources) > self._caps.members:
            too_large = f"more than {self._caps.members:,} files of metadata"
        elif sum(source.size for source in one.sources) > min(_MOST_BYTES, self._caps.total_size):
            too_large = "the metadata of an environment is larger than what is read of it"
        left_out = tuple(sorted((*one.left_out, *silent), key=lambda left: left.name))
        return Project(tuple(one.sources), left_out, too_large, KIND)


def _held(root: Root, one: _Environment) -> bool:
    """Take a file into an environment, or say why it is left out."""
    if root.trouble is not None or root.path is None:
        why = root.trouble.detail if root.trouble is not None else "it lies far away"
        one.left_out.append(LeftOut(root.name, printable(why)))
        return False
    one.sources.append(Source(root.name, os.fsencode(root.path), root.size))
    return True
