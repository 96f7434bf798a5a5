"""Decides whether a secret stands in the file in clear.

- **Refuted**: a value of the form of a known kind of token (Hugging Face, OpenAI, GitHub, AWS and
  others), or any value that is no placeholder under a name such as `…_TOKEN` or `…_PASSWORD`. The
  witness names it and never shows it.
- **Undecided**: no rule found one. That is no proof: a secret may have any form and any name.

Sources: CWE-798, CWE-312.
"""

from probatum.deploy.verdicts import verdict
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Verdict

NO_LITERAL_SECRET = Claim("no-literal-secret", "No secret stands in this file in clear.")


@analyzer(
    id="no-literal-secret",
    claim=NO_LITERAL_SECRET,
    accepts={
        "compose",
        "kubernetes",
        "helm-values",
        "helm-template",
        "systemd-unit",
        "launcher",
        "dockerfile",
        "env-file",
        "litellm-config",
        "mlflow-auth",
    },
)
def no_literal_secret(artifact: Artifact, material: Material) -> Verdict:
    """Look at every value that is set."""
    return verdict("no-literal-secret", artifact, material)
