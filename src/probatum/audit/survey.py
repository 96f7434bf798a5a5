"""Has every file of the targets told for a bill of materials, in a process that can do no harm.

The files are as hostile as in an audit, so they are read in a confined process (see `apart`). Where
it dies, its files are read again in halves, until the one that killed it stands alone.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate, groupby

import msgspec
from msgspec.structs import replace

from probatum.audit.apart import Fetch, Line, Task, apart
from probatum.audit.judge import attempted
from probatum.audit.layers import covered
from probatum.audit.open import digest, opened
from probatum.audit.opened import Caps, Root
from probatum.audit.sandbox import Limits
from probatum.audit.worker import FetchedMaterial
from probatum.bom.telling import Told, told
from probatum.errors import FormatError
from probatum.formats import gguf, python_environment, python_project, tokenizer_config
from probatum.formats.kinds import kind_of
from probatum.formats.member import Member
from probatum.material import FileMaterial
from probatum.ports import Material
from probatum.vocabulary import Artifact, Undecided

_ARCHIVES = frozenset({"zip", "tar", "gzip", "bzip2", "xz", "zstd", "lz4", "7z"})
_FAR = 16 << 20
_EVERYTHING = 1 << 62
_TEMPLATES: dict[str, Callable[[Material], Iterator[Member]]] = {
    "gguf": gguf.members,
    "tokenizer-config": tokenizer_config.members,
    "model-config": tokenizer_config.members,
}


def surveyed(
    roots: Sequence[Root],
    limits: Limits,
    caps: Caps,
    spool: str,
    *,
    kinds: frozenset[str] | None = None,
    on_bytes: Callable[[int], None] = lambda size: None,
    on_note: Callable[[str], None] = lambda note: None,
) -> list[Told]:
    """What every file tells, in the order of the roots; of an archive, its members too.

    With `kinds`, only files of these kinds, and nothing of what archives hold.
    """
    files = [one for one in roots if _is_file(one)]
    if not files:
        return []
    task = Task("reading", partial(_told, files, caps, kinds), sources=[one.fetch for one in files])
    (answer,) = apart([task], limits, spool, on_bytes=on_bytes, on_note=on_note)
    if not isinstance(answer, Undecided):
        try:
            return msgspec.json.decode(answer, type=list[Told])
        except msgspec.DecodeError:  # a process that reads hostile bytes may tell anything
            why = "its process told something else"
    else:
        why = answer.detail
    if len(files) == 1:
        return [_unread(files[0].name, files[0].size, why)]
    middle = len(files) // 2
    again = partial(surveyed, limits=limits, caps=caps, spool=spool, kinds=kinds)
    return [*again(files[:middle]), *again(files[middle:])]


def standing(files: Sequence[Told], roots: Sequence[Root]) -> list[Told]:
    """The files, of which those that a later layer of an image replaces name nothing installed."""
    met: dict[str, list[Artifact]] = {root.name: [] for root in roots if root.image}
    for one in files:
        parts = one.artifact.name.split("!/")
        for name in accumulate(parts, "{}!/{}".format):
            if name in met:
                met[name].append(one.artifact)
    gone: dict[str, str] = {}
    for image, layers in groupby(roots, lambda root: root.image):
        if image:
            gone |= covered([met[root.name] for root in layers])
    return [replace(one, inventory=None) if one.artifact.name in gone else one for one in files]


def _is_file(root: Root) -> bool:
    """Whether a root is a file, or the environment that only all of its files tell of."""
    return root.project is None or root.project.kind == python_environment.KIND


def _unread(name: str, size: int, why: str) -> Told:
    """A file of which nothing can be told."""
    artifact = Artifact(name=name, kind="unknown", size=size)
    return Told(artifact=artifact, troubles=(f"nothing of {name} is known: {why}",))


# --- in the confined process ---------------------------------------------------------------


def _told(roots: Sequence[Root], caps: Caps, kinds: frozenset[str] | None, line: Line) -> bytes:
    found = []
    for number, root in enumerate(roots):
        line.stand(root.name, root.size)
        for one in _of_root(root, caps, kinds, partial(line.fetch, number)):
            found.append(_encoded(one))
        line.went(root.size)
    return b"[%b]" % b",".join(found)


def _encoded(one: Told) -> bytes:
    payload = attempted(lambda: msgspec.json.encode(one), "writing it down")
    if isinstance(payload, Undecided):  # half of a character, say
        name, size = one.artifact.name, one.artifact.size
        return msgspec.json.encode(_unread(name, size, payload.detail))
    return payload


def _of_root(root: Root, caps: Caps, kinds: frozenset[str] | None, fetch: Fetch) -> Iterator[Told]:
    if root.trouble is not None:
        yield _unread(root.name, root.size, root.trouble.detail)
        return
    steps = _steps(root, caps, kinds, fetch)
    while (one := attempted(lambda: next(steps, None), "reading it")) is not None:
        if isinstance(one, Undecided):
            yield _unread(root.name, root.size, one.detail)
            return
        yield one


def _steps(root: Root, caps: Caps, kinds: frozenset[str] | None, fetch: Fetch) -> Iterator[Told]:
    material = _material(root, fetch)
    kind = root.project.kind if root.project is not None else kind_of(root.name, material)
    if kinds is not None and kind not in kinds:
        return
    artifact = Artifact(name=root.name, kind=kind, size=root.size, digest=_digest(root, material))
    templates = tuple(_templates(kind, material))
    is_near = root.path is not None or root.size <= _FAR
    yield told(artifact, material, templates, is_covered=root.in_project, is_near=is_near)
    if kinds is None and kind in _ARCHIVES:
        whole = replace(caps, digest_size=_EVERYTHING if root.path is not None else _FAR)
        yield from _members(root.name, material, whole)


def _material(root: Root, fetch: Fetch) -> Material:
    if root.project is not None:
        return python_project.packed(root.project, root.beside)
    if root.path is not None:
        return FileMaterial(root.path, root.beside, root.around)
    return FetchedMaterial(root.size, root.beside, fetch)


def _digest(root: Root, material: Material) -> str | None:
    """The digest of the bytes; of many that lie far away, the one that their listing gives."""
    if root.path is None and root.project is None and root.size > _FAR:
        return root.expected.digest if root.expected is not None else None
    return digest(material, _EVERYTHING)


def _members(name: str, material: Material, caps: Caps) -> Iterator[Told]:
    """The files of an archive. A model with files inside of it is one file all the same."""
    archives: set[str | None] = {name}
    for one in opened(name, material, caps):
        artifact = one.artifact
        if artifact.kind in _ARCHIVES:
            archives.add(artifact.name)
        if one.trouble is not None:
            yield _unread(artifact.name, artifact.size, one.trouble.detail)
        elif artifact.parent in archives:
            yield told(artifact, one.material)


def _templates(kind: str, material: Material) -> Iterator[tuple[str, str]]:
    """The digests of the chat templates that a file holds."""
    if kind == "chat-template":
        yield "", digest(material, _EVERYTHING) or ""
    if kind not in _TEMPLATES:
        return
    try:
        for member in _TEMPLATES[kind](material):
            yield member.name, digest(member.material, _EVERYTHING) or ""
    except FormatError:
        return  # what is wrong with it is told where the rest of it is read
