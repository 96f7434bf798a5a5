"""Decides whether a GitHub workflow gives its token every right.

`permissions: write-all` lets whatever runs in the job, an agent or an action of somebody else too,
push code, publish packages and approve changes.

- **Refuted**: `write-all`, for the workflow or a job.
- **Undecided**: no `permissions` are given, so that a setting of the repository decides; rights
  that are given by name, since whether they are needed is not told.

Write instead: `permissions: {}` above, and in each job the rights that it needs.

Sources: docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax (permissions);
OWASP LLM06:2025 Excessive Agency; CWE-250.
"""

from probatum.claims import NO_BLANKET_PERMISSION
from probatum.errors import FormatError
from probatum.formats import yaml_nodes
from probatum.formats.agent_evidence import witness
from probatum.formats.nodes import Mapping, Scalar, entries
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Reason, Refuted, Undecided, Verdict

_SAYS = "every right of the token is given; write the rights that are needed"


@analyzer(id="workflow-permissions", claim=NO_BLANKET_PERMISSION, accepts={"github-workflow"})
def workflow_permissions(artifact: Artifact, material: Material) -> Verdict:
    """Look at the permissions of the workflow, and of each job."""
    if material.size > yaml_nodes.LARGEST:
        says = f"more than {yaml_nodes.LARGEST} bytes, which are not all read"
        raise FormatError(Reason.OVER_LIMIT, says)
    data = b"".join(material.read(at, 1 << 20) for at in range(0, material.size, 1 << 20))
    found = yaml_nodes.documents(data)
    root = found[0] if len(found) == 1 else None
    if not isinstance(root, Mapping) or not isinstance(root.get("jobs"), Mapping):
        raise FormatError(Reason.MALFORMED, "no mapping `jobs` at its top")
    jobs = [one.value for one in entries(root.get("jobs")) if isinstance(one.value, Mapping)]
    given = [node.get("permissions") for node in (root, *jobs)]
    all_of_them = [
        one for one in given if isinstance(one, Scalar) and one.text.strip() == "write-all"
    ]
    if all_of_them:
        return Refuted(tuple(witness(_SAYS, one.place, data) for one in all_of_them[:100]))
    if given[0] is None and any(one is None for one in given[1:]):
        says = "no permissions are given here: a setting of the repository decides"
        return Undecided(Reason.UNRESOLVED, says)
    says = "rights are given by name; whether they are needed is not told"
    return Undecided(Reason.NOT_ANALYSED, says)
