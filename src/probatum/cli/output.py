"""Writes reports and talk: the report to standard output or a file, talk to standard error."""

import os
import sys
from typing import TextIO

from probatum.errors import UsageError


def demand_writable(path: str | None) -> None:
    """Raises: UsageError if a report could not be written to `path`; asked before the work."""
    if path is None:
        if sys.stdout is None:
            raise UsageError("standard output is closed: name a file for the report with -o")
        return
    if not path:
        raise UsageError("-o needs the name of a file")
    from pathlib import Path  # a report for standard output does without

    folder = Path(path).parent
    if not folder.is_dir():
        raise UsageError(f"-o {path}: there is no folder {str(folder)!r}")
    if Path(path).is_dir():
        raise UsageError(f"-o {path}: this is a folder; name a file in it")


def write(text: str, path: str | None = None) -> None:
    """Write the report. A file is replaced at once by the whole report, or stays as it was.

    Raises: UsageError if it cannot be written; that of a file then went to standard output.
    """
    if path is None:
        _print(text)
        return
    try:
        _replace(path, text.encode("utf-8", "backslashreplace"))
    except OSError as exc:
        _print(text)
        raise UsageError(
            f"-o {path}: cannot be written ({exc.strerror}); the report is on standard output"
        ) from exc


def say(line: str) -> None:
    """Say something about the work to whoever watches; never part of a report."""
    from probatum.render.visible import visible  # a line may name what is audited

    try:
        print(f"probatum: {visible(line)}", file=sys.stderr, flush=True)
    except OSError:
        hush(2)  # nobody listens


def draws(stream: TextIO | None) -> bool:
    """Whether a person watches `stream` on a terminal that can do more than print."""
    return (
        stream is not None
        and stream.isatty()
        and os.environ.get("TERM", "dumb") not in ("", "dumb")
    )


def _print(text: str) -> None:
    try:
        sys.stdout.flush()
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:
            sys.stdout.write(text)
        else:
            coding = sys.stdout.encoding if sys.stdout.isatty() else "utf-8"
            stream.write(text.encode(coding, "backslashreplace"))
        sys.stdout.flush()
    except BrokenPipeError:
        hush(1)  # the reader has gone, as `head` does
    except OSError as exc:
        hush(1)
        raise unwritten(exc) from exc


def unwritten(exc: OSError) -> UsageError:
    """What to raise where standard output takes nothing more."""
    return UsageError(f"standard output cannot be written: {exc.strerror}")


def hush(descriptor: int) -> None:
    """Let what is left in a stream's buffer go nowhere: it must not complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)


def _replace(name: str, data: bytes) -> None:
    from pathlib import Path

    path = Path(name)
    if path.exists() and not path.is_file():  # a pipe or a device cannot be replaced
        path.write_bytes(data)
        return
    target = path.resolve()  # a link stays a link
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
