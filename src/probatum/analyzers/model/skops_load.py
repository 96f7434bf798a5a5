"""Decides whether loading a skops archive runs anything its author chose.

skops writes scikit-learn models as a zip: `schema.json` names, for each object, a loader, a
module and a class; arrays lie beside it and are read without pickle. skops itself refuses names
that it does not trust, unless the user lists them.

- **Proven**: every node is built by a loader that may build it: skops's own trusted names and
  two reviewed tree types, each by its full name (`rules/skops_types.toml`).
  `check/skops_archive.py` walks the schema again.
- **Refuted**: a node that calls itself one thing and builds another (OperatorFuncNode,
  CVE-2025-54412; MethodNode, CVE-2025-54413), or a call of a name in Python's standard library.
- **Undecided**: any other name, which skops would ask its user about, and so do we.

`skops.card.Card.get_model` falls back to joblib for files that are no zip (CVE-2025-54886); such
a file is of another kind and judged as what it is.

Sources: skops/io (0.14); the advisories named above.
"""

from probatum.claims import LOAD_INERT
from probatum.formats import skops_schema
from probatum.formats.strict_json import parsed
from probatum.formats.zip_text import another_s, member
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Certificate, Proven, Refuted, Undecided, Verdict

ASSUMPTIONS = (
    "the installed scikit-learn, numpy and scipy are the published ones",
    "the arrays in the archive are judged as artifacts of their own",
)


@analyzer(id="skops-load", claim=LOAD_INERT, accepts={"skops"})
def skops_load(artifact: Artifact, material: Material) -> Verdict:
    """Walks schema.json and judges every node."""
    schema = member(material, "schema.json")
    built = skops_schema.built(parsed(schema.data, "schema.json"))
    if built.witnesses:
        return Refuted(built.witnesses)
    if built.open:
        first, more = built.open[0], len(built.open) - 1
        detail = first.detail + f" (and {more} more)" * (more > 0)
        return Undecided(first.reason, detail, first.place)
    stranger = another_s(schema.strangers)
    if stranger is not None:
        return stranger
    facts = {
        "size": material.size,
        "directory": schema.directory,
        "directory_sha256": schema.directory_sha256,
        "schema_sha256": schema.data_sha256,
        "nodes": built.nodes,
    }
    return Proven(Certificate("skops_archive", facts), ASSUMPTIONS)
