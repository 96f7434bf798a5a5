"""Decides whether every tensor that a torch archive names lies inside the bytes it is read from.

A torch archive is a ZIP with one folder: `data.pkl` names storages by a key, a type and a number
of elements, and each storage's bytes are the record `data/<key>`. A reader that trusts the number
makes a storage of that many elements over a shorter record, and reads what lies behind it.

- **Proven**: every reader of ZIPs sees the same records, all in one folder; `version` and
  `byteorder` are ones torch accepts; each storage that a pickle names lies uncompressed in a
  record of its own with at least its bytes, and each tensor rebuilt over it (offset, sizes,
  strides) inside it. No tensor is read. `check/torch_zip.py` derives all of it again.
- **Refuted**: a storage larger than its record, or a tensor that reaches outside its storage:
  with the place in the pickle that says so.
- **Undecided**: a record that is missing, compressed or there twice; one key with two types; a
  step of the pickle for which there is no summary, behind which more storages could be named.

A TorchScript archive has `constants.pkl` with `constants/<key>` besides.

Sources: torch/serialization.py, torch/_utils.py, caffe2/serialize/inline_container.cc,
torch/csrc/jit/serialization/unpickler.cpp (torch 1.13 to 2.13).
"""

import hashlib
from typing import Any

from probatum.claims import HEADER_SOUND
from probatum.errors import FormatError
from probatum.formats import pickle_machine, torch_archive, torch_storages, zip
from probatum.formats.own_classes import OwnClasses, assumed, own_classes
from probatum.formats.pickle_findings import Run
from probatum.formats.torch_archive import Archive
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Excerpt,
    Place,
    Proven,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

_MOST_WITNESSES = 16
_LARGEST = 256 << 20


@analyzer(id="torch-zip-header", claim=HEADER_SOUND, accepts={"torch-zip", "torchscript"})
def torch_zip_header(artifact: Artifact, material: Material) -> Verdict:
    """Follows each pickle and compares its storages with the archive's records."""
    loader = "torch" if artifact.kind == "torch-zip" else "torchscript"
    found = torch_archive.archive(material)
    names = ["data.pkl"] if loader == "torch" else ["constants.pkl", "data.pkl"]
    own = own_classes(artifact, material)
    parts, witnesses, doubts = [], [], []
    for name in names:
        part = _Part(material, found, name, loader, own)
        parts.append(part.facts)
        witnesses += part.witnesses
        doubts += part.doubts
    if witnesses:
        return Refuted(tuple(witnesses[:_MOST_WITNESSES]))
    if doubts:
        return doubts[0]
    facts = {
        "loader": loader,
        "size": material.size,
        "root": found.root,
        "structure": found.structure,
        "labels": torch_archive.labels(material, found.records),
        "pickles": parts,
    } | ({"folder": own.digests()} if own.digests() else {})
    return Proven(Certificate("torch_zip", facts), assumed(own.digests()))


class _Part:
    """One pickle of the archive, judged against the records of its storages."""

    def __init__(
        self, material: Material, found: Archive, name: str, loader: str, own: OwnClasses
    ) -> None:
        data = torch_archive.pickled(material, found.records, name)
        if data.size > _LARGEST:
            raise FormatError(Reason.OVER_LIMIT, f"{name} is larger than {_LARGEST} bytes")
        self.at = found.records[name].data
        self.material = material
        self.name = name
        run = pickle_machine.run(data.read, 0, data.size, loader, material.beside, own)
        folder = name.removesuffix(".pkl")
        self.witnesses: list[Witness] = []
        self.doubts: list[Undecided] = []
        for fault in torch_storages.faults(run, lambda key: _room(found, f"{folder}/{key}")):
            place = Place(offset=self.at + fault.offset, part=name)
            if fault.refutes:
                self.witnesses.append(self._witness(fault.says, place))
            else:
                self.doubts.append(Undecided(fault.reason, fault.says, place))
        self._doubt_the_run(run, data.size)
        self.facts: dict[str, Any] = {
            "name": name,
            "sha256": hashlib.sha256(data.read(0, data.size)).hexdigest(),
            "storages": len(run.storages),
            "tensors": len(run.views),
        }

    def _doubt_the_run(self, run: Run, size: int) -> None:
        if run.broken is not None:
            self.doubts.append(Undecided(run.broken.reason, run.broken.detail, self._place(run)))
        for problem in run.problems[:1]:
            place = Place(offset=self.at + problem.offset, part=self.name)
            self.doubts.append(Undecided(problem.reason, problem.detail, place))
        if run.broken is None and run.end != size:
            says = f"{size - run.end} bytes follow the end of {self.name}"
            self.doubts.append(Undecided(Reason.PARSER_DIFFERENTIAL, says, Place(part=self.name)))

    def _place(self, run: Run) -> Place:
        inner = run.broken.place.offset if run.broken is not None else None
        return Place(offset=self.at + (inner or 0), part=self.name)

    def _witness(self, says: str, place: Place) -> Witness:
        at = place.offset or 0
        steps = (
            Step(f"{self.name} says so here", place),
            Step("a reader that trusts this number reads past the end of the record"),
        )
        return Witness(says, place, steps, Excerpt(at, self.material.read(at, 16)))


def _room(found: Archive, name: str) -> int | None:
    one = found.records.get(name)
    if one is None or one.entry.method != zip.STORED or one.entry.encrypted:
        return None
    return one.entry.size
