"""A bill of materials, whatever document it stands in: parts, and how they hang together.

Readers (`cyclonedx`, `spdx3`, `spdx2`) and the writers of `probatum.bom` share these words. What a
document says that has no field here is kept as a fact of its part, where it has a name and a value.
"""

from msgspec import Struct

MODEL, DATA, FILE, SERVICE = "machine-learning-model", "data", "file", "service"
APPLICATION, LIBRARY, CONTAINER = "application", "library", "container"

CONTAINS = "contains"
DEPENDS_ON = "depends on"
TRAINED_ON = "trained on"
DERIVED_FROM = "derived from"

TENSORS, WEIGHTS_ALONE = "probatum:tensors", "probatum:weights"
"""Facts of a model: the digest of its tensors by name, and of the tensors whatever they are called,
in any file, shard and format (`comparison.record`)."""

Facts = tuple[tuple[str, str], ...]


class Spot(Struct, frozen=True, order=True):
    """Where a part is named: a file of the target, and the line in it, 0 where none is known."""

    location: str
    line: int = 0


class Model(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a model beyond its files; `facts` are names with their values, as text."""

    task: str = ""
    family: str = ""
    architecture: str = ""
    facts: Facts = ()


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that the bill lists.

    `ref` is unique in the bill. `type` is one of the words above, or another of CycloneDX's.
    `digests` are `<algorithm>:<hex>`, `licenses` SPDX expressions or names as declared. `external`:
    it is named, and not among what the bill was made from.
    """

    ref: str
    type: str
    name: str
    version: str = ""
    purl: str = ""
    digests: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    places: tuple[Spot, ...] = ()
    facts: Facts = ()
    model: Model | None = None
    external: bool = False


class Link(Struct, frozen=True, order=True):
    """`of` contains, depends on, was trained on, or is derived from `to`: refs of parts."""

    of: str
    kind: str
    to: str


class Bill(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole bill: its subject is the part `main`, if it names one; `made` is its date."""

    parts: tuple[Part, ...]
    links: tuple[Link, ...] = ()
    main: str = ""
    made: str = ""
