"""Decides whether a Core ML model makes its loader open anything outside its package.

An ML program keeps its weights in files that it names by path; a linked model is another model,
looked for by name along a search path. The whole protobuf is walked, pipelines included.

**Proven**: no model is linked, and every weight file's path (after `@model_path/`) stays in the
package: relative, no parent, no backslash, no colon, no control character. That such a path
meets no symbolic link is said as an assumption.

**Refuted**: each path to weights or to linked models that leads elsewhere.

**Undecided**: `unresolved` where another model is linked; where the protobuf is not read alike by
every parser or has a field that `rules/coreml_schema.toml` does not know.

Sources: `MIL.proto` (BlobFileValue), `LinkedModel.proto` of coremltools 9.
"""

from probatum.claims import SELF_CONTAINED
from probatum.formats.coreml import leaving, survey
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
)


@analyzer(id="coreml-paths", claim=SELF_CONTAINED, accepts={"coreml"})
def coreml_paths(artifact: Artifact, material: Material) -> Verdict:
    """Proven where every path stays in the package, refuted at each that does not."""
    found = survey(material)
    if witnesses := tuple(leaving(found)):
        return Refuted(witnesses[:20])
    for one in found.linked:
        says = "another model is linked, which is looked for by name while loading"
        return Undecided(Reason.UNRESOLVED, says, Place(offset=one.at))
    facts = {
        "claim": SELF_CONTAINED.id,
        "size": material.size,
        "skeleton": found.skeleton,
        "messages": found.messages,
        "files": sorted(one.name for one in found.files),
    }
    assumptions = tuple(
        f"The path {one.name!r} in the package leads through no symbolic link."
        for one in found.files
    )
    return Proven(Certificate("coreml", facts), assumptions)
