"""Derives the effect summaries of a library's classes from its source.

    python -m tools.derive_effects PACKAGE --wheel FILE... [--installed SITE DISTRIBUTION]
                                   [--base FILE...] [--within MODULE...] [--why]

Reads each release (wheels, or what pip installed), never imports it. A class is written to
`src/probatum/rules/effects/derived/PACKAGE.json` if in every release that has it the same shape
was derived: its whole method resolution order is in the source (or among a few reviewed bases),
and none of it defines a hook that unpickling would run, other than those listed with the hash of
their text in `tools/effects/reviewed.toml`. `--why` prints what was refused, counted by reason.
"""

import argparse
import hashlib
import json
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tools.effects.bodies import Refused
from tools.effects.classes import Classes, Facts
from tools.effects.modules import Modules
from tools.effects.sources import Release, from_folder, from_wheel, is_library

_ROOT = Path(__file__).resolve().parents[1]
_REVIEWED = Path(__file__).parent / "effects" / "reviewed.toml"
_DERIVED = _ROOT / "src" / "probatum" / "rules" / "effects" / "derived"


@dataclass
class Derived:
    """What was derived of one class: the shape and source digest of each release."""

    shapes: dict[str, str] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True)
class Reviewed:
    """What a person read: the shape of each hook by (name, sha256), aliases, and patches."""

    hooks: dict[tuple[str, str], str]
    aliases: dict[str, str]
    patches: frozenset[str] = frozenset()

    @classmethod
    def read(cls, path: Path) -> "Reviewed":
        rows = tomllib.loads(path.read_text("utf-8"))
        hooks = {
            (row["name"], sha256): row["shape"] for row in rows["hook"] for sha256 in row["sha256"]
        }
        aliases = {row["name"]: row["stands_for"] for row in rows.get("alias", ())}
        return cls(hooks, aliases, frozenset(row["name"] for row in rows.get("patch", ())))


def main(arguments: list[str]) -> int:
    """Write the derived classes of one package."""
    given = _parser().parse_args(arguments)
    releases = [from_wheel(Path(wheel)) for wheel in given.wheel]
    if given.installed:
        releases.append(from_folder(Path(given.installed[0]), given.installed[1]))
    within = tuple(given.within or [given.package])
    base = [from_wheel(Path(wheel)) for wheel in given.base]
    found = derived(within, releases, Reviewed.read(_REVIEWED), base)
    refused = Counter(one.refused for one in found.values() if one.refused)
    kept = {name: one for name, one in found.items() if not one.refused}
    if given.why:
        for reason, count in refused.most_common():
            print(f"{count:5}  {reason}", file=sys.stderr)
    target = _DERIVED / f"{given.package}.json"
    target.write_text(written(releases, kept), "utf-8")
    print(
        f"{given.package}: {len(kept)} classes derived, {refused.total()} refused", file=sys.stderr
    )
    return 0


def derived(
    within: tuple[str, ...], releases: list[Release], reviewed: Reviewed, base: list[Release]
) -> dict[str, Derived]:
    """What each class of the library modules at or below `within` came to, over all releases.

    `base` are releases of other distributions in which base classes are looked up.
    """
    found: dict[str, Derived] = {}
    every: list[tuple[str, Classes]] = []
    prefixes = tuple(f"{one}." for one in within)
    for release in releases:
        modules = Modules(_together(release, base), reviewed.aliases)
        classes = Classes(modules, reviewed.patches)
        every.append((release.version, classes))
        for module in modules.names:
            if not is_library(module) or not f"{module}.".startswith(prefixes):
                continue
            parsed = modules.get(module)
            if parsed is None:
                continue
            for name in parsed.classes:
                _one(classes, module, name, reviewed, release.version, found)
    for version, classes in every:
        for written_as in found:
            _elsewhere(classes, written_as, reviewed, version, found[written_as])
    return found


def _elsewhere(
    classes: Classes, written_as: str, reviewed: Reviewed, version: str, entry: Derived
) -> None:
    """In a release whose module only passes the name on, it is another class, or none."""
    module, _, name = written_as.partition(":")
    parsed = classes.modules.get(module)
    if entry.refused or version in entry.shapes or module not in classes.modules.release.texts:
        return
    passed_on = classes.modules.resolve(module, name)
    try:
        if passed_on is not None and passed_on != (module, name):
            entry.shapes[version] = shape_of(classes.facts(*passed_on), reviewed)
            return
    except Refused as refusal:
        entry.refused = f"elsewhere in {version}: {refusal}"
        return
    if parsed is None or parsed.may_bind(name):
        entry.refused = f"unclear in {version}"


def _together(release: Release, base: list[Release]) -> Release:
    texts, packages = dict(release.texts), release.packages
    for other in base:
        texts |= other.texts
        packages |= other.packages
    return replace(release, texts=texts, packages=packages)


def _one(
    classes: Classes,
    module: str,
    name: str,
    reviewed: Reviewed,
    version: str,
    found: dict[str, Derived],
) -> None:
    written_as = f"{module}:{name}"
    try:
        facts = classes.facts(module, name)
        if facts.public:
            written_as = f"{facts.public}:{name}"
        shape = shape_of(facts, reviewed)
    except Refused as refusal:
        found.setdefault(written_as, Derived()).refused = str(refusal)
        return
    entry = found.setdefault(written_as, Derived())
    entry.shapes[version] = shape
    entry.sources[version] = "".join(facts.sources)
    if len(set(entry.shapes.values()) - {"plain"}) > 1:
        entry.refused = "different shapes in different releases"


def shape_of(facts: Facts, reviewed: Reviewed) -> str:
    """`plain`, or the shape of the first reviewed hook. Raises: Refused for any other hook."""
    shapes = []
    for hook in facts.hooks:
        shape = reviewed.hooks.get((f"{hook.cls}.{hook.name}", hook.sha256))
        if shape is None:
            raise Refused(f"hook {hook.cls}.{hook.name} {hook.sha256}")
        if shape:
            shapes.append((hook.cls, shape))
    if not shapes:
        return "plain"
    first, chosen = shapes[0]
    for owner, shape in shapes:
        # Whoever read the first hook read what it inherits, but nothing that stands beside it.
        if shape != chosen and owner not in facts.orders.get(first, ()):
            raise Refused(f"hooks of two families: {first} and {owner}")
    return chosen


def written(releases: list[Release], kept: dict[str, Derived]) -> str:
    """The JSON text: sorted, one class a line."""
    versions = {release.version: release.record for release in releases}
    head = json.dumps({"distribution": releases[0].distribution, "versions": versions})
    lines = [
        f" {json.dumps(name)}: {json.dumps(_entry(one))}" for name, one in sorted(kept.items())
    ]
    return head[:-1] + ',\n"classes": {\n' + ",\n".join(lines) + "\n}}\n"


def _entry(one: Derived) -> dict[str, Any]:
    source = hashlib.sha256("".join(one.sources.values()).encode()).hexdigest()
    # Every other shape admits less than `plain`, so it holds for the releases that are plain too.
    shape = max(one.shapes.values(), key=lambda shape: shape != "plain")
    return {"shape": shape, "versions": list(one.shapes), "source": source}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="derive_effects", description=__doc__.partition("\n")[0])
    parser.add_argument("package", help="the top-level package, such as sklearn")
    parser.add_argument(
        "--wheel", nargs="*", default=[], help="wheels of its releases, oldest first"
    )
    parser.add_argument("--installed", nargs=2, metavar=("SITE_PACKAGES", "DISTRIBUTION"))
    parser.add_argument("--base", nargs="*", default=[], help="wheels that hold base classes")
    parser.add_argument("--within", nargs="*", help="only modules at or below these")
    parser.add_argument("--why", action="store_true", help="count the reasons of refusals")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
