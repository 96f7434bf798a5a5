"""The files of a project or an environment, of which none was left out."""

from collections.abc import Iterator

from probatum.errors import Rejected


def files(data: bytes, first: bytes) -> Iterator[tuple[str, bytes]]:
    """Each file's name and content, of what begins with the line `first`. Raises: Rejected."""
    if not data.startswith(first):
        raise Rejected("2: nothing that is gathered begins like this")
    at = len(first)
    while at < len(data):
        end = data.find(b"\n", at)
        size, _, name = data[at:end].partition(b" ")
        if end < 0 or not size.isdigit() or len(size) > 12 or end + 1 + int(size) > len(data):
            raise Rejected("2: something was left out, or it breaks off")
        at = end + 1 + int(size)
        yield name.decode("utf-8", "replace"), data[end + 1 : at]
