"""Decides whether a container is handed the machine that it runs on.

Privileged mode, the host's namespaces, capabilities that make root in the container root on the
host, a socket of the container runtime, folders of the host such as `/` or `/etc`.

- **Refuted**: with the line that hands it over, why that is enough, and what to write instead.
- **Undecided**: a variable, an included file or a template decides it; or something is handed over
  of which no rule says what it gives.
- **Proven** (Compose files): none of the keys stands in the file that hand something of the host to
  a container. Its checker searches again.

Sources: CWE-250; `rules/deploy/grants.toml`, `rules/deploy/absent.toml`.
"""

from probatum.deploy.verdicts import verdict
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Verdict

NO_HOST_TAKEOVER = Claim(
    "no-host-takeover",
    "Nothing that this file starts in a container is handed the means to take over its host.",
)


@analyzer(
    id="no-host-takeover",
    claim=NO_HOST_TAKEOVER,
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
    },
)
def no_host_takeover(artifact: Artifact, material: Material) -> Verdict:
    """Look at all that each container is given of its host."""
    return verdict("no-host-takeover", artifact, material)
