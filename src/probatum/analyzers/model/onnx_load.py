"""Decides whether loading an ONNX model can run anything its author chose.

A loader reads the graph and already runs parts of it: what depends on constants alone is folded.
So every operator counts, wherever it stands: in graphs, in the bodies of If, Loop and Scan, in
functions and in training graphs.

**Proven**: every node's operator is one of `rules/onnx_operators.toml` (operators of onnx and
onnxruntime that compute on their inputs and do nothing else) or a function of the model itself,
whose own nodes are judged the same; every tensor is as large as it says (`onnx-header`); every
path of an external tensor stays in the model's folder (`onnx-paths`).

**Refuted**: a path that leaves the folder: the loader reads a file of the author's choice.

**Undecided**: `missing-summary` names an operator that is not in the rules: it is code of a custom
library, of an engine (`EPContext`) or of Python (`PyOp`, `PythonOp`) that no ONNX file holds, so
what it does cannot be seen here, and without that library the model does not load. `unsupported`
where the metadata holds `ort_config`, from which onnxruntime takes its settings if the
environment allows. For the rest see `onnx-header`.

Sources: `docs/Operators.md` of onnx; `docs/ContribOperators.md`, `docs/PyOp.md` and
`core/session/inference_session.cc` (`ORT_LOAD_CONFIG_FROM_MODEL`) of onnxruntime.
"""

from probatum.claims import LOAD_INERT
from probatum.formats.onnx import Survey, escapes, known_operators, survey
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)


@analyzer(id="onnx-load", claim=LOAD_INERT, accepts={"onnx"})
def onnx_load(artifact: Artifact, material: Material) -> Verdict:
    """Proven where every operator is known to compute and nothing else."""
    found = survey(material)
    for one in found.external:
        if how := escapes(one.location):
            says = f"loading reads the file {one.location[:200]!r}, whose path {how}"
            return Refuted((Witness(says, Place(offset=one.at)),))
    missing = _missing(found)
    if missing is not None:
        return missing
    if found.settings is not None:
        says = "the metadata 'ort_config' may change the settings of onnxruntime"
        return Undecided(Reason.UNSUPPORTED, says, found.settings)
    for undecided in (found.fault, found.doubt):
        if undecided is not None:
            raise undecided
    facts = {
        "claim": LOAD_INERT.id,
        "size": material.size,
        "skeleton": found.skeleton,
        "nodes": found.nodes,
        "tensors": found.tensors,
        "files": sorted(one.location for one in found.external),
    }
    assumptions = tuple(
        f"The path {one.location!r} beside the model leads through no symbolic link, to a file "
        f"of at least {one.end} bytes."
        for one in found.external
    )
    return Proven(Certificate("onnx", facts), assumptions)


def _missing(found: Survey) -> Undecided | None:
    known = known_operators() | found.functions
    unknown = [one for one in found.operators if (one.domain, one.name) not in known]
    if not unknown:
        return None
    first = unknown[0]
    says = f"what the operator {first.name!r} of the domain {first.domain!r} does is not known"
    if len(unknown) > 1:
        says += f", nor of {len(unknown) - 1} other operators"
    return Undecided(Reason.MISSING_SUMMARY, says, Place(offset=first.at))
