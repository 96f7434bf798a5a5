"""Decides whether a request, a model or a document chooses where this code connects to.

A server that fetches what it is told to fetch reaches what only it can reach: the cloud's
metadata service, databases, other tenants. A test of the scheme alone stops nothing.

**Refuted** with the path, step by step, from where the value enters to the call. **Undecided**
where a condition stands in between and nobody knows whether it stops an attacker (it is named),
where a file could not be read, or where no path was found, which is no proof. **Proven** where
the code holds no such call at all, under any name: its checker looks for the names.

What to write instead: a list of allowed hosts; or resolve the name, refuse private addresses,
connect to what was resolved.

Sources: CWE-918; CVE-2025-54381, CVE-2026-25580.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_REQUEST_FORGERY = Claim(
    "no-request-forgery", "No value from outside chooses the address that this code connects to."
)


@analyzer(id="no-request-forgery", claim=NO_REQUEST_FORGERY, accepts={"python-project"})
def no_request_forgery(artifact: Artifact, material: Material) -> Verdict:
    """Follow every such call back to where its arguments come from."""
    return verdict("no-request-forgery", material)
