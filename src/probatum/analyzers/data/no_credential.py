"""Decides whether a credential of a known form stands in a text.

Known are the forms that issuers give their tokens, keys and addresses: see `rules/credentials`,
where each row names its source. They are looked for as they are and up to three layers deep under
base 64, hex, gzip and the escapes of JSON, addresses and HTML.

- **Refuted**: a value with its issuer's mark and length, or one whose checksum or structure agrees
  with the rest of it. The witness names the kind and the place, and never shows the value. That it
  is well formed does not say that it is in use: nobody is asked.
- **Undecided**: a value whose checksum does not agree (made up, cut short, or of a newer form), or
  that looks like any random text but stands under the name of a service.
- **Proven**: nothing in the text has any of the known forms. A secret without a form, such as a
  password, is not among them.

Sources: CWE-798, CWE-312; RFC 4648; those of `rules/credentials`.
"""

from collections.abc import Iterator
from hashlib import sha256

from probatum.credentials.kinds import rules
from probatum.credentials.search import Found, credentials
from probatum.formats.bounds import region
from probatum.formats.kinds_inventory import JSON_FORMS, TEXT_FORMS, YAML_FORMS
from probatum.formats.python_project import KIND as PROJECT
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)

NO_CREDENTIAL = Claim(
    "no-credential",
    "Nothing in this text has the form of a known kind of credential, in clear or encoded.",
)

_TEXTS = (
    "agent-config agent-rules chat-template compose conda-environment distribution-metadata "
    "dockerfile env-file github-action github-workflow helm-template helm-values json "
    "jupyter-config jupyter-config-json kubernetes launcher litellm-config makefile markdown "
    "mlflow-auth model-config modelfile notebook pipfile procfile python python-manifest "
    "python-project quadlet requirements shell-script space-card systemd-unit text "
    "tokenizer-config yaml"
)

_LARGEST = 64 << 20
_INSTEAD = (
    "revoke it where it was issued, since whoever had the file may have it; "
    "then read it from the environment or a secret store"
)


@analyzer(
    id="no-credential",
    claim=NO_CREDENTIAL,
    accepts={*_TEXTS.split(), *TEXT_FORMS, *JSON_FORMS, *YAML_FORMS},
)
def no_credential(artifact: Artifact, material: Material) -> Verdict:
    """Look for all kinds at once."""
    data = region(material, 0, min(material.size, _LARGEST))
    found = credentials(data)
    surely = [one for one in found if one.kind.basis != "near" and not one.broken]
    places = _places(data, surely or found, artifact.kind == PROJECT)
    if surely:
        return Refuted(tuple(map(_witness, surely, places)))
    if found:
        return Undecided(Reason.UNRESOLVED, _doubt(found), next(places))
    if material.size > _LARGEST:
        return Undecided(Reason.OVER_LIMIT, f"only its first {_LARGEST} bytes were looked at")
    facts = {
        "size": material.size,
        "sha256": sha256(data).hexdigest(),
        "rules": rules().digest,
        "kinds": len(rules().kinds),
    }
    return Proven(Certificate("no_credential", facts))


def _witness(found: Found, place: Place) -> Witness:
    agrees = ", whose checksum or structure agrees" if found.kind.sum else ""
    says = f"{found.kind.says} of {len(found.value)} characters{_under(found)}{agrees}"
    return Witness(says, place, instead=_INSTEAD)


def _doubt(found: list[Found]) -> str:
    one = found[0]
    why = (
        "but its checksum or structure does not agree: it is made up, cut short, or of a newer form"
        if one.broken
        else "by the name before it, and any random text of that length would"
    )
    more = f"; {len(found) - 1} more like it" if len(found) > 1 else ""
    return f"what stands here looks like {one.kind.says}{_under(one)}, {why}{more}"


def _under(found: Found) -> str:
    return f", under {', '.join(found.under)}" if found.under else ""


def _places(data: bytes, found: list[Found], project: bool) -> Iterator[Place]:
    """Where each of them begins, in one pass: they come in the order of their offsets."""
    part, first, line, counted = None, 0, 1, 0
    end = data.index(b"\n") + 1 if project else len(data)
    for one in found:
        while project and end <= one.start:
            first = data.index(b"\n", end) + 1
            size, _, name = data[end : first - 1].partition(b" ")
            end = first if size == b"-" else first + int(size)
            part, line, counted = name.decode("utf-8", "replace"), 1, first
        line += data.count(b"\n", counted, one.start)
        counted = max(counted, one.start)
        before = data[max(first, data.rfind(b"\n", 0, one.start) + 1) : one.start]
        yield Place(line=line, part=part, column=len(before.decode("utf-8", "replace")) + 1)
