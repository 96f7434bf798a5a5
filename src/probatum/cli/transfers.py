"""Shows what is being fetched, on a terminal; elsewhere, nothing at all."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from probatum.cli.output import draws

_EVERY_S = 0.1


@contextmanager
def shown() -> Iterator[Callable[[str, int, int], None]]:
    """A function to be told a name, how many bytes of it there are, of how many (0: unknown)."""
    if not draws(sys.stderr):
        yield lambda name, done, total: None
        return
    yield from _bar()


def _bar() -> Iterator[Callable[[str, int, int], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TaskID,
        TextColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(),
               TransferSpeedColumn())  # fmt: skip
    bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)
    tasks: dict[str, TaskID] = {}
    last = 0.0

    def show(name: str, done: int, total: int) -> None:
        nonlocal last
        if name in tasks and done < total and time.monotonic() - last < _EVERY_S:
            return
        last = time.monotonic()
        if name not in tasks:
            tasks[name] = bar.add_task(_short(name), total=None)
        bar.update(tasks[name], completed=done, total=total or None)
        bar.refresh()

    with bar:
        yield show


def _short(name: str) -> str:
    """The end of an address, where its sources differ; rich would read brackets as its own."""
    return "/".join(name.rsplit("/", 2)[-2:]).replace("[", "(")
