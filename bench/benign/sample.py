"""What a recipe yields: one file to be written by a real library."""

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sample:
    """One benign file: its name, what is in it, and the function that writes it to a path."""

    name: str
    what: str
    write: Callable[[Path], None]


def pickled(name: str, what: str, value: Any, protocol: int | None = None) -> Sample:
    """A sample written by `pickle.dump`."""
    return Sample(name, what, lambda path: path.write_bytes(pickle.dumps(value, protocol)) and None)


def every_protocol(stem: str, what: str, value: Any) -> list[Sample]:
    """The same value in each of the six pickle protocols."""
    return [pickled(f"{stem}-p{p}.pkl", f"{what}, protocol {p}", value, p) for p in range(6)]
