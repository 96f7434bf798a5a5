"""Makes the record of a model a second time, by readers that share nothing with the first.

They are the checkers of `probatum.check`. What a thing is called and which aspect it is of is told
as the first time. What no checker reads is lost here, and so proven only where its bytes are the
same in both models.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from probatum.check import model_items
from probatum.comparison import contents
from probatum.comparison.differences import SAME, UNDECIDED, Aspect, differences
from probatum.comparison.record import Item, Lost, Record
from probatum.comparison.recording import Recorder, Told
from probatum.errors import FormatError, Rejected
from probatum.ports import Material
from probatum.vocabulary import Artifact, Reason


class Rederiver(Recorder):
    """A `Recorder` whose digests come from the checkers."""

    def _tensors(self, artifact: Artifact, material: Material) -> Iterator[Told]:
        try:
            stem = contents.stem(artifact.name)
            found = model_items.tensors(artifact.kind, stem, material.read, material.size)
        except Rejected as exc:
            raise FormatError(Reason.NOT_ANALYSED, str(exc)) from exc
        for name, dtype, shape, digest in found:
            yield name, dtype, shape, digest, 0
        self._on_bytes(artifact.size)

    def _metadata(self, material: Material) -> dict[str, str]:
        return model_items.metadata(material.read, material.size)

    def _content(self, name: str, kind: str, material: Material, whole: str) -> str:
        carries = kind in contents.CARRIES
        try:
            is_json = name.endswith(".json")
            return model_items.content(is_json, carries, material.read, material.size)
        except Rejected as exc:
            raise FormatError(Reason.TRUNCATED, str(exc)) from exc


def proven(
    aspects: tuple[Aspect, ...], first: tuple[Record, Record], second: tuple[Record, Record]
) -> tuple[Aspect, ...]:
    """The aspects, those marked that the records of the second reading show the same too.

    Where a reading tells other things than the first, nobody knows which is right: undecided.
    """
    again = {one.name: one for one in differences(*second)}
    made = []
    for aspect in aspects:
        if aspect.state != SAME or aspect.none:
            made.append(aspect)
        elif unlike := _unlike(aspect.name, first, second):
            made.append(replace(aspect, state=UNDECIDED, lost=(unlike,)))
        else:
            made.append(replace(aspect, proven=again[aspect.name].state == SAME))
    return tuple(made)


def _unlike(
    aspect: str, first: tuple[Record, Record], second: tuple[Record, Record]
) -> Lost | None:
    """Of what two readings tell different things, but for what the second could not read."""
    for one, other in zip(first, second, strict=True):
        lost = {each.file for each in other.lost}
        differ = _told(aspect, one, lost) ^ _told(aspect, other, lost)
        if differ:
            name, file, _ = min(differ)
            says = f"two readers tell different things of {name!r}"
            return Lost(aspect, file, Reason.PARSER_DIFFERENTIAL.value, says)
    return None


def _told(aspect: str, record: Record, but: set[str]) -> set[tuple[str, str, str]]:
    def is_told(one: Item) -> bool:
        return one.aspect == aspect and one.file not in but

    return {(one.name, one.file, one.digest) for one in record.items if is_told(one)}
