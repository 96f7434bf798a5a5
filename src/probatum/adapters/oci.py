"""Opens OCI image layouts, and what `docker save` writes, as targets: a folder or a tar archive.

Protocol:

1. `index.json` names manifests, or further indexes, by digest; each becomes a root of its own,
   `image:tag` or `image:tag!/linux-amd64`.
2. A manifest names a config and layers; they become `image:tag!/config`, `image:tag!/layer-1` …
   A layer is a tar, usually compressed, which is opened like any other container, so that a file
   in it is called `image:tag!/layer-1!/path`. A file that a later layer overwrites or removes
   (by `.wh.name`) is judged all the same: whoever holds the image holds its bytes. Of what it
   names as installed, see `audit.layers`.
   A layer that carries the title of one file (as ORAS writes it) is called by that title.
3. Everything that no manifest names is a root under its own path.

Each blob is held against the digest and size its manifest names. Of an archive without `index.json`
the `manifest.json` of `docker save` is followed, whose layers have their digest in the config.

Sources: OCI image specification 1.1, "Image Layout"; Docker image specification v1.2.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from probatum.adapters import layout
from probatum.adapters.layout import Layout, RootsOf
from probatum.audit import targets
from probatum.audit.opened import Root
from probatum.errors import FormatError
from probatum.formats import tar
from probatum.formats.importable import Tree
from probatum.formats.manifest import Descriptor, digest_of, manifest
from probatum.formats.strict_json import parsed
from probatum.material import FileMaterial
from probatum.vocabulary import Expected, Reason

_DEEPEST = 8
_EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,255}")
_TITLE = re.compile(r"\w[\w.+ -]{0,127}(?:/\w[\w.+ -]{0,127}){0,7}", re.ASCII)
_REFERENCE_KEYS = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_TITLE_KEY = "org.opencontainers.image.title"
_IN_ARCHIVE = re.compile(
    r"(?:\./)?(?:|oci-layout|index\.json|manifest\.json|repositories|blobs(?:/[\w/.:-]*)?"
    r"|[0-9a-f]{64}(?:\.json|\.tar|/(?:|VERSION|json|layer\.tar))?)",
    re.ASCII,
)


def recognises(target: str) -> bool:
    """Whether `target` is an image layout: a folder of one, or an archive of nothing else."""
    if layout.is_folder(target):
        return all(layout.is_file(Path(target, one)) for one in ("oci-layout", "index.json"))
    return layout.is_file(target) and _is_archive(target)


def roots(target: str, *, plain: RootsOf = targets.roots) -> Iterator[Root]:
    """Every blob of every image, and all other files; `plain` lists the files of a folder."""
    if layout.is_folder(target):
        files = layout.of_folder(target, plain)
    else:
        try:
            files = layout.of_tar(target)
        except FormatError as trouble:
            yield Root(layout.shown(Path(target).name), 0, trouble=trouble)
            return
    image = layout.shown(Path(target).absolute().name.removesuffix(".tar")) or "image"
    if files.file("index.json") is not None:
        yield from _Images(files, image).roots()
    else:
        yield from _saved(files, image)
    yield from files.rest()


class _Images:
    """Steps 1 and 2."""

    def __init__(self, files: Layout, image: str) -> None:
        self._files = files
        self._image = image

    def roots(self) -> Iterator[Root]:
        index = self._files.file("index.json")
        try:
            listed = manifest(self._files.manifest(index))
        except FormatError as trouble:
            yield self._files.trouble(f"{self._image}!/images", trouble)
            return
        for blob in listed.manifests:
            if isinstance(blob, FormatError):
                yield self._files.trouble(f"{self._image}!/image", blob)
            else:
                yield from self._manifest(blob, self._called(blob), "index.json", ())

    def _called(self, blob: Descriptor) -> str:
        said = [blob.annotations.get(key, "") for key in _REFERENCE_KEYS]
        reference = next((one for one in said if _REFERENCE.fullmatch(one)), "")
        if not reference:
            return f"{self._image}@{blob.digest[:19]}"
        return reference if "/" in reference or ":" in reference else f"{self._image}:{reference}"

    def _manifest(
        self, blob: Descriptor, name: str, by: str, above: tuple[str, ...]
    ) -> Iterator[Root]:
        told = self._files.told(name, _paths(blob), layout.expected(blob, by))
        yield told
        if told.trouble is not None:
            return
        try:
            if blob.digest in above or len(above) == _DEEPEST:
                says = f"indexes in indexes: a circle, or more than {_DEEPEST} deep"
                raise FormatError(Reason.OVER_LIMIT, says)
            listed = manifest(self._files.manifest(told))
        except FormatError as trouble:
            yield self._files.trouble(f"{told.name}!/layers", trouble)
            return
        for number, child in enumerate(listed.manifests, 1):
            if isinstance(child, FormatError):
                yield self._files.trouble(f"{told.name}!/image-{number}", child)
            else:
                part = child.platform or f"image-{number}"
                yield from self._manifest(
                    child, f"{told.name}!/{part}", told.name, (*above, blob.digest)
                )
        if listed.config is not None:
            yield self._part(listed.config, f"{told.name}!/config", told.name)
        yield from self._layers(listed.layers, told.name)

    def _layers(self, layers: tuple[Descriptor | FormatError, ...], name: str) -> Iterator[Root]:
        titles = [_title(one) for one in layers]
        tree = Tree(titles)
        tops = {title.partition("/")[0] for title in titles if "/" in title}
        beside = {title for title in titles if title and "/" not in title}
        beside.update(map(tree.folder, tops))
        for number, (blob, title) in enumerate(zip(layers, titles, strict=True), 1):
            told = f"{name}!/{title or f'layer-{number}'}"
            part = self._part(blob, told, name, tree.of(title) | beside)
            yield part if title else replace(part, image=name)

    def _part(
        self,
        blob: Descriptor | FormatError,
        name: str,
        by: str,
        beside: frozenset[str] = frozenset(),
    ) -> Root:
        if isinstance(blob, FormatError):
            return self._files.trouble(name, blob)
        expected = layout.expected(blob, by)
        told = self._files.told(name, _paths(blob), expected, beside)
        if told.trouble is not None and blob.digest == _EMPTY:
            return Root(told.name, 2, fetch=_empty, expected=expected)
        if told.trouble is not None and blob.elsewhere:
            says = "the manifest has this layer fetched from another address; it is not stored here"
            return Root(told.name, 0, trouble=FormatError(Reason.OUTSIDE_TARGET, says))
        return told


def _saved(files: Layout, image: str) -> Iterator[Root]:
    """What `docker save` wrote before it wrote image layouts: `manifest.json`."""
    written = files.file("manifest.json")
    try:
        listed = parsed(files.manifest(written), "manifest.json")
        if not isinstance(listed, list):
            raise FormatError(Reason.MALFORMED, "manifest.json is no list of images")
    except FormatError as trouble:
        yield files.trouble(f"{image}!/images", trouble)
        return
    for one in listed:
        if not isinstance(one, dict):
            says = "manifest.json lists something that is no image"
            yield files.trouble(f"{image}!/image", FormatError(Reason.MALFORMED, says))
            continue
        yield from _saved_image(files, image, one)


def _saved_image(files: Layout, image: str, one: dict[str, Any]) -> Iterator[Root]:
    name = next(filter(_is_reference, _texts(one.get("RepoTags"))), image)
    config = next(iter(_texts([one.get("Config")])), "")
    layers = _texts(one.get("Layers"))
    told = files.told(f"{name}!/config", [config], _by_path(config, "manifest.json"))
    yield told
    digests = _uncompressed(files, told, len(layers))
    for number, (path, digest) in enumerate(zip(layers, digests, strict=True), 1):
        by_config = Expected(digest, told.name) if digest else None
        expected = _by_path(path, "manifest.json") or by_config
        yield replace(files.told(f"{name}!/layer-{number}", [path], expected), image=name)


def _uncompressed(files: Layout, config: Root, count: int) -> list[str | None]:
    """The digests that an image's config names for its layers, which older archives keep plain."""
    try:
        fields = parsed(files.manifest(config), "the config")
    except FormatError:
        return [None] * count
    system = fields.get("rootfs") if isinstance(fields, dict) else None
    digests = _texts(system.get("diff_ids")) if isinstance(system, dict) else []
    return [digest_of(one) for one in digests] if len(digests) == count else [None] * count


def _by_path(path: str, by: str) -> Expected | None:
    named = re.fullmatch(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json)?", path)
    return Expected(f"sha256:{named[1]}", by) if named else None


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _is_reference(text: str) -> bool:
    return _REFERENCE.fullmatch(text) is not None


def _title(blob: Descriptor | FormatError) -> str:
    title = "" if isinstance(blob, FormatError) else blob.annotations.get(_TITLE_KEY, "")
    return title if _TITLE.fullmatch(title) else ""


def _paths(blob: Descriptor) -> list[str]:
    algorithm, _, digits = blob.digest.partition(":")
    return [f"blobs/{algorithm}/{digits}"]


def _empty(offset: int, length: int) -> bytes:
    return b"{}"[offset : offset + length]


def _is_archive(path: str) -> bool:
    try:
        with FileMaterial(path) as whole:
            if not tar.starts(whole.read(0, tar.BLOCK)):
                return False
            if not all(map(_IN_ARCHIVE.fullmatch, tar.first_names(whole))):
                return False  # an archive of something else is not read to its end for this
            names = {entry.name for entry in tar.listing(whole).entries}
    except FormatError:
        return False
    plain = {name.removeprefix("./") for name in names}
    known = {"oci-layout", "index.json"} <= plain or "manifest.json" in plain
    return known and all(_IN_ARCHIVE.fullmatch(name) for name in names)
