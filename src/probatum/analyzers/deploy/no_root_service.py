"""Decides whether a service runs as root.

- **Refuted**: it says so (`USER root`, `user: "0"`, `runAsUser: 0`); or an image that starts
  something sets no USER, and is built on one that is known to leave it at root, or installs
  packages, which only root can; or a unit of the system that starts a known server has no `User=`.
- **Undecided**: the image, a variable or a template says who it runs as.

It is never proven: who starts an image may say otherwise.

Sources: CWE-250; `rules/deploy/users.toml`; `deploy/users.py`.
"""

from probatum.deploy.verdicts import verdict
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Verdict

NO_ROOT_SERVICE = Claim(
    "no-root-service", "Every service that this file starts runs as another user than root."
)


@analyzer(
    id="no-root-service",
    claim=NO_ROOT_SERVICE,
    accepts={"compose", "kubernetes", "helm-template", "systemd-unit", "quadlet", "dockerfile"},
)
def no_root_service(artifact: Artifact, material: Material) -> Verdict:
    """Look at who each service runs as."""
    return verdict("no-root-service", artifact, material)
