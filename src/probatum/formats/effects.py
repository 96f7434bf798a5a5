"""Effect summaries: what importing, calling, building and filling a named thing can do.

The rows are data (`rules/effects`, described in docs/reference/effect-summaries.md). A name
without a row is unknown, whatever module it is in.
"""

from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

import probatum.rules


class Row(Struct, frozen=True):
    """One summary. Signatures are tuples of slots; see docs/reference/effect-summaries.md."""

    name: str
    is_class: bool
    call: tuple[tuple[str, ...], ...]
    new: tuple[tuple[str, ...], ...]
    build: tuple[str, ...]
    attributes: dict[str, str]
    arrays: bool
    items: str
    hash: bool
    returns: str
    data: bool
    basis: str
    whole: bool = False


class Danger(Struct, frozen=True):
    """A callable whose call, with at least `arguments` arguments, is an effect."""

    effect: str
    arguments: int


_FOLDER: Final = Path(probatum.rules.__file__).parent / "effects"


def row(name: str) -> Row | None:
    """The summary of `module:qualified_name`, or None."""
    package = name.partition(":")[0].partition(".")[0]
    return rows(package).get(name) if package in packages() else None


@cache
def packages() -> frozenset[str]:
    """The top-level packages that have summaries. No other name is ever part of a path."""
    found = (*_FOLDER.glob("*.toml"), *(_FOLDER / "derived").glob("*.json"))
    return frozenset(path.stem for path in found) - {"shapes"}


@cache
def rows(package: str) -> dict[str, Row]:
    """Every summary of a top-level package, by name; aliases share one row."""
    reviewed = _toml(_FOLDER / f"{package}.toml")
    found: dict[str, Row] = {}
    basis = _basis(reviewed)
    for written in reviewed.get("row", ()):
        made = _row(written["names"][0], written, basis)
        found |= dict.fromkeys(written["names"], made)
    try:
        derived = msgspec.json.decode((_FOLDER / "derived" / f"{package}.json").read_bytes())
    except FileNotFoundError:
        return found
    shapes = _toml(_FOLDER / "shapes.toml").get("shape", {}) | reviewed.get("shape", {})
    basis = f"{derived['distribution']} {_span(list(derived['versions']))} (from its source)"
    for name, entry in derived["classes"].items():
        if name not in found:
            found[name] = _row(name, shapes[entry["shape"]] | {"class": True}, basis)
    return found


@cache
def dangers() -> dict[str, Danger]:
    """The callables known to have an effect when called, by `module:qualified_name`."""
    return {
        name: Danger(written["effect"], written.get("arguments", 1))
        for written in _toml(_FOLDER.parent / "dangerous.toml")["row"]
        for name in written["names"]
    }


@cache
def unpicklers() -> frozenset[str]:
    """Functions that unpickle the bytes they are given: what they do is what those do."""
    return frozenset(_toml(_FOLDER.parent / "dangerous.toml")["nested"]["names"])


@cache
def dangerous_imports() -> dict[str, str]:
    """Modules whose mere import is an effect, with what it is."""
    return {
        module: written["effect"]
        for written in _toml(_FOLDER.parent / "dangerous.toml").get("import", ())
        for module in written["modules"]
    }


def _row(name: str, written: dict[str, Any], basis: str) -> Row:
    return Row(
        name=name,
        is_class=written.get("class", False),
        call=tuple(map(tuple, written.get("call", ()))),
        new=tuple(map(tuple, written.get("new", ()))),
        build=tuple(written.get("build", ())),
        attributes=written.get("attributes", {}),
        arrays=written.get("arrays", False),
        items=written.get("items", ""),
        hash=written.get("hash", False),
        returns=written.get("returns", ""),
        data=written.get("data", False),
        basis=basis,
        whole=written.get("whole", False),
    )


def _basis(reviewed: dict[str, Any]) -> str:
    if not reviewed:
        return ""
    return f"{reviewed['distribution']} {reviewed['versions']} (reviewed)"


def _span(versions: list[str]) -> str:
    return ", ".join(versions)


@cache
def _toml(path: Path) -> dict[str, Any]:
    import tomllib  # only a stream that names something needs it

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
