"""Reads shell scripts that start services: each command, with what was set before it.

A variable that the script sets once, to something that can be read, counts as that; one that is set
twice, in a loop or from an argument is for whoever runs the script to say.

Sources: POSIX.1-2024, XCU 2.9.1 (simple commands), `export`, `dot`; the Bash manual, 6.7 (arrays).
"""

import re
from collections.abc import Callable, Iterator

from msgspec.structs import replace

from probatum.deploy.command_lines import assigned, container, simple
from probatum.deploy.model import EVERYTHING, Deployment, Gap, Service
from probatum.deploy.near import NOTHING, Near
from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.shell import Command, commands
from probatum.formats.values import Value, resolved
from probatum.formats.yaml_nodes import Spots
from probatum.vocabulary import Place, Reason

_MOST = 5_000
_SETTERS = frozenset({"export", "local", "readonly", "declare", "typeset"})
_ARRAY = re.compile(
    r"(?m)^(?P<indent>[ \t]*)(?:(?:local|readonly|declare|typeset)(?:[ \t]+-\w+)*[ \t]+)?"
    r"(?P<name>[A-Za-z_]\w*)(?P<more>\+?)=\((?P<words>(?:[^()'\"]|'[^']*'|\"(?:[^\"\\]|\\.)*\")*)\)"
)
_SPREAD = re.compile(r"\$\{(\w+)\[[@*]\](?:[^{}]*)\}|\$\{?(\w+)\}?")


def read(data: bytes, near: Near = NOTHING) -> Deployment:
    """Raises: FormatError."""
    return script(utf8(data).replace("\r\n", "\n"), near, {})


def script(source: str, near: Near, known: dict[str, Value]) -> Deployment:
    """What a script starts for which these variables are `known`. Raises: FormatError."""
    script = _Script(source, near, known)
    for words in script.lines:
        script.take(words)
        if len(script.services) >= _MOST:
            raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST} commands", words[0].place)
    services = tuple(script.services)
    images = tuple(one.image for one in services if one.image is not None)
    return Deployment(
        services=services, images=images, gaps=tuple(script.gaps), texts=tuple(script.texts)
    )


class _Script:
    """What has been set so far, and what was started with it."""

    def __init__(self, source: str, near: Near, known: dict[str, Value]) -> None:
        place = Spots(source).place
        self.services: list[Service] = []
        self.gaps: list[Gap] = []
        self.texts: list[tuple[str, Value]] = []
        self._near = near
        self._exported: dict[str, Value] = {}
        self._known = dict(known)
        self._arrays = _arrays(source, place)
        bare = _ARRAY.sub(lambda one: re.sub(r"[^\n]", " ", one[0]), source)
        self.lines = tuple(commands(bare, place))
        self._vague = _vague(self.lines)
        self._exports = False  # whatever is set: `set -a`

    def take(self, words: Command) -> None:
        words = tuple(self._spread(resolved(one, self._known) for one in words))
        first = words[0].text
        if first in (".", "source") and len(words) > 1:
            self._source(words)
        if (
            first == "set"
            and len(words) > 1
            and re.fullmatch(r"[-+][aeux]*a[aeux]*", words[1].text)
        ):
            self._exports = words[1].text[0] == "-"
        own = _set(words)
        self.texts += own.items()
        if first not in _SETTERS and len(own) < len(words):
            self.services += self._started(words, self._exported | own)
            return
        self._known |= {name: one for name, one in own.items() if name not in self._vague}
        names = {one.text for one in words[1:]}
        if first == "export" or (first in _SETTERS and "-x" in names):
            own = own | {name: self._known[name] for name in names & self._known.keys()}
        elif not self._exports:
            own = {name: one for name, one in own.items() if name in self._exported}
        self._exported |= own

    def _source(self, words: Command) -> None:
        try:
            found, exported = self._near.assignments(words[1].text)
        except FormatError as exc:
            says = f"another script ({words[1].text or words[1].open}: {exc.detail})"
            self.gaps.append(Gap(says, words[0].place, EVERYTHING))
        else:
            names = found.keys() if self._exports else exported | self._exported.keys()
            self._exported |= {name: one for name, one in found.items() if name in names}
            self._known |= {name: one for name, one in found.items() if name not in self._vague}

    def _spread(self, words: Iterator[Value]) -> Iterator[Value]:
        """The words, with those of an array or of a variable of options in place of its name."""
        for one in words:
            found = _SPREAD.fullmatch(one.raw)
            if found is not None and found[1] in self._arrays:
                yield from (resolved(each, self._known) for each in self._arrays[found[1]])
            elif found is not None and one.sure and re.match(r"\s*-.*\s", one.text):
                yield from (replace(one, text=each, raw="") for each in one.text.split())
            else:
                yield one

    def _started(self, words: Command, environment: dict[str, Value]) -> Iterator[Service]:
        for line in simple(words):
            if not line:
                continue
            one = container(line, self._near)
            if one is None:
                name = re.sub(r".*/", "", line[0].text) or "a command"
                one = Service(name=name, place=line[0].place, commands=(line,), on_host=True)
                one = replace(one, environment=environment)
            yield one


def _vague(lines: tuple[Command, ...]) -> frozenset[str]:
    """Variables that are set to more than one thing, or to what only shows when it runs."""
    told: dict[str, set[str | None]] = {}
    for words in lines:
        names = [one.text for one in words]
        for name, value in _set(words).items():
            told.setdefault(name, set()).add(value.raw or value.text if _readable(value) else None)
        if names[0] == "read" or names[1:2] == ["in"]:
            for name in names:
                told.setdefault(name, set()).add(None)
    return frozenset(name for name, found in told.items() if len(found) > 1 or None in found)


def _set(words: Command) -> dict[str, Value]:
    """What the command sets, for itself or for all that follow."""
    if words[0].text in _SETTERS:
        words = tuple(one for one in words[1:] if not one.text.startswith("-"))
    return assigned(words)


def _readable(value: Value) -> bool:
    return value.sure or bool(value.raw)


def _arrays(source: str, place: Callable[[int], Place]) -> dict[str, tuple[Value, ...]]:
    """The words of each array; what is added in the depth of the script may not be added."""
    found: dict[str, tuple[Value, ...]] = {}
    for one in _ARRAY.finditer(source):
        start = one.start("words")
        text = one["words"].replace("\n", " ")
        lines = commands(text, lambda at, start=start: place(start + at))  # type: ignore[misc]
        words = tuple(each for line in lines for each in line)
        if one["more"] and one["indent"]:
            words = (Value("", place(start), f"more arguments of the array {one['name']}"),)
        found[one["name"]] = (*(found.get(one["name"], ()) if one["more"] else ()), *words)
    return found
