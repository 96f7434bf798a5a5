"""Reads the settings before a text for an agent (`---` … `---`), and the commands inside of it.

Claude Code runs what stands in `` !`…` ``, or in a block that is opened by three backticks and `!`,
before a model reads the text. What hooks in the settings run, they run without being asked.

Sources: code.claude.com/docs/en/skills, /sub-agents and /slash-commands; agentskills.io (SKILL.md).
"""

import re
from collections.abc import Iterator

from probatum.errors import FormatError
from probatum.formats import yaml_nodes
from probatum.formats.bounds import utf8
from probatum.formats.nodes import Mapping, Scalar, walk
from probatum.ports import Material
from probatum.vocabulary import Place, Reason

LARGEST = 4 << 20
_FRONT = re.compile(rb"(?:\xef\xbb\xbf)?\s*---[ \t]*\r?\n.*?(?=\n---[ \t]*(?:\r?\n|\Z))", re.DOTALL)
_COMMAND = re.compile(r"!`([^`\n]+)`|^[ \t]*```!([^`]*)```", re.MULTILINE)


def read(material: Material) -> tuple[bytes, Mapping | None]:
    """The bytes of the whole file, and its settings, if it has any. Raises: FormatError."""
    if material.size > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {LARGEST} bytes, which are not all read")
    data = b"".join(material.read(at, 1 << 20) for at in range(0, material.size, 1 << 20))
    front = _FRONT.match(data)
    if front is None:
        return data, None
    documents = yaml_nodes.documents(front[0] + b"\n")
    found = documents[0] if len(documents) == 1 else None
    return data, found if isinstance(found, Mapping) else None


def commands(data: bytes, front: Mapping | None) -> Iterator[tuple[str, Place]]:
    """What is run before, or while, the text is used, with its place. Raises: FormatError."""
    text = utf8(data)
    spots = yaml_nodes.Spots(text)
    for found in _COMMAND.finditer(text):
        group = 1 if found[1] is not None else 2
        yield found[group], spots.place(found.start(group))
    hooks = front.get("hooks") if front is not None else None
    for path, one in walk(hooks) if hooks is not None else ():
        if isinstance(one, Scalar) and path.endswith(".command"):
            yield one.text, one.place
