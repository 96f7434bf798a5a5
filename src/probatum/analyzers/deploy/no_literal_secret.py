"""Decides whether a secret stands in the file in clear.

- **Refuted**: a value of the form of a known kind of token (Hugging Face, OpenAI, GitHub, AWS and
  others), a password in an address, or any value of six letters and more that is no placeholder
  under a name that ends in `…_TOKEN`, `…_PASSWORD` or the like. The witness names it and never
  shows it.
- **Undecided**: no rule found one. That is no proof: a secret may have any form and any name.

Sources: CWE-798, CWE-312; `rules/secrets.toml`.
"""

from probatum.claims import NO_LITERAL_SECRET
from probatum.deploy.verdicts import verdict
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Verdict


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
        "quadlet",
        "makefile",
        "procfile",
        "dockerfile",
        "env-file",
        "litellm-config",
        "jupyter-config",
        "jupyter-config-json",
        "mlflow-auth",
    },
)
def no_literal_secret(artifact: Artifact, material: Material) -> Verdict:
    """Look at every value that is set."""
    return verdict("no-literal-secret", artifact, material)
