# Strings, not Path: importing pathlib takes longer than judging twenty small files.
# ruff: noqa: PTH110, PTH112, PTH113
"""Opens whatever a user may name: a path, standard input, an address, a store or an image layout.

The shells hand this to the audit, which itself knows only files and folders. An adapter is imported
when a target may be its own, so that a plain file costs none of them.
"""

import os
from collections.abc import Iterator, Sequence
from functools import partial

from probatum.audit import targets
from probatum.audit.opened import Root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probatum.adapters.signatures import Signatures

_TAR_MAGIC = (257, b"ustar")


IDENTITY = "package-url"
"""The kind of the file that says which revision of a repository a target is."""


def roots(
    target: str,
    *,
    exclude: Sequence[str] = (),
    identities: bool = False,
    signatures: "Signatures | None" = None,
) -> Iterator[Root]:
    """The files of `target`, but for those that a pattern of `exclude` leaves out of a folder.

    With `identities`, one that says what the target is follows, if that is known (`identities`);
    with `signatures`, what those in it sign.
    Raises: TargetError if the target cannot be opened at all.
    """
    found = _roots(target, exclude)
    if signatures is not None:
        from probatum.adapters.signatures import with_signed

        found = with_signed(target, found, signatures)
    if not identities:
        return found
    from probatum.adapters.identities import with_identity

    return with_identity(target, found)


def _roots(target: str, exclude: Sequence[str]) -> Iterator[Root]:
    plain = partial(targets.roots, exclude=exclude, schemes=_SCHEMES)
    if "://" not in target and target != "-":
        if _may_be_image(target):
            from probatum.adapters import oci

            if oci.recognises(target):
                return oci.roots(target, plain=plain)
        if _may_be_store(target):
            from probatum.adapters import ollama

            if ollama.recognises(target):
                return ollama.roots(target, plain=plain)
    return plain(target)


def _hub(target: str) -> Iterator[Root]:
    from probatum.adapters import hub

    return hub.roots(target)


def _ollama(target: str) -> Iterator[Root]:
    from probatum.adapters import ollama

    return ollama.roots(target)


_SCHEMES = {"hf": _hub, "ollama": _ollama}


def _may_be_image(target: str) -> bool:
    """Whether a file there begins like a tar archive, or a folder holds an `oci-layout`."""
    start, magic = _TAR_MAGIC
    try:
        if os.path.isdir(target):
            return os.path.exists(os.path.join(target, "oci-layout"))
        if not os.path.isfile(target):
            return False
        with open(target, "rb") as file:
            return file.read(start + len(magic))[start:] == magic
    except (OSError, ValueError):
        return False


def _may_be_store(target: str) -> bool:
    try:
        parts = os.path.join(os.getcwd(), target).split("/")
        return os.path.isdir(os.path.join(target, "blobs")) or "manifests" in parts
    except (OSError, ValueError):
        return False
