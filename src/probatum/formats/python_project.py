"""A project: the Python files and notebooks of a target, read as one artifact.

What a piece of code does is decided by other files, so they are judged together. The artifact
`python-project` is called `.` in a folder and `<file>!/project` in an archive (a wheel, a model
archive with its handler) or where the target is a single `.py`, `.pyw` or `.ipynb` file; its bytes
are made as follows, from what the listing of the target found and the files hold, and from nothing
else:

1. the line `python-project 1`;
2. for each thing that could not be taken in (a link, a folder that cannot be listed, a file that
   cannot be looked at, a compiled module), sorted by name, a line `- <name>: <why>`: what a review
   does not find there is not shown;
3. for each file, sorted by name, a line `<size in bytes> <name>`, and then its bytes. A name is
   relative to the target or archive, with `/` between, in UTF-8, and without a character that is
   not printable.

The digest of the artifact is that of these bytes, so a certificate binds every file and its name.
`code-reviewed` is asked of the project and not of each file in it.

An archive is a project of its own, wherever it lies: what an import of it finds is in it. So is a
repository on a hub, `<address>!/project`. Not in a project: the files of `oci://` and of other
layouts, of standard input, stubs (`.pyi`), scripts whose name does not end in `.py`, and the code
of TorchScript, which has claims of its own. Each of those is asked `code-reviewed` by itself.
"""

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Protocol

from msgspec import Struct

from probatum.errors import FormatError
from probatum.material import BytesMaterial, JoinedMaterial, Piece
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

KIND = "python-project"
SUFFIXES = (".py", ".pyw", ".ipynb")

_LONGEST_LINE = 1 << 18
_MOST_HELD = 64 << 20
_STEP = 1 << 20


class Source(Struct, frozen=True, array_like=True):
    """A file of a project: its name there, where it lies, and its size in bytes when listed.

    `path` is empty for a file that lies far away.
    """

    name: str
    path: bytes
    size: int


class LeftOut(Struct, frozen=True, array_like=True):
    """Something in the target that a project could not take in."""

    name: str
    why: str


class Project(Struct, frozen=True, array_like=True):
    """What a project consists of. `too_large` says that it was too much to be read, if it was.

    Other artifacts that are put together from files are written in the same way, under their own
    `kind`: see `formats.python_environment`. One with a `site` has the list of its files in front
    of them all: see `formats.python_program`.
    """

    sources: tuple[Source, ...]
    left_out: tuple[LeftOut, ...] = ()
    too_large: str = ""
    kind: str = KIND
    site: str = ""


def is_source(name: str) -> bool:
    """Whether a file of this name belongs into a project."""
    return name.lower().endswith(SUFFIXES)


def size_of(project: Project) -> int:
    """How many bytes the artifact has."""
    listed = sum(len(_header(one)) + one.size for one in project.sources)
    return len(_preface(project)) + listed + (1 if project.site else 0)


def is_near(project: Project) -> bool:
    """Whether all of a project's files lie on this machine."""
    return bool(project.too_large) or all(one.path for one in project.sources)


class Stored(Protocol):
    """Bytes that lie somewhere, read by their places: `bytes` are such."""

    def __len__(self) -> int: ...

    def __getitem__(self, span: slice, /) -> bytes: ...


class Keeper(Protocol):
    """Keeps what one review of a project leaves behind for the next, in parts of some names."""

    def last(self, part: str) -> Stored | None:
        """What was kept last; None if nothing was."""
        ...

    def keep(self, part: str, data: bytes) -> None:
        """Keep this instead."""
        ...


class Packed(JoinedMaterial):
    """The bytes of a project, and who keeps what its review leaves behind, if somebody does.

    They are hashed first and reviewed then, and a thousand files are dear to open: up to
    `_MOST_HELD` bytes the files are held.
    """

    keeper: Keeper | None = None

    def __init__(self, pieces: Sequence[Piece], beside: frozenset[str] = frozenset()) -> None:
        super().__init__(pieces, beside)
        self._held: dict[int, bytes] = {}

    def contents(self) -> Iterator[tuple[str, bytes]]:
        """The files by their names, each whole."""
        for number, piece in enumerate(self._pieces):
            if piece.name:
                name = _encoded(piece.name).decode()
                yield name, self._content(number, piece, 0, piece.size)

    def _content(self, number: int, piece: Piece, first: int, end: int) -> bytes:
        if self.size > _MOST_HELD:
            return super()._content(number, piece, first, end)
        content = self._held.get(number)
        if content is None:
            content = self._held[number] = super()._content(number, piece, 0, piece.size)
            self.let_go(number)
        return content if end - first == piece.size else content[first:end]


def packed(
    project: Project, beside: frozenset[str] = frozenset(), keeper: Keeper | None = None
) -> Material:
    """The bytes of a project; each read opens the files that it touches, a few at a time.

    A read raises FormatError: VANISHED if a file is gone or has another size than when it was
    listed, UNREADABLE if it cannot be read, OVER_LIMIT if the project is too large as a whole.
    """
    if project.too_large:
        return _TooLarge(max(1, size_of(project)), project.too_large)
    sources = sorted(project.sources, key=attrgetter("name"))
    if project.site:
        front = b"".join((_preface(project), *map(_header, sources), b"\n"))
        alone = (Piece(b"", one.name, one.path, one.size) for one in sources if one.size)
        return JoinedMaterial((Piece(front), *alone), beside)
    pieces = (Piece(_header(one), one.name, one.path, one.size) for one in sources)
    made = Packed((Piece(_preface(project)), *pieces), beside)
    made.keeper = keeper
    return made


def joined(
    sources: Iterable[tuple[str, bytes]], left_out: Iterable[LeftOut], kind: str = KIND
) -> Material:
    """The bytes of a project whose files, (name, content), are in memory."""
    parts = [_preface(Project((), tuple(left_out), kind=kind))]
    for name, content in sorted(sources):
        parts += [_header(Source(name, b"", len(content))), content]
    return BytesMaterial(b"".join(parts))


def files(material: Material, kind: str = KIND) -> Iterator[tuple[str, bytes]]:
    """The files of a project in the order of their names: (name, content), one at a time.

    Raises: FormatError if the material cannot be read or is no project.
    """
    if isinstance(material, Packed):
        yield from material.contents()
        return
    lines = _Lines(material)
    _left_out(lines, kind)
    while (line := lines.next()) is not None:
        size, _, name = line.partition(b" ")
        if not size.isdigit() or len(size) > 18 or not name:
            raise lines.broken("a file's size and name are expected here")
        yield _text(lines, name), lines.take(int(size))


def left_out(material: Material, kind: str = KIND) -> tuple[LeftOut, ...]:
    """What the project could not take in. Raises: FormatError as `files` does."""
    return _left_out(_Lines(material), kind)


def _left_out(lines: "_Lines", kind: str) -> tuple[LeftOut, ...]:
    if lines.next() != f"{kind} 1".encode():
        raise lines.broken("no project begins like this")
    found = []
    while (line := lines.next()) is not None:
        if not line.startswith(b"- "):
            lines.back(line)
            break
        name, _, why = _text(lines, line[2:]).partition(": ")
        found.append(LeftOut(name, why))
    return tuple(found)


def _text(lines: "_Lines", data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as exc:
        raise lines.broken("a name is not UTF-8") from exc


def _preface(project: Project) -> bytes:
    told = sorted(project.left_out, key=attrgetter("name"))
    first = f"{project.kind} 1\n".encode()
    if project.site:
        first += _encoded(f"@ {project.site}\n")
    return first + b"".join(_encoded(f"- {one.name}: {one.why}\n") for one in told)


def _header(source: Source) -> bytes:
    return _encoded(f"{source.size} {source.name}\n")


def _encoded(line: str) -> bytes:
    return line.encode("utf-8", "backslashreplace")


class _Lines:
    """Reads a material from its start to its end, a line or a number of bytes at a time."""

    def __init__(self, material: Material) -> None:
        self._material = material
        self._at = 0
        self._held = b""
        self._held_at = 0

    def next(self) -> bytes | None:
        """The next line without its end; None behind the last."""
        if self._at >= self._material.size:
            return None
        start = self._at - self._held_at
        end = self._held.find(b"\n", start)
        if end < 0:
            self._hold()
            start, end = 0, self._held.find(b"\n")
        if not 0 <= end - start <= _LONGEST_LINE:
            raise self.broken("a line has no end")
        self._at += end - start + 1
        return self._held[start:end]

    def back(self, line: bytes) -> None:
        """Undo the `next` that gave `line`."""
        self._at -= len(line) + 1

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        if size > self._material.size - self._at:
            raise self.broken("the project ends within a file")
        start = self._at - self._held_at
        if start >= 0 and start + size <= len(self._held):
            data = self._held[start : start + size]
        else:
            data = b"".join(
                self._material.read(self._at + at, min(_STEP, size - at))
                for at in range(0, size, _STEP)
            )
        self._at += size
        return data

    def broken(self, says: str) -> FormatError:
        """What to raise where the bytes are no project's."""
        return FormatError(Reason.MALFORMED, says, Place(offset=self._at))

    def _hold(self) -> None:
        self._held = self._material.read(self._at, _STEP)
        self._held_at = self._at


class _TooLarge:
    """Stands for bytes that nobody shall read."""

    beside: frozenset[str] = frozenset()

    def __init__(self, size: int, why: str) -> None:
        self.size = size
        self._why = why

    def read(self, offset: int, length: int) -> bytes:
        raise FormatError(Reason.OVER_LIMIT, self._why)
