"""Reads the small files that a command is given besides its targets."""

REPORT = 1 << 30
"""Bytes. A report that is larger was not written for this."""


def contents(path: str, most: int, what: str = "") -> bytes:
    """The whole of a file, `what` it is being said of one that cannot be read; `-` is the standard
    input. Raises: UsageError, also where it has more than `most` bytes."""
    import sys
    from pathlib import Path

    from probatum.errors import UsageError

    said = f"{what} {path!a}".lstrip()
    try:
        if path == "-":
            data = sys.stdin.buffer.read(most + 1)
        else:
            with Path(path).open("rb") as file:
                data = file.read(most + 1)
    except (OSError, ValueError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise UsageError(f"{said} cannot be read: {why}") from exc
    if len(data) > most:
        raise UsageError(f"{said} is larger than {most >> 20} MiB")
    return data
