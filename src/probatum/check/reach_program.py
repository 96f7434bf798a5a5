"""Reads a project together with its environment: which files there are, and their content.

The trusted base reads of them only what an import could reach.
"""

import re
from collections.abc import Callable, Iterator

from probatum.errors import Rejected

Read = Callable[[int, int], bytes]

_FIRST = b"python-program 1\n@ "
_PIECE = 1 << 20
_MOST_NAMES = 64 << 20
_LARGEST = 32 << 20
_NATIVE = re.compile(r"(\w+)(?:\.[\w-]+)*\.(?:so|pyd)\Z")


class Program:
    """The files by their names; `site` is the folder of the environment, with `/` at its end."""

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        head = self._head(size)
        first, *lines = head.split("\n")
        self.site = f"{first}/"
        self.left_out = [line[2:] for line in lines if line.startswith("- ")]
        self.spans: dict[str, tuple[int, int]] = {}
        at = len(_FIRST) + len(head.encode("utf-8", "surrogateescape")) + 2
        for line in lines:
            if line.startswith("- "):
                continue
            length, _, name = line.partition(" ")
            if not (length.isdigit() and len(length) < 13 and name) or name in self.spans:
                raise Rejected("1: no list of files begins like this")
            self.spans[name] = (at, int(length))
            at += int(length)
        if at != size:
            raise Rejected("1: the files are not those of the list")

    def _head(self, size: int) -> str:
        data = b""
        while len(data) < size and b"\n\n" not in data[-_PIECE - 1 :]:
            piece = self._read(len(data), _PIECE)
            if not piece or len(data) > _MOST_NAMES:
                break
            data += piece
        head, end, _ = data.partition(b"\n\n")
        if not head.startswith(_FIRST) or not end:
            raise Rejected("1: no program begins like this")
        return head[len(_FIRST) :].decode("utf-8", "surrogateescape")

    def content(self, name: str, most: int = _LARGEST) -> bytes:
        """A file, whole. Raises: Rejected where it is larger than is read."""
        _, size = self.spans[name]
        if size > most:
            raise Rejected(f"{name} has more than {most:,} bytes")
        return b"".join(self.pieces(name))

    def pieces(self, name: str) -> Iterator[bytes]:
        at, size = self.spans[name]
        for start in range(at, at + size, _PIECE):
            yield self._read(start, min(_PIECE, at + size - start))

    def tail(self, name: str, most: int) -> bytes:
        """The last bytes of a file."""
        at, size = self.spans[name]
        length = min(size, most)
        return self._read(at + size - length, length) if length else b""

    def is_own(self, name: str) -> bool:
        """Whether a file is one of the project's, and none of the environment."""
        return not name.startswith(self.site)


def module_of(path: str) -> str:
    """The dotted name of the module that a file is; empty where it is none."""
    folder, _, base = path.rpartition("/")
    stem, _, suffix = base.rpartition(".")
    if suffix in ("so", "pyd"):
        native = _NATIVE.match(base)
        stem = native[1] if native is not None else ""
    elif suffix not in ("py", "pyw", "pyc"):
        return ""
    if not stem or "__pycache__" in folder:
        return ""
    parts = [*folder.split("/"), stem] if folder else [stem]
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    return ".".join(parts)
