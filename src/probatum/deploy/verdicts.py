"""The verdict on one claim about a file that configures a deployment."""

import re
from collections.abc import Callable

from probatum.deploy import (
    compose,
    dockerfile,
    env_file,
    jupyter,
    kubernetes,
    makefiles,
    quadlet,
    scripts,
    settings_files,
    systemd,
)
from probatum.deploy.baked import baked_secrets
from probatum.deploy.choices import default_credentials, unsafe_switches
from probatum.deploy.configured import configured
from probatum.deploy.judging import Found, Judge, host_takeovers, open_services
from probatum.deploy.model import Deployment
from probatum.deploy.near import Near
from probatum.deploy.pins import unpinned_images
from probatum.deploy.rules import absent
from probatum.deploy.said import readable
from probatum.deploy.secrets import literal_secrets
from probatum.deploy.users import root_services
from probatum.errors import FormatError
from probatum.formats.bounds import digest, region
from probatum.ports import Material
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Excerpt,
    Place,
    Proven,
    Reason,
    Refuted,
    Step,
    Undecided,
    Verdict,
    Witness,
)

_LARGEST = 1 << 20
_MOST = 100
_MAIN = re.compile(r"(?:docker-)?compose\.ya?ml")
_OVERRIDE = re.compile(r"(?:docker-)?compose\.override\.ya?ml")
_SECRET = re.compile(rb"(?i)token|secret|passw|key|credential|pass=|hf_|sk-")
READERS: dict[str, Callable[[bytes], Deployment]] = {
    "compose": compose.read,
    "kubernetes": kubernetes.read,
    "helm-template": kubernetes.read_template,
    "helm-values": settings_files.read_values,
    "litellm-config": settings_files.read_litellm,
    "systemd-unit": systemd.read,
    "launcher": scripts.read,
    "dockerfile": dockerfile.read,
    "env-file": env_file.read,
    "mlflow-auth": env_file.read,
    "quadlet": quadlet.read,
    "makefile": makefiles.read,
    "procfile": makefiles.read_procfile,
    "jupyter-config": jupyter.read,
    "jupyter-config-json": jupyter.read_json,
}
_JOINED: dict[str, Callable[[bytes, Near], Deployment]] = {
    "compose": compose.read,
    "kubernetes": kubernetes.read,
    "systemd-unit": systemd.read,
    "launcher": scripts.read,
    "quadlet": quadlet.read,
    "makefile": makefiles.read,
    "procfile": makefiles.read_procfile,
}
"""Those that may name other files of the target, which are read with them."""
_JUDGES: dict[str, Judge] = {
    "no-unsafe-switch": unsafe_switches,
    "no-default-credentials": default_credentials,
    "pinned-images": unpinned_images,
    "no-literal-secret": literal_secrets,
    "no-open-service": open_services,
    "no-host-takeover": host_takeovers,
    "no-root-service": root_services,
    "no-baked-secret": baked_secrets,
}
_NOTHING = "no rule found anything, and that is no proof"
_ASSUMED = (
    "an image is what its name says, and does what its publisher's documentation says of it",
    "nothing outside of this file is merged into it: no override, no option of a command line",
)


def verdict(claim: str, artifact: Artifact, material: Material) -> Verdict:
    """Whether what the file starts breaks the claim, by the rule rows of `rules/deploy`.

    Raises: FormatError if it cannot be read.
    """
    if material.size > _LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {_LARGEST} bytes, which are not all read")
    data = region(material, 0, material.size)
    found = list(_JUDGES[claim](_deployment(artifact.kind, data, material)))
    # One place may break a rule under several names; it is told once.
    broken = list({(one.rule, one.place): one for one in found if one.sure}.values())
    if broken:
        return Refuted(tuple(_witness(one, data) for one in broken[:_MOST]))
    if found:
        more = f" (and {len(found) - 1} more like it)" if len(found) > 1 else ""
        fact = f": {found[0].why}" if found[0].why else ""
        return Undecided(Reason.UNRESOLVED, f"{found[0].says}{fact}{more}", found[0].place)
    other = _merged(artifact, material)
    if other:
        says = f"{_NOTHING}: Compose merges {other}, which stands beside it, into this file"
        return Undecided(Reason.UNRESOLVED, says)
    return _unbroken(claim, artifact.kind, data, material)


def _deployment(kind: str, data: bytes, material: Material) -> Deployment:
    joined, near = _JOINED.get(kind), Near(material)
    found = READERS[kind](data) if joined is None else joined(data, near)
    return configured(found, near)


def _merged(artifact: Artifact, material: Material) -> str:
    """The file that Compose reads together with this one, unasked."""
    base = artifact.name.rpartition("/")[2]
    if artifact.kind != "compose" or not _MAIN.fullmatch(base):
        return ""
    return next((name for name in sorted(material.beside) if _OVERRIDE.fullmatch(name)), "")


def _witness(one: Found, data: bytes) -> Witness:
    steps = [
        *(Step(says, place) for says, place in one.also),
        Step(f"{one.why} [{one.rule}: {one.source}]"),
        Step(f"instead: {one.instead}"),
    ]
    return Witness(one.says, one.place, tuple(steps), _excerpt(one.place, data))


def _excerpt(place: Place, data: bytes) -> Excerpt | None:
    """The line of the place, unless it may hold a secret."""
    if place.offset is None:
        return None
    start = data.rfind(b"\n", 0, place.offset) + 1
    end = data.find(b"\n", place.offset)
    line = data[start : end if end >= 0 else len(data)]
    return (
        Excerpt(start, line, text=True) if len(line) <= 400 and not _SECRET.search(line) else None
    )


def _unbroken(claim: str, kind: str, data: bytes, material: Material) -> Verdict:
    """Proven where no word stands in the file by which the claim could be broken."""
    row = absent(claim, kind)
    if row is None:
        says = "no rule found anything, and that is no proof for files of this kind"
        return Undecided(Reason.UNRESOLVED, says)
    text = readable(data, kind)
    if not isinstance(text, str):
        return Undecided(Reason.UNRESOLVED, f"{_NOTHING}: {text.says}", text.place)
    named = row.first(text)
    if named is not None:
        place = Place(line=text.count("\n", 0, named.start()) + 1)
        says = f"{_NOTHING}: `{named[0].strip()[:40]}` stands here"
        return Undecided(Reason.UNRESOLVED, says, place)
    facts = {
        "claim": claim,
        "kind": kind,
        "size": material.size,
        "sha256": digest(material, 0, material.size),
    }
    return Proven(Certificate("deployment", facts), (*_ASSUMED, *row.assumes))
