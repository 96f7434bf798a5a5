"""Reads `go.mod`: the modules that a Go program is built of.

A module that is replaced is told as what stands for it. A toolchain that is named is told as what
it brings, the standard library and the commands; the least version of the language (`go 1.22`)
names none. `go.sum` is no list of components: it has checksums of every version that was ever
considered.

Sources: go.dev/ref/mod (go.mod files, module graph pruning), go.dev/doc/toolchain,
golang.org/x/mod/modfile.
"""

import re
from collections.abc import Callable, Iterator

from msgspec import Struct

from probatum.components import Component, Inventory
from probatum.formats.bounds import utf8
from probatum.formats.yaml_nodes import Spots
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Place

_WORD = re.compile(r"//[^\n]*|\"(?:[^\"\\\n]|\\.|(?!))*+\"?|`[^`\n]*`|[^\s\"`()]+|[()]")
_VERSION = re.compile(r"v\d[\w.+-]*", re.ASCII)
_ALL_NAMED = (1, 17)
_OTHERS = frozenset(
    {"module", "go", "toolchain", "exclude", "retract", "godebug", "tool", "ignore"}
)


class _Line(Struct):
    """One directive: its verb, its words with the index of each."""

    verb: str
    words: tuple[str, ...]
    starts: tuple[int, ...]


def read(name: str, material: Material) -> Inventory:
    """Raises: FormatError."""
    source = utf8(whole(material))
    place = Spots(source).place
    told = Told()
    required: dict[str, tuple[str, Place]] = {}
    language = (0, 0)
    for line in _lines(source):
        if line.verb == "require":
            _require(line, place, required, told)
        elif line.verb == "go" and line.words:
            numbers = re.match(r"(\d{1,4})\.(\d{1,4})", line.words[0])
            language = (int(numbers[1]), int(numbers[2])) if numbers else language
        elif line.verb == "toolchain" and line.words and line.words[0] != "default":
            _toolchain(line.words[0], place(line.starts[0]), told)
    replaced = _replaced(source, place, required, told)
    for module, (version, at) in required.items():
        if module not in replaced:
            told.add(_component(module, version, at))
    return told.inventory(resolved=language >= _ALL_NAMED)


def _require(
    line: _Line, place: Callable[[int], Place], required: dict[str, tuple[str, Place]], told: Told
) -> None:
    at = place(line.starts[0]) if line.starts else Place()
    if len(line.words) < 2:
        told.miss(at, "a module and its version are expected here")
    elif line.words[0] in required and required[line.words[0]][0] != line.words[1]:
        told.miss(at, f"a second version of {line.words[0][:120]}")
    else:
        required[line.words[0]] = line.words[1], at


def _replaced(
    source: str,
    place: Callable[[int], Place],
    required: dict[str, tuple[str, Place]],
    told: Told,
) -> set[str]:
    """Tell what stands for modules that are required; which these are."""
    found = set()
    for line in _lines(source):
        if line.verb not in _OTHERS | {"require", "replace"}:
            told.miss(place(line.starts[0]), f"a directive that is not known: {line.verb[:60]}")
        excluded = line.words[:2] if line.verb == "exclude" else ()
        if excluded and excluded[1:] == (required.get(excluded[0], ("", place))[0],):
            told.miss(place(line.starts[0]), f"{excluded[0][:120]} is required and excluded")
        if line.verb != "replace" or "=>" not in line.words[:3]:
            continue
        sign = line.words.index("=>")
        old, new = line.words[:sign], line.words[sign + 1 :]
        known = required.get(old[0]) if old else None
        if known is None or not new or (len(old) > 1 and old[1] != known[0]):
            continue
        found.add(old[0])
        at = place(line.starts[sign + 1])
        if len(new) > 1:
            told.add(_component(new[0], new[1], at))
        else:  # a folder
            told.add(Component(ecosystem="Go", name=old[0], place=known[1], source=new[0]))
    return found


def _toolchain(said: str, place: Place, told: Told) -> None:
    """Source: go.dev/doc/security/vuln/database, "Modules" (`stdlib` and `toolchain`)."""
    for name in ("stdlib", "toolchain"):
        version = said.removeprefix("go")
        told.add(Component(ecosystem="Go", name=name, version=version, place=place))


def _component(module: str, version: str, place: Place) -> Component:
    fixed = _VERSION.fullmatch(version) is not None
    return Component(
        ecosystem="Go",
        name=module,
        version=version if fixed else "",
        place=place,
        wanted="" if fixed else version,
    )


def _lines(source: str) -> Iterator[_Line]:
    """The directives; those of a block each have its verb."""
    verb, at = "", 0
    for line in source.split("\n"):
        found = [one for one in _WORD.finditer(line) if not one[0].startswith("//")]
        words = [one[0].strip('"`') for one in found]
        starts = [at + one.start() + (one[0][0] in '"`') for one in found]
        at += len(line) + 1
        if not words:
            continue
        if verb and words[0] == ")":
            verb = ""
        elif verb:
            yield _Line(verb, tuple(words), tuple(starts))
        elif words[1:2] == ["("]:
            verb = words[0]
        else:
            yield _Line(words[0], tuple(words[1:]), tuple(starts[1:] or starts))
