# ruff: noqa: SIM905  (a list of options reads better as words)
"""Reads what commands install: `RUN` lines of Dockerfiles, and shell scripts.

Of pip, and of uv and pipx where they are asked as pip is, each requirement is a component. What
other package managers are asked for, the images that a build starts from and files of requirements
inside of the image are told as unread. Such a file never names all that is there in the end.

Sources: pip.pypa.io, `pip install`; docs.astral.sh/uv, command line; pipx.pypa.io;
docs.docker.com/reference/dockerfile.
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

from msgspec.structs import replace

from probatum.components import Inventory
from probatum.formats.bounds import utf8
from probatum.formats.dockerfile_lines import Instruction, instructions
from probatum.formats.shell import Command, commands
from probatum.formats.values import Value, interpolated, resolved
from probatum.formats.yaml_nodes import Spots
from probatum.inventory.requirement import by_address, component
from probatum.inventory.requirements import is_pypi
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Place

_PROGRAM = re.compile(r"(?:\S*/)?(?P<base>[\w.+-]+)\Z")
_PIP = re.compile(r"pip[\d.]*\Z")
_PYTHON = re.compile(r"python[\d.]*\Z")
_SHELL = re.compile(r"(?:ba|da|z|k)?sh\Z")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<said>.*)\Z", re.DOTALL)
_FROM = re.compile(r"(?:--platform=\S+\s+)?(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*\Z", re.I)
_OPTION = re.compile(r"^(?:\s*--\w+(?:=\S+)?)+")
_HERE = re.compile(r"<<-?[\"']?\w")
# Commands of uv and pipx behind which requirements stand.
_LIKE_PIP = (
    ("uv", "pip", "install"),
    ("uv", "add"),
    ("uv", "tool", "install"),
    ("pipx", "install"),
)
_OTHERS = re.compile(
    r"(?:apt|apt-get|aptitude|apk|yum|dnf|microdnf|zypper|npm|pnpm|yarn|conda|mamba|micromamba"
    r"|poetry|pdm|pipenv|pixi|cargo|go|gem|easy_install)\Z"
)
_INSTALLING = frozenset({"install", "add", "i", "ci", "sync", "create", "update", "get"})
_VALUED = frozenset(
    "-r --requirement --requirements -c --constraint --constraints -e --editable -i --index-url "
    "--extra-index-url -f --find-links -t --target --platform --python-version --implementation "
    "--abi --root --prefix --src --upgrade-strategy --global-option --config-settings "
    "--config-setting -C --no-binary --only-binary --progress-bar --cache-dir --log --proxy "
    "--retries --timeout --exists-action --trusted-host --cert --client-cert --python -p "
    "--index-strategy --torch-backend --index --default-index --link-mode --resolution "
    "--prerelease --exclude-newer --group --extra --report --use-feature --use-deprecated "
    "--keyring-provider --overrides --override --pip-args --suffix".split()
)
_FILES = frozenset({"-r", "--requirement", "--requirements"})
_INDEX = frozenset({"-i", "--index-url", "--default-index"})
_DEEPEST = 4


def script(name: str, material: Material) -> Inventory:
    """A shell script. Raises: FormatError."""
    source = utf8(whole(material)).replace("\r\n", " \n")
    told, reader = Told(), _Reader()
    for words in commands(source, Spots(source).place):
        reader.take(words, told)
    return told.inventory()


def dockerfile(name: str, material: Material) -> Inventory:
    """A Dockerfile. Raises: FormatError."""
    source = utf8(whole(material)).replace("\r\n", " \n")
    place, stages = Spots(source).place, {"scratch"}
    told, reader = Told(), _Reader()
    for one in instructions(source):
        at = place(one.at)
        if one.word == "FROM":
            found = _FROM.match(one.text.strip())
            if found is None or found["image"].lower() not in stages:
                told.miss(at, f"what the image {one.text.strip()[:120]} holds")
            stages.add((found["stage"] or "").lower() if found is not None else "")
        elif one.word in ("ARG", "ENV"):
            reader.know(one, at)
        elif one.word == "RUN":
            if _HERE.search(one.text):
                told.miss(at, "what the lines of a here-document install")
            for words in _run(one, place):
                reader.take(words, told)
    return told.inventory()


def _run(one: Instruction, place: Callable[[int], Place]) -> Iterator[Command]:
    bare = _OPTION.sub("", one.text)
    at = one.at + len(one.text) - len(bare)
    if bare.strip().startswith("["):
        try:
            words = json.loads(bare)
        except ValueError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            yield tuple(Value(word, place(at)) for word in words)
            return
    yield from commands(bare, lambda index: place(at + index))


class _Reader:
    """The commands so far, with the variables that are known."""

    def __init__(self) -> None:
        self._known: dict[str, Value] = {}
        self._set: set[str] = set()

    def know(self, one: Instruction, place: Place) -> None:
        """Take what ARG or ENV says of variables, unless who builds the image says otherwise."""
        for word in one.text.split():
            found = _ASSIGNMENT.match(word)
            if found is not None:
                said = interpolated(found["said"].strip("\"'"), place, self._known)
                self._known[found["name"]] = said

    def take(self, words: Command, told: Told, depth: int = 0) -> None:
        """Tell what a command installs."""
        words = tuple(resolved(one, self._known) for one in words)
        while words and (words[0].text == "sudo" or _ASSIGNMENT.match(words[0].text)):
            self._assign(words)
            words = words[1:]
            while words and words[0].text.startswith("-"):
                words = words[1:]
        names = [_base(one) for one in words[:4]]
        if not names:
            return
        start = _requirements_from(names)
        if start:
            _pip(words[start:], told)
        elif _SHELL.match(names[0]) and depth < _DEEPEST:
            self._inner(words, told, depth)
        elif _OTHERS.match(names[0]) and _INSTALLING & {one.text for one in words[1:4]}:
            if names[1] == "update":
                return  # of what is known, as `apt-get update` does
            said = " ".join(one.text for one in words[:6])
            told.miss(words[0].place, f"what is installed by: {said[:120]}")

    def _assign(self, words: Command) -> None:
        """Know a variable that is set once, by a command of its own."""
        found = _ASSIGNMENT.match(words[0].text)
        if found is None or len(words) > 1:
            return
        if found["name"] in self._set or not words[0].sure:
            self._known.pop(found["name"], None)
        else:
            self._known[found["name"]] = Value(found["said"], words[0].place)
        self._set.add(found["name"])

    def _inner(self, words: Command, told: Told, depth: int) -> None:
        """What `sh -c '...'` runs; every word has the place of the text that it stands in."""
        told_by = (said for option, said in pairwise(words) if re.fullmatch(r"-\w*c", option.text))
        said = next(told_by, None)
        for inner in commands(said.text, lambda _: said.place) if said is not None else ():
            self.take(inner, told, depth + 1)


def _base(word: Value) -> str:
    found = _PROGRAM.match(word.text)
    return found["base"] if found is not None else word.text


def _requirements_from(names: list[str]) -> int:
    """Behind how many words the requirements begin; 0 where the command installs none."""
    if _PIP.match(names[0]) and names[1:2] == ["install"]:
        return 2
    if _PYTHON.match(names[0]) and names[1:4] == ["-m", "pip", "install"]:
        return 4
    return next((len(one) for one in _LIKE_PIP if tuple(names[: len(one)]) == one), 0)


def _pip(words: Command, told: Told) -> None:
    """Tell the requirements among the words behind `pip install`."""
    before, source, rest = len(told.components), "", list(reversed(words))
    while rest:
        word = rest.pop()
        option, sign, value = word.text.partition("=")
        if not word.text.startswith("-") or word.text == "-":
            _requirement(word, told)
            continue
        if option not in _VALUED and word.text[:2] in _VALUED and word.text[1] != "-":
            option, sign, value = word.text[:2], "=", word.text[2:]
        said = replace(word, text=value)
        if option in _VALUED and not sign:
            if not rest:
                break
            said = rest.pop()
        if option in _FILES:
            told.miss(said.place, f"what {said.text[:120] or said.open} names, in the image")
        elif option in ("-e", "--editable"):
            _requirement(said, told)
        elif option in _INDEX and not is_pypi(said.text):
            source = said.text or said.open
    if source:
        own = told.components[before:]
        told.components[before:] = [replace(one, source=one.source or source) for one in own]


def _requirement(word: Value, told: Told) -> None:
    if not word.sure:
        told.miss(word.place, f"what is installed is for {word.open[:120]} to say")
        return
    found = component(word.text, word.place) or by_address(word.text, word.place)
    if found is None:
        told.miss(word.place, f"no requirement: {word.text[:120]}")
    else:
        told.add(found)
