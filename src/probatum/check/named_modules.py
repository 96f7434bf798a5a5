"""Reads again what `go.mod` names: each module that is required, in its one version.

A module that another stands for (`replace`) comes from elsewhere and is Rejected, and so is every
line that is not one of the plain forms that Go's own tools write. A toolchain that is named is a
component too: what it brings are Go's standard library and its commands.

Source: go.dev/ref/mod, "go.mod files"; go.dev/doc/toolchain.
"""

import re
from collections.abc import Iterator

from probatum.errors import Rejected

Named = tuple[str, str, str]

_MODULE = r"[A-Za-z0-9][\w.~/+-]*"
_REQUIRED = re.compile(rf"({_MODULE}) (v\d+\.\d+\.\d+[0-9A-Za-z.+-]*)", re.A)
_TOOLCHAIN = re.compile(r"toolchain go(\d[\w.-]*)", re.A)
_LANGUAGE = re.compile(r"go (\d{1,4})\.(\d{1,4})[\w.]*", re.A)
_HARMLESS = re.compile(
    rf"module {_MODULE}|exclude {_MODULE} v\S+|tool {_MODULE}|godebug [\w=.]+"
    r"|retract (?:v\S+|\[v\S+, ?v\S+\])",
    re.A,
)
_BLOCK = re.compile(r"(require|exclude|retract|tool|godebug) ?\(")


def named(text: str) -> Iterator[Named]:
    """Raises: Rejected."""
    verb, language = "", (0, 0)
    versions: dict[str, str] = {}
    excluded: set[tuple[str, str]] = set()
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = re.sub(r"[ \t]+", " ", line.partition("//")[0]).strip(" ")
        opened = _BLOCK.fullmatch(bare)
        if not bare:
            continue
        if verb and bare == ")":
            verb = ""
            continue
        if opened is not None and not verb:
            verb = opened[1]
            continue
        said = f"{verb} {bare}".strip(" ")
        required = _REQUIRED.fullmatch(said.removeprefix("require "))
        language_of = _LANGUAGE.fullmatch(said)
        toolchain = _TOOLCHAIN.fullmatch(said)
        if said.startswith("require ") and required is not None:
            if versions.setdefault(required[1], required[2]) != required[2]:
                raise Rejected(f"2: a second version of {required[1][:80]}")
            yield "Go", required[1], required[2]
        elif toolchain is not None:
            yield "Go", "stdlib", toolchain[1]
            yield "Go", "toolchain", toolchain[1]
        elif language_of is not None:
            language = int(language_of[1]), int(language_of[2])
        elif said.startswith("exclude ") and _HARMLESS.fullmatch(said):
            _, module, version = said.split(" ")
            excluded.add((module, version))
        elif not _HARMLESS.fullmatch(said):
            raise Rejected(f"2: no line that is read here: {bare[:80]!r}")
    if verb:
        raise Rejected("2: it breaks off")
    if language < (1, 17):
        raise Rejected("2: before go 1.17 other modules may ask for other versions")
    if excluded & set(versions.items()):
        raise Rejected("2: a version is required and excluded, and Go takes another")
