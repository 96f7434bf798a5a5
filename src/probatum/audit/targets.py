# Names that are not UTF-8, and a hundred thousand of them: plain strings, not Path.
# ruff: noqa: PTH108, PTH112, PTH114, PTH115, PTH116, PTH119, PTH120
"""Turns what the user named into roots: the files to be opened, each with its trouble if any.

- Folders are walked in sorted order with `os.scandir`, holding one folder's names at a time for
  each level; nothing is opened here.
- Links are never followed out of the target. A link to a file inside it becomes a root whose
  trouble says under which name the content is judged; one that leads outside has the trouble
  OUTSIDE_TARGET. One convention is widened: a snapshot of the Hugging Face cache consists of
  links into `../../blobs` of the same repository folder, so that folder is its boundary.
- `.git` is not walked: its objects are compressed history, not what a loader opens. It becomes
  one root with the trouble NOT_ANALYSED, so that the report says so.
- Names are relative to the target with `/` between, in valid UTF-8 and on one line; bytes that
  are not UTF-8 become backslash escapes. Two names that become the same by that get `#2`, `#3`.
- The Python files and notebooks of a folder, or one that is a target by itself, are told once
  more, as the project they form (`formats.python_project`); so is the metadata of distributions
  that are installed in one folder (`formats.python_environment`).
- URL schemes and special folder layouts belong to adapters: the shell passes them in as tables.
"""

import atexit
import contextlib
import fnmatch
import os
import stat
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO

from msgspec import Struct

from probatum.audit.environments import Environments
from probatum.audit.open import printable
from probatum.audit.opened import Caps, Root
from probatum.audit.programs import Programs
from probatum.audit.projects import Gathered
from probatum.errors import FormatError, TargetError
from probatum.formats.importable import (
    code_of,
    folder_beside,
    is_code,
    is_metadata,
    names_plugins,
)
from probatum.formats.patterns import Later
from probatum.material import Around, FileMaterial
from probatum.vocabulary import Reason

Scheme = Callable[[str], Iterator[Root]]
"""Opens a target such as `hf://owner/name`. Raises TargetError if it cannot be opened at all."""

Layout = Callable[[str], Iterator[Root] | None]
"""Opens a folder of a known layout (an OCI image, an Ollama store); None if it is none such."""

_URL = Later(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SNAPSHOT = Later(r"(.*/(?:models|datasets|spaces)--[^/]+)/snapshots/[^/]+(?:/.*)?")
# Files that may name others by which they are judged: see `Root.around`.
_CONFIGURES = (
    ".yaml", ".yml", ".service", ".container", ".kube", ".sh", ".bash", ".conf", ".mk",
    "makefile", "Makefile", ".txt", ".in", ".pip", "pyproject.toml",
    "/dpkg/status", "/apk/db/installed",
)  # fmt: skip
_STDIN = ("-", "/dev/stdin")
_STEP = 1 << 20
_MOST_PLUGINS = 1 << 16


def roots(
    target: str,
    *,
    exclude: Sequence[str] = (),
    schemes: Mapping[str, Scheme] | None = None,
    layouts: Sequence[Layout] = (),
    caps: Caps | None = None,
    stdin: IO[bytes] | None = None,
) -> Iterator[Root]:
    """The files of `target`: a path, `-` for standard input, or a URL of one of `schemes`.

    `exclude`: glob patterns over a file's or folder's name in the target, or its last part; what
    they match is left out, as the user asked. `stdin` stands for the process's own.
    Raises: TargetError if the target cannot be opened at all.
    """
    url = _URL.match(target) if "://" in target else None
    if url is not None and not os.path.lexists(target):
        return _of_scheme(target, url[1].lower(), schemes or {})
    if target in _STDIN:
        return _of_stdin(_standard_input(stdin), (caps or Caps()).total_size)
    return _of_path(target, tuple(exclude), layouts, caps or Caps())


def folder_of(target: str) -> str:
    """Where the files of `target` lie as the user named it; empty for what has no path.

    It goes before their names where several targets are named: two files called `config.json`
    must be told apart by more than a number.
    """
    if target in _STDIN or ("://" in target and _URL.match(target) and not os.path.lexists(target)):
        return ""
    path = os.path.normpath(target)
    folder = path if os.path.isdir(target) else os.path.dirname(path)
    return "" if folder in ("", ".") else printable(_utf8(folder)).rstrip("/") + "/"


def _of_scheme(target: str, scheme: str, schemes: Mapping[str, Scheme]) -> Iterator[Root]:
    opens = schemes.get(scheme)
    if opens is None:
        known = ", ".join(f"{name}://" for name in sorted(schemes)) or "none"
        raise TargetError(f"{target}: no target of this scheme is known (known: {known})")
    return opens(target)


def _standard_input(given: IO[bytes] | None) -> IO[bytes]:
    if given is not None:
        return given
    if sys.stdin is None:
        raise TargetError("standard input is closed: there is nothing to read from it")
    return sys.stdin.buffer


def _of_stdin(stdin: IO[bytes], most: int) -> Iterator[Root]:
    """One root, its bytes in a temporary file that lasts as long as this process.

    Nothing at all is what a download that failed leaves in a pipe: that is no empty file.
    """
    try:
        yield _kept(stdin, most)
    except OSError as exc:
        raise TargetError(f"standard input cannot be read and kept: {exc.strerror}") from exc


def _kept(stdin: IO[bytes], most: int) -> Root:
    import tempfile

    with tempfile.NamedTemporaryFile(prefix="probatum-stdin-", delete=False) as kept:
        atexit.register(_remove, kept.name)
        size = 0
        while piece := stdin.read(_STEP):
            size += len(piece)
            if size > most:
                says = f"more than {most} bytes on standard input"
                return Root("stdin", size, trouble=FormatError(Reason.OVER_LIMIT, says))
            kept.write(piece)
    if size:
        return Root("stdin", size, path=kept.name)
    nothing = "nothing came on standard input; what was to write it may have failed"
    return Root("stdin", 0, trouble=FormatError(Reason.UNREADABLE, nothing))


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


def _of_path(
    target: str, exclude: tuple[str, ...], layouts: Sequence[Layout], caps: Caps
) -> Iterator[Root]:
    if not target:
        raise TargetError("a target has no name; the current folder is called .")
    try:
        status = os.stat(target)
        os.path.realpath(target)  # the current folder may be gone
    except OSError as exc:
        raise TargetError(f"{printable(target)}: {exc.strerror}") from exc
    except ValueError as exc:  # a NUL in the path
        raise TargetError(f"{printable(target)}: {exc}") from exc
    if not stat.S_ISDIR(status.st_mode):
        return _with_project(_of_file(target, status), caps)
    for layout in layouts:
        found = layout(target)
        if found is not None:
            return found
    return _of_folder(target, exclude, caps)


def _with_project(file: Root, caps: Caps) -> Iterator[Root]:
    project = Gathered(caps)
    yield project.take(file)
    yield from project.roots(f"{file.name}!/project", file.beside)


def _of_file(target: str, status: os.stat_result) -> Root:
    name = _utf8(os.path.basename(os.path.normpath(target)))
    if not stat.S_ISREG(status.st_mode):
        trouble = _special(status.st_mode)
        if stat.S_ISFIFO(status.st_mode):
            trouble = FormatError(trouble.reason, f"{trouble.detail}; pipe it into the target -")
        return Root(name, 0, trouble=trouble)
    folder = os.path.dirname(os.path.abspath(target))
    beside = frozenset(_names_in(folder))
    return Root(name, status.st_size, path=target, beside=beside, folders=(folder,))


def _names_in(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                yield _beside(entry)
    except OSError:  # a folder that may be entered but not listed: nothing is known beside
        return


def _beside(entry: "os.DirEntry[str]") -> str:
    """What `Material.beside` says of it; a link may lead anywhere, and is told by its name."""
    name = _utf8(entry.name)
    try:
        if not entry.is_dir(follow_symlinks=False):
            return name
        if is_metadata(name):
            return name if _names_plugins(entry.path) else f"{name}/"
        if not name.isidentifier():
            return name
        with os.scandir(entry.path) as inner:
            inside = [one.name for one in inner if is_code(one.name) or _may_hold_code(one)]
    except OSError:
        return name
    return folder_beside(name, [_utf8(one) for one in inside])


def _names_plugins(metadata: str) -> bool:
    """Whether a distribution's metadata names, or may name, what a library loads by itself."""
    if not metadata.lower().endswith("-info"):
        return True
    path = os.path.join(metadata, "entry_points.txt")
    try:
        if os.path.islink(path):
            return True
        with FileMaterial(path) as file:
            return file.size > _MOST_PLUGINS or names_plugins(file.read(0, file.size))
    except FormatError as exc:
        return exc.reason != Reason.VANISHED


def _may_hold_code(entry: "os.DirEntry[str]") -> bool:
    return entry.name.isidentifier() and (entry.is_symlink() or entry.is_dir())


class _Walk(Struct):
    """What the steps of one walk share."""

    top: str
    real: str
    boundary: str
    exclude: tuple[str, ...]
    taken: set[str]
    around: Around
    beside_top: frozenset[str] = frozenset()


def _of_folder(target: str, exclude: tuple[str, ...], caps: Caps) -> Iterator[Root]:
    around = Around(os.fsencode(target), exclude)
    real = os.path.realpath(target)
    walk = _Walk(target, real, boundary(target), exclude, set(), around)
    project, environments, programs = Gathered(caps), Environments(caps), Programs(caps)
    empty = True
    for root in _walked(walk):
        empty = False
        yield programs.take(environments.take(project.take(root)))
    yield from project.roots(".", walk.beside_top)
    yield from environments.roots()
    yield from programs.roots()
    if empty:
        yield Root(".", 0, trouble=FormatError(Reason.NOT_ANALYSED, "the folder holds no file"))


def boundary(folder: str) -> str:
    """The folder that links in `folder` may lead to and not out of."""
    real = os.path.realpath(folder)
    snapshot = _SNAPSHOT.fullmatch(real) if "/snapshots/" in real else None
    return snapshot[1] if snapshot else real


class _Below(Struct, frozen=True):
    """A folder to walk, and the code in those above it."""

    path: str
    code: frozenset[str]


def _walked(walk: _Walk) -> Iterator[Root]:
    """Every file, depth first. Open levels are iterators on a stack: no recursion, no limit."""
    stack = [_listed(walk, _Below("", frozenset()))]
    while stack:
        step = next(stack[-1], None)
        if step is None:
            stack.pop()
        elif isinstance(step, _Below):
            stack.append(_listed(walk, step))
        else:
            yield step


def _listed(walk: _Walk, below: _Below) -> Iterator[Root | _Below]:
    """What one folder holds, sorted by name: a root for a file, or a folder to walk."""
    folder = below.path
    try:
        with os.scandir(os.path.join(walk.top, folder)) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as exc:
        yield _trouble(
            walk,
            folder or ".",
            Reason.VANISHED if isinstance(exc, FileNotFoundError) else Reason.UNREADABLE,
            f"the folder cannot be listed: {exc.strerror}",
        )
        return
    names = frozenset(map(_beside, found))
    if not folder:
        walk.beside_top = names
    beside = names | walk.beside_top | below.code
    folders = (os.path.join(walk.top, folder), walk.top) if folder else (walk.top,)
    for entry in found:
        path = os.path.join(folder, entry.name) if folder else entry.name
        if not _excluded(path, entry.name, walk.exclude):
            yield _step(walk, path, entry, beside, folders)


def _excluded(path: str, name: str, patterns: tuple[str, ...]) -> bool:
    return any(
        fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(name, pattern)
        for pattern in patterns
    )


def _step(
    walk: _Walk,
    path: str,
    entry: "os.DirEntry[str]",
    beside: frozenset[str],
    folders: tuple[str, ...],
) -> Root | _Below:
    try:
        if entry.is_symlink():
            return _linked(walk, path, beside, folders)
        if entry.is_dir(follow_symlinks=False):
            return _Below(path, code_of(beside)) if entry.name != ".git" else _git(walk, path)
        status = entry.stat(follow_symlinks=False)
    except OSError as exc:
        gone = isinstance(exc, FileNotFoundError)
        return _trouble(
            walk,
            path,
            Reason.VANISHED if gone else Reason.UNREADABLE,
            "it is no longer there" if gone else f"it cannot be looked at: {exc.strerror}",
        )
    if not stat.S_ISREG(status.st_mode):
        return Root(_name(walk, path), 0, trouble=_special(status.st_mode))
    around = walk.around if _configures(path) else None
    return Root(
        _name(walk, path),
        status.st_size,
        path=os.path.join(folders[0], entry.name),
        beside=beside,
        around=around,
        folders=folders,
    )


def _configures(path: str) -> bool:
    name = path.rpartition("/")[2]
    named = path.endswith(_CONFIGURES) or name.startswith("Procfile")
    return named or "/dpkg/status.d/" in path


def _linked(walk: _Walk, path: str, beside: frozenset[str], folders: tuple[str, ...]) -> Root:
    full = os.path.join(walk.top, path)
    real = os.path.realpath(full)
    if not _within(real, walk.boundary):
        says = f"a link that leads outside the target, to {printable(_utf8(os.readlink(full)))}"
        return _trouble(walk, path, Reason.OUTSIDE_TARGET, says)
    try:
        status = os.stat(real)
    except OSError as exc:
        return _trouble(walk, path, Reason.UNREADABLE, f"a link that leads nowhere: {exc.strerror}")
    if _within(real, walk.real):
        inside = printable(_utf8(os.path.relpath(real, walk.real)))
        says = f"a link to {inside}, which is judged under that name"
        return _trouble(walk, path, Reason.NOT_ANALYSED, says)
    if not stat.S_ISREG(status.st_mode):
        return Root(_name(walk, path), 0, trouble=_special(status.st_mode))
    return Root(_name(walk, path), status.st_size, path=real, beside=beside, folders=folders)


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _git(walk: _Walk, path: str) -> Root:
    says = "git's own store is not opened; what is checked out is judged file by file"
    return _trouble(walk, path, Reason.NOT_ANALYSED, says)


def _trouble(walk: _Walk, path: str, reason: Reason, says: str) -> Root:
    return Root(_name(walk, path), 0, trouble=FormatError(reason, says))


def _special(mode: int) -> FormatError:
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    )
    what = next((says for holds, says in kinds if holds(mode)), "no regular file")
    return FormatError(Reason.UNREADABLE, f"{what}, not a file: nothing is read from it")


def _name(walk: _Walk, path: str) -> str:
    plain = name = printable(_utf8(path))
    if plain == os.path.normpath(path) and path.isprintable():
        return name  # its own name, which no other file of the target can have
    count = 1
    while name in walk.taken or os.path.lexists(os.path.join(walk.top, name)):
        count += 1
        name = f"{plain}#{count}"
    walk.taken.add(name)
    return name


def _utf8(name: str) -> str:
    """The name without the surrogates that stand for bytes that are not UTF-8."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")
