"""Decides whether what a file of Python's bytecode runs can be read.

A review, by a person or a program, reads sources. Python runs bytecode: a `.pyc` in the place of a
module is imported without any source, and one that says so in its header is never compared with
the source beside it. A skill or a tool that ships one runs what nobody has read.

- **Refuted**: no source of its name lies in its folder, where an import takes the bytecode alone;
  or its header forbids the comparison with a source. The witness gives the version of Python and
  words that stand in the bytecode.
- **Undecided**: a source of that name is there, and whether the bytecode was made from it is not
  shown; a file in `__pycache__`, which is not imported without its source; a file in an archive.

It is never proven: only who compiles the source again can tell. Leave bytecode out of what you
publish: Python writes it anew.

Sources: PEP 3147 (`__pycache__`, and bytecode without a source); PEP 552 (bytecode that is not
compared); CPython Lib/importlib/_bootstrap_external.py.
"""

import re

from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Claim,
    Excerpt,
    Place,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

SOURCE_BESIDE_BYTECODE = Claim(
    "source-beside-bytecode", "What this bytecode runs can be read: its source lies beside it."
)
_READ = 1 << 20
_MOST_WORDS = 40
# What marshal writes before a short text of ASCII; 0x80 marks one that is referred to again.
_SHORT = re.compile(rb"[Zz\xda\xfa]([\x02-\x3f])")


@analyzer(id="source-beside-bytecode", claim=SOURCE_BESIDE_BYTECODE, accepts={"pyc"})
def source_beside_bytecode(artifact: Artifact, material: Material) -> Verdict:
    """Look for the source where an import would."""
    data = material.read(0, _READ)
    base = artifact.name.rpartition("!/")[2].rpartition("/")[2]
    source = base.split(".", 1)[0] + ".py"
    if data[4:8] == b"\x01\0\0\0":
        says = "its header says that it is never compared with a source (PEP 552)"
        return Refuted((_witness(says, data),))
    if artifact.parent is not None or base not in material.beside:
        says = f"what lies beside it is not known here: is {source} there?"
        return Undecided(Reason.OUTSIDE_TARGET, says)
    if "__pycache__" in artifact.name.split("/")[:-1]:
        says = f"it is imported only for a {source} one folder up: whether it is the same is open"
        return Undecided(Reason.UNRESOLVED, says)
    if source in material.beside or source + "w" in material.beside:
        says = f"whether it was made from {source} is not shown: compile it anew, or leave it out"
        return Undecided(Reason.UNRESOLVED, says)
    return Refuted((_witness(f"no {source} lies beside it, and Python imports it alone", data),))


def _witness(says: str, data: bytes) -> Witness:
    place = Place(offset=0)
    version = int.from_bytes(data[:2], "little")
    words = ", ".join(_words(data))
    steps = (
        Step(f"bytecode with the magic number {version}", place),
        Step(f"words in it: {words}" if words else "no words in it", place),
    )
    return Witness(says, place, steps, Excerpt(0, data[:32]))


def _words(data: bytes) -> list[str]:
    """Names that stand in the bytecode, in their order; nothing is built from it."""
    found: dict[str, None] = {}
    for short in _SHORT.finditer(data):
        word = data[short.end() : short.end() + short[1][0]]
        if len(word) == short[1][0] and word.isascii() and word.decode().isidentifier():
            found[word.decode()] = None
        if len(found) == _MOST_WORDS:
            break
    return list(found)
