"""Archives as attackers make them, for the checks of their members to be tried with.

Each has one member: one whose name leads out of the folder it is unpacked to, or a link that does.
Another member of the link's name is written to where the link leads.
"""

from collections.abc import Callable
from typing import Any

from msgspec import Struct


class Member(Struct, frozen=True):
    """A member of an archive; a link if it leads somewhere."""

    name: str
    linkname: str = ""


class Archive(Struct, frozen=True):
    """An archive with one member."""

    member: Member

    def __str__(self) -> str:
        one = self.member
        return f"a link `{one.name}` to `{one.linkname}`" if one.linkname else f"`{one.name}`"


def attacks(most_folders: int) -> list[Archive]:
    """The plainest first; `own1` and so on are the program's folders."""
    names = ["/etc/x", "../x", *(f"../own{number}-x/x" for number in range(1, most_folders))]
    return [*(Archive(Member(name)) for name in names), Archive(Member("x", "/etc/x"))]


FIELDS: dict[type, dict[str, Callable[[Any], Any]]] = {
    Archive: {"members": lambda one: (one.member,)},
    Member: {
        "name": lambda one: one.name,
        "path": lambda one: one.name,
        "filename": lambda one: one.name,
        "linkname": lambda one: one.linkname,
        "linkpath": lambda one: one.linkname,
    },
}
METHODS: dict[type, dict[str, Callable[[Any], Any]]] = {
    Archive: {
        "getmembers": lambda one: (one.member,),
        "infolist": lambda one: (one.member,),
        "getnames": lambda one: (one.member.name,),
        "namelist": lambda one: (one.member.name,),
    },
    Member: {
        "issym": lambda one: bool(one.linkname),
        "isfile": lambda one: not one.linkname,
        "isreg": lambda one: not one.linkname,
        **dict.fromkeys(("islnk", "isdir", "is_dir", "isdev", "ischr", "isblk", "isfifo"),
                        lambda one: False),
    },
}  # fmt: skip
