"""What a signed folder consists of: its files, its signature and whom the user trusts.

Apart from `formats.signed_folder`, which makes the artifact of them, so that an audit that meets no
signature imports nothing else of it.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

KIND = "signed-folder"


class Stored(Struct, frozen=True):
    """A file: its name in the folder, its size in bytes, and where it lies.

    `is_link`: it is reached by a link, to a file of the same folder.
    """

    name: str
    size: int
    path: bytes = b""
    is_link: bool = False


class Other(Struct, frozen=True):
    """Something in the folder whose bytes are not taken in; `is_link` says that it is a link."""

    name: str
    what: str
    is_link: bool = False


class Folder(Struct, frozen=True):
    """What a signed folder consists of."""

    signature: bytes
    trust: Mapping[str, Any]
    files: tuple[Stored, ...]
    others: tuple[Other, ...] = ()
    ignore: tuple[str, ...] = ()
    single: str = ""
