"""Decides whether every image is named by its digest, so that it is the one that was reviewed.

A tag can be moved to another image by whoever may push to its repository; `latest` moves by itself.

- **Refuted**: each image that is named by a tag or by nothing, with its line.
- **Undecided**: a variable, a template, an included file or a build elsewhere names it.
- **Proven** (Compose files, Kubernetes manifests, Dockerfiles): every line that names an image
  names a digest, and none names one in another way. Its checker reads those lines again.

Sources: CWE-1357, CWE-494; `rules/deploy/absent.toml`.
"""

from probatum.deploy.verdicts import verdict
from probatum.ports import Material, analyzer
from probatum.vocabulary import Artifact, Claim, Verdict

PINNED_IMAGES = Claim("pinned-images", "Every image that this file names is named by its digest.")


@analyzer(
    id="pinned-images",
    claim=PINNED_IMAGES,
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
    },
)
def pinned_images(artifact: Artifact, material: Material) -> Verdict:
    """Look at the name of every image."""
    return verdict("pinned-images", artifact, material)
