"""Reads what files install that run commands: scripts, Dockerfiles, notebooks, workflows.

The images that a build starts from, and here-documents, are told as unread. Such a file never names
all that is there in the end: what a command does besides installing is not followed.

Sources: docs.docker.com/reference/dockerfile; ipython.readthedocs.io, "System shell access" and
"Built-in magic commands"; nbformat.readthedocs.io; docs.github.com/actions, workflow syntax;
gnu.org/software/make, "Recipe Syntax".
"""

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator

from probatum.components import Inventory
from probatum.formats import json_nodes
from probatum.formats.bounds import utf8
from probatum.formats.dockerfile_lines import Instruction, instructions
from probatum.formats.nodes import Mapping, Node, Scalar, items, text
from probatum.formats.shell import Command, commands
from probatum.formats.values import Value
from probatum.formats.workflow import EXPRESSION, Text, workflow
from probatum.formats.yaml_nodes import Spots
from probatum.inventory.installers import Installers
from probatum.inventory.told import Told, whole
from probatum.ports import Material
from probatum.vocabulary import Place

_FROM = re.compile(r"(?:--platform=\S+\s+)?(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*\Z", re.I)
_OPTION = re.compile(r"^(?:\s*--\w+(?:=\S+)?)+")
_HERE = re.compile(r"<<-?[\"']?\w")
_SHELL_LINE = re.compile(r"[ \t]*(?:!{1,2}|%(?=(?:pip|conda|mamba|micromamba|uv)[ \t]))[ \t]*")
_SHELL_CELL = re.compile(r"[ \t]*%%(?:bash|sh|script[ \t]+(?:ba)?sh|!)[^\n]*\n?")
_RECIPE = re.compile(r"\t[ \t]*[@+-]*")


def script(name: str, material: Material) -> Inventory:
    """A shell script. Raises: FormatError."""
    source = utf8(whole(material)).replace("\r\n", " \n")
    told, reader = Told(), Installers()
    for words in commands(source, Spots(source).place):
        reader.take(words, told)
    return told.inventory()


def dockerfile(name: str, material: Material) -> Inventory:
    """A Dockerfile. Raises: FormatError."""
    source = utf8(whole(material)).replace("\r\n", " \n")
    place, stages = Spots(source).place, {"scratch"}
    told, reader = Told(), Installers()
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
        except (ValueError, RecursionError):
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            yield tuple(Value(word, place(at)) for word in words)
            return
    yield from commands(bare, _from(at, place))


def _from(start: int, place: Callable[[int], Place]) -> Callable[[int], Place]:
    """The places of a text that begins there."""
    return lambda index: place(start + index)


def _always(place: Place) -> Callable[[int], Place]:
    return lambda _: place


def notebook(name: str, material: Material) -> Inventory:
    """The lines of a notebook that a shell runs: `!pip install`, `%pip`, cells of bash.

    Raises: FormatError.
    """
    root = json_nodes.document(whole(material))
    told, reader = Told(), Installers()
    for cell in _cells(root):
        lines = list(_lines_of(cell))
        first = lines[0][0] if lines else ""
        in_shell = _SHELL_CELL.match(first) is not None
        at = int(in_shell)
        while at < len(lines):
            line, place = lines[at]
            found = _SHELL_LINE.match(line)
            at += 1
            while (in_shell or found) and line.endswith("\\") and at < len(lines):
                line = line[:-1] + " " + lines[at][0]
                at += 1
            if in_shell or found is not None:
                bare = line[found.end() :] if found is not None else line
                for words in commands(bare, _always(place)):
                    reader.take(words, told)
    return told.inventory()


def _cells(root: Node) -> Iterator[Mapping]:
    found = root.get("cells") if isinstance(root, Mapping) else None
    if found is None and isinstance(root, Mapping):  # nbformat 3
        sheets = items(root.get("worksheets"))
        found = sheets[0].get("cells") if sheets and isinstance(sheets[0], Mapping) else None
    for cell in items(found):
        if isinstance(cell, Mapping) and text(cell.get("cell_type")) == "code":
            yield cell


def _lines_of(cell: Mapping) -> Iterator[tuple[str, Place]]:
    """The lines of a cell, each with the place of the text that it stands in."""
    source = cell.get("source") or cell.get("input")
    for part in (source,) if isinstance(source, Scalar) else items(source):
        if isinstance(part, Scalar):
            for line in part.text.splitlines():
                yield line, part.place


def github_workflow(name: str, material: Material) -> Inventory:
    """What the steps of a workflow run. Raises: FormatError."""
    data = whole(material)
    read = workflow(data)
    told = Told()
    for job in read.jobs:
        reader = Installers()
        for step in job.steps:
            if step.run is not None:
                for words in commands(_shell(step.run.text), _within(step.run, data)):
                    reader.take(words, told)
    return told.inventory()


def _shell(said: str) -> str:
    """The text for a shell, where each expression of the workflow is a variable."""
    return EXPRESSION.sub(lambda found: "$" + re.sub(r"\W+", "_", found[1].strip())[:60], said)


def _within(run: Text, data: bytes) -> Callable[[int], Place]:
    """The line of a place in a text of many lines, if it is written as such."""
    said, place = _shell(run.text), run.place
    starts = [0, *(found.end() for found in re.finditer("\n", said))]
    is_block = data[place.offset : (place.offset or 0) + 1] == b"|"

    def placed(index: int) -> Place:
        if not is_block or place.line is None:
            return place
        return Place(line=place.line + bisect_right(starts, index))

    return placed


def makefile(name: str, material: Material) -> Inventory:
    """What the recipes of a Makefile run. Raises: FormatError."""
    source = utf8(whole(material)).replace("\r\n", " \n")
    place, told, reader = Spots(source).place, Told(), Installers()
    at, joined, start = 0, "", 0
    for line in source.split("\n"):
        found = _RECIPE.match(line)
        if joined or found is not None:
            start = start if joined else at + (found.end() if found else 0)
            joined += line if joined else line[found.end() if found else 0 :]
            if joined.endswith("\\"):
                joined = joined[:-1] + "  "  # as long as the text that it stands for
            else:
                for words in commands(joined, _from(start, place)):
                    reader.take(words, told)
                joined = ""
        at += len(line) + 1
    return told.inventory()
