"""Decides whether text from outside becomes a template that is not sandboxed.

A Jinja2 template reaches `__globals__` in one line. A value *in* a template is fine; the template
itself must not come from outside, unless it is compiled by a sandboxed environment.

**Refuted** with the path, step by step, from where the value enters to the call. **Undecided**
where a condition stands in between and nobody knows whether it stops an attacker (it is named),
where a file could not be read, or where no path was found, which is no proof. **Proven** where
the code holds no such call at all, under any name: its checker looks for the names.

What to write instead: `jinja2.sandbox.ImmutableSandboxedEnvironment`; a fixed template with the
value as a variable.

Sources: CWE-1336; CVE-2023-36281, CVE-2024-41950.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_TEMPLATE_INJECTION = Claim(
    "no-template-injection", "No value from outside is compiled as a template."
)


@analyzer(id="no-template-injection", claim=NO_TEMPLATE_INJECTION, accepts={"python-project"})
def no_template_injection(artifact: Artifact, material: Material) -> Verdict:
    """Follow every such call back to where its arguments come from."""
    return verdict("no-template-injection", material)
