"""Images without a digest: another one can be served under the same name tomorrow."""

import re
from collections.abc import Iterator

from probatum.deploy.asked import tag
from probatum.deploy.judging import Found
from probatum.deploy.model import EVERYTHING, Deployment
from probatum.formats.values import Value

_DIGEST = re.compile(r"\S+@sha256:[0-9a-f]{64}")
_WHY = "who can push to the registry, or stands between, decides what runs here after your review"
_SOURCE = "https://kubernetes.io/docs/concepts/containers/images/#image-names; https://docs.docker.com/dhi/core-concepts/digests/"


def unpinned_images(deployment: Deployment) -> Iterator[Found]:
    """Images that are named by a tag, or by nothing."""
    for gap in deployment.gaps:
        if gap.of == EVERYTHING:
            yield Found(False, f"it rests on {gap.says}", gap.place)
    for service in deployment.services:
        for gap in service.gaps:
            if "image" in gap.of:
                yield Found(False, f"{service.name} rests on {gap.says}", gap.place)
        if service.built is not None and service.image is None:
            says = f"{service.name} is built elsewhere: its Dockerfile names the images"
            yield Found(False, says, service.built)
    for image in deployment.images:
        yield from _of_image(image)


def _of_image(image: Value) -> Iterator[Found]:
    if not image.sure:
        yield Found(False, f"which image this is is for {image.open} to say", image.place)
    elif not _DIGEST.fullmatch(image.text):
        named = tag(image.text)
        says = f"{image.text} is named by a tag, which can be moved"
        if named in ("", "latest"):
            says = f"{image.text} is whatever is called `latest` on the day"
        instead = f"{image.text}@sha256:… (`docker buildx imagetools inspect` tells the digest)"
        yield Found(True, says, image.place, "image-without-digest", _WHY, instead, _SOURCE)
