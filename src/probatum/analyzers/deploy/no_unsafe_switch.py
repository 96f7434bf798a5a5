"""Decides whether a switch lets received data, or code that comes with a model, run.

`--trust-remote-code` without a pinned revision, serialisation by pickle over sockets, development
endpoints, folders of models that every user may write to.

- **Refuted**: with the line that sets the switch, what it lets run, and what to write instead.
- **Undecided**: a variable, a file of variables or a template decides it; code of a repository is
  trusted at a revision that is pinned, and whether anybody reviewed it is not known.
- **Proven** (Compose files): no word of any of these switches stands in the file, and no command is
  handed to a shell that could put one together. Its checker searches again.

Sources: CWE-502, CWE-829; `rules/deploy/settings.toml`, `rules/deploy/absent.toml`.
"""

from probatum.deploy.verdicts import verdict
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Verdict

NO_UNSAFE_SWITCH = Claim(
    "no-unsafe-switch",
    "Nothing that this file sets lets data that is received, or code that comes with a model, run.",
)


@analyzer(
    id="no-unsafe-switch",
    claim=NO_UNSAFE_SWITCH,
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
    },
)
def no_unsafe_switch(artifact: Artifact, material: Material) -> Verdict:
    """Look at every option, variable and command."""
    return verdict("no-unsafe-switch", artifact, material)
