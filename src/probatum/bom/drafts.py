"""A bill in the making."""

from msgspec.structs import replace

from probatum.bom.telling import Told
from probatum.formats.bills import FILE, Bill, Facts, Link, Part, Spot


class Draft:
    """A bill in the making. Parts keep the order in which they came; references are unique."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self.links: dict[Link, None] = {}
        self.lacks: dict[str, None] = {}

    def add(self, part: Part) -> str:
        """Take a part; its reference gets a number where another has it already."""
        ref, count = part.ref, 1
        while ref in self.parts:
            count += 1
            ref = f"{part.ref}#{count}"
        self.parts[ref] = replace(part, ref=ref)
        return ref

    def named(self, part: Part, place: Spot) -> str:
        """Take a part that is only named; one of the same reference is named once more."""
        known = self.parts.get(part.ref)
        if known is None:
            self.parts[part.ref] = replace(part, places=(place,))
        elif place not in known.places:
            self.parts[part.ref] = replace(known, places=(*known.places, place))
        return part.ref

    def link(self, of: str, kind: str, to: str) -> None:
        self.links[Link(of, kind, to)] = None

    def lack(self, line: str) -> None:
        self.lacks[line] = None

    def bill(self, main: str) -> Bill:
        return Bill(parts=tuple(self.parts.values()), links=tuple(self.links), main=main)


def file_part(one: Told, name: str) -> Part:
    """A file as a part."""
    artifact = one.artifact
    facts: Facts = (("probatum:kind", artifact.kind), ("probatum:size", str(artifact.size)))
    return Part(
        ref=f"file:{artifact.name}",
        type=FILE,
        name=name,
        digests=(artifact.digest,) if artifact.digest else (),
        facts=facts,
    )
