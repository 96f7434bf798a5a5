"""Reads the manifests of OCI images, of Docker's registry and of an Ollama store, and OCI indexes.

A manifest is JSON that lists blobs by descriptor: media type, digest, size. The clients that read
it are written in Go, whose JSON reader takes `Layers` for `layers`; a manifest that spells a known
name in another case is therefore read by us as something else than by them, and is refused.

Sources: OCI image specification 1.1 (descriptor, manifest, image index, image layout); Docker
image manifest version 2, schema 2; ollama `server/manifest.go` and `server/modelpath.go`.
"""

import re
from typing import Any

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.strict_json import parsed
from probatum.vocabulary import Reason

LARGEST = 4 << 20
"""Bytes; registries refuse manifests beyond this size."""

MOST_DESCRIPTORS = 10_000
_DIGEST = re.compile(r"(sha256)[:-]([0-9a-fA-F]{64})|(sha512)[:-]([0-9a-fA-F]{128})")
_FIELDS = {"schemaVersion", "mediaType", "config", "layers", "manifests"}
_DESCRIPTOR = {"mediaType", "digest", "size", "urls", "annotations", "platform"}


class Descriptor(Struct, frozen=True):
    """One blob that a manifest names. `digest` is normalised: `sha256:<lower-case hex>`.

    `written` is the digest as it stands in the manifest; `platform` is `os-architecture` or ''.
    """

    media_type: str
    digest: str
    written: str
    size: int
    annotations: dict[str, str] = {}
    platform: str = ""
    elsewhere: bool = False


class Manifest(Struct, frozen=True):
    """What a manifest lists, in its order. A descriptor that cannot be read is its FormatError.

    `config` and `layers` of an image; `manifests` of an index.
    """

    config: Descriptor | FormatError | None
    layers: tuple[Descriptor | FormatError, ...]
    manifests: tuple[Descriptor | FormatError, ...]


def manifest(data: bytes) -> Manifest:
    """Raises: FormatError MALFORMED, OVER_LIMIT or PARSER_DIFFERENTIAL."""
    if len(data) > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"the manifest is larger than {LARGEST} bytes")
    fields = _object(parsed(data, "the manifest"), "the manifest", _FIELDS)
    config = fields.get("config")
    found = Manifest(
        config=None if config is None else _descriptor(config),
        layers=_descriptors(fields.get("layers")),
        manifests=_descriptors(fields.get("manifests")),
    )
    if found.layers and found.manifests:
        says = "the manifest is an index and an image at once: readers choose differently"
        raise FormatError(Reason.PARSER_DIFFERENTIAL, says)
    return found


def digest_of(text: str) -> str | None:
    """The normalised digest that `text` spells (`sha256:…`, or `sha256-…` as in a file name)."""
    spelled = _DIGEST.fullmatch(text)
    if spelled is None:
        return None
    return f"{spelled[1] or spelled[3]}:{(spelled[2] or spelled[4]).lower()}"


def _descriptors(value: Any) -> tuple[Descriptor | FormatError, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _malformed("the manifest lists its blobs in something that is no list")
    if len(value) > MOST_DESCRIPTORS:
        raise FormatError(Reason.OVER_LIMIT, f"the manifest lists {len(value)} blobs")
    return tuple(_descriptor(one) for one in value)


def _descriptor(value: Any) -> Descriptor | FormatError:
    try:
        fields = _object(value, "a descriptor", _DESCRIPTOR)
        written, size = fields.get("digest"), fields.get("size")
        digest = digest_of(written) if isinstance(written, str) else None
        if digest is None:
            raise _malformed(f"a descriptor's digest is none: {str(written)[:80]!r}")
        if type(size) is not int or not 0 <= size < 1 << 63:
            raise _malformed(f"a descriptor's size is none: {str(size)[:40]!r}")
        return Descriptor(
            media_type=_text(fields.get("mediaType")),
            digest=digest,
            written=str(written),
            size=size,
            annotations=_annotations(fields.get("annotations")),
            platform=_platform(fields.get("platform")),
            elsewhere=bool(fields.get("urls")),
        )
    except FormatError as trouble:
        return trouble


def _annotations(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {key: one for key, one in value.items() if isinstance(one, str)}


def _platform(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    parts = (_text(value.get(key)) for key in ("os", "architecture", "variant"))
    return "-".join(re.sub(r"[^a-z0-9_.]", "", part.lower())[:20] for part in parts if part)


def _object(value: Any, what: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _malformed(f"{what} is no JSON object")
    folded = {name.casefold(): name for name in known}
    for key in value:
        meant = folded.get(key.casefold())
        if meant is not None and meant != key:
            says = f"{what} spells {meant!r} as {key!r}, which some readers take for it"
            raise FormatError(Reason.PARSER_DIFFERENTIAL, says)
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _malformed(says: str) -> FormatError:
    return FormatError(Reason.MALFORMED, says)
