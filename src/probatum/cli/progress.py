"""Shows how far an audit is, on a terminal; elsewhere, nothing at all."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from probatum.audit.workers import Progress
from probatum.cli.output import draws

_EVERY_S = 0.1


@contextmanager
def progress(wanted: bool | None, doing: str = "judging") -> Iterator[Callable[[Progress], None]]:
    """A function that shows a `Progress`. `wanted` of None means: if a person is watching."""
    shown = draws(sys.stderr) if wanted is None else wanted
    if not shown:
        yield lambda progress: None
        return
    yield from _bar(doing, forced=wanted is True)


@contextmanager
def bytes_progress(wanted: bool | None) -> Iterator[Callable[[int, int], None]]:
    """As `progress`, of bytes done and bytes in all alone."""
    with progress(wanted, "comparing") as show:
        yield lambda done, total: show(Progress(0, 0, done, total, 0))


def _bar(doing: str, *, forced: bool) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeElapsedColumn(),
    )
    # No thread may refresh the bar: a process with threads cannot fork its workers.
    console = Console(stderr=True, force_terminal=forced or None)
    bar = Bar(*columns, console=console, auto_refresh=False, transient=True)
    task = bar.add_task(doing, total=None, counts="")
    last = 0.0

    def show(now: Progress) -> None:
        nonlocal last
        if time.monotonic() - last < _EVERY_S:
            return
        last = time.monotonic()
        files = f"{now.roots}/{now.roots_listed} files, {now.artifacts} artifacts"
        counts = files if now.roots_listed else ""
        bar.update(task, completed=now.size, total=max(1, now.size_listed), counts=counts)
        bar.refresh()

    with bar:
        yield show
