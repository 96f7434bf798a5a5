"""Decides whether a deployment starts a service that answers whoever reaches it.

Most of what serves open models asks nobody who calls, and some listens on every interface unless
told otherwise. The file is read as what it starts: which software (by image or command), where it
listens, through which ports or networks other machines come in, and whether it is told to ask.

- **Refuted**: a known service that other machines reach and that asks nobody, or only in part; the
  witness is the line that lets them in, or that turns authentication off, with the fact that it
  rests on, the versions it was read in, and what to write instead.
- **Undecided**: a variable, a file that is read elsewhere, a template or an image that nothing is
  known of decides it. It is named.
- **Proven** (Compose files): no word stands in the file by which a service could be reached from
  other machines. Its checker searches again.

Each row of `rules/deploy/servers.toml` names its source, and the versions that it was read in.

Sources: CWE-306; `rules/deploy/servers.toml`, `rules/deploy/absent.toml`.
"""

from probatum.deploy.verdicts import verdict
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Verdict

NO_OPEN_SERVICE = Claim(
    "no-open-service",
    "Every service that this file starts and that other machines can reach asks who calls.",
)


@analyzer(
    id="no-open-service",
    claim=NO_OPEN_SERVICE,
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
    },
)
def no_open_service(artifact: Artifact, material: Material) -> Verdict:
    """Ask each service what it is, who reaches it, and whether it asks."""
    return verdict("no-open-service", artifact, material)
