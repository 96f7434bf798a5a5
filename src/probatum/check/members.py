"""Checks that a container's members are the ones listed, and that no reader can see others.

facts = {"format": "zip" | "tar" | "gzip" | "bzip2" | "xz" | "zlib" | "lz4" | "zstd" | "7z",
         "size": of the file,
         "structure": sha256 of every byte of the file that is not the data of a stored member,
         "members": [{"name": str, "size": int, "at": offset of its data, "sha256": hex | None}]}

A stream format has one member without a name or a place. A digest may be None only for a stored
member of a ZIP that is larger than 64 MiB, or that is a tensor of a torch archive: then what is
proven is that these bytes, and no others, are what every reader calls by that name.

What is re-derived, with the standard library alone:
1. ZIP: one end record at the very end, zip64 consistent, the directory right before it; the spans
   of the members (header, data, descriptor) cover the file from its first byte to the directory
   without gap or overlap; header and directory agree on name, method, sizes and checksum; names
   are distinct; compressed data unfolds to exactly its size and checksum, and nothing follows it.
2. tar: tarfile's members, plain files and folders only, follow each other without a gap, each
   with the size that its own header block says; then at least two blocks of zeros, and only zeros.
3. Streams: frames to the end of the file, nothing behind them.
4. 7z: what `sevenzip_archive` demands; a member's place is that of the folder that holds it.
"""

import hashlib
import lzma
import tarfile
import zlib
from typing import Any

from probatum.check import compressed_streams, sevenzip_archive, tar_members, zip_members
from probatum.check.compressed_streams import Listed, Read
from probatum.errors import Rejected

CLAIM = "fully-opened"
_FACTS, _MEMBER = {"format", "size", "structure", "members"}, {"name", "size", "at", "sha256"}


def holds(facts: dict[str, Any], read: Read, size: int) -> None:
    """Raise Rejected unless the members are as `facts` say for every reader."""
    _demand(isinstance(facts, dict) and set(facts) == _FACTS, "the facts' names")
    _demand(type(facts["size"]) is int and facts["size"] == size, "the file's size differs")
    format, listed = facts.get("format"), _listed(facts)
    structure = hashlib.sha256()
    try:
        if format == "zip":
            zip_members.archive(listed, _exact(read), size, structure)
        elif format == "7z":
            for piece in compressed_streams.pieces(_exact(read), 0, size):
                structure.update(piece)
            _demand(list(sevenzip_archive.members(_exact(read), size)) == listed, "other members")
        elif format == "tar":
            tar_members.archive(listed, _exact(read), size, structure)
        else:
            compressed_streams.stream(format, listed, _exact(read), size, structure)
    except (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError, tarfile.TarError) as exc:
        raise Rejected(f"the container does not unfold: {exc}") from exc
    _demand(facts.get("structure") == structure.hexdigest(), "the structure's digest differs")


def _listed(facts: dict[str, Any]) -> Listed:
    members, found = facts.get("members"), []
    _demand(isinstance(members, list), "no list of members")
    for one in members or ():
        _demand(isinstance(one, dict) and set(one) == _MEMBER, "a member is of another shape")
        name, size, at, digest = (one.get(key) for key in ("name", "size", "at", "sha256"))
        _demand(isinstance(name, str) and type(size) is int and type(at) is int, "a bad member")
        _demand(digest is None or isinstance(digest, str), "a bad digest")
        found.append((name, size, at, digest))
    return found


def _exact(read: Read) -> Read:
    def exact(at: int, length: int) -> bytes:
        data = read(at, length) if at >= 0 and length >= 0 else b""
        _demand(len(data) == length, "the file is shorter than its parts")
        return data

    return exact


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)
