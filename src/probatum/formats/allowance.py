"""How much a target may still unfold to, spent while its containers are opened."""

from collections.abc import Iterable

from probatum.errors import FormatError
from probatum.vocabulary import Reason

FREE = 64 << 20
"""Bytes that any target may unfold to, however small it is: the ratio counts from here on."""


class Allowance:
    """Bytes and members that the containers of one root may still yield.

    A container whose directory says how much it holds is charged before anything of it is
    opened, and its members are held to what was said; a stream is charged while it unfolds.
    """

    def __init__(
        self,
        packed: int,
        *,
        ratio: int = 1000,
        member_size: int = 16 << 30,
        total_size: int = 64 << 30,
        members: int = 100_000,
    ) -> None:
        self.member_size = member_size
        self._total = min(total_size, max(FREE, ratio * packed))
        self._members = members

    def count(self, members: int) -> None:
        """Charge so many members, before the first of them is opened."""
        if members > self._members:
            raise FormatError(
                Reason.OVER_LIMIT, f"more members than the {self._members} that may still be opened"
            )
        self._members -= members

    def charge_within(self, sizes: Iterable[int]) -> None:
        """Charge members of these sizes, before the first of them is opened."""
        for size in sizes:
            self.charge(self.within_member(size))

    def charge(self, size: int) -> None:
        """Charge `size` bytes that were unfolded."""
        if size > self._total:
            raise FormatError(
                Reason.OVER_LIMIT,
                "it unfolds to more than the limits on ratio and total size allow",
            )
        self._total -= size

    def within_member(self, size: int) -> int:
        """`size`, if one member may be that large."""
        if size > self.member_size:
            raise FormatError(
                Reason.OVER_LIMIT, f"a member is larger than the limit of {self.member_size} bytes"
            )
        return size
