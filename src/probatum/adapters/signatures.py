"""Finds the signatures in a target and yields, for each, what it signs as one artifact more.

A folder's signature is its `model.sig`. One of a single file lies beside it, under the file's name
and one of `_SUFFIXES`: OpenSSF Model Signing, Sigstore bundles, and the attestations of the Python
package index (PEP 740), of which a `.provenance` holds several. A file that is no JSON is another
kind of signature and passed over. Only what lies on this machine is looked at.
"""

# Names in a target may not be UTF-8: plain strings, not Path.
# ruff: noqa: PTH112, PTH113, PTH119, PTH120
import os
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from probatum.audit.opened import Root
from probatum.errors import FormatError, TargetError
from probatum.formats.signed_files import Folder
from probatum.vocabulary import Reason

OF_FOLDER = "model.sig"
_SUFFIXES = (
    ".publish.attestation", ".slsa.attestation", ".attestation", ".provenance", ".sigstore.json",
    ".sigstore", ".sig",
)  # fmt: skip
_MOST = 1000  # signatures in one target


class Trust(Struct, frozen=True):
    """Whose signature is trusted (see `formats.signers`) of artifacts whose name fits a pattern."""

    artifacts: str
    who: Mapping[str, Any]


class Signatures(Struct, frozen=True):
    """Whom a user trusts, the first that fits; `demanded`: a target without one is told, too."""

    trusts: tuple[Trust, ...] = ()
    demanded: bool = False

    def of(self, name: str) -> Mapping[str, Any]:
        return next((one.who for one in self.trusts if fnmatchcase(name, one.artifacts)), {})


class _Pair(Struct, frozen=True):
    """A signature and what it signs: its name in the target, and where both lie."""

    name: str
    path: str
    signature: str


def with_signed(target: str, found: Iterator[Root], known: Signatures) -> Iterator[Root]:
    """The roots of a target and, behind them, what the signatures in it or beside it sign."""
    pairs: list[_Pair] = []
    first: Root | None = None
    for root in found:
        first = first or root
        pair = _pair(root) if root.path is not None else None
        if pair is not None and len(pairs) < _MOST:
            pairs.append(pair)
        yield root
    if first is None:
        return
    whole = first.name if os.path.isfile(target) else "."
    if not os.path.isdir(target):
        pairs = list(_beside(first)) if os.path.isfile(target) else []
    taken: dict[str, int] = {}
    for pair in sorted(pairs, key=lambda one: (one.name, one.signature)):
        for root in _signed(pair, known):
            count = taken[root.name] = taken.get(root.name, 0) + 1
            yield replace(root, name=f"{root.name}#{count}") if count > 1 else root
    if known.demanded and f"{whole}!/signed" not in taken:
        yield _root(whole, Folder(b"", known.of(whole), ()))


def _pair(root: Root) -> _Pair | None:
    """What a file of a folder signs, if it is a signature of something there."""
    path = root.path or ""
    if not path.endswith(_SUFFIXES) or not _is_json(path):
        return None
    if os.path.basename(path) == OF_FOLDER:
        return _Pair(root.name.rpartition("/")[0] or ".", os.path.dirname(path), path)
    suffix = next(one for one in _SUFFIXES if path.endswith(one))
    signed = path.removesuffix(suffix)
    if not os.path.isfile(signed) or not root.name.endswith(suffix):
        return None
    return _Pair(root.name.removesuffix(suffix), signed, path)


def _beside(file: Root) -> Iterator[_Pair]:
    """The signatures that lie beside the one file of a target."""
    if file.path is None:
        return
    for suffix in _SUFFIXES:
        path = file.path + suffix
        if os.path.isfile(path) and _is_json(path):
            yield _Pair(file.name, file.path, path)


def _is_json(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return file.read(64).lstrip()[:1] == b"{"
    except OSError:
        return True  # what cannot be read is told where it is read


def _signed(pair: _Pair, known: Signatures) -> Iterator[Root]:
    from probatum.adapters.signed_folder import listed
    from probatum.formats.sigstore_bundle import attestations

    try:
        folder = listed(pair.path, pair.signature, known.of(pair.name))
    except TargetError as exc:
        trouble = FormatError(Reason.UNREADABLE, str(exc))
        yield Root(f"{pair.name}!/signed", 0, trouble=trouble)
        return
    for signature in attestations(folder.signature):
        yield _root(pair.name, replace(folder, signature=signature))


def _root(name: str, folder: Folder) -> Root:
    from probatum.formats.signed_folder import packed

    return Root(f"{name}!/signed", packed(folder).size, signed=folder)
