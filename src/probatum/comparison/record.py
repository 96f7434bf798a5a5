"""The record of a model: what it is made of, each thing by the digest of its content.

A record does not depend on how a model is stored: the order of tensors, their files, shards and
formats, white space in JSON and the container of a chat template do not change it.
"""

import hashlib
from collections.abc import Iterable

import msgspec
from msgspec import Struct

ASPECTS = ("tensors", "template", "tokenizer", "config", "code", "files")
"""What a model consists of; `files` is everything that is none of the others."""


class Item(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing: a tensor, a template, a file. `digest` is the sha256, in hex, of its content.

    `name` is what it is known by inside a model, `file` the artifact that holds it. Only a tensor
    has `dtype` and `shape`; its digest covers both (see `tensors.digest`). `size` is in bytes.
    """

    aspect: str
    name: str
    digest: str
    file: str
    size: int = 0
    dtype: str = ""
    shape: tuple[int, ...] = ()


class Lost(Struct, frozen=True, omit_defaults=True):
    """What could not be read, and why; an empty `aspect` means that it may be of any.

    `digest` is the sha256, in hex, of its bytes, where at least those could be had: what nobody can
    read is the same in two models if its bytes are.
    """

    aspect: str
    file: str
    reason: str
    detail: str
    digest: str = ""


class File(Struct, frozen=True, omit_defaults=True):
    """One file as it is stored; `digest` is `sha256:<hex>`, where all of it was hashed."""

    name: str
    kind: str
    size: int
    digest: str = ""


class Record(Struct, frozen=True, kw_only=True):
    """A model. `lost` is empty only if nothing in it is missing from `items`.

    `left_out` names what is no part of a model, such as git's own store.
    """

    source: str
    items: tuple[Item, ...] = ()
    lost: tuple[Lost, ...] = ()
    files: tuple[File, ...] = ()
    left_out: tuple[str, ...] = ()


def identity(record: Record) -> str:
    """`sha256:<hex>` of what the model is, however it is stored: of its items alone.

    Two records with nothing lost have one identity if and only if they have the same things under
    the same names.
    """
    told = sorted({(one.aspect, one.name, one.digest) for one in record.items})
    return f"sha256:{hashlib.sha256(msgspec.json.encode(told)).hexdigest()}"


def tensors_identity(tensors: Iterable[tuple[str, str]]) -> str:
    """`sha256:<hex>` of tensors by their names and digests, in whatever files they lie."""
    told = sorted(set(tensors))
    return f"sha256:{hashlib.sha256(msgspec.json.encode(told)).hexdigest()}"


def weights_identity(digests: Iterable[str]) -> str:
    """`sha256:<hex>` of the different tensors alone: names, order and ties do not change it."""
    told = "".join(f"{one}\n" for one in sorted(set(digests)))
    return f"sha256:{hashlib.sha256(told.encode()).hexdigest()}"


def purl(target: str) -> str:
    """The package URL of a model that is named with its commit; empty for any other target.

    A branch or a tag may be moved, so that it names no model. Source: purl-spec, huggingface.
    """
    scheme, _, rest = target.partition("://")
    name, _, commit = rest.partition("@")
    is_commit = len(commit) == 40 and set(commit) <= set("0123456789abcdef")
    if scheme.lower() != "hf" or not is_commit or len(name.split("/")) != 2:
        return ""
    return f"pkg:huggingface/{name}@{commit}"
