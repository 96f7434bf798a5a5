"""Compares two records: what is the same, changed, added, removed or called otherwise."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from probatum.comparison.record import ASPECTS, Item, Lost, Record
from probatum.formats.lookalikes import drawn, unlike

_MOST_MATCHED = 1_000_000
SAME, DIFFERS, UNDECIDED = "same", "differs", "undecided"


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is not the same: `how` is changed, added, removed or renamed.

    `before` and `after` are what it is in the first and in the second model, where it is. `alike`
    says that its name is drawn like that of something else.
    """

    aspect: str
    how: str
    before: Item | None = None
    after: Item | None = None
    alike: str = ""

    @property
    def name(self) -> str:
        item = self.after or self.before
        return item.name if item is not None else ""


class Aspect(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to be said of one aspect: how many things are the same, and which are not.

    `state` is same, differs or undecided; `lost` is what keeps it undecided, of either model.
    `none`: neither has anything of it. `proven`: a second reading shows that it is the same.
    """

    name: str
    state: str
    same: int = 0
    changes: tuple[Change, ...] = ()
    lost: tuple[Lost, ...] = ()
    none: bool = False
    proven: bool = False


def differences(first: Record, second: Record) -> tuple[Aspect, ...]:
    """Every aspect, in the order of `ASPECTS`."""
    return tuple(_aspect(name, first, second) for name in ASPECTS)


def _aspect(name: str, first: Record, second: Record) -> Aspect:
    before, after = _of(name, first.items), _of(name, second.items)
    lost, alike = _lost(name, first, second)
    same, changes = _compared(name, before, after)
    missed = tuple(not set(lost).isdisjoint(record.lost) for record in (first, second))
    changes = [_named(one, first, second) for one in changes if _is_sure(one, *missed)]
    unread = UNDECIDED if lost else SAME
    return Aspect(
        name=name,
        state=DIFFERS if changes else unread,
        same=same + alike,
        changes=tuple(changes),
        lost=lost,
        none=not (before or after or lost or alike),
    )


def _lost(aspect: str, first: Record, second: Record) -> tuple[tuple[Lost, ...], int]:
    """What could not be read, and how much of it has at least the same bytes in both."""
    both = [
        Counter((one.file, one.digest) for one in record.lost if one.digest)
        for record in (first, second)
    ]
    lost, same = [], 0
    for one in dict.fromkeys((*first.lost, *second.lost)):
        key = one.file, one.digest
        if 0 < both[0][key] == both[1][key]:
            same += one.aspect == aspect
        elif one.aspect in ("", aspect):
            lost.append(one)
    return tuple(lost), same


def _named(change: Change, first: Record, second: Record) -> Change:
    """The change, with what it has a name like, if it is new and may be taken for that."""
    name = change.name
    if change.how not in ("added", "renamed") or name.isascii():
        return change
    for other in dict.fromkeys(one.name for one in (*first.items, *second.items)):
        if other != name and drawn(other) == drawn(name):
            return replace(change, alike=f"drawn like {other!r}: {unlike(name, other)}")
    return change


def _is_sure(change: Change, missed_first: bool, missed_second: bool) -> bool:
    """Whether it is a change even if what could not be read of either model is anything."""
    if change.how == "changed":
        return True
    may_be_there = missed_first if change.before is None else missed_second
    return not (may_be_there or (change.how == "renamed" and missed_first))


_Named = dict[str, list[Item]]


def _of(aspect: str, items: Iterable[Item]) -> _Named:
    found: _Named = defaultdict(list)
    for one in items:
        if one.aspect == aspect:
            found[one.name].append(one)
    return found


def _compared(aspect: str, before: _Named, after: _Named) -> tuple[int, list[Change]]:
    same = 0
    changes: list[Change] = []
    gone: list[Item] = []
    come: list[Item] = []
    for name in [*before, *(name for name in after if name not in before)]:
        olds, news = before.get(name, []), after.get(name, [])
        if _contents(olds) == _contents(news):
            same += 1
            continue
        pairs, left, right = _paired(olds, news)
        changes += [
            Change(aspect=aspect, how="changed", before=old, after=new) for old, new in pairs
        ]
        gone += left
        come += right
    return same, changes + _renamed(aspect, gone, come)


def _contents(items: list[Item]) -> set[tuple[str, str]]:
    """What stands under one name. Of several contents it matters which file has which."""
    several = len({one.digest for one in items}) > 1
    return {(one.file if several else "", one.digest) for one in items}


def _paired(
    olds: list[Item], news: list[Item]
) -> tuple[list[tuple[Item, Item]], list[Item], list[Item]]:
    """Things of one name, of which some digest has no match: which became which.

    Those of one file belong together; else what is left of either, if it is one. Of very many,
    which only a hostile model has, none is matched.
    """
    if len(olds) * len(news) > _MOST_MATCHED:
        return [], olds, news
    left = [one for one in olds if not _within(one, news)]
    right = [one for one in news if not _within(one, olds)]
    pairs = []
    for old in list(left):
        new = next((one for one in right if one.file == old.file), None)
        if new is None and len(left) == len(right) == 1:
            new = right[0]
        if new is not None:
            pairs.append((old, new))
            left.remove(old)
            right.remove(new)
    if not (pairs or left or right):  # whatever the files are, they are not the same
        return [], olds, news
    return pairs, left, right


def _within(item: Item, items: list[Item]) -> bool:
    """Whether one of `items` is the same; where files tell it apart, in the same file."""
    alike = [one for one in items if one.digest == item.digest]
    return bool(alike) and (len(items) == 1 or any(one.file == item.file for one in alike))


def _renamed(aspect: str, gone: list[Item], come: list[Item]) -> list[Change]:
    """What is gone and come with the same content was renamed."""
    waiting: dict[str, list[Item]] = defaultdict(list)
    for one in come:
        waiting[one.digest].append(one)
    changes = []
    taken: set[int] = set()
    for old in gone:
        matches = waiting.get(old.digest)
        if matches:
            new = matches.pop(0)
            taken.add(id(new))
            changes.append(Change(aspect=aspect, how="renamed", before=old, after=new))
        else:
            changes.append(Change(aspect=aspect, how="removed", before=old))
    changes += [
        Change(aspect=aspect, how="added", after=one) for one in come if id(one) not in taken
    ]
    return changes
