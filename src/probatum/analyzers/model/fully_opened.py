"""Decides whether every member of a container was opened, and is the same for every reader.

An archive can show one list of files to the loader and another to the scanner: two members of
one name, a header that contradicts the directory, members that overlap, bytes between them.
This analyser reads the container more strictly than any loader does.

Proven: the members' spans cover the whole file without gap or overlap, every place that names a
member says the same, compressed contents unfold to exactly what was announced. The certificate
lists the members with their digests. Tensors in a torch archive and stored members above 64 MiB
are listed with their place only; a tensor is no artifact of its own, unless its first bytes are
those of something a loader would open.

Refuted: two readers see different members. The witness is the place: a second member of the same
name with other content, a local header with another name or size, a member that the directory
does not list.

Undecided: a member cannot be opened (encrypted, a link, an unknown method, over a limit), readers
part ways without a difference in what they would see shown here (a wrong checksum, bytes before
the archive or between members, a skippable frame of zstd), or it is compressed by a method that
the certificate checker does not unfold (PPMd, BCJ2).

Sources: PKWARE APPNOTE.TXT 6.3.10; POSIX.1-2001 pax; RFC 1950-1952; RFC 8878; the .xz format
1.2.0; 7zFormat.txt of the LZMA SDK 24.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from probatum.claims import FULLY_OPENED
from probatum.formats import (
    sevenzip,
    sevenzip_doubts,
    sevenzip_folders,
    tar,
    zip,
    zstd_blocks,
)
from probatum.formats.allowance import Allowance
from probatum.formats.extent_archives import stream_facts
from probatum.formats.kinds import CONTAINERS, TARS, ZIPS
from probatum.formats.uncovered import digest_of, pieces
from probatum.formats.zip import Doubt, Located
from probatum.formats.zip_members import TORCH, is_raw_storage
from probatum.material import FileMaterial
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Place,
    Proven,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

_HUGE = 64 << 20
_NOTHING = sevenzip_doubts.Content(0, 0, hashlib.sha256().hexdigest())
_LZMA, _ZSTD = 14, 93
_CHECKED_METHODS = (zip.STORED, zip.DEFLATED, zip.BZIP2, _LZMA, _ZSTD)
_UNCHECKED = (
    "the checksums of {} stored members, listed by place, were not recomputed: "
    "a reader that does may refuse the file"
)


_BY_DIRECTORY = (
    "readers go by the directory at the end, as torch does: its archives tell the size of a "
    "member only behind it, so that no reader in one pass can follow them"
)


@analyzer(id="fully-opened", claim=FULLY_OPENED, accepts=CONTAINERS)
def fully_opened(artifact: Artifact, material: Material) -> Verdict:
    """Judge the container by the family of its format."""
    if artifact.kind in ZIPS:
        return _zip(artifact.kind, material)
    if artifact.kind in TARS:
        return _tar(material)
    if artifact.kind == "7z":
        return _sevenzip(material)
    return _stream(artifact.kind, material)


def _zip(kind: str, material: Material) -> Verdict:
    listing = zip.directory(material)
    found, doubts = zip.survey(material, listing)
    Allowance(material.size).charge_within(
        one.entry.size for one in found if one.entry.method != zip.STORED
    )
    for one in found:
        closed = _closed(one)
        if closed is not None:
            return closed
    if kind not in TORCH:
        doubts = (*doubts, *(_late(one) for one in found if one.sized_late))
    doubts = (*doubts, *_twins(material, found))
    return _doubtful(doubts) if doubts else _zip_proven(kind, material, found)


def _late(one: Located) -> Doubt:
    return Doubt(
        f"{one.entry.name!r} is stored with its size told only behind it, "
        "which a reader in one pass cannot follow",
        one.entry.header,
    )


def _zip_proven(kind: str, material: Material, found: Sequence[Located]) -> Proven:
    structure, members, at = hashlib.sha256(), [], 0
    for one in sorted(found, key=lambda one: one.data):
        digest = _zip_digest(kind, material, one)
        if one.entry.method == zip.STORED:
            _feed(structure, material, at, one.data)
            at = one.data + one.entry.packed
        if not one.entry.folder:
            members.append(_member(one.entry.name, one.entry.size, one.data, digest))
    _feed(structure, material, at, material.size)
    left = sum(one["sha256"] is None for one in members)
    says = (_UNCHECKED.format(left),) if left else ()
    if any(one.sized_late for one in found):
        says = (*says, _BY_DIRECTORY)
    return _proven("zip", material, structure.hexdigest(), members, says)


def _zip_digest(kind: str, material: Material, one: Located) -> str | None:
    """The digest of the member's content; None where its place alone says enough."""
    entry = one.entry
    if kind in TORCH and is_raw_storage(material, entry):
        return None
    if entry.method == zip.STORED and entry.size > _HUGE:
        return None
    if entry.method == _ZSTD:
        zstd_blocks.demand_plain(material, one.data, one.data + entry.packed)
    digest = digest_of(zip.contents(material, one))
    if entry.method == zip.STORED and isinstance(material, FileMaterial):
        material.digests[one.data, entry.size] = digest
    return digest


def _closed(one: Located) -> Undecided | None:
    """Why this member cannot be opened, or its opening not be checked."""
    entry, place = one.entry, Place(offset=one.entry.header, part=one.entry.name)
    if entry.encrypted:
        return Undecided(Reason.ENCRYPTED, f"member {entry.name!r} is encrypted", place)
    if entry.link:
        return Undecided(Reason.OUTSIDE_TARGET, f"member {entry.name!r} is a link", place)
    if entry.method not in _CHECKED_METHODS:
        return Undecided(
            Reason.UNSUPPORTED, f"member {entry.name!r} uses method {entry.method}", place
        )
    return None


def _twins(material: Material, found: Iterable[Located]) -> Iterator[Doubt]:
    """Members of one name: readers take the first, the last, or both."""
    first: dict[str, Located] = {}
    for one in found:
        twin = first.setdefault(one.entry.name, one)
        if twin is one:
            continue
        differ = digest_of(zip.contents(material, twin)) != digest_of(zip.contents(material, one))
        says = f"a second member is called {one.entry.name!r} (the first: byte {twin.entry.header})"
        yield Doubt(
            says + (", with other content" if differ else ""), one.entry.header, refutes=differ
        )


def _doubtful(doubts: Iterable[Doubt]) -> Verdict:
    witnesses = tuple(_witness(doubt) for doubt in doubts if doubt.refutes)
    if witnesses:
        return Refuted(witnesses[:16])
    doubt = next(iter(doubts))
    return Undecided(Reason.PARSER_DIFFERENTIAL, doubt.says, Place(offset=doubt.offset))


def _witness(doubt: Doubt) -> Witness:
    place = Place(offset=doubt.offset)
    return Witness(
        doubt.says,
        place,
        (
            Step(
                "readers that go by the directory and readers that go by the headers part here",
                place,
            ),
        ),
    )


def _tar(material: Material) -> Verdict:
    listing = tar.listing(material)
    other = next((one for one in listing.entries if not one.file and one.type != tar.FOLDER), None)
    doubts = (*listing.doubts, *_tar_twins(material, listing))
    if any(doubt.refutes for doubt in doubts):
        return _doubtful(doubts)
    if other is not None:
        says = f"a link to {other.target!r}" if other.link else "no plain file"
        place = Place(offset=other.header, part=other.name)
        return Undecided(Reason.OUTSIDE_TARGET, f"member {other.name!r} is {says}", place)
    if doubts:
        return _doubtful(doubts)
    structure, members, at = hashlib.sha256(), [], 0
    for one in listing.entries:
        if one.file:
            _feed(structure, material, at, one.data)
            at = one.data + one.size
            members.append(_member(one.name, one.size, one.data, _tar_digest(material, one)))
    _feed(structure, material, at, material.size)
    return _proven("tar", material, structure.hexdigest(), members)


def _tar_twins(material: Material, listing: tar.Listing) -> Iterator[Doubt]:
    first: dict[str, tar.Entry] = {}
    for one in listing.entries:
        twin = first.setdefault(one.name, one)
        if twin is one or one.type == twin.type == tar.FOLDER:
            continue
        differ = _tar_digest(material, twin) != _tar_digest(material, one)
        says = f"a second member is called {one.name!r} (the first: byte {twin.header})"
        yield Doubt(says + (", with other content" if differ else ""), one.header, refutes=differ)


def _tar_digest(material: Material, one: tar.Entry) -> str:
    return digest_of(pieces(material, one.data, one.data + one.size))


def _sevenzip(material: Material) -> Verdict:
    archive = sevenzip.archive(material)
    allowance = Allowance(material.size)
    allowance.count(len(archive.files))
    allowance.charge_within(one.size for one in archive.folders)
    if any(sevenzip_folders.encrypted(one) for one in archive.folders):
        return Undecided(Reason.ENCRYPTED, "the archive is encrypted")
    link = next((one for one in archive.files if one.link), None)
    if link is not None:
        place = Place(part=link.name)
        return Undecided(Reason.OUTSIDE_TARGET, f"member {link.name!r} is a link", place)
    doubts = tuple(sevenzip_doubts.doubts(material, archive))
    if doubts:
        return _doubtful(doubts)
    contents = tuple(sevenzip_doubts.members(material, archive))
    twins = tuple(_sevenzip_twins(archive.files, contents))
    if twins:
        return _doubtful(twins)
    members = []
    for file in archive.files:
        one = _NOTHING if file.part is None else contents[file.part]
        if not file.directory:
            members.append(_member(file.name, one.size, one.at, one.digest))
    return _proven("7z", material, digest_of(pieces(material, 0, material.size)), members)


def _sevenzip_twins(
    files: Iterable[sevenzip.File], contents: Sequence[sevenzip_doubts.Content]
) -> Iterator[Doubt]:
    first: dict[str, sevenzip.File] = {}
    for one in files:
        twin = first.setdefault(one.name, one)
        if twin is not one:
            digests = {
                None if two.part is None else contents[two.part].digest for two in (twin, one)
            }
            differ = len(digests) > 1
            says = f"a second member is called {one.name!r}"
            yield Doubt(says + (", with other content" if differ else ""), 32, refutes=differ)


def _stream(kind: str, material: Material) -> Verdict:
    return Proven(Certificate("members", stream_facts(kind, material)))


def _member(name: str, size: int, at: int, digest: str | None) -> dict[str, Any]:
    return {"name": name, "size": size, "at": at, "sha256": digest}


def _proven(
    format: str,
    material: Material,
    structure: str,
    members: list[dict[str, Any]],
    assumptions: tuple[str, ...] = (),
) -> Proven:
    facts = {"format": format, "size": material.size, "structure": structure, "members": members}
    return Proven(Certificate("members", facts), assumptions)


def _feed(digest: Any, material: Material, at: int, end: int) -> None:
    for piece in pieces(material, at, end):
        digest.update(piece)
