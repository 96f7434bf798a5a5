"""Decides whether a secret that a build is handed stays in the image that it makes.

- **Refuted**: an argument of the build, or a variable that is set from one, whose name is a
  secret's, in the stage that becomes the image; a file of secrets (`.env`, `.netrc`, `id_rsa`) that
  is copied into it.
- **Undecided**: the same in a stage that is only built on; or no rule found one, which is no proof.

A secret that stands in the file itself is a matter of [no-literal-secret](#no-literal-secret).

Sources: CWE-538, CWE-522; `rules/deploy/baked.toml`, `rules/secrets.toml`.
"""

from probatum.deploy.verdicts import verdict
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Verdict

NO_BAKED_SECRET = Claim(
    "no-baked-secret", "No secret that a build is handed stays in the image that it makes."
)


@analyzer(id="no-baked-secret", claim=NO_BAKED_SECRET, accepts={"compose", "dockerfile"})
def no_baked_secret(artifact: Artifact, material: Material) -> Verdict:
    """Look at what the build is handed and copies."""
    return verdict("no-baked-secret", artifact, material)
