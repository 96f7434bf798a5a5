"""Decides whether text from outside reaches a shell.

`os.system`, `subprocess` with `shell=True`, `["bash", "-c", text]`, `create_subprocess_shell`.

**Refuted** with the path, step by step, from where the value enters to the call. **Undecided**
where a condition stands in between and nobody knows whether it stops an attacker (it is named),
where a file could not be read, or where no path was found, which is no proof. **Proven** where
the code holds no such call at all, under any name: its checker looks for the names.

What to write instead: a list of arguments without a shell; `shlex.quote` around each part.

Sources: CWE-78; CVE-2023-4033, CVE-2025-62801.
"""

from probatum.ports import Material, analyzer
from probatum.taint.verdicts import verdict
from probatum.vocabulary import Artifact, Claim, Verdict

NO_COMMAND_INJECTION = Claim(
    "no-command-injection", "No value from outside becomes part of a command that a shell reads."
)


@analyzer(id="no-command-injection", claim=NO_COMMAND_INJECTION, accepts={"python-project"})
def no_command_injection(artifact: Artifact, material: Material) -> Verdict:
    """Follow every such call back to where its arguments come from."""
    return verdict("no-command-injection", material)
