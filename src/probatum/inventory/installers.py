# ruff: noqa: SIM905  (a list of options reads better as words)
"""Tells what one command installs, as components: each requirement that it names.

Of pip, and of uv, uvx and pipx, a requirement is one of Python; of npm, pnpm, Yarn and npx, a
package with the version behind its `@`; of conda and its kin, a match specification. What other
package managers are asked for, and files of requirements, are told as unread.

Sources: pip.pypa.io, `pip install`; docs.astral.sh/uv, command line; pipx.pypa.io;
docs.npmjs.com/cli, `npm install`, `npx`; pnpm.io/cli; yarnpkg.com/cli; docs.conda.io, commands.
"""

import re
from itertools import pairwise

from msgspec.structs import replace

from probatum.formats.dockerfile_lines import Instruction
from probatum.formats.shell import Command, commands
from probatum.formats.values import Value, interpolated, resolved
from probatum.inventory.conda import matched
from probatum.inventory.npm import component as npm_component
from probatum.inventory.npm import is_name
from probatum.inventory.requirement import by_address, component
from probatum.inventory.requirements import is_pypi
from probatum.inventory.told import Told
from probatum.vocabulary import Place

_PROGRAM = re.compile(r"(?:\S*/)?(?P<base>[\w.+-]+)\Z")
_PIP = re.compile(r"pip[\d.]*\Z")
_SHELL = re.compile(r"(?:ba|da|z|k)?sh\Z")
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<said>.*)\Z", re.DOTALL)
# Behind which words requirements of Python stand; uvx takes one, and what runs it is behind it.
_LIKE_PIP = (
    ("uv", "pip", "install"),
    ("uv", "add"),
    ("uv", "tool", "install"),
    ("pipx", "install"),
)
_RUN_ONE = (("uvx",), ("uv", "tool", "run"), ("pipx", "run"))
_LIKE_NPM = (
    ("npm", "install"), ("npm", "i"), ("npm", "add"), ("pnpm", "add"), ("pnpm", "install"),
    ("pnpm", "i"), ("yarn", "add"), ("yarn", "global", "add"), ("bun", "add"),
)  # fmt: skip
_RUN_ONE_OF_NPM = (("npx",), ("npm", "exec"), ("pnpm", "dlx"), ("yarn", "dlx"), ("bunx",))
_LIKE_CONDA = tuple(
    (tool, verb)
    for tool in ("conda", "mamba", "micromamba")
    for verb in ("install", "create", "update")
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
_VALUED_OF_NPM = frozenset(
    "--prefix -C --registry --cache --userconfig --loglevel --omit --include --tag --workspace -w "
    "--filter -F --dir --store-dir --reporter".split()
)
_VALUED_OF_CONDA = frozenset(
    "-n --name -p --prefix -c --channel --file -f --solver --subdir --platform --root-prefix -r "
    "--repodata-fn --revision --clone --yaml".split()
)
_FILES = frozenset({"-r", "--requirement", "--requirements"})
_INDEX = frozenset({"-i", "--index-url", "--default-index"})
_AT = re.compile(r"^([\w.\[\],-]+)@(\d[\w.!+]*)\Z")
_LATEST = re.compile(r"(?<=[\w\]])@latest\Z")
_DEEPEST = 4


class Installers:
    """What commands install, one after another, with the variables that are known by then."""

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
        elif start := _behind(_RUN_ONE, names):
            _run_one(words[start:], told)
        elif start := _behind(_LIKE_NPM, names):
            _npm(words, start, told)
        elif start := _behind(_RUN_ONE_OF_NPM, names):
            _run_one_of_npm(words[start:], told)
        elif start := _behind(_LIKE_CONDA, names):
            _conda(words, start, told)
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
    if names[1:4] == ["-m", "pip", "install"]:  # of Python, by whatever name
        return 4
    return _behind(_LIKE_PIP, names)


def _behind(beginnings: tuple[tuple[str, ...], ...], names: list[str]) -> int:
    """How many words one of these beginnings has that the command begins with."""
    return next((len(one) for one in beginnings if tuple(names[: len(one)]) == one), 0)


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
    said = _LATEST.sub("", _AT.sub(r"\1==\2", word.text))
    found = component(said, word.place) or by_address(said, word.place)
    if found is None:
        told.miss(word.place, f"no requirement: {word.text[:120]}")
    else:
        told.add(found)


def _bare(words: Command, valued: frozenset[str]) -> list[Value]:
    """The words that are no options, and not what an option is given."""
    found, rest = [], list(reversed(words))
    while rest:
        word = rest.pop()
        option, sign, _ = word.text.partition("=")
        if not word.text.startswith("-") or not word.sure:
            found.append(word)
        elif option in valued and not sign and rest:
            rest.pop()
    return found


def _run_one(words: Command, told: Told) -> None:
    """The tool that uvx or pipx fetches and starts: `--from` says it, or the first word."""
    asked = [said for option, said in pairwise(words) if option.text in ("--from", "--spec")]
    asked += [said for option, said in pairwise(words) if option.text in ("--with", "-w")]
    named = any(option.text in ("--from", "--spec") for option in words)
    asked += [] if named else _bare(words, _VALUED | {"--with", "-w"})[:1]
    for one in asked:
        _requirement(one, told)


def _npm(words: Command, start: int, told: Told) -> None:
    asked = _bare(words[start:], _VALUED_OF_NPM)
    if not asked:
        said = " ".join(one.text for one in words[:6])
        told.miss(words[0].place, f"what is installed by: {said[:120]}")
    for one in asked:
        _package(one, told)


def _run_one_of_npm(words: Command, told: Told) -> None:
    """The package that npx fetches and starts: `--package` says it, or the first word."""
    asked = [said for option, said in pairwise(words) if option.text in ("--package", "-p")]
    for one in asked or _bare(words, _VALUED_OF_NPM)[:1]:
        _package(one, told)


def _package(word: Value, told: Told) -> None:
    """A package of npm: `name`, `@scope/name`, with a version or a range behind `@`."""
    name, _, wanted = word.text[1:].partition("@")
    name = word.text[:1] + name
    if not word.sure:
        told.miss(word.place, f"what is installed is for {word.open[:120]} to say")
    elif not is_name(name) or ("/" in name and not name.startswith("@")):
        told.miss(word.place, f"no package of npm's registry: {word.text[:120]}")
    else:
        found = npm_component(name, wanted, word.place)
        told.add(found if found.version else replace(found, source=""))


def _conda(words: Command, start: int, told: Told) -> None:
    for option, said in pairwise(words):
        if option.text in ("--file", "-f"):
            told.miss(said.place, f"what {said.text[:120] or said.open} names, in the image")
    for one in _bare(words[start:], _VALUED_OF_CONDA):
        found = matched(one.text, one.place) if one.sure else None
        if found is None:
            told.miss(one.place, f"no package of conda: {one.text[:120] or one.open}")
        else:
            told.add(found)
