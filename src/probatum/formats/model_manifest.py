"""Reads what the signature of a model lists: an in-toto statement with one digest for each file.

A name that readers could take for different files (`./a`, `a//b`, `..`, a backslash, a name
twice) is refused, and so are shards that do not cover a file from its first byte to its last.

Sources: OpenSSF Model Signing specification 1.0, sections 5, 6 and 11; in-toto Statement v1 (and
v0.1, of attestations alone); PEP 740 and SLSA 0.2 and 1.0, provenance, whose subjects are files
too. The older form, `Digests/v0.1`, lists the files as subjects; model-signing 0.2 wrote it.
"""

import hashlib
import re
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from probatum.errors import FormatError
from probatum.formats.signed_folder import HASHES
from probatum.formats.sigstore_bundle import fields, malformed
from probatum.formats.strict_json import parsed
from probatum.vocabulary import Reason

STATEMENT = "https://in-toto.io/Statement/v1"
_EARLIER_STATEMENT = "https://in-toto.io/Statement/v0.1"
PREDICATE = "https://model_signing/signature/v1.0"
OLDER_PREDICATE = "https://model_signing/Digests/v0.1"
ATTESTATIONS = (
    "https://docs.pypi.org/attestations/publish/v1",
    "https://slsa.dev/provenance/v1",
    "https://slsa.dev/provenance/v0.2",
)
"""Statements about single files; what else they say of them is not read."""
NEVER_SIGNED = (".git", ".gitattributes", ".github", ".gitignore")
"""Top-level names that a signature never speaks of (section 6.2)."""

_MOST = 1_000_000
_SHARD = re.compile(r"(.+):(0|[1-9][0-9]{0,17}):([1-9][0-9]{0,17})", re.DOTALL)
_LARGEST_SHARD = 1 << 53


class Resource(Struct, frozen=True):
    """Bytes [start, end) of a file and their digest in hex; `end` is None for a whole file."""

    name: str
    digest: str
    start: int = 0
    end: int | None = None


class Manifest(Struct, frozen=True):
    """What is signed. `shard_size` is 0 where files are digested whole; `builder` is what the
    signer of a provenance says built the files."""

    resources: tuple[Resource, ...]
    algorithm: str
    shard_size: int = 0
    allow_symlinks: bool = False
    ignore: tuple[str, ...] = ()
    kind: str = PREDICATE
    builder: str = ""

    @property
    def names(self) -> frozenset[str]:
        return frozenset(one.name for one in self.resources)


def manifest(payload: bytes, single: str = "") -> Manifest:
    """What is signed of a folder, or of the one file `single`. Raises: FormatError.

    The first versions of model-signing called a model of one file `.`.
    """
    found = _manifest(payload)
    if found.kind in ATTESTATIONS:
        return _of_one(found, single)
    if single and found.names == {"."}:
        return replace(found, resources=tuple(replace(o, name=single) for o in found.resources))
    return found


def _of_one(found: Manifest, single: str) -> Manifest:
    """What an attestation, which may be one of many files, says of this one."""
    if not single:
        raise FormatError(
            Reason.UNSUPPORTED, "an attestation of single files, and this is a folder"
        )
    if single not in found.names:
        told = ", ".join(sorted(found.names))[:200]
        raise malformed(f"the attestation is one of {told!a}, not of {single[:200]!a}")
    return replace(found, resources=tuple(one for one in found.resources if one.name == single))


def _manifest(payload: bytes) -> Manifest:
    known = ("_type", "subject", "predicateType", "predicate")
    statement = fields(parsed(payload, "the statement"), "the statement", known)
    subjects, kind = statement.get("subject"), statement.get("predicateType")
    earlier = kind in ATTESTATIONS and statement.get("_type") == _EARLIER_STATEMENT
    if statement.get("_type") != STATEMENT and not earlier:
        raise FormatError(Reason.UNSUPPORTED, "what is signed is no in-toto statement v1")
    if not isinstance(subjects, list) or not 0 < len(subjects) <= _MOST:
        raise malformed("the statement has no list of subjects")
    if kind in (OLDER_PREDICATE, *ATTESTATIONS):
        builder = _builder(statement.get("predicate")) if kind in ATTESTATIONS else ""
        listed = tuple(map(_subject, subjects))
        return _agreed(Manifest(listed, "sha256", kind=kind, builder=builder))
    if kind != PREDICATE:
        raise FormatError(Reason.UNSUPPORTED, f"a statement of the kind {str(kind)[:80]!a}")
    if len(subjects) != 1:
        raise malformed("the statement has more than one subject")
    predicate = fields(statement.get("predicate"), "the predicate", ("resources", "serialization"))
    found = _agreed(_listed(predicate))
    joined = b"".join(bytes.fromhex(one.digest) for one in found.resources)
    if _sha256_of_subject(subjects[0]) != hashlib.sha256(joined).hexdigest():
        raise malformed("the subject's digest is not that of the resources")
    return found


def _builder(predicate: Any) -> str:
    """SLSA 1.0: `runDetails.builder.id`; 0.2: `builder.id`."""
    said = predicate if isinstance(predicate, dict) else {}
    inner = said.get("runDetails", said)
    builder = inner.get("builder") if isinstance(inner, dict) else None
    name = builder.get("id") if isinstance(builder, dict) else None
    return name[:200] if isinstance(name, str) else ""


def relative(value: Any) -> str:
    """A relative path that every reader takes for the same. Raises: FormatError."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise malformed(f"a name in the statement is none: {str(value)[:80]!a}")
    parts = value.split("/")
    if value != "." and ({"", ".", ".."} & set(parts) or "\\" in value):
        says = f"the name {value[:200]!a} means another file to another reader"
        raise FormatError(Reason.PARSER_DIFFERENTIAL, says)
    return value


def _listed(predicate: dict[str, Any]) -> Manifest:
    resources = predicate.get("resources")
    known = ("method", "hash_type", "shard_size", "allow_symlinks", "ignore_paths")
    how = fields(predicate.get("serialization"), "the serialization", known)
    method, allow = how.get("method"), how.get("allow_symlinks")
    said = how.get("hash_type")
    algorithm = "blake2b" if said == "blake2" else said if isinstance(said, str) else ""
    if not isinstance(resources, list) or not 0 < len(resources) <= _MOST:
        raise malformed("the statement lists no files")
    if algorithm not in HASHES or method not in ("files", "shards"):
        says = f"a signature by {str(method)[:20]!a} and {str(said)[:20]!a}"
        raise FormatError(Reason.UNSUPPORTED, says)
    if type(allow) is not bool:
        raise malformed("the statement does not say whether links are followed")
    size = _shard_size(how.get("shard_size")) if method == "shards" else 0
    found = tuple(_resource(one, algorithm, size) for one in resources)
    return Manifest(found, algorithm, size, allow, _ignore(how.get("ignore_paths")))


def _shard_size(value: Any) -> int:
    """Protobuf writes a number of a structure with a point behind it."""
    if type(value) not in (int, float) or not 0 < value <= _LARGEST_SHARD or value != int(value):
        raise malformed(f"no size of shards: {str(value)[:40]!a}")
    return int(value)


def _ignore(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MOST:
        raise malformed("the paths that the signature ignores are no list")
    return tuple(relative(one.rstrip("/") if isinstance(one, str) else one) for one in value)


def _resource(value: Any, algorithm: str, shard_size: int) -> Resource:
    one = fields(value, "a resource", ("name", "digest", "algorithm"))
    named = one.get("algorithm")
    if named not in (algorithm, f"{algorithm}-sharded-{shard_size}"):
        raise malformed(f"a resource is digested with {str(named)[:40]!a}, not {algorithm}")
    digest = _hex(one.get("digest"), HASHES[algorithm])
    if not shard_size:
        return Resource(relative(one.get("name")), digest)
    shard = _SHARD.fullmatch(str(one.get("name")))
    if shard is None:
        raise malformed(f"{str(one.get('name'))[:80]!a} names no shard of a file")
    return Resource(relative(shard[1]), digest, int(shard[2]), int(shard[3]))


def _subject(value: Any) -> Resource:
    one = fields(value, "a subject", ("name", "digest", "annotations"))
    return Resource(relative(one.get("name")), _sha256_of_subject(value))


def _sha256_of_subject(value: Any) -> str:
    digest = fields(value, "a subject", ("name", "digest")).get("digest")
    return _hex(fields(digest, "a subject's digest", ("sha256",)).get("sha256"), 32)


def _hex(value: Any, size: int) -> str:
    if not isinstance(value, str) or not re.fullmatch(rf"[0-9a-f]{{{2 * size}}}", value):
        raise malformed(f"{str(value)[:80]!a} is no digest of {size} bytes in hex")
    return value


def _agreed(found: Manifest) -> Manifest:
    """The same, if no bytes are listed twice and shards leave no gap."""
    reached: dict[str, int] = {}
    for one in sorted(found.resources, key=lambda one: (one.name, one.start)):
        if one.end is None and one.name in reached:
            raise FormatError(Reason.PARSER_DIFFERENTIAL, f"{one.name[:200]!a} is listed twice")
        begins = reached.get(one.name, 0)
        if one.start != begins or begins % (found.shard_size or 1):
            raise malformed(f"the shards of {one.name[:200]!a} leave a gap or overlap")
        if one.end is not None and not one.start < one.end <= one.start + found.shard_size:
            raise malformed(f"a shard of {one.name[:200]!a} has another size than all")
        reached[one.name] = one.end or 0
    return found
