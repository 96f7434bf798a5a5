"""Which files of a target belong together: the models and data sets in it, and what each holds.

A model is a folder with a card of one, or with a configuration of one and weights at or below it,
with all that lies in it; the outermost such folder counts. Weights in no such folder are a model by
themselves, together with the further shards of theirs.
"""

import posixpath
import re
from collections.abc import Sequence

from msgspec import Struct

from probatum.bom.telling import Told
from probatum.bom.weights import KINDS as WEIGHTS
from probatum.formats.bills import MODEL

_SHARD = re.compile(r"(.+?)[-._]\d{5}-of-\d{5}(\.[A-Za-z0-9.]+)\Z")
_DEPTH = 100


class Home(Struct, frozen=True, kw_only=True):
    """One model or data set: `path` is its folder, or its file; `files` are all of its own."""

    type: str
    path: str
    files: tuple[Told, ...]
    is_folder: bool


def homes(files: Sequence[Told]) -> tuple[Home, ...]:
    """The models and data sets, in the order of their paths."""
    types = _types(files)
    folders: dict[str, list[Told]] = {}
    alone: dict[str, list[Told]] = {}
    for one in files:
        home = _outermost(folder_of(one), types)
        if home is not None:
            folders.setdefault(home, []).append(one)
        elif _is_weights(one):
            alone.setdefault(_stem(one.artifact.name), []).append(one)
    found = [
        Home(type=types[path], path=path, files=tuple(held), is_folder=True)
        for path, held in folders.items()
    ]
    found += [
        Home(type=MODEL, path=path, files=tuple(held), is_folder=False)
        for path, held in alone.items()
    ]
    return tuple(sorted(found, key=lambda one: one.path))


def folder_of(one: Told) -> str:
    """The folder that a file lies in; an archive counts as one."""
    return posixpath.dirname(one.artifact.name.replace("!/", "/"))


def _is_weights(one: Told) -> bool:
    return one.artifact.kind in WEIGHTS


def _types(files: Sequence[Told]) -> dict[str, str]:
    """The folders that are a model or a data set, and which of the two."""
    weighty = {up for one in files if _is_weights(one) for up in _upwards(folder_of(one))}
    types: dict[str, str] = {}
    for one in files:
        folder = folder_of(one)
        if one.card is not None and one.card.about:
            types[folder] = one.card.about
        elif folder in weighty and (one.config is not None or one.card is not None):
            types.setdefault(folder, MODEL)
    return types


def _outermost(folder: str, types: dict[str, str]) -> str | None:
    return next((one for one in reversed(_upwards(folder)) if one in types), None)


def _upwards(folder: str) -> list[str]:
    """The folder and all that it lies in, the innermost first; the target itself is empty."""
    found = [folder]
    while folder.strip("/") and len(found) < _DEPTH:
        folder = posixpath.dirname(folder)
        found.append(folder)
    return found


def _stem(name: str) -> str:
    """What the shards of one model have in common."""
    shard = _SHARD.match(name)
    return shard[1] + shard[2] if shard else name
