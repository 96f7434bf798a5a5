"""Finds files of a hub's repository in the local cache that huggingface_hub keeps.

The layout is `models--owner--name/{refs/<revision>, snapshots/<commit>/<path>, blobs/…}`; a
snapshot's files are symbolic links to blobs. A link that leads out of the repository's own
folder is not followed.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from probatum.adapters.hub_address import Address, plain

_COMMIT = re.compile(r"[0-9a-f]{40}")


class Cache:
    """What the local cache holds of one repository; `folder` need not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    @classmethod
    def of(cls, asked: Address) -> "Cache":
        """The cache at HF_HUB_CACHE. Raises: ImportError without huggingface_hub."""
        from huggingface_hub import constants

        name = "--".join([f"{asked.kind}s", *asked.repo.split("/")])
        return cls(Path(constants.HF_HUB_CACHE) / name)

    def file(self, commit: str, path: str) -> str | None:
        """The blob's own path, or None if the cache does not hold this file."""
        if not plain(path):
            return None
        return self._inside(self._folder / "snapshots" / commit / path)

    def commit(self, revision: str) -> str | None:
        """The commit that `revision` named when it was last downloaded."""
        if _COMMIT.fullmatch(revision):
            return revision
        if not plain(revision):
            return None
        try:
            with (self._folder / "refs" / revision).open("rb") as ref:
                said = ref.read(64).decode("ascii", "replace").strip()
        except OSError:
            return None
        return said if _COMMIT.fullmatch(said) else None

    def files(self, commit: str) -> Iterator[str]:
        """The paths held of `commit`, in order."""
        start = self._folder / "snapshots" / commit
        for folder, below, names in os.walk(start):
            below.sort()
            for name in sorted(names):
                yield Path(folder, name).relative_to(start).as_posix()

    def _inside(self, path: Path) -> str | None:
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):  # RuntimeError: a loop of links, before Python 3.13
            return None
        return str(real) if real.is_relative_to(self._folder) and real.is_file() else None
