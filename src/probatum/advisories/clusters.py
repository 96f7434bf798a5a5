"""Which records speak of the same vulnerability: those that share an id or an alias."""

from collections import defaultdict
from collections.abc import Sequence


def clustered(records: Sequence[tuple[str, tuple[str, ...]]]) -> list[tuple[str, list[int]]]:
    """The clusters of (id, aliases): each with its name and the numbers of its records.

    A name is the least of the ids that most people know it by: CVE, else GHSA, else any.
    """
    leader = list(range(len(records)))
    first: dict[str, int] = {}
    for number, (own, aliases) in enumerate(records):
        for name in (own, *aliases):
            _join(leader, first.setdefault(name, number), number)
    together: dict[int, list[int]] = defaultdict(list)
    for number in range(len(records)):
        together[_led(leader, number)].append(number)
    return [
        (_name({name for number in numbers for name in (records[number][0], *records[number][1])}),
         numbers)
        for numbers in together.values()
    ]  # fmt: skip


def _led(leader: list[int], number: int) -> int:
    while leader[number] != number:
        leader[number] = leader[leader[number]]
        number = leader[number]
    return number


def _join(leader: list[int], one: int, other: int) -> None:
    one, other = sorted((_led(leader, one), _led(leader, other)))
    leader[other] = one


def _name(names: set[str]) -> str:
    return min(
        names, key=lambda name: (not name.startswith("CVE-"), not name.startswith("GHSA-"), name)
    )
