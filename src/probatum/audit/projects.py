"""Gathers the Python files that a listing meets into one more root: the project they are.

A file that a project covers is not asked for itself what its project is asked as a whole
(`of_file`). Which files are covered follows from the target alone, so that a check plans as the
audit did, whatever a report says.
"""

import os
from collections.abc import Iterator

from msgspec.structs import replace

from probatum.audit.open import printable
from probatum.audit.opened import Caps, Root
from probatum.formats.python_project import (
    LeftOut,
    Project,
    Source,
    is_source,
    size_of,
)
from probatum.ports import Analyzer

OF_PROJECTS = frozenset({"code-reviewed"})
"""The claims of a Python file that are made of its project, where one covers it."""

_MOST_LEFT_OUT = 1000
# A cached .pyc may say that it is not to be compared with its source (PEP 552).
_COMPILED = (".pyc", ".pyo", ".pyd", ".so")


class Gathered:
    """The Python files met so far, and what could not be looked into for more of them."""

    def __init__(self, caps: Caps) -> None:
        self._caps = caps
        self._sources: list[Source] = []
        self._size = 0
        self._left_out: list[LeftOut] = []
        self._too_large = ""

    def take(self, root: Root) -> Root:
        """Note a root of the listing; the same root, marked if the project covers it."""
        if root.trouble is not None:
            self._leave_out(root.name, root.trouble.detail)
            return root
        path = root.path
        if path is None or not (is_source(root.name) or is_source(path)):
            if root.name.lower().endswith(_COMPILED):
                self._leave_out(root.name, "compiled code, which an import may find first")
            return root
        self._size += root.size
        if len(self._sources) >= self._caps.members:
            self._too_large = f"more than {self._caps.members:,} Python files"
        elif self._size > self._caps.total_size:
            self._too_large = f"Python files of more than {self._caps.total_size:,} bytes"
        else:
            self._sources.append(Source(printable(root.name), os.fsencode(path), root.size))
        return replace(root, in_project=True)

    def roots(self, name: str, beside: frozenset[str]) -> Iterator[Root]:
        """The project as a root of its own; none where no Python file was met."""
        if not (self._sources or self._too_large):
            return
        project = Project(tuple(self._sources), tuple(self._left_out), self._too_large)
        yield Root(name, size_of(project), beside=beside, project=project)

    def _leave_out(self, name: str, why: str) -> None:
        if name == ".git" or name.endswith("/.git"):
            return  # what is checked out of it is there, file by file
        if len(self._left_out) < _MOST_LEFT_OUT:
            self._left_out.append(LeftOut(name, printable(why)))
        elif len(self._left_out) == _MOST_LEFT_OUT:
            self._left_out.append(LeftOut("~", "and more that is not listed here"))


def of_file(planned: tuple[Analyzer, ...]) -> tuple[Analyzer, ...]:
    """Those of `planned` that are asked of a file though a project covers it."""
    return tuple(one for one in planned if one.claim.id not in OF_PROJECTS)
