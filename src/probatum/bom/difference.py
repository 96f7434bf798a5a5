"""What differs between two bills of materials, whatever documents they stood in.

Parts are the same thing by their package URL without its version, or by their type and name; of
several such parts, those of the same version are set against one another first.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from probatum.formats.bills import CONTAINS, FILE, MODEL, TENSORS, WEIGHTS_ALONE, Bill, Link, Part

Key = tuple[str, str]


class Change(Struct, frozen=True):
    """One thing that both list, and what of it differs: (field, before, after)."""

    before: Part
    after: Part
    fields: tuple[tuple[str, str, str], ...]


class Difference(Struct, frozen=True):
    """What only the second lists, what only the first does, what changed, and what is the same.

    `alike`: models that have the same tensors, but another name, or stored in other files.
    """

    added: tuple[Part, ...]
    removed: tuple[Part, ...]
    changed: tuple[Change, ...]
    same: int
    alike: tuple[tuple[Part, Part], ...] = ()

    @property
    def differs(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def difference(before: Bill, after: Bill) -> Difference:
    """What the second bill has otherwise than the first."""
    olds, news = _keyed(before), _keyed(after)
    added: list[Part] = []
    removed: list[Part] = []
    changed: list[Change] = []
    pairs: list[tuple[Part, Part]] = []
    subjects = _subject(before), _subject(after)
    if subjects[0] is not None and subjects[1] is not None:
        pairs.append((subjects[0], subjects[1]))  # whatever they are called
    same = 0
    for key in dict.fromkeys((*olds, *news)):
        stay, gone, come = _paired(olds.get(key, []), news.get(key, []))
        pairs += stay
        removed += gone
        added += come
    for old, new in pairs:
        fields = tuple(_fields(old, new))
        if fields:
            changed.append(Change(old, new, fields))
        else:
            same += 1
    return Difference(
        tuple(sorted(added, key=_order)),
        tuple(sorted(removed, key=_order)),
        tuple(sorted(changed, key=lambda one: _order(one.after))),
        same,
        tuple(_alike(before, after)),
    )


def _alike(before: Bill, after: Bill) -> Iterable[tuple[Part, Part]]:
    """The models of both that have one identity, and are not one and the same."""
    olds = {_fact(one, WEIGHTS_ALONE): one for one in before.parts if one.type == MODEL}
    for new in after.parts:
        old = olds.get(_fact(new, WEIGHTS_ALONE)) if new.type == MODEL else None
        if old is None or not _fact(new, WEIGHTS_ALONE):
            continue
        was, now = _held(before, old), _held(after, new)
        if (old.name, old.version, was) != (new.name, new.version, now):
            yield old, new


def _held(bill: Bill, model: Part) -> set[tuple[str, ...]]:
    """The digests of the files of a model."""
    inside = {one.to for one in bill.links if one.of == model.ref and one.kind == CONTAINS}
    return {one.digests for one in bill.parts if one.ref in inside}


def _fact(part: Part, name: str) -> str:
    return next((value for key, value in part.facts if key == name), "")


def _order(part: Part) -> tuple[str, str, str]:
    return part.type, part.name, part.version


def _keyed(bill: Bill) -> dict[Key, list[Part]]:
    """The parts by what they are, but for the subject; a file by what holds it, too."""
    names = {one.ref: one.name for one in bill.parts if one.ref != bill.main}
    holders = {one.to: names[one.of] for one in bill.links if _holds(one, names)}
    found: dict[Key, list[Part]] = {}
    for one in bill.parts:
        if one.ref == bill.main:
            continue
        if one.type == FILE and one.ref in holders:
            one = replace(one, name=f"{holders[one.ref]}/{one.name}")
        found.setdefault(_key(one), []).append(one)
    return found


def _holds(link: Link, names: dict[str, str]) -> bool:
    return link.kind == CONTAINS and link.of in names


def _subject(bill: Bill) -> Part | None:
    return next((one for one in bill.parts if one.ref == bill.main), None)


def _key(part: Part) -> Key:
    if part.purl:
        name = part.purl.partition("?")[0].partition("#")[0]
        return "", name.rpartition("@")[0] or name
    return part.type, part.name


def _paired(
    olds: list[Part], news: list[Part]
) -> tuple[list[tuple[Part, Part]], list[Part], list[Part]]:
    """Who stands against whom: first the equal, then those of the same version, then the rest."""
    pairs: list[tuple[Part, Part]] = []
    for same in (_whole, _version, _nothing):
        waiting: dict[tuple[str, ...], list[Part]] = {}
        for one in news:
            waiting.setdefault(same(one), []).append(one)
        left: list[Part] = []
        for old in olds:
            fitting = waiting.get(same(old))
            if fitting:
                pairs.append((old, fitting.pop(0)))
            else:
                left.append(old)
        olds, news = left, [one for rest in waiting.values() for one in rest]
    return pairs, olds, news


def _whole(part: Part) -> tuple[str, ...]:
    return (part.version, *sorted(part.digests))


def _version(part: Part) -> tuple[str, ...]:
    return (part.version,)


def _nothing(part: Part) -> tuple[str, ...]:
    return ()


def _fields(old: Part, new: Part) -> Iterable[tuple[str, str, str]]:
    """What differs. A digest of a kind that only one of the two gives is no difference."""
    if old.version != new.version:
        yield "version", old.version, new.version
    ours, theirs = (dict(one.partition(":")[::2] for one in part.digests) for part in (old, new))
    for algorithm in sorted(ours.keys() & theirs.keys()):
        if ours[algorithm].lower() != theirs[algorithm].lower():
            yield algorithm, ours[algorithm], theirs[algorithm]
    before, after = _fact(old, TENSORS), _fact(new, TENSORS)
    if before and after and before != after:
        yield "tensors", before, after
    if set(old.licenses) != set(new.licenses):
        yield "licence", ", ".join(old.licenses), ", ".join(new.licenses)
