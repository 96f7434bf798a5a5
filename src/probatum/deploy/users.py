"""Who a service runs as, where it says so, or its image is known to leave it at root.

A weakness in what parses models and requests is then one of root in the container: one step from
the host where anything else is loose, and the owner of every folder that is mounted.

Sources: docs.docker.com/build/building/best-practices (USER); kubernetes.io, Pod Security Standards
(restricted: running as non-root); systemd.exec(5) (User=); the Dockerfiles of the images named.
"""

import re
from collections.abc import Iterator

from probatum.deploy import rules
from probatum.deploy.asked import is_image, started
from probatum.deploy.judging import Found
from probatum.deploy.model import Deployment, Service
from probatum.formats.values import Value
from probatum.vocabulary import Place

_WHY = "what a request or a model breaks into is then root: of the container, and of all it mounts"
_SOURCE = (
    "CWE-250; https://docs.docker.com/build/building/best-practices/#user; "
    "https://kubernetes.io/docs/concepts/security/pod-security-standards/ (restricted)"
)
_INSTEAD = "USER 10001 (`user:`, runAsNonRoot: true, User= or DynamicUser=yes)"
_INSTALLS = re.compile(
    r"\b(?:apt-get|apt|apk|dnf|yum|microdnf)[ \t]+(?:-\S+[ \t]+)*(?:install|add|update)\b"
)


def of_image(image: Value) -> Value | None:
    """Root, where an image is known to leave who runs at it."""
    if is_image(image, rules.rooted()):
        return Value("root", image.place, f"{image.text}, which sets no USER", default=True)
    return None


def of_run(text: str, place: Place) -> Value | None:
    """Root, where a line of a build installs packages, which nobody else can."""
    if "sudo" in text or not _INSTALLS.search(text):
        return None
    says = "this image, in which nobody else can install packages"
    return Value("root", place, says, default=True)


def root_services(deployment: Deployment) -> Iterator[Found]:
    """Services that run as root."""
    for gap in deployment.gaps:
        yield Found(False, f"it rests on {gap.says}", gap.place)
    for service in deployment.services:
        if service.on_host and not _serves(service):
            continue  # a command of the machine: whoever runs it is meant to be who he is
        yield _of(service)


def _serves(service: Service) -> bool:
    return any(started(service, one) is not None for one in rules.servers())


def _of(service: Service) -> Found:
    user = service.user
    if user is None:
        place = service.image.place if service.image is not None else service.place
        return _told(False, f"who {service.name} runs as is for its image to say", place)
    if not user.sure:
        return _told(False, f"who {service.name} runs as is for {user.open} to say", user.place)
    if user.text.partition(":")[0] in ("root", "0"):
        because = f", by {user.open}" if user.open else ""
        return _told(True, f"{service.name} runs as root{because}", user.place)
    says = f"{service.name} runs as {user.text[:40]}, unless who starts it says otherwise"
    return _told(False, says, user.place)


def _told(sure: bool, says: str, place: Place) -> Found:
    return Found(sure, says, place, "root-user", _WHY, _INSTEAD, _SOURCE)
