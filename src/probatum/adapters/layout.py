"""The files of a store or an image layout: found by path, renamed by manifest, none left out.

A manifest gives a file a telling name and a digest. What no manifest names is told under its own
path in the end, so that nothing hides in a layout by not being mentioned.
"""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from probatum.audit.open import printable
from probatum.audit.opened import Root
from probatum.errors import FormatError
from probatum.formats import tar
from probatum.formats.manifest import LARGEST, Descriptor, digest_of
from probatum.material import FileMaterial, SliceMaterial
from probatum.vocabulary import Expected, Reason

RootsOf = Callable[[str], Iterator[Root]]
MOST_ROOTS = 100_000
MOST_MANIFEST_BYTES = 128 << 20
_BLOB = re.compile(r"(?:\./)?blobs/(?:(sha256|sha512)/([0-9a-f]+)|(sha256[-:][0-9a-fA-F]{64}))")


class Layout:
    """Files by path. A file may be told under several names; `rest` yields those never told."""

    def __init__(self, files: Iterable[tuple[str, Root]]) -> None:
        self._all = list(files)
        self._by_path = {path: root for path, root in self._all if root.trouble is None}
        self._told: set[int] = set()
        self._names: dict[str, int] = {}
        self._manifests = MOST_MANIFEST_BYTES

    def paths(self) -> Iterator[str]:
        """Every path that can be read, in order."""
        yield from self._by_path

    def file(self, path: str) -> Root | None:
        """The file at `path`, or None if there is none that can be read."""
        return self._by_path.get(path)

    def told(
        self,
        name: str,
        paths: Iterable[str],
        expected: Expected | None = None,
        beside: frozenset[str] = frozenset(),
    ) -> Root:
        """The file at the first of `paths` that exists, under `name`."""
        name = self.unique(name)
        root = next((one for path in paths if (one := self.file(path)) is not None), None)
        if root is None:
            says = "a manifest names this blob, but no file here is it"
            return Root(name, 0, trouble=FormatError(Reason.UNREADABLE, says))
        self._told.add(id(root))
        if len(self._names) > MOST_ROOTS:
            says = f"manifests name more than {MOST_ROOTS} blobs"
            return Root(name, root.size, trouble=FormatError(Reason.OVER_LIMIT, says))
        return Root(
            name, root.size, path=root.path, fetch=root.fetch, beside=beside, expected=expected
        )

    def rest(self) -> Iterator[Root]:
        """The files that no manifest names, blobs among them held against their own file name."""
        for path, root in self._all:
            if id(root) in self._told:
                continue
            yield Root(
                self.unique(root.name),
                root.size,
                path=root.path,
                fetch=root.fetch,
                trouble=root.trouble,
                beside=root.beside,
                expected=None if root.trouble else root.expected or _by_its_name(path),
            )

    def trouble(self, name: str, trouble: FormatError) -> Root:
        """A root that only says what is wrong."""
        return Root(self.unique(name), 0, trouble=trouble)

    def unique(self, name: str) -> str:
        """`name`, numbered if it was given before."""
        given, count = name, self._names.get(name, 0)
        while given in self._names:
            count += 1
            given = f"{name}#{count}"
        self._names[name] = max(count, 1)
        self._names.setdefault(given, 1)
        return given

    def manifest(self, root: Root | None) -> bytes:
        """All bytes of a manifest. Raises: FormatError, OVER_LIMIT if it or all are too large."""
        if root is None:
            raise FormatError(Reason.UNREADABLE, "the manifest is not there")
        self._manifests -= root.size
        if self._manifests < 0:
            says = f"the manifests together are larger than {MOST_MANIFEST_BYTES} bytes"
            raise FormatError(Reason.OVER_LIMIT, says)
        return content(root, LARGEST)


def expected(blob: Descriptor, by: str) -> Expected:
    """What the manifest called `by` says of a blob."""
    return Expected(blob.digest, by, blob.size)


def content(root: Root, limit: int) -> bytes:
    """All bytes of a small file. Raises: FormatError, OVER_LIMIT beyond `limit` bytes."""
    if root.trouble is not None:
        raise root.trouble
    if root.size > limit:
        raise FormatError(Reason.OVER_LIMIT, f"{root.size} bytes, and {limit} are allowed")
    if root.fetch is not None:
        return root.fetch(0, root.size)
    if root.path is None:
        raise FormatError(Reason.UNREADABLE, "the file has no place to read it from")
    with FileMaterial(root.path) as material:
        return material.read(0, limit)


def is_folder(path: str | Path) -> bool:
    """Whether there is a folder; False also where the system will not say."""
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def is_file(path: str | Path) -> bool:
    """Whether there is a regular file; False also where the system will not say."""
    try:
        return stat.S_ISREG(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False


def of_folder(folder: str, plain: RootsOf) -> Layout:
    """The files that the plain target `folder` has, so that one rule on links holds for all."""
    files = (root for root in plain(folder) if root.project is None)
    return Layout((_below(folder, root), root) for root in files)


def of_tar(path: str) -> Layout:
    """The members of a tar archive, its doubts among them, read in place.

    Raises: FormatError if the archive cannot be followed to its end.
    """
    whole = FileMaterial(path)
    listing = tar.listing(whole)
    base = shown(Path(path).name)
    files = [_member(base, whole, entry) for entry in listing.entries if entry.type != b"5"]
    if listing.doubts:
        doubt = listing.doubts[0]
        trouble = FormatError(Reason.PARSER_DIFFERENTIAL, f"byte {doubt.offset}: {doubt.says}")
        files.append((base, Root(base, whole.size, trouble=trouble)))
    return Layout(files)


def shown(text: str) -> str:
    """`text` as part of a name: valid UTF-8, printable, and no `!/` that would end a container."""
    return printable(text.replace("!/", "%21/"))


def _member(base: str, whole: FileMaterial, entry: tar.Entry) -> tuple[str, Root]:
    path = entry.name.removeprefix("./")
    name = f"{base}!/{shown(path)}"
    if not entry.file:
        says = "a link or device in the archive is not followed"
        return path, Root(name, 0, trouble=FormatError(Reason.OUTSIDE_TARGET, says))
    fetch = SliceMaterial(whole, entry.data, entry.size).read
    return path, Root(name, entry.size, fetch=fetch)


def _below(folder: str, root: Root) -> str:
    return (
        root.name if root.path is None else os.path.relpath(root.path, folder).replace(os.sep, "/")
    )


def _by_its_name(path: str) -> Expected | None:
    named = _BLOB.fullmatch(path)
    digest = digest_of(named[3] or f"{named[1]}:{named[2]}") if named else None
    return Expected(digest, "the blob's own file name") if digest else None
