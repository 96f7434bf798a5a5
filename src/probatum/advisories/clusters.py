"""Which records speak of the same vulnerability: those that share an id or an alias."""

from collections import defaultdict
from collections.abc import Iterable, Sequence


def clustered(
    records: Sequence[tuple[str, tuple[str, ...]]],
) -> list[tuple[list[str], list[int]]]:
    """The clusters of (id, aliases): the names of each, and the numbers of its records.

    The first name is the one that most people know it by: a CVE, else the report of a malicious
    package, else a GHSA, else any.
    """
    if len(records) == 1:
        return [(_names(records), [0])]
    leader = list(range(len(records)))
    first: dict[str, int] = {}
    for number, (own, aliases) in enumerate(records):
        for name in (own, *aliases):
            _join(leader, first.setdefault(name, number), number)
    together: dict[int, list[int]] = defaultdict(list)
    for number in range(len(records)):
        together[_led(leader, number)].append(number)
    return [(_names(records[at] for at in numbers), numbers) for numbers in together.values()]


def _led(leader: list[int], number: int) -> int:
    while leader[number] != number:
        leader[number] = leader[leader[number]]
        number = leader[number]
    return number


def _join(leader: list[int], one: int, other: int) -> None:
    one, other = sorted((_led(leader, one), _led(leader, other)))
    leader[other] = one


def _names(records: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    names = {name for own, aliases in records for name in (own, *aliases)}
    return sorted(names, key=lambda name: (_KNOWN_FIRST.get(name.partition("-")[0], 3), name))


_KNOWN_FIRST = {"CVE": 0, "MAL": 1, "GHSA": 2}
