"""Reviews a project again: of what has changed since, and of what that changes."""

from collections.abc import Callable
from contextlib import suppress

from probatum.formats.python_project import Keeper
from probatum.taint import project
from probatum.taint.kept import Memory, Spoilt, memory_of, written
from probatum.taint.program import Program
from probatum.taint.project import Project
from probatum.taint.recalled import Recalled
from probatum.taint.recording import Recording
from probatum.taint.review import Review

PART = "review"
_MOST_CHANGED = 30  # files, beyond which everything is worked out anew, and kept


def review_again(
    files: dict[str, bytes],
    digests: dict[str, bytes],
    keeper: Keeper,
    reviewed: Callable[[Project, Program], Review],
) -> Review:
    """What `review` gives, by the memory of the keeper as far as it is of the same files.

    A memory is not renewed while little has changed since: that would take longer than it saves.
    """
    contents = {name: content for name, content in files.items() if project.is_read(name)}
    digests = {name: digests[name] for name in contents}
    memory = memory_of(keeper.last(PART))
    with suppress(Spoilt):
        again = _recalled(memory, contents, digests) if memory is not None else None
        if again is not None:
            return reviewed(*again)
    read = project.read(contents.items())
    program = Recording(read.modules)
    review = reviewed(read, program)
    # A name that cannot be written down: the next review begins anew as well.
    with suppress(ValueError, OverflowError):
        keeper.keep(PART, written(digests, read.unread, program))
    return review


def _recalled(
    memory: Memory, contents: dict[str, bytes], digests: dict[str, bytes]
) -> tuple[Project, Recalled] | None:
    """The project and its program by a memory; None where too much is not what it was."""
    if digests.keys() != memory.files.keys():
        return None
    changed = {path for path, digest in digests.items() if memory.files[path] != digest}
    unkept = {kept.path for kept in memory.modules if not kept.whole}
    if len(changed) > _MOST_CHANGED or changed & unkept:
        return None
    anew = changed | unkept | {path for path in contents if path.endswith(".ipynb")}
    read = project.read(contents.items(), anew)
    fresh = {module.name: module for module in read.modules}
    if fresh.keys() != {kept.name for kept in memory.modules if kept.path in anew}:
        return None
    same = frozenset(module.name for module in read.modules if module.path not in changed)
    program = Recalled(memory, fresh, same)
    unread = [*read.unread, *(one for one in memory.unread if one.file in contents.keys() - anew)]
    return Project(list(program.modules.values()), unread, read.cells), program
