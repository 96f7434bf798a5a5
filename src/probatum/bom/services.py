"""What a target's deployments start, and the images they start it from, as parts of its bill."""

from collections.abc import Sequence

from probatum.bom.drafts import Draft
from probatum.bom.telling import Told
from probatum.deploy.model import Service
from probatum.formats.bills import CONTAINER, DEPENDS_ON, SERVICE, Part, Spot
from probatum.formats.values import Value

# Files that start something by themselves; a Dockerfile only says what somebody may start.
_STARTS = frozenset({"compose", "kubernetes", "quadlet"})


def add(draft: Draft, files: Sequence[Told], main: str) -> None:
    """Take in every service that is started, and every image that is named."""
    for one in files:
        if one.deployment is None:
            continue
        name = one.artifact.name
        if one.artifact.kind in _STARTS:
            for service in one.deployment.services:
                _service(draft, service, name, main)
        for image in one.deployment.images:
            _image(draft, image, name, main)


def _service(draft: Draft, service: Service, name: str, main: str) -> None:
    place = Spot(name, service.place.line or 0)
    ref = draft.add(
        Part(ref=f"service:{service.name}", type=SERVICE, name=service.name, places=(place,))
    )
    draft.link(main, DEPENDS_ON, ref)
    if service.image is not None:
        _image(draft, service.image, name, ref)


def _image(draft: Draft, image: Value, name: str, needed_by: str) -> None:
    """An image by its name; one whose name is decided elsewhere is told as lacking."""
    if not image.sure or not image.text:
        draft.lack(f"an image in {name} is not known: {image.open or 'it is not named'}")
        return
    text, _, digest = image.text.partition("@")
    before, _, last = text.rpartition("/")
    last, _, tag = last.partition(":")
    full = f"{before}/{last}" if before else last
    part = Part(
        ref=f"image:{image.text}",
        type=CONTAINER,
        name=full,
        version=tag or digest,
        digests=(digest,) if digest.startswith("sha256:") else (),
    )
    ref = draft.named(part, Spot(name, image.place.line or 0))
    draft.link(needed_by, DEPENDS_ON, ref)
    if not digest:
        draft.lack(f"the digest of the image {image.text} is not known: {name} names none")
