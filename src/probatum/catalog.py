"""Finds the analysers: every module under `probatum.analyzers`, and those a user's file names.

An audit imports only the analysers of the kinds it meets: importing them all costs more than
judging most files. Which module accepts which kinds says a table, `rules/analyzers.json`, that is
derived from them (`tools/derive_proofs.py`).
"""

import importlib
import importlib.util
import os
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import msgspec

import probatum.analyzers
import probatum.claims
import probatum.rules
from probatum.errors import ConfigurationError
from probatum.ports import Analyzer
from probatum.vocabulary import Claim


@cache
def accepting(kind: str) -> tuple[Analyzer, ...]:
    """The built-in analysers that accept `kind`, by id; no others are imported."""
    found = [one for module in _table().get(kind, ()) for one in _declared(module)]
    return tuple(sorted(found, key=lambda one: one.id))


def warm() -> None:
    """Import every analyser if their bytecode is not cached, and so have it written.

    Worker processes must not write files: each would compile anew what it needs. Installers
    usually compile what they install; where they do not, this costs a second, and only once
    unless PYTHONDONTWRITEBYTECODE is set.
    """
    for origin in _modules().values():
        if origin and not _compiled(origin):
            analyzers()
            importlib.import_module("probatum.taint.again")  # of a review with a memory only
            return


@cache
def analyzers() -> tuple[Analyzer, ...]:
    """The built-in analysers, by id."""
    found = [found for module in _modules() for found in _declared(module)]
    return tuple(sorted(found, key=lambda one: one.id))


def claims(more: Iterable[Analyzer] = ()) -> dict[str, Claim]:
    """Every claim there is, by id: the shared ones, the built-in analysers' own, and `more`'s."""
    shared = [one for one in vars(probatum.claims).values() if isinstance(one, Claim)]
    own = [one.claim for one in (*analyzers(), *more)]
    return {claim.id: claim for claim in sorted((*shared, *own), key=lambda one: one.id)}


def named(entry_points: Iterable[str]) -> tuple[Analyzer, ...]:
    """Third-party analysers, each named as `package.module:attribute` by the user's own file.

    Nothing is loaded because it happens to be installed: that would let the audited
    environment run code inside the auditor.
    """
    return tuple(_third_party(entry) for entry in entry_points)


@cache
def _modules() -> dict[str, str | None]:
    """Every analyser's module, with its source file if it has one."""
    try:
        return dict(_listed())
    except OSError:  # the package lies in an archive
        return dict.fromkeys(_walked())


def _listed() -> Iterator[tuple[str, str]]:
    """What the package's folders list: a hundred times as quick as asking the import system."""
    for root in probatum.analyzers.__path__:
        for area in sorted(os.listdir(root)):  # noqa: PTH208
            if area.isidentifier() and not area.startswith("_"):
                for file in sorted(os.listdir(f"{root}/{area}")):  # noqa: PTH208
                    if file.endswith(".py") and not file.startswith("_"):
                        yield f"probatum.analyzers.{area}.{file[:-3]}", f"{root}/{area}/{file}"


def _walked() -> Iterator[str]:
    import pkgutil

    for area in pkgutil.iter_modules(probatum.analyzers.__path__, "probatum.analyzers."):
        package = importlib.import_module(area.name)
        for module in pkgutil.iter_modules(package.__path__, area.name + "."):
            if not module.name.rpartition(".")[2].startswith("_"):
                yield module.name


@cache
def _table() -> dict[str, tuple[str, ...]]:
    """For each kind the modules of the analysers that accept it."""
    loader: Any = probatum.rules.__loader__
    text = loader.get_data(f"{probatum.rules.__path__[0]}/analyzers.json")
    return msgspec.json.decode(text, type=dict[str, tuple[str, ...]])


def _compiled(origin: str) -> bool:
    try:
        cached = os.stat(importlib.util.cache_from_source(origin))  # noqa: PTH116
        return cached.st_mtime >= os.stat(origin).st_mtime  # noqa: PTH116
    except (OSError, NotImplementedError):
        return False


def _declared(module: str) -> Iterator[Analyzer]:
    for value in vars(importlib.import_module(module)).values():
        if isinstance(value, Analyzer) and value.module == module:
            yield value


def _third_party(entry: str) -> Analyzer:
    module, _, attribute = entry.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as exc:
        raise ConfigurationError(
            f"[analyzers] third-party {entry!r} cannot be loaded ({exc}); "
            "install its package or write it as 'package.module:attribute'"
        ) from exc
    if not isinstance(found, Analyzer):
        raise ConfigurationError(f"[analyzers] third-party {entry!r} is not an analyser")
    return found
