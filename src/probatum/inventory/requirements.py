"""Reads requirements files, as pip does: lines of requirements, options, and files included.

A file that another names with `-r` is read through the target; its components have their place
there. One named with `-c` is no list of components: the pins in it count where a component that
has no version of its own is named. An index other than PyPI (`-i`) is the source of every
component. With `--extra-index-url` a component may come from either, and is taken for PyPI's.

Sources: pip.pypa.io, "Requirements file format"; pip `_internal/req/req_file.py` (join_lines,
ignore_comments, break_args_options, build_parser) and `_internal/utils/encoding.py`.
"""

import posixpath
import re
import shlex
from collections.abc import Callable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from probatum.components import Component, Inventory
from probatum.errors import FormatError
from probatum.formats.yaml_nodes import Spots
from probatum.inventory.requirement import by_address, component
from probatum.inventory.told import Told, whole
from probatum.ports import Material, Neighbourly
from probatum.vocabulary import Place, Reason

_MOST_FILES = 200
_COMMENT = re.compile(r"(?:^|\s)#.*\Z")
_OPTIONS = re.compile(r"(?:^|(?<=[ \t]))-")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_QUOTED = re.compile(r"[\"'\\]")
_CODING = re.compile(rb"coding[:=]\s*([-\w.]+)")
_ARCHIVE = re.compile(r"[^;@]*\.(?:zip|whl|tar|tgz|tbz|txz|tlz|gz|bz2|xz|lz|lzma)\s*(?:;.*)?", re.I)
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|git\+|file:")
_PYPI = re.compile(r"https?://(?:www\.)?pypi\.(?:org|python\.org)/simple/?\Z")
# Long options of pip in a file; it takes any beginning that fits one of them alone.
_VALUED = frozenset(
    {"--requirement", "--constraint", "--editable", "--index-url", "--pypi-url",
     "--extra-index-url", "--find-links", "--trusted-host", "--use-feature", "--no-binary",
     "--only-binary", "--hash", "--global-option", "--config-settings", "--config-setting",
     "--build-constraint"}
)  # fmt: skip
_BARE = frozenset({"--no-index", "--pre", "--prefer-binary", "--require-hashes"})
_SHORT = {
    "-r": "--requirement", "-c": "--constraint", "-e": "--editable", "-i": "--index-url",
    "-f": "--find-links", "-C": "--config-settings",
}  # fmt: skip


class Line(Struct, frozen=True):
    """One logical line without its comment: what is asked for, its options, its index."""

    asked: str
    options: tuple[tuple[str, str], ...] | None
    at: int


def read(name: str, material: Material) -> Inventory:
    """Raises: FormatError."""
    reader = _Reader(material)
    reader.file(whole(material), "")
    return reader.inventory()


def including(material: Material, paths: tuple[tuple[str, Place], ...], told: Told) -> None:
    """Tell the components of requirements files that another file names."""
    reader = _Reader(material, told)
    for path, place in paths:
        reader.include(path, place)
    reader.inventory()


def lines(source: str) -> Iterator[Line]:
    """The logical lines that ask for something."""
    for text, at in _logical(source):
        bare = _COMMENT.sub("", text)
        if bare.strip():
            found = _OPTIONS.search(bare)
            end = found.start() if found else len(bare)
            yield Line(bare[:end], _options(bare[end:]), at)


def is_pypi(url: str) -> bool:
    """Whether this is the index that pip asks by itself."""
    return _PYPI.match(url) is not None


def decoded(data: bytes) -> tuple[str, bool]:
    """The text as pip decodes it, and whether its bytes are those of UTF-8.

    Raises: FormatError.
    """
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is None:
        first = [line for line in data.split(b"\n", 2)[:2] if line[:1] == b"#"]
        said = next(filter(None, map(_CODING.search, first)), None)
        encoding = said[1].decode("ascii") if said else "utf-8"
    try:
        text = data.decode(encoding)
    except (LookupError, ValueError) as exc:
        raise FormatError(Reason.MALFORMED, f"not {encoding[:40]}") from exc
    return text, encoding.lower().replace("_", "-") in ("utf-8", "ascii")


def _logical(source: str) -> Iterator[tuple[str, int]]:
    """Lines with those that continue them: a backslash and its line end are spaces."""
    text, at, start = "", 0, 0
    for line in source.splitlines(keepends=True):
        if not text:
            start = at
        at += len(line)
        bare = line.rstrip("\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029")
        ends = " " * (len(line) - len(bare))
        comment = bare.lstrip().startswith("#")
        if bare.endswith("\\") and not comment:
            text += bare[:-1] + " " + ends
            continue
        yield text + bare, start
        text = ""
    if text:
        yield text, start


def _options(text: str) -> tuple[tuple[str, str], ...] | None:
    """The options with their values; None where they are not pip's."""
    try:
        words = shlex.split(text) if _QUOTED.search(text) else text.split()
    except ValueError:
        return None
    words.reverse()
    found = []
    while words:
        word = words.pop()
        option, sign, value = word.partition("=")
        if word[:2] in _SHORT:
            option, value = _SHORT[word[:2]], word[2:].removeprefix("=")
            sign = value
        meant = {one for one in _VALUED | _BARE if one.startswith(option)}
        meant = {option} if option in meant else meant
        if len(meant) != 1 or not option.startswith("--"):
            return None
        option = meant.pop()
        if option in _VALUED and not sign:
            if not words:
                return None
            value = words.pop()
        found.append((option, value))
    return tuple(found)


class _Reader:
    """What the files say together."""

    def __init__(self, material: Material, told: Told | None = None) -> None:
        self._material = material
        self._told = told if told is not None else Told()
        self._before = len(self._told.components)
        self._files: set[str] = set()
        self._pins: dict[str, str] = {}
        self._index = ""

    def inventory(self) -> Inventory:
        """Fill in what holds for all: the pins of constraints, and the index."""
        found = self._told.components
        found[self._before :] = [self._final(one) for one in found[self._before :]]
        return self._told.inventory()

    def _final(self, one: Component) -> Component:
        pin = self._pins.get(one.name, "") if not one.source else ""
        if pin and not one.version:
            one = replace(one, version=pin, wanted="")
        return replace(one, source=one.source or self._index)

    def file(self, data: bytes, part: str) -> None:
        """Take every line of a file; `part` is its path from the first."""
        text, plain = decoded(data)
        place = _places(text, part, plain)
        for line in lines(text):
            self._take(line, place, part)

    def _take(self, line: Line, place: Callable[[int], Place], part: str) -> None:
        at = line.at + len(line.asked) - len(line.asked.lstrip())
        if line.options is None:
            self._told.miss(place(at), "its options are none that pip knows")
            return
        if line.asked.strip():
            self._asked(line.asked, line.options, place(at))
        for option, value in line.options:
            if option == "--requirement":
                self.include(value, place(at), part)
            elif option == "--constraint":
                self._constrain(value, place(at), part)
            elif option == "--editable":
                self._asked(value, (), place(at))
            elif option in ("--index-url", "--pypi-url"):
                self._index = "" if is_pypi(value) else value

    def _asked(self, text: str, options: tuple[tuple[str, str], ...], place: Place) -> None:
        hashes = tuple(value for option, value in options if option == "--hash")
        # What ends like an archive is one to pip, though it may look like a version: `a==1.zip`.
        is_file = _ARCHIVE.fullmatch(text) is not None
        found = None if is_file or _VARIABLE.search(text) else component(text, place)
        if found is None and not _VARIABLE.search(text):
            bare = text.partition(" ;")[0].strip()
            found = by_address(bare, place)
        if found is None:
            self._told.miss(place, _why(text.strip()))
            return
        self._told.add(replace(found, hashes=found.hashes + hashes))

    def include(self, path: str, place: Place, by: str = "") -> None:
        """Take the lines of a file of the target, once."""
        inner = posixpath.normpath(posixpath.join(posixpath.dirname(by), path))
        if inner in self._files:
            return
        self._files.add(inner)
        try:
            self.file(self._neighbour(path, inner), inner)
        except FormatError as exc:
            self._told.miss(place, f"it includes {path[:200]!r}: {exc.detail}")

    def _constrain(self, path: str, place: Place, by: str) -> None:
        inner = posixpath.normpath(posixpath.join(posixpath.dirname(by), path))
        try:
            text, _ = decoded(self._neighbour(path, inner))
        except FormatError as exc:
            self._told.miss(place, f"versions are said by {path[:200]!r}: {exc.detail}")
            return
        for line in lines(text):
            found = component(line.asked, Place())
            if found is not None and found.version and not found.marker and not found.source:
                self._pins.setdefault(found.name, found.version)

    def _neighbour(self, path: str, inner: str) -> bytes:
        if _ADDRESS.match(path):
            raise FormatError(Reason.OFFLINE, "it lies at an address")
        if _VARIABLE.search(path):
            raise FormatError(Reason.UNRESOLVED, "a variable stands in its name")
        if not isinstance(self._material, Neighbourly):
            raise FormatError(Reason.OUTSIDE_TARGET, "only this file was named")
        if len(self._files) > _MOST_FILES:
            raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST_FILES} files are included")
        return self._material.neighbour(inner)


def _places(text: str, part: str, plain: bool) -> Callable[[int], Place]:
    """Tells where a character stands; in another encoding than UTF-8 its byte is not known."""
    spots = Spots(text, part)
    if plain or part:
        return spots.place

    def placed(index: int) -> Place:
        place = spots.place(index)
        return Place(line=place.line, column=place.column)

    return placed


def _why(text: str) -> str:
    if _VARIABLE.search(text):
        return f"what it asks for is for a variable to say: {text[:120]}"
    if _ADDRESS.match(text):
        return f"what lies at this address is not said: {text[:120]}"
    if text.startswith((".", "/", "~")) or "/" in text:
        return f"a folder or file of the machine: {text[:120]}"
    return f"no requirement: {text[:120]}"
