"""Reads what the signature of a model lists, strictly, for the checker `model_signature`.

Source: OpenSSF Model Signing specification 1.0, sections 5 and 6; section 11 for the older form, in
which the subjects are the files, as they are in attestations (PEP 740; SLSA 1.0, provenance).
"""

import base64
import hashlib
import json
import re
from typing import Any, NamedTuple

from probatum.errors import Rejected

_STATEMENT = "https://in-toto.io/Statement/v1"
_EARLIER_STATEMENT = "https://in-toto.io/Statement/v0.1"
_PREDICATE = "https://model_signing/signature/v1.0"
_OLDER_PREDICATE = "https://model_signing/Digests/v0.1"
_ATTESTATIONS = (
    "https://docs.pypi.org/attestations/publish/v1",
    "https://slsa.dev/provenance/v1",
    "https://slsa.dev/provenance/v0.2",
)
_SIZES = {"sha256": 64, "blake2b": 128, "blake3": 64}  # hex digits
_SHARD = re.compile(r"(.+):([0-9]{1,18}):([0-9]{1,18})", re.DOTALL)


class Span(NamedTuple):
    """Bytes [start, end) of a file, to its last where `end` is None, and their digest in hex."""

    start: int
    end: int | None
    digest: str


class Listed(NamedTuple):
    """What is signed: for each name the spans that cover the file, in their order."""

    spans: dict[str, list[Span]]
    algorithm: str
    shard_size: int = 0
    allow_symlinks: bool = False
    ignore: tuple[str, ...] = ()


def listed(payload: bytes, single: str) -> Listed:
    """`single` is the name of a model that is one file. Raises: Rejected."""
    statement = only(json_of(payload), "_type", "subject", "predicateType")
    subjects, kind = statement["subject"], statement["predicateType"]
    form = statement["_type"]
    known = form == _STATEMENT or (form == _EARLIER_STATEMENT and kind in _ATTESTATIONS)
    if not known or type(subjects) is not list or not subjects:
        raise Rejected("what is signed is no in-toto statement with a subject")
    if kind == _OLDER_PREDICATE or kind in _ATTESTATIONS:
        found = [(_path(only(one, "name")["name"]), _sha256(one)) for one in subjects]
        spans = {name: [Span(0, None, digest)] for name, digest in found}
        if len(spans) != len(found):
            raise Rejected("a file is listed twice")
        if kind in _ATTESTATIONS:  # it may be one of many files, and is read for one
            if not single or single not in spans:
                raise Rejected("an attestation of other files")
            spans = {single: spans[single]}
        return Listed(spans, "sha256")
    if kind != _PREDICATE or len(subjects) != 1:
        raise Rejected("a statement of another kind, or of more than one subject")
    predicate = only(statement.get("predicate"), "resources", "serialization")
    resources = predicate["resources"]
    if type(resources) is not list or not resources:
        raise Rejected("the statement lists no files")
    made = _made(only(predicate["serialization"], "method", "hash_type", "allow_symlinks"))
    for one in resources:
        _take(made, only(one, "name", "digest", "algorithm"))
    joined = b"".join(bytes.fromhex(one["digest"]) for one in resources)
    if hashlib.sha256(joined).hexdigest() != _sha256(subjects[0]):
        raise Rejected("the subject's digest is not that of the resources")
    _demand_whole(made)
    if single and set(made.spans) == {"."}:
        return made._replace(spans={single: made.spans["."]})
    return made


def _made(how: dict[str, Any]) -> Listed:
    algorithm = "blake2b" if how["hash_type"] == "blake2" else how["hash_type"]
    allow, ignore = how["allow_symlinks"], how.get("ignore_paths")
    if type(algorithm) is not str or algorithm not in _SIZES or type(allow) is not bool:
        raise Rejected("the statement is made in a way that is not known")
    ignore = [] if ignore is None else ignore
    if type(ignore) is not list or not all(type(one) is str for one in ignore):
        raise Rejected("the paths that are ignored are no list of texts")
    ignored = tuple(_path(one.rstrip("/")) for one in ignore)
    return Listed({}, algorithm, _shard_size(how), allow, ignored)


def _shard_size(how: dict[str, Any]) -> int:
    size = how.get("shard_size")
    if how["method"] == "files":
        return 0
    if how["method"] != "shards" or not isinstance(size, int | float) or isinstance(size, bool):
        raise Rejected("the statement is made in a way that is not known")
    if not 0 < size <= 1 << 53 or size != int(size):
        raise Rejected("a size of shards that is no number of bytes")
    return int(size)


def _take(made: Listed, resource: dict[str, Any]) -> None:
    """Add one resource to what is listed."""
    name, digest = resource["name"], resource["digest"]
    algorithms = (made.algorithm, f"{made.algorithm}-sharded-{made.shard_size}")
    if resource["algorithm"] not in algorithms or not _is_hex(digest, _SIZES[made.algorithm]):
        raise Rejected("a resource has no digest of the kind that is said")
    start, end = 0, None
    if made.shard_size:
        shard = _SHARD.fullmatch(name) if type(name) is str else None
        if shard is None or any(str(int(shard[at])) != shard[at] for at in (2, 3)):
            raise Rejected("a shard is not named by its file, start and end")
        name, start, end = shard[1], int(shard[2]), int(shard[3])
    made.spans.setdefault(_path(name), []).append(Span(start, end, digest))


def _demand_whole(made: Listed) -> None:
    """Each file is listed once, from its first byte to its last."""
    for spans in made.spans.values():
        if not made.shard_size:
            if len(spans) != 1:
                raise Rejected("a file is listed twice")
            continue
        spans.sort()
        for number, span in enumerate(spans):
            last = number == len(spans) - 1
            size = (span.end or 0) - span.start
            if span.start != number * made.shard_size or not 0 < size <= made.shard_size:
                raise Rejected("shards leave a gap, overlap or are of another size")
            if not last and size != made.shard_size:
                raise Rejected("a shard within a file is shorter than all")


def _path(value: Any) -> str:
    """A relative path with one meaning."""
    parts = value.split("/") if type(value) is str else [""]
    if value != "." and any(part in ("", ".", "..") for part in parts):
        raise Rejected("a name is no plain relative path")
    if "\\" in value or "\0" in value:
        raise Rejected("a name means another file to another reader")
    return str(value)


def _sha256(subject: Any) -> str:
    digest = only(only(subject, "digest")["digest"], "sha256")["sha256"]
    if not _is_hex(digest, 64):
        raise Rejected("a subject has no digest")
    return str(digest)


def _is_hex(value: Any, digits: int) -> bool:
    return type(value) is str and re.fullmatch(rf"[0-9a-f]{{{digits}}}", value) is not None


def only(value: Any, *names: str) -> dict[str, Any]:
    """A JSON object that has these keys. Raises: Rejected."""
    if type(value) is not dict or not value.keys() >= set(names):
        raise Rejected(f"no object with {', '.join(names)}")
    return value


def json_of(data: bytes) -> Any:
    """Raises: Rejected if this is no JSON, or a key stands twice in it."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as exc:
        raise Rejected("not JSON that can be read in one way") from exc


def base64_of(value: Any) -> bytes:
    """Raises: Rejected if this is not base64 in its one form."""
    try:
        data = base64.b64decode(value, validate=True) if type(value) is str else b""
    except ValueError as exc:
        raise Rejected("not base64") from exc
    if type(value) is not str or base64.b64encode(data).decode() != value:
        raise Rejected("not base64 in its one form")
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    plain = {re.sub("[_-]", "", key).casefold() for key in found}
    if len(plain) != len(pairs):
        raise Rejected("a key stands twice")
    return found
