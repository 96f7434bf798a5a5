"""Tells which files of an image's layers a later layer of the same image replaces or removes.

They are judged all the same, since whoever holds the image holds their bytes; but they are not what
its file system names as installed. A layer holds a file by its path; `.wh.<name>` in a later layer
removes what is called so below it, and `.wh..wh..opq` all that lower layers have in its folder.

Source: OCI image specification 1.1, "Image Layer Filesystem Changeset", Whiteouts.
"""

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from probatum.vocabulary import Artifact

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


def covered(layers: Sequence[Sequence[Artifact]]) -> dict[str, str]:
    """The artifacts that a later layer replaces or removes, each with the root of that layer.

    Each layer is what was met in one root, the root first.
    """
    found: dict[str, str] = {}
    held: dict[str, str] = {}  # by path, in the layers above
    gone: dict[str, str] = {}  # files and folders that are removed there
    emptied: dict[str, str] = {}  # folders
    for layer in reversed(layers):
        files = dict(_files(layer))
        for artifact in layer:
            path = files.get(artifact.name)
            by = _by(path, held, gone, emptied) if path is not None else ""
            if by:
                found[artifact.name] = by
        name = layer[0].name if layer else ""
        for path in set(files.values()):
            folder, base = posixpath.split(path)
            if base == _OPAQUE:
                emptied.setdefault(folder, name)
            elif base.startswith(_WHITEOUT):
                gone.setdefault(posixpath.join(folder, base.removeprefix(_WHITEOUT)), name)
            else:
                held.setdefault(path, name)
    return found


def _by(path: str, held: dict[str, str], gone: dict[str, str], emptied: dict[str, str]) -> str:
    above = list(accumulate(path.split("/")[:-1], posixpath.join))
    whole = (held.get(path), gone.get(path), *map(gone.get, above), *map(emptied.get, ["", *above]))
    return next(filter(None, whole), "")


def _files(layer: Iterable[Artifact]) -> Iterator[tuple[str, str]]:
    """Each artifact that is a file of the layer, or lies in one, with that file's path."""
    archive = ""
    paths: dict[str, str] = {}
    for one in layer:
        if not archive:
            archive = one.name if one.kind == "tar" else ""
        elif one.parent == archive:
            path = posixpath.normpath("/" + one.name[len(archive) + 2 :]).lstrip("/")
            paths[one.name] = path
            yield one.name, path
        elif one.parent in paths:
            paths[one.name] = paths[one.parent]
            yield one.name, paths[one.name]
