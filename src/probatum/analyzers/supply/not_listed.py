"""Decides whether an installed list of known-bad models and files names a file.

Lists are installed with `probatum advisories update --list`; this is asked of every file once one
is, or where the policy asks for it. A list names files and chat templates by their SHA-256, tensors
by the digest that they have in every container, and revisions of a hub's repository.

- **Refuted**: the bytes, a tensor in them, the template or the commit is on a list; told with its
  reason and evidence. Where a hub lists a file by its digest, that is taken for the file's.
- **Undecided**: no list is installed, or one is too old to rely on; a list names tensors, and those
  of this file are not read; a list names the repository and not a commit: names are given up and
  taken by others, so that this may be another's; the bytes lie far away.
- **Proven**: the checker hashes the file again, reads its tensors by readers of its own where a
  list names one, and looks every line of the lists up.

It says nothing of what nobody has listed: one changed byte makes another file, though its tensors
may still be the same.

Sources: purl-spec, type huggingface; `comparison.tensors`, for the digest of a tensor.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator

from probatum.advisories.lists import COMMIT, FILE, NAME, TEMPLATE, TENSOR, Known, Named, repository
from probatum.check.model_items import tensors as tensors_again
from probatum.errors import FormatError, Rejected
from probatum.formats.bounds import region
from probatum.ports import Advisories, Material, informed_analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Place,
    Proven,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

NOT_LISTED = Claim(
    "not-listed",
    "No installed list of known-bad models and files names this file, a tensor in it, or the "
    "commit that it is.",
)
_RECORDS = "records.jsonl"
_PIECE = 1 << 20
_ADDRESS = re.compile(rb"pkg:huggingface/[!-?A-~]+@[0-9a-f]{40}\n")


@informed_analyzer(
    id="not-listed", claim=NOT_LISTED, accepts={"listed", "package-url"}, rests_on="lists"
)
def not_listed(artifact: Artifact, material: Material, lists: Advisories) -> Verdict:
    """Look up what the artifact is."""
    known = _known(lists)
    expected = artifact.expected
    if expected is not None and expected.costly:
        return _far(known, expected.digest)
    digest = (artifact.digest or "").removeprefix("sha256:") or _sha256(material)
    found = [*_of_bytes(known, artifact, material, digest), *_of_commit(known, artifact, material)]
    trouble: str | FormatError = ""
    if known.names_any(TENSOR):
        told, trouble = _of_tensors(known, artifact, material)
        found += told
    if found:
        return Refuted(tuple(found))
    if artifact.kind == "package-url" and (doubt := _of_name(known, material)):
        return Undecided(Reason.UNRESOLVED, doubt)
    if isinstance(trouble, FormatError):
        return Undecided(trouble.reason, f"a list names tensors: {trouble.detail}", trouble.place)
    if trouble:
        return Undecided(Reason.NOT_ANALYSED, trouble)
    if lists.stale:
        return Undecided(Reason.MISSING_ADVISORIES, lists.stale)
    facts = {"lists": lists.digest, "size": material.size, "sha256": digest}
    says = f"the installed lists ({lists.digest[:12]}) name what is known to be bad"
    return Proven(Certificate("not_listed", facts), (says,))


def _far(known: Known, digest: str) -> Verdict:
    found = known.of(FILE, digest.removeprefix("sha256:"))
    if found:
        return Refuted(tuple(_witnesses("the hub lists this file by a digest that", found)))
    says = "looking it up means fetching all of it; download the repository and audit the files"
    return Undecided(Reason.NOT_ANALYSED, says)


def _of_bytes(
    known: Known, artifact: Artifact, material: Material, digest: str
) -> Iterator[Witness]:
    yield from _witnesses("this file", known.of(FILE, digest))
    if artifact.kind == "chat-template" and known.names_any(TEMPLATE):
        text = region(material, 0, material.size)
        trimmed = hashlib.sha256(text.rstrip(b"\r\n")).hexdigest()
        for one in dict.fromkeys((digest, trimmed)):
            yield from _witnesses("this chat template", known.of(TEMPLATE, one))


def _of_tensors(
    known: Known, artifact: Artifact, material: Material
) -> tuple[list[Witness], str | FormatError]:
    """The tensors that are listed, and why it is not known of all, if it is not."""
    from probatum.comparison import contents, tensors, weights

    kind = artifact.kind
    if kind not in weights.KINDS:
        opaque = kind in contents.OPAQUE or kind == "unknown"
        return [], f"a list names tensors, and those of the kind {kind} are not read" * opaque
    found: list[Witness] = []
    digests: dict[object, str] = {}
    try:
        for one in weights.tensors(kind, "", material):
            if one.place not in digests:
                digests[one.place] = tensors.digest(one)
            listed = known.of(TENSOR, digests[one.place])
            found += _witnesses(f"the tensor {one.name!r}", listed, Place(one.start))
    except FormatError as exc:
        return found, exc
    return found, "" if found else _unlike(kind, material, set(digests.values()))


def _unlike(kind: str, material: Material, digests: set[str]) -> str:
    """Why no checker would find the same tensors; empty if one does."""
    try:
        again = {one[-1] for one in tensors_again(kind, "", material.read, material.size)}
    except Rejected as exc:
        return f"a list names tensors, and no checker reads those of this file: {exc}"
    return "" if again == digests else "two readers find other tensors in it"


def _of_commit(known: Known, artifact: Artifact, material: Material) -> Iterator[Witness]:
    if artifact.kind == "package-url":
        _, commit = _address(material)
        yield from _witnesses("this commit", known.of(COMMIT, commit))


def _of_name(known: Known, material: Material) -> str:
    name, _ = _address(material)
    for one in known.of(NAME, name):
        says = f"{one.list!r} names {one.entry.purl}, whatever its commit: {one.entry.reason}"
        return f"{says}; a name may have had another owner then"
    return ""


def _address(material: Material) -> tuple[str, str]:
    """Name and commit of the repository that the bytes name. Raises: FormatError."""
    text = region(material, 0, min(material.size, 1 << 12))
    if _ADDRESS.fullmatch(text) is None:
        raise FormatError(Reason.MALFORMED, "this is no package URL with a commit")
    return repository(text.decode().rstrip())


def _witnesses(what: str, found: Iterable[Named], place: Place | None = None) -> Iterator[Witness]:
    for one in found:
        entry = one.entry
        named = f"{what} is on the list {one.list!r}: {entry.reason}"
        steps = [f"named as {entry.purl}" * bool(entry.purl), entry.evidence]
        steps.append(f"published on {entry.published}" * bool(entry.published))
        yield Witness(named, place or Place(), tuple(Step(says) for says in steps if says))


def _sha256(material: Material) -> str:
    state, at = hashlib.sha256(), 0
    while at < material.size:
        piece = region(material, at, min(_PIECE, material.size - at))
        state.update(piece)
        at += len(piece)
    return state.hexdigest()


def _known(lists: Advisories) -> Known:
    """What lists say, read once for them."""
    if not (_last and _last[0][0] is lists):
        _last[:] = [(lists, Known(lists.file(_RECORDS)))]
    return _last[0][1]


_last: list[tuple[Advisories, Known]] = []
