"""A signed folder: its files, the signature beside them and whom the user trusts, as one artifact.

Whether a signature holds is decided by every file that it speaks of and by the key that the user
names, so they are judged together. The artifact is of the kind `signed-folder`; its bytes are made
as follows, from what lies in the folder and what the user said, and from nothing else:

1. the line `signed-folder 1`;
2. a line of JSON: `trust` (whom the user trusts, see `formats.signers`), `single` (the name of a
   model that is one file; empty for a folder), `ignore` (paths that the user leaves out), `files`
   (`[name, size, is it a link to one]` of every file, sorted by name), `others` (`[name, what, is
   it a link]` of what is not taken in) and `signature` (size in bytes);
3. the signature;
4. for each file, in that order, a line break and then its bytes.

A name is relative to the folder, with `/` between. The signature itself is none of the files.
"""

import hashlib
import importlib
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.signed_files import KIND, Folder, Other, Stored
from probatum.formats.strict_json import parsed
from probatum.material import JoinedMaterial, Piece
from probatum.ports import Material
from probatum.vocabulary import Reason

HASHES = {"sha256": 32, "blake2b": 64, "blake3": 32}
"""The digests that a model's signature may be made of, and their sizes in bytes."""

_FIRST = f"{KIND} 1\n".encode()
_LONGEST = 64 << 20  # bytes of the second line
_LARGEST_SIGNATURE = 64 << 20
_PIECE = 1 << 20
_MOST_THREADS = 16


class Span(Struct, frozen=True):
    """The bytes [start, end) of the file of this number."""

    number: int
    start: int
    end: int


class Packed(JoinedMaterial):
    """The bytes of a signed folder whose files lie on this machine."""

    def path(self, number: int) -> bytes:
        """Where the file of this number lies."""
        return self._pieces[number + 1].path


def packed(folder: Folder) -> Packed:
    """The artifact's bytes; a read raises FormatError if a file is not as it was listed."""
    files = sorted(folder.files, key=lambda one: one.name)
    said = {
        "trust": folder.trust,
        "single": folder.single,
        "ignore": folder.ignore,
        "files": [[one.name, one.size, one.is_link] for one in files],
        "others": [[one.name, one.what, one.is_link] for one in folder.others],
        "signature": len(folder.signature),
    }
    head = _FIRST + json.dumps(said).encode("ascii") + b"\n" + folder.signature
    pieces = (Piece(b"\n", one.name, one.path, one.size) for one in files)
    return Packed((Piece(head), *pieces))


class Read(Folder, frozen=True, kw_only=True):
    """A signed folder as its bytes tell it.

    `starts` are the offsets of the files' bytes. `head` is the SHA-256 (hex) of what a proof is
    about: the signature behind the JSON list of `single`, `ignore`, `files` and `others`, and not
    whom the user trusts, who may be another when the proof is checked.
    """

    starts: tuple[int, ...]
    head: str


def read(material: Material) -> Read:
    """What the artifact says of itself. Raises: FormatError if it is no signed folder."""
    head = _head(material)
    first, _, rest = head.partition(b"\n")
    line, ended, _ = rest.partition(b"\n")
    if first + b"\n" != _FIRST or not ended:
        raise _malformed("no signed folder begins like this")
    said = parsed(line, "the list of a signed folder")
    try:
        files = tuple(Stored(str(a), int(b), b"", bool(c)) for a, b, c in said["files"])
        others = tuple(Other(str(a), str(b), bool(c)) for a, b, c in said["others"])
        ignore = tuple(str(one) for one in said["ignore"])
        at, size = len(_FIRST) + len(line) + 1, int(said["signature"])
        trust, single = said["trust"], str(said["single"])
    except (KeyError, TypeError, ValueError) as exc:
        raise _malformed("the list of a signed folder is not one") from exc
    if not isinstance(trust, dict) or any(one.size < 0 for one in files) or size < 0:
        raise _malformed("the list of a signed folder is not one")
    if size > _LARGEST_SIGNATURE:
        raise FormatError(Reason.OVER_LIMIT, f"a signature of {size:,} bytes")
    starts, end = [], at + size
    for one in files:
        starts.append(end + 1)
        end += 1 + one.size
    if end != material.size:
        raise _malformed("a signed folder has another size than its files")
    signature = material.read(at, size)
    return Read(
        signature,
        trust,
        files,
        others,
        ignore,
        single,
        starts=tuple(starts),
        head=_bound(said, signature),
    )


def _bound(said: Any, signature: bytes) -> str:
    about = [said[name] for name in ("single", "ignore", "files", "others")]
    return hashlib.sha256(json.dumps(about).encode("ascii") + b"\n" + signature).hexdigest()


def _head(material: Material) -> bytes:
    """The bytes up to the end of the second line at least, and not much more."""
    head = b""
    while head.count(b"\n") < 2 and len(head) < min(_LONGEST, material.size):
        head += material.read(len(head), _PIECE)
    return head


def digests(material: Material, of: Read, spans: Sequence[Span], algorithm: str) -> tuple[str, ...]:
    """The digest of each span, in hex; those of files on this machine are read in threads.

    Raises: FormatError if a file cannot be read or is not of the size listed.
    """
    from concurrent.futures import ThreadPoolExecutor

    if not isinstance(material, Packed):
        return tuple(_of_bytes(material, of, one, _running(algorithm)) for one in spans)
    largest_first = sorted(range(len(spans)), key=lambda n: spans[n].start - spans[n].end)
    found: dict[int, str] = {}

    def one(number: int) -> None:
        span = spans[number]
        file = of.files[span.number]
        found[number] = _of_file(material.path(span.number), file, span, _running(algorithm))

    threads = min(_MOST_THREADS, os.cpu_count() or 1, max(1, len(spans)))
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(one, number) for number in largest_first]:
            done.result()
    return tuple(found[number] for number in range(len(spans)))


def _running(algorithm: str) -> Any:
    """An empty digest. Raises: FormatError MISSING_EXTRA."""
    if algorithm != "blake3":
        return hashlib.new(algorithm)
    try:
        return importlib.import_module("blake3").blake3()
    except ImportError as exc:
        raise FormatError(Reason.MISSING_EXTRA, "pip install 'probatum[signing]'") from exc


def _of_bytes(material: Material, of: Read, span: Span, running: Any) -> str:
    start = of.starts[span.number]
    for at in range(span.start, span.end, _PIECE):
        running.update(material.read(start + at, min(_PIECE, span.end - at)))
    return str(running.hexdigest())


def _of_file(path: bytes, file: Stored, span: Span, running: Any) -> str:
    """The digest of a part of a file, read into one piece of memory again and again."""
    try:
        with open(path, "rb", buffering=0) as opened:
            if os.fstat(opened.fileno()).st_size != file.size:
                raise FormatError(Reason.VANISHED, f"{file.name}: its size is no longer the same")
            piece = memoryview(bytearray(min(_PIECE, max(1, span.end - span.start))))
            opened.seek(span.start)
            left = span.end - span.start
            while left:
                count = opened.readinto(piece[: min(left, len(piece))])
                if not count:
                    raise FormatError(Reason.VANISHED, f"{file.name} became shorter")
                running.update(piece[:count])
                left -= count
    except OSError as exc:
        raise FormatError(Reason.UNREADABLE, f"{file.name}: {exc.strerror}") from exc
    return str(running.hexdigest())


def ignored(name: str, paths: Iterable[str]) -> bool:
    """Whether a file lies at or below one of the paths."""
    return any(name == path or name.startswith(f"{path}/") for path in paths)


def _malformed(says: str) -> FormatError:
    return FormatError(Reason.MALFORMED, says)
