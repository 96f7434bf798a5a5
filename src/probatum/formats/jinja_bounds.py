"""Counts copies of variables, and calculates with bounds of the form c * n ** d."""

from collections.abc import Iterable

Bound = tuple[int, int]
ONE = (1, 0)
FACTOR = 10**8
DEGREE = 400
# More than one copy, or more than an addition.
MANY = 2


def added(many: Iterable[dict[str, int]]) -> dict[str, int]:
    """Both one after another."""
    found: dict[str, int] = {}
    for each in many:
        for one, count in each.items():
            found[one] = min(MANY, found.get(one, 0) + count)
    return found


def either(many: Iterable[dict[str, int]]) -> dict[str, int]:
    """One of them."""
    found: dict[str, int] = {}
    for each in many:
        for one, count in each.items():
            found[one] = max(found.get(one, 0), count)
    return found


def many_times(found: dict[str, int]) -> dict[str, int]:
    """The same, more than once."""
    return dict.fromkeys(found, MANY)


def plus(*many: Bound) -> Bound:
    """A bound of the sum."""
    return sum(one[0] for one in many), max(one[1] for one in many)


def highest(*many: Bound) -> Bound:
    """A bound of each."""
    return max(one[0] for one in many), max(one[1] for one in many)


def times(left: Bound, right: Bound) -> Bound:
    """A bound of the product."""
    return min(left[0] * right[0], FACTOR + 1), min(left[1] + right[1], DEGREE + 1)


def product(many: Iterable[Bound]) -> Bound:
    """A bound of all multiplied."""
    found = (1, 0)
    for one in many:
        found = times(found, one)
    return found
