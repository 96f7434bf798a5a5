"""Decides whether a password or key is set that is published with the software, or left at it.

- **Refuted**: the line that sets it, or the image that comes with one and is given none.
- **Undecided**: a variable, a file of variables, a secret or a template sets it; or no rule found
  anything, which is no proof: any word may be somebody's default.

It is never proven: the software that nothing is known of may come with a password of its own.

Sources: CWE-1392, CWE-798; `rules/deploy/settings.toml`.
"""

from probatum.deploy.verdicts import verdict
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Verdict

NO_DEFAULT_CREDENTIALS = Claim(
    "no-default-credentials",
    "No password or key that is published with the software is set here, or left as it comes.",
)


@analyzer(
    id="no-default-credentials",
    claim=NO_DEFAULT_CREDENTIALS,
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
        "mlflow-auth",
    },
)
def no_default_credentials(artifact: Artifact, material: Material) -> Verdict:
    """Look at every password, and at what is started without one."""
    return verdict("no-default-credentials", artifact, material)
