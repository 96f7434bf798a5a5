"""Lists a folder, or the one file that a model is, for its signature to be verified or made.

Links are not followed out of the folder, but for those by which the Hugging Face cache keeps its
files. A name that is not UTF-8, or that stands for something else than a file, is told as such.
"""

# Names that are not UTF-8, and a hundred thousand of them: plain strings, not Path.
# ruff: noqa: PTH112, PTH115, PTH116, PTH119
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from probatum.audit.open import printable
from probatum.audit.targets import boundary
from probatum.errors import FormatError, TargetError, UsageError
from probatum.formats.model_manifest import manifest, relative
from probatum.formats.signed_files import Folder, Other, Stored
from probatum.formats.sigstore_bundle import bundle


def beside(target: str) -> str:
    """Where the signature of a folder or file lies, where nothing else is said."""
    return os.path.join(target, "model.sig") if os.path.isdir(target) else f"{target}.sig"


def left_out(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths that a user leaves out. Raises: UsageError if one is no path in the folder."""
    found = []
    for one in paths:
        try:
            found.append(relative(one.rstrip("/")))
        except FormatError as exc:
            says = f"--ignore {one!a}: write a path in the folder, as in sub/cache"
            raise UsageError(says) from exc
    return tuple(found)


def listed(
    target: str, signature: str, trust: Mapping[str, Any], ignore: tuple[str, ...] = ()
) -> Folder:
    """Everything in `target` but the file `signature`, which is read. Raises: TargetError."""
    found = list(contents(target, leave_out=signature))
    return Folder(
        signature=_read(signature),
        trust=trust,
        files=tuple(one for one in found if isinstance(one, Stored)),
        others=tuple(one for one in found if isinstance(one, Other)),
        ignore=ignore,
        single="" if os.path.isdir(target) else os.path.basename(target),
    )


def unlisted(folder: Folder) -> tuple[str, ...]:
    """What lies there and the signature does not list; nothing if it cannot be read."""
    try:
        names = manifest(bundle(folder.signature).payload, folder.single).names
    except FormatError:
        return ()
    there = [one.name for one in folder.files] + [one.name for one in folder.others]
    return tuple(name for name in there if name not in names)


def contents(target: str, leave_out: str) -> Iterator[Stored | Other]:
    """Every file of `target`, and what is none, but for the one file `leave_out`."""
    try:
        if not os.path.isdir(target):
            status = os.stat(target)
            if not stat.S_ISREG(status.st_mode):
                raise TargetError(f"{printable(target)} is neither a file nor a folder")
            yield Stored(os.path.basename(target), status.st_size, os.fsencode(target))
            return
        yield from _below(target, _placed(leave_out))
    except OSError as exc:
        raise TargetError(f"{printable(target)}: {exc.strerror}") from exc


def _below(top: str, left_out: str) -> Iterator[Stored | Other]:
    waiting, inside, around = [""], os.path.realpath(top), boundary(top)
    while waiting:
        folder = waiting.pop()
        with os.scandir(os.path.join(top, folder)) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if f"{inside}/{name}" == left_out:
                continue
            if entry.is_symlink():
                yield _linked(entry, name, inside, around)
            elif entry.is_dir(follow_symlinks=False):
                waiting.append(name)
            else:
                yield _file(entry, name)


def _file(entry: "os.DirEntry[str]", name: str) -> Stored | Other:
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return Other(_plain(name), "neither a file nor a folder")
    return _stored(name, status, entry.path)


def _linked(entry: "os.DirEntry[str]", name: str, inside: str, around: str) -> Stored | Other:
    """A link: a file of the folder, one that the cache keeps elsewhere, or something else."""
    real = os.path.realpath(entry.path)
    where = f"a link to {printable(_plain(os.readlink(entry.path)))}"
    try:
        status = os.stat(real)
    except OSError:
        return Other(_plain(name), f"{where}, which is not there", is_link=True)
    if not stat.S_ISREG(status.st_mode) or not real.startswith(around.rstrip("/") + "/"):
        return Other(_plain(name), where, is_link=True)
    return _stored(name, status, real, is_link=real.startswith(inside.rstrip("/") + "/"))


def _stored(
    name: str, status: os.stat_result, path: str, *, is_link: bool = False
) -> Stored | Other:
    if _plain(name) != name:
        return Other(_plain(name), "a name that is not UTF-8")
    return Stored(name, status.st_size, os.fsencode(path), is_link)


def _plain(name: str) -> str:
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def _placed(path: str) -> str:
    """A path without links on the way to it; it may be one itself."""
    folder, name = os.path.split(os.path.abspath(path))
    return f"{os.path.realpath(folder)}/{name}"


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read((64 << 20) + 1)
    except OSError as exc:
        raise TargetError(f"the signature {printable(path)}: {exc.strerror}") from exc
