"""Gathers the Python files that a listing or an archive holds into one more artifact: the project.

A file that a project covers is not asked for itself what its project is asked as a whole
(`of_file`). Which files are covered follows from the target alone, so that a check plans as the
audit did, whatever a report says.
"""

import os
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from probatum.audit.open import digest, printable
from probatum.audit.opened import Caps, Opened, Root
from probatum.errors import FormatError
from probatum.formats.python_project import (
    KIND,
    LeftOut,
    Project,
    Source,
    is_source,
    joined,
    packed,
    size_of,
)
from probatum.material import FileMaterial
from probatum.ports import Analyzer, Material
from probatum.vocabulary import Artifact

Fetch = Callable[[int, int], bytes]

OF_PROJECTS = frozenset({"code-reviewed", "no-credential", "no-known-vulnerability"})
"""Claims of a file that are made of its project or environment, where one covers it."""

_MOST_LEFT_OUT = 1000
_MOST_IN_MEMORY = 64 << 20  # bytes of the Python files of one archive
# A cached .pyc may say that it is not to be compared with its source (PEP 552).
_COMPILED = (".pyc", ".pyo", ".pyd", ".so")


class Gathered:
    """The Python files met so far, and what could not be looked into for more of them.

    `top` is what the names of roots begin with and those in the project leave out.
    """

    def __init__(self, caps: Caps, top: str = "") -> None:
        self._caps = caps
        self._top = top
        self._sources: list[Source] = []
        self._fetches: dict[str, Fetch] = {}
        self._size = 0
        self._left_out: list[LeftOut] = []
        self._too_large = ""
        self._whole: Material | None = None

    def take(self, root: Root) -> Root:
        """Note a root of the listing; the same root, marked if the project covers it."""
        if root.trouble is not None:
            self._leave_out(root.name, root.trouble.detail)
            return root
        near = root.path is not None and is_source(root.path)
        if (root.path is None and root.fetch is None) or not (is_source(root.name) or near):
            if root.name.lower().endswith(_COMPILED):
                self._leave_out(root.name, "compiled code, which an import may find first")
            return root
        self._size += root.size
        if len(self._sources) >= self._caps.members:
            self._too_large = f"more than {self._caps.members:,} Python files"
        elif self._size > self._caps.total_size:
            self._too_large = f"Python files of more than {self._caps.total_size:,} bytes"
        else:
            name = printable(root.name.removeprefix(self._top))
            self._sources.append(Source(name, os.fsencode(root.path or ""), root.size))
            if root.fetch is not None:
                self._fetches[name] = root.fetch
        return replace(root, in_project=True)

    def roots(self, name: str, beside: frozenset[str]) -> Iterator[Root]:
        """The project as a root of its own; none where no Python file was met."""
        if not (self._sources or self._too_large):
            return
        if self._fetches and self._size > _MOST_IN_MEMORY:
            self._too_large = f"Python files of more than {_MOST_IN_MEMORY:,} bytes far away"
        project = Project(tuple(self._sources), tuple(self._left_out), self._too_large)
        fetch = self._fetched if self._fetches and not self._too_large else None
        yield Root(name, size_of(project), fetch=fetch, beside=beside, project=project)

    def _fetched(self, offset: int, length: int) -> bytes:
        """Bytes of a project of which some files lie far away: all are fetched at once."""
        if self._whole is None:
            sources = [(one.name, self._content(one)) for one in self._sources]
            self._whole = joined(sources, self._left_out)
        return self._whole.read(offset, length)

    def _content(self, source: Source) -> bytes:
        fetch = self._fetches.get(source.name)
        if fetch is not None:
            return fetch(0, source.size)
        with FileMaterial(source.path) as near:
            return near.read(0, source.size)

    def _leave_out(self, name: str, why: str) -> None:
        if name == ".git" or name.endswith("/.git"):
            return  # what is checked out of it is there, file by file
        if len(self._left_out) < _MOST_LEFT_OUT:
            self._left_out.append(LeftOut(name, printable(why)))
        elif len(self._left_out) == _MOST_LEFT_OUT:
            self._left_out.append(LeftOut("~", "and more that is not listed here"))


def with_project(found: Iterator[Opened], caps: Caps) -> Iterator[Opened]:
    """What was opened of a file and, behind its members, the project that they are, if any.

    Raises: FormatError as `found` does, behind the project that says what is missing of it.
    """
    members = _Members(caps)
    try:
        for one in found:
            members.take(one)
            yield one
    except FormatError as exc:
        members.leave_out("~", exc.detail)
        yield from members.project()
        raise
    yield from members.project()


class _Members:
    """The Python files among what an archive held so far."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._root = ""
        self._names: set[str] = set()
        self._sources: list[tuple[str, bytes]] = []
        self._left_out: list[LeftOut] = []
        self._size = 0

    def take(self, one: Opened) -> None:
        artifact = one.artifact
        self._root = self._root or artifact.name
        self._names.add(artifact.name)
        if not is_member(artifact):
            return
        name = artifact.name.removeprefix(f"{self._root}!/")
        self._size += artifact.size
        if one.trouble is not None:
            self.leave_out(name, one.trouble.detail)
        elif self._size <= _MOST_IN_MEMORY:
            try:
                self._sources.append((name, one.material.read(0, artifact.size)))
            except FormatError as exc:
                self.leave_out(name, exc.detail)

    def leave_out(self, name: str, why: str) -> None:
        if len(self._left_out) < _MOST_LEFT_OUT:
            self._left_out.append(LeftOut(name, printable(why)))

    def project(self) -> Iterator[Opened]:
        if not (self._sources or self._size):
            return
        material: Material = joined(self._sources, self._left_out)
        if self._size > _MOST_IN_MEMORY:
            why = f"Python files of more than {_MOST_IN_MEMORY:,} bytes in an archive"
            material = packed(Project((), (), why))
        small = self._size <= min(self._caps.digest_size, _MOST_IN_MEMORY)
        name = f"{self._root}!/project"
        while name in self._names:
            name += "~"
        artifact = Artifact(
            name=name,
            kind=KIND,
            size=material.size,
            digest=digest(material, material.size) if small else None,
            parent=self._root,
        )
        yield Opened(artifact, material)


def is_member(artifact: Artifact) -> bool:
    """Whether an artifact is a Python file of an archive, which the archive's project covers."""
    named = artifact.parent is not None and is_source(artifact.name)
    return named and artifact.kind != "torchscript-code"


def of_file(planned: tuple[Analyzer, ...]) -> tuple[Analyzer, ...]:
    """Those of `planned` that are asked of a file though a project covers it."""
    return tuple(one for one in planned if one.claim.id not in OF_PROJECTS)
