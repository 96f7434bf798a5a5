"""One sample of the corpus."""

from dataclasses import dataclass, field

from hostile.gadgets import Gadget


@dataclass(frozen=True)
class Sample:
    """Bytes that reach an effect when loaded.

    `kind` is the artifact kind they are of, `loaders` the oracle's that read it, `offset` that of
    the opcode that sets the effect off where one opcode does, `beside` the files that lie next to
    the sample when it is loaded.
    """

    name: str
    data: bytes
    family: str
    kind: str = "pickle"
    loaders: tuple[str, ...] = ("c",)
    gadget: Gadget | None = None
    offset: int | None = None
    beside: tuple[str, ...] = field(default=())
