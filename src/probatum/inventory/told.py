"""What every reader of an inventory does alike: it takes the bytes, and tells what it found."""

from msgspec import Struct

from probatum.components import Component, Inventory, Unread
from probatum.errors import FormatError
from probatum.formats.bounds import region
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

LARGEST = 64 << 20
_MOST = 200_000


def whole(material: Material, most: int = LARGEST) -> bytes:
    """All bytes. Raises: FormatError, OVER_LIMIT where there are more than `most`."""
    if material.size > most:
        raise FormatError(Reason.OVER_LIMIT, f"more than {most:,} bytes, which are not all read")
    return region(material, 0, material.size)


class Told(Struct):
    """The components found so far, and the places of those that could not be told."""

    components: list[Component] = []
    unread: list[Unread] = []

    def add(self, component: Component) -> None:
        """Raises: FormatError OVER_LIMIT where nobody could have written so many."""
        self.components.append(component)
        if len(self.components) > _MOST:
            raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST:,} components", component.place)

    def miss(self, place: Place, why: str) -> None:
        """Note a place that names what is not told."""
        self.unread.append(Unread(place, why))
        if len(self.unread) > _MOST:
            raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST:,} unread places", place)

    def inventory(self, *, resolved: bool = False) -> Inventory:
        """What was told, in the order of the places."""
        components = sorted(self.components, key=lambda one: _order(one.place))
        unread = sorted(self.unread, key=lambda one: _order(one.place))
        return Inventory(tuple(components), tuple(unread), resolved)


def _order(place: Place) -> tuple[str, int, int]:
    return place.part or "", place.line or 0, place.column or 0
