"""Finds the analysers: every module under `probatum.analyzers`, and those a user's file names."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache

import probatum.analyzers
from probatum.errors import ConfigurationError
from probatum.ports import Analyzer


@cache
def analyzers() -> tuple[Analyzer, ...]:
    """The built-in analysers, by id."""
    found = [found for module in _modules() for found in _declared(module)]
    return tuple(sorted(found, key=lambda one: one.id))


def named(entry_points: Iterable[str]) -> tuple[Analyzer, ...]:
    """Third-party analysers, each named as `package.module:attribute` by the user's own file.

    Nothing is loaded because it happens to be installed: that would let the audited
    environment run code inside the auditor.
    """
    return tuple(_third_party(entry) for entry in entry_points)


def _modules() -> Iterator[str]:
    for area in pkgutil.iter_modules(probatum.analyzers.__path__, "probatum.analyzers."):
        package = importlib.import_module(area.name)
        for module in pkgutil.iter_modules(package.__path__, area.name + "."):
            if not module.name.rpartition(".")[2].startswith("_"):
                yield module.name


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
