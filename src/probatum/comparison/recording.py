"""Makes the record of a model from its opened artifacts: every tensor and file is hashed once."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator

from probatum.comparison import contents, tensors, weights
from probatum.comparison.record import File, Item, Lost, Record
from probatum.errors import FormatError
from probatum.formats import onnx
from probatum.ports import Material
from probatum.vocabulary import Artifact, Reason

# Their members are told, each by itself; of a torch archive these are no things of a model.
_ONLY_MEMBERS = frozenset({"zip", "tar", "gzip", "bzip2", "xz", "zlib", "zstd", "lz4", "7z", "npz"})
# What torch itself writes into an archive; anything else there is a thing of its own.
_OF_TORCH = re.compile(
    r"[^/]*/(?:data\.pkl|data/\d+|version|byteorder|\.data/serialization_id|\.format_version"
    r"|\.storage_alignment)"
)
# How many times a file's bytes may be named as tensors, those that share their bytes aside.
_MOST_TIMES = 8
_SLACK = 64 << 20

Told = tuple[str, str, tuple[int, ...], str, int]
"""A tensor: name, data type, shape, digest, and its bytes."""

Step = tuple[Artifact, Material, FormatError | None]
"""An artifact, its bytes, and what kept it, or its members, from being opened."""


class Recorder:
    """Gathers a record. `on_bytes` hears how many bytes were hashed since it was last called.

    With `whole`, files that hold tensors get a digest of their own too, which takes as long again.
    """

    def __init__(
        self, source: str, on_bytes: Callable[[int], None], *, alone: bool, whole: bool = False
    ) -> None:
        self._source = source
        self._on_bytes = on_bytes
        self._alone = alone
        self._whole = whole
        self._items: list[Item] = []
        self._lost: list[Lost] = []
        self._files: list[File] = []
        self._left_out: list[str] = []
        self._kinds: dict[str, str] = {}

    def take(self, steps: Iterable[Step]) -> None:
        """Record the artifacts of one root, itself first."""
        for artifact, material, trouble in steps:
            self._kinds[artifact.name] = artifact.kind
            if trouble is not None:
                self._lose("", artifact.name, trouble, material)
            elif not self._is_inside_weights(artifact):
                self._one(artifact, material)

    def link(self, name: str, says: str) -> None:
        """Record a link to another file of the model: a loader would follow it."""
        digest = hashlib.sha256(says.encode("utf-8", "backslashreplace")).hexdigest()
        promised = "json" if name.endswith(".json") else "unknown"
        aspect = contents.aspect(name, promised)
        called = self._called(name, aspect)
        self._items.append(Item(aspect=aspect, name=called, digest=digest, file=name))

    def leave_out(self, name: str, why: str) -> None:
        """Say of a file that it is no part of the model."""
        self._left_out.append(f"{name}: {why}")

    def lose(self, name: str, reason: Reason, detail: str) -> None:
        """Say of a file that it could not be read."""
        self._lost.append(Lost("", name, reason.value, detail))

    def record(self) -> Record:
        return Record(
            source=self._source,
            items=tuple(self._items),
            lost=tuple(self._lost),
            files=tuple(self._files),
            left_out=tuple(self._left_out),
        )

    def _is_inside_weights(self, artifact: Artifact) -> bool:
        name = artifact.parent
        while name:
            if self._kinds.get(name) in contents.OPAQUE:
                return artifact.kind != "chat-template"
            if self._kinds.get(name) == "torch-zip":
                return _OF_TORCH.fullmatch(artifact.name[len(name) + 2 :]) is not None
            name = name.rpartition("!/")[0]
        return False

    def _one(self, artifact: Artifact, material: Material) -> None:
        name, kind = artifact.name, artifact.kind
        if kind in _ONLY_MEMBERS:
            self._files.append(File(name, kind, artifact.size))
            return
        aspect = contents.aspect(name, kind)
        try:
            if kind in weights.KINDS:
                self._weights(artifact, material)
            else:
                self._file(aspect, artifact, material)
        except FormatError as exc:
            self._lose(aspect, name, exc, material)

    def _file(self, aspect: str, artifact: Artifact, material: Material) -> None:
        name, kind = artifact.name, artifact.kind
        whole = contents.bytes_digest(material)
        self._on_bytes(artifact.size)
        digest = self._content(name, kind, material, whole)
        self._files.append(File(name, kind, artifact.size, f"sha256:{whole}"))
        self._add(aspect, self._called(name, aspect), digest, artifact)

    def _weights(self, artifact: Artifact, material: Material) -> None:
        name, kind = artifact.name, artifact.kind
        whole = f"sha256:{contents.bytes_digest(material)}" if self._whole else ""
        self._files.append(File(name, kind, artifact.size, whole))
        folder = contents.folder(name, kind)
        self._items += [
            Item(
                aspect="tensors", name=folder + called, digest=digest, file=name, size=size,
                dtype=dtype, shape=shape,
            )
            for called, dtype, shape, digest, size in list(self._tensors(artifact, material))
        ]  # fmt: skip
        if kind == "onnx":  # a graph is what runs, and all of it that is no tensor's bytes
            self._add("code", self._called(name, "code"), onnx.survey(material).skeleton, artifact)
        if kind == "gguf":
            for key, digest in self._metadata(material).items():
                aspect = "tokenizer" if key.startswith("tokenizer.") else "config"
                self._add(aspect, f"gguf: {key}", digest, artifact)

    def _tensors(self, artifact: Artifact, material: Material) -> Iterator[Told]:
        """Every tensor of a file. Raises: FormatError where they cannot all be told."""
        known: dict[object, str] = {}
        hashed = 0
        for one in weights.tensors(artifact.kind, contents.stem(artifact.name), material):
            digest = known.get(one.place)
            if digest is None:
                hashed += one.size
                if hashed > _MOST_TIMES * material.size + _SLACK:
                    says = f"its tensors name more than {_MOST_TIMES} times the bytes that it has"
                    raise FormatError(Reason.OVER_LIMIT, says)
                digest = known[one.place] = tensors.digest(one)
                self._on_bytes(one.size)
            yield one.name, one.dtype, one.shape, digest, one.size

    def _metadata(self, material: Material) -> dict[str, str]:
        """The keys of a GGUF file and the digests of their values."""
        return contents.gguf_metadata(material)

    def _content(self, name: str, kind: str, material: Material, whole: str) -> str:
        """The digest of what counts in a file, of which all the bytes have the digest `whole`."""
        return contents.content_digest(kind, material) or whole if name.endswith(".json") else whole

    def _called(self, name: str, aspect: str) -> str:
        known = contents.called(name, aspect)
        # Two files that are compared by themselves may have any names.
        if self._alone and known == name and "!/" not in name:
            return f"the {aspect} file" if aspect != "files" else "the file"
        return known

    def _add(self, aspect: str, name: str, digest: str, artifact: Artifact) -> None:
        self._items.append(
            Item(aspect=aspect, name=name, digest=digest, file=artifact.name, size=artifact.size)
        )

    def _lose(self, aspect: str, name: str, exc: FormatError, material: Material) -> None:
        at = str(exc.place)
        detail = f"{exc.detail} ({at})" if at else exc.detail
        try:
            digest = contents.bytes_digest(material) if material.size else ""
        except FormatError:
            digest = ""
        self._lost.append(Lost(aspect, name, exc.reason.value, detail, digest))
