"""Decides whether loading a TorchScript archive runs anything its author chose.

`torch.jit.load` (and `torch.load`, where the archive holds `constants.pkl`) reads the pickles with
an unpickler of torch's own in C++, which imports nothing: a name in them is one of a fixed list or
a class of the archive's `code/`. That code is compiled while it is loaded, and parts of it run:
the constants of classes, the defaults of arguments, `__setstate__`, and what the compiler folds.

- **Proven**: the pickles hold only what that unpickler knows, every class they name is in `code/`,
  and what runs while loading calls nothing but operators reviewed as pure
  (`rules/torchscript.toml`) and methods of its own class that do the same.
- **Refuted**: a `__setstate__` that a pickle runs, or a constant or default of a class that it
  names, surely calls an operator that writes or reads a file or prints: with file and line.
- **Undecided**: any other name, opcode, operator or call, each by its name. A pickle that names
  `os.system` does nothing in TorchScript's unpickler, and much in Python's: it is never proven.

A pickle or a source file of the archive is judged here as well, alone: a pickle for its names, a
source file for what loading runs of it. Running the model afterwards is another matter.

Sources: torch/csrc/jit/serialization/import.cpp, import_source.cpp and unpickler.cpp,
frontend/script_type_parser.cpp (evaluateDefaults), passes/constant_propagation.cpp (torch 1.13 to
2.13).
"""

import hashlib
from collections.abc import Sequence

from probatum.claims import LOAD_INERT
from probatum.errors import FormatError
from probatum.formats import (
    pickle_machine,
    torch_archive,
    torchscript_code,
    torchscript_pickle,
    zip,
)
from probatum.formats.torch_archive import Archive
from probatum.formats.torchscript_code import Reached
from probatum.formats.torchscript_pickle import Pickled
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Place,
    Proven,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

ASSUMPTIONS = ("torch 1.13 to 2.13 does what the reviewed rules for TorchScript say",)
_WITH_ITS_CODE = (
    *ASSUMPTIONS,
    "the classes that it names are those of the archive's own code, judged with the archive",
)
_LARGEST_SOURCE = 16 << 20
_MOST_SOURCE = 256 << 20


@analyzer(
    id="torchscript-load",
    claim=LOAD_INERT,
    accepts={"torchscript", "torchscript-pickle", "torchscript-code"},
)
def torchscript_load(artifact: Artifact, material: Material) -> Verdict:
    """Follows what the loader reads, compiles and runs."""
    match artifact.kind:
        case "torchscript-pickle":
            return _pickle(material)
        case "torchscript-code":
            return _code(artifact, material)
    return _archive(material)


def _pickle(material: Material) -> Verdict:
    found = torchscript_pickle.pickled(material)
    if found.problems:
        return _first_problem(found, 0)
    data = material.read(0, material.size)
    facts = {
        "part": "pickle",
        "size": material.size,
        "sha256": hashlib.sha256(data).hexdigest(),
        "classes": _names(found),
    }
    return Proven(Certificate("torchscript", facts), _WITH_ITS_CODE)


def _code(artifact: Artifact, material: Material) -> Verdict:
    if material.size > _LARGEST_SOURCE:
        raise FormatError(Reason.OVER_LIMIT, f"a source file over {_LARGEST_SOURCE} bytes")
    data = material.read(0, material.size)
    path = artifact.name.rpartition("!/")[2].partition("/code/")[2] or "source.py"
    found = torchscript_code.code({path: data})
    if found.reached:
        return _open(found.reached)
    facts = {"part": "code", "size": material.size, "sha256": hashlib.sha256(data).hexdigest()}
    return Proven(Certificate("torchscript", facts), ASSUMPTIONS)


def _archive(material: Material) -> Verdict:
    found = torch_archive.archive(material)
    if "model.json" in found.records:
        return Undecided(
            Reason.UNSUPPORTED, "model.json: an archive of before torch 1.4, read in another way"
        )
    sources = torchscript_code.code(_sources(material, found))
    named: set[str] = set()
    for name in ("constants.pkl", "data.pkl"):
        read = torchscript_pickle.pickled(torch_archive.pickled(material, found.records, name))
        at = found.records[name].data
        if read.problems:
            return _first_problem(read, at)
        for one in read.classes:
            if one.name not in sources.classes:
                says = (
                    f"{one.name.replace(':', '.')} is not in the archive's code: torch refuses it"
                )
                return Undecided(Reason.MALFORMED, says, Place(offset=at + one.offset, part=name))
            named.add(one.name)
    witnesses = _witnesses(sources.reached, named, _built(material, found))
    if witnesses:
        return Refuted(witnesses)
    if sources.reached:
        return _open(sources.reached)
    facts = {
        "part": "archive",
        "size": material.size,
        "root": found.root,
        "structure": found.structure,
        "classes": sorted(named),
        "sources": sum(_is_source(name) for name in found.records),
    }
    return Proven(Certificate("torchscript", facts), ASSUMPTIONS)


def _sources(material: Material, found: Archive) -> dict[str, bytes]:
    sources, total = {}, 0
    for name, one in found.records.items():
        if not _is_source(name):
            continue
        total += one.entry.size
        if one.entry.size > _LARGEST_SOURCE or total > _MOST_SOURCE:
            raise FormatError(Reason.OVER_LIMIT, f"{name}: too much source code to read")
        sources[name.removeprefix("code/")] = b"".join(zip.contents(material, one))
    return sources


def _is_source(name: str) -> bool:
    return name.startswith("code/") and name.endswith(".py")


def _built(material: Material, found: Archive) -> frozenset[str]:
    """The classes of which the pickles surely fill an object, so that `__setstate__` runs."""
    built: set[str] = set()
    for name in ("constants.pkl", "data.pkl"):
        data = torch_archive.pickled(material, found.records, name)
        run = pickle_machine.run(data.read, 0, data.size, "torchscript")
        if run.broken is None and not run.problems:
            built.update(one.name for one in run.effects if one.how == "build")
    return frozenset(built)


def _witnesses(
    reached: Sequence[Reached], named: set[str], built: frozenset[str]
) -> tuple[Witness, ...]:
    sure = [one for one in reached if one.effect and one.owner in (built if one.built else named)]
    return tuple(map(_witness, sure[:16]))


def _witness(one: Reached) -> Witness:
    place = Place(line=one.line, part=f"code/{one.path}")
    owner = one.owner.replace(":", ".")
    how = "its __setstate__ runs" if one.built else "its constants and defaults are evaluated"
    operator = one.detail.partition("the operator ")[2].partition(" at ")[0]
    return Witness(
        f"loading {owner} calls {operator}, which {one.effect}",
        place,
        (
            Step(f"a pickle of the archive names the class {owner}"),
            Step(f"while it is loaded {how}"),
            Step(f"which calls {operator}", place),
        ),
    )


def _open(reached: Sequence[Reached]) -> Undecided:
    first, more = reached[0], len({one.detail for one in reached}) - 1
    says = first.detail + (f" (and {more} more)" if more else "")
    return Undecided(first.reason, says, Place(line=first.line, part=f"code/{first.path}"))


def _first_problem(found: Pickled, at: int) -> Undecided:
    first = found.problems[0]
    return Undecided(first.reason, first.detail, Place(offset=at + first.offset))


def _names(found: Pickled) -> list[str]:
    return sorted({one.name for one in found.classes})
