"""Reads Dockerfiles: the images that they build on, and what the image they make will start.

Sources: docs.docker.com/reference/dockerfile (FROM, ARG, ENV, CMD, ENTRYPOINT, COPY --from, RUN
--mount, parser directives, here-documents).
"""

import json
import re
import shlex
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from probatum.deploy.baked import of_arguments, of_copy, of_variables
from probatum.deploy.command_lines import simple
from probatum.deploy.model import Baked, Deployment, Reach, Service
from probatum.deploy.users import of_image, of_run
from probatum.errors import FormatError
from probatum.formats.bounds import utf8
from probatum.formats.dockerfile_lines import Instruction, instructions
from probatum.formats.shell import Command, commands
from probatum.formats.values import Value, interpolated
from probatum.formats.yaml_nodes import Spots
from probatum.vocabulary import Place, Reason

_REACHED = "whoever runs the image says who reaches it"
_FROM = re.compile(r"(?:--platform=\S+\s+)?(\S+)(?:\s+AS\s+(\S+))?\s*\Z", re.IGNORECASE)
_OTHER = re.compile(r"--from=(\S+)|--mount=\S*?\bfrom=([^,\s]+)")
_SYNTAX = re.compile(r"#[ \t]*syntax[ \t]*=[ \t]*(\S+)", re.IGNORECASE)
_JSON_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')


class _Stage(Struct):
    """What a stage of the build is made of so far."""

    image: Value
    environment: dict[str, Value]
    entry: tuple[Command, ...] = ()
    start: tuple[Command, ...] = ()
    ran: tuple[Command, ...] = ()
    user: Value | None = None
    found: Value | None = None
    baked: tuple[Baked, ...] = ()


def read(data: bytes) -> Deployment:
    """Raises: FormatError."""
    source = utf8(data).replace("\r\n", "\n")
    reader = _Reader(source)
    for one in instructions(source):
        reader.take(one)
    return reader.deployment()


class _Reader:
    def __init__(self, source: str) -> None:
        self._spots = Spots(source)
        self._stages: dict[str, _Stage] = {}
        self._last: _Stage | None = None
        self._all: list[_Stage] = []
        self._images: list[Value] = []
        self._arguments: dict[str, str] = {}
        self._texts: list[tuple[str, Value]] = []
        syntax = _SYNTAX.match(source)
        if syntax is not None:
            self._images.append(Value(syntax[1], self._spots.place(syntax.start(1))))

    def take(self, one: Instruction) -> None:
        place = self._spots.place(one.at)
        match one.word:
            case "FROM":
                self._from(one, place)
            case "ARG":
                name, _, default = one.text.strip().partition("=")
                self._arguments[name] = default.strip("\"'")
                self._texts.append((name, interpolated(default.strip("\"'"), place)))
                if self._last is not None:
                    self._last.baked += tuple(of_arguments((self._texts[-1],)))
            case "USER" if self._last is not None:
                self._last.user = interpolated(one.text.strip(), place)
            case "ENV" if self._last is not None:
                told = dict(_environment(one, self._spots))
                self._last.environment |= told
                self._last.baked += tuple(of_variables(told))
                self._texts += told.items()
            case "CMD" if self._last is not None:
                self._last.start = self._lines(one)
            case "ENTRYPOINT" if self._last is not None:
                self._last.entry = self._lines(one)
            case "RUN" | "COPY" | "ADD":
                self._others(one)
                if one.word != "RUN" and self._last is not None:
                    self._last.baked += tuple(of_copy(one.text, place))
                if one.word == "RUN" and self._last is not None:
                    bare = re.sub(r"^(?:\s*--\w+(?:=\S+)?)+", "", one.text)
                    at = one.at + len(one.text) - len(bare)
                    self._last.ran += self._shell(bare, at)
                    if self._last.user is None and self._last.found is None:
                        self._last.found = of_run(one.text, place)

    def _from(self, one: Instruction, place: Place) -> None:
        found = _FROM.match(one.text.strip())
        if found is None:
            raise FormatError(Reason.MALFORMED, "a FROM that is not understood", place)
        name = found[1]
        earlier = self._stages.get(name.lower())
        if earlier is None:
            image = self._named(name, place)
            if name != "scratch":
                self._images.append(image)
            self._last = _Stage(image, {}, found=of_image(image))
        else:
            self._last = _Stage(earlier.image, dict(earlier.environment))
            self._last.entry, self._last.start = earlier.entry, earlier.start
            self._last.ran, self._last.user = earlier.ran, earlier.user
            self._last.found, self._last.baked = earlier.found, earlier.baked
        self._all.append(self._last)
        if found[2]:
            self._stages[found[2].lower()] = self._last

    def _named(self, name: str, place: Place) -> Value:
        """The image of a name, in which the defaults of ARG stand for their variables."""
        filled = re.sub(
            r"\$\{?(\w+)\}?(?::-[^}]*\})?",
            lambda one: (
                f"${{{one[1]}:-{self._arguments[one[1]]}}}"
                if self._arguments.get(one[1])
                else one[0]
            ),
            name,
        )
        return interpolated(filled, place)

    def _others(self, one: Instruction) -> None:
        for found in _OTHER.finditer(one.text):
            name = found[1] or found[2]
            if not name.isdigit() and name.lower() not in self._stages:
                place = self._spots.place(one.at + found.start())
                self._images.append(self._named(name, place))

    def _lines(self, one: Instruction) -> tuple[Command, ...]:
        text = one.text.strip()
        if text.startswith("["):
            try:
                words = json.loads(text)
            except ValueError:
                words = None
            if isinstance(words, list) and all(isinstance(word, str) for word in words):
                starts = [found.start() for found in _JSON_TEXT.finditer(one.text)]
                places = [self._spots.place(one.at + at) for at in starts]
                return tuple(simple(tuple(map(Value, words, places))))
        return self._shell(one.text, one.at)

    def _shell(self, text: str, at: int) -> tuple[Command, ...]:
        found = commands(text, lambda index: self._spots.place(at + index))
        return tuple(each for one in found for each in simple(one) if each)

    def deployment(self) -> Deployment:
        last = self._last
        if last is None:
            return Deployment(images=tuple(self._images), texts=tuple(self._texts))
        lines = (*last.entry[:-1], *_together(last.entry, last.start))
        service = Service(
            name="the image", place=last.image.place, image=last.image,
            commands=(*(line for line in lines if line), *last.ran), environment=last.environment,
            reaches=(Reach("", last.image.place, _REACHED, surely=False),), baked=True,
            user=last.user or (last.found if any(lines) else None),
        )  # fmt: skip
        others = (one for stage in self._all if stage is not last for one in stage.baked)
        earlier = tuple(replace(one, may=True) for one in others if one not in last.baked)
        return Deployment(
            services=(service,), images=tuple(self._images), texts=tuple(self._texts),
            baked=(*last.baked, *earlier),
        )  # fmt: skip


def _together(entry: tuple[Command, ...], start: tuple[Command, ...]) -> tuple[Command, ...]:
    """ENTRYPOINT's words with CMD's behind them."""
    if not entry:
        return start
    if not start:
        return entry[-1:]
    return ((*entry[-1], *start[0]), *start[1:])


def _environment(one: Instruction, spots: Spots) -> Iterator[tuple[str, Value]]:
    text, place = one.text, spots.place(one.at)
    if re.match(r"\s*\w+\s+[^=]*\Z", text) or not re.match(r"\s*\w+=", text):
        name, _, said = text.strip().partition(" ")
        yield name, interpolated(said.strip(), place)
        return
    try:
        words = shlex.split(text)
    except ValueError as exc:
        raise FormatError(Reason.MALFORMED, f"ENV: {exc}", place) from exc
    at = 0
    for word in words:
        name, _, said = word.partition("=")
        found = re.compile(rf"(?<!\S){re.escape(name)}=").search(text, at)
        at = found.end() if found else at
        yield name, interpolated(said, spots.place(one.at + found.start()) if found else place)
