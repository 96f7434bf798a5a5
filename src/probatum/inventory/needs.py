"""Follows what the components of one inventory need of each other, as far as their file tells."""

from collections import deque
from collections.abc import Iterator

from probatum.components import Component, Inventory

_OWN = "."


def needed(inventory: Inventory) -> Iterator[tuple[Component, Component]]:
    """Each component with each that it needs. One that is needed in no named version is any."""
    by_name: dict[tuple[str, str], list[Component]] = {}
    for one in inventory.components:
        by_name.setdefault((one.ecosystem, one.name), []).append(one)
    for one in inventory.components:
        for name, version in one.needs:
            for other in by_name.get((one.ecosystem, name), ()):
                if not version or other.version == version:
                    yield one, other


class Chains:
    """Why each component of an inventory is there."""

    def __init__(self, inventory: Inventory) -> None:
        self._needed_by: dict[Component, dict[Component, None]] = {}
        for one, other in needed(inventory):
            if one is not other:
                self._needed_by.setdefault(other, {})[one] = None

    def to(self, component: Component) -> tuple[Component, ...]:
        """The shortest chain to what needs it, from what nothing needs but the project itself.

        Empty where nothing needs it, or the project itself does.
        """
        came: dict[Component, Component | None] = {component: None}
        open = deque([component])
        while open:
            at = open.popleft()
            above = self._needed_by.get(at, {})
            if not above or any(one.source == _OWN for one in above):
                return tuple(self._walked(came, at, component))
            for one in above:
                if one not in came:
                    came[one] = at
                    open.append(one)
        return ()

    def _walked(
        self, came: dict[Component, Component | None], first: Component, last: Component
    ) -> Iterator[Component]:
        at: Component | None = first
        while at is not None and at != last:
            yield at
            at = came[at]
