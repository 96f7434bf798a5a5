"""Opens a file into artifacts: itself first, then, depth first, what it contains.

Two tables say who opens what; a module is imported when the first file of its kind is met.

- `_CONTAINERS`: kinds that are nothing but their members, or may hold very much. Their opener is
  `unfold(name, kind, material, allowance) -> Unfolded`. It raises FormatError when the members
  cannot be told at all; it charges `allowance` with all that its directory promises before it
  opens anything, so that the container can be called unopened before its members are met.
- `_EMBEDDING`: kinds with parts that are artifacts of their own, such as the chat template of a
  GGUF. Their opener is `members(material) -> Iterator[Member]`. A FormatError from it ends the
  parts and nothing else: the kind's own analysers meet the same fault and say so.

A member that cannot be opened is an artifact all the same, with its `trouble`.
"""

import hashlib
import importlib
from collections.abc import Callable, Iterator

from probatum.audit.opened import Caps, Opened
from probatum.errors import FormatError
from probatum.formats.allowance import Allowance
from probatum.formats.kinds import PICKLES, TARS, ZIPS, kind_of
from probatum.formats.member import Member, Unfolded
from probatum.material import PlacedMaterial, SliceMaterial
from probatum.ports import Material
from probatum.vocabulary import Artifact, Reason

_CONTAINERS = {
    **dict.fromkeys(ZIPS, "probatum.formats.zip_members"),
    **dict.fromkeys(TARS, "probatum.formats.tar_members"),
    **dict.fromkeys(("gzip", "bzip2", "xz", "zlib", "zstd", "lz4"), "probatum.formats.compression"),
    "7z": "probatum.formats.sevenzip_members",
}
_EMBEDDING = {
    "gguf": "probatum.formats.gguf",
    "tokenizer-config": "probatum.formats.tokenizer_config",
    # A processor keeps its template in its own configuration.
    "model-config": "probatum.formats.tokenizer_config",
}
_STEP = 1 << 20
_POINTER = b"version https://git-lfs.github.com/spec/v1\n"


def opened(
    root_name: str,
    material: Material,
    caps: Caps,
    kind: str | None = None,
    is_told: Callable[[str], bool] = lambda kind: True,
) -> Iterator[Opened]:
    """The file `root_name` and everything in it, each before its own members.

    `kind` is that of the file where its bytes shall not decide it. A file that is not told of for
    being of its kind, `is_told`, needs no digest.

    A caller whose bytes are dear to fetch sets `caps.digest_size` to 0. What cannot be read is the
    trouble of the artifact that holds it. Raises: FormatError if the file vanishes meanwhile.
    """
    allowance = Allowance(
        material.size,
        ratio=caps.ratio,
        member_size=caps.member_size,
        total_size=caps.total_size,
        members=caps.members,
    )
    root = Member(root_name, material, kind)
    return _opened(root, _recognised(root, None, caps, is_told), 0, allowance, caps)


def _opened(
    one: Member,
    recognised: tuple[Artifact, FormatError | None],
    depth: int,
    allowance: Allowance,
    caps: Caps,
) -> Iterator[Opened]:
    artifact, trouble = recognised
    unfolded = Unfolded(())
    if trouble is None:
        try:
            unfolded = _unfolded(artifact, one.material, depth, allowance, caps)
            trouble = unfolded.trouble
        except FormatError as exc:
            trouble = exc
    yield Opened(artifact, one.material, trouble)
    names = _Names(artifact.name)
    try:
        for member in unfolded.members:
            material = _placed(member, unfolded)
            named = Member(names.unique(member.name), material, member.kind, member.trouble)
            found = _recognised(named, artifact, caps)
            yield from _opened(named, found, depth + 1, allowance, caps)
    except FormatError:
        if artifact.kind in _CONTAINERS:
            raise  # its members are not all there, and nothing else would say so


def _placed(member: Member, unfolded: Unfolded) -> Material:
    """The member's bytes, with what would lie beside them once the container is unpacked."""
    more = unfolded.tree.of(member.name) if unfolded.tree is not None else None
    return PlacedMaterial(member.material, more) if more else member.material


def _recognised(
    one: Member,
    parent: Artifact | None,
    caps: Caps,
    is_told: Callable[[str], bool] = lambda kind: True,
) -> tuple[Artifact, FormatError | None]:
    kind, told, trouble = one.kind or "unknown", None, one.trouble
    try:
        kind = one.kind or kind_of(one.name, one.material, parent.kind if parent else None)
        if trouble is None:
            trouble = _pointer(one.material)
            if trouble is not None or is_told(kind):
                told = digest(one.material, caps.digest_size)
    except FormatError as exc:
        trouble = trouble or exc
    if one.trouble is not None and kind not in PICKLES:
        # Only a pickle's first bytes do something before the rest is missed.
        kind, told = "unknown", None
    artifact = Artifact(
        name=one.name,
        kind=kind,
        size=one.material.size,
        digest=told,
        parent=parent.name if parent else None,
    )
    return artifact, trouble


def _pointer(material: Material) -> FormatError | None:
    """Whether the file only says where Git LFS keeps its content."""
    if material.size > 1024 or material.read(0, len(_POINTER)) != _POINTER:
        return None
    return FormatError(
        Reason.OUTSIDE_TARGET,
        "a Git LFS pointer: its content is not here; run 'git lfs pull' and audit again",
    )


def digest(material: Material, most: int) -> str | None:
    """`sha256:<hex>` of the whole material; None where it has more than `most` bytes."""
    if material.size > most:
        return None
    if isinstance(material, SliceMaterial) and material.sha256 is not None:
        return f"sha256:{material.sha256}"
    state, at = hashlib.sha256(), 0
    while at < material.size:
        piece = material.read(at, _STEP)
        state.update(piece)
        at += len(piece) or material.size
    return f"sha256:{state.hexdigest()}"


def _unfolded(
    artifact: Artifact, material: Material, depth: int, allowance: Allowance, caps: Caps
) -> Unfolded:
    module = _CONTAINERS.get(artifact.kind)
    if module is not None:
        if depth >= caps.depth:
            raise FormatError(
                Reason.OVER_LIMIT, f"a container inside {depth} others: the limit is {caps.depth}"
            )
        unfold = importlib.import_module(module).unfold
        unfolded: Unfolded = unfold(artifact.name, artifact.kind, material, allowance)
        return unfolded
    module = _EMBEDDING.get(artifact.kind)
    if module is not None:
        return Unfolded(importlib.import_module(module).members(material))
    return Unfolded(())


class _Names:
    """Gives members of one container names that are unique and print on one line."""

    def __init__(self, container: str) -> None:
        self._container = container
        self._taken: set[str] = set()

    def unique(self, name: str) -> str:
        plain = full = f"{self._container}!/{printable(name)}"
        count = 1
        while full in self._taken:
            count += 1
            full = f"{plain}#{count}"
        self._taken.add(full)
        return full


def printable(name: str) -> str:
    """The name in valid UTF-8 on one line: other characters as backslash escapes."""
    if name.isprintable():
        return name
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in name
    )
