"""Writes statements on vulnerabilities as OpenVEX 0.2.0 or as a VEX in CycloneDX.

The digest of the certificate that shows a statement goes with it, so that who reads it can ask for
the certificate and check it. OpenVEX has no field for it: it stands in the notes on the status.

Sources: github.com/openvex/spec, OPENVEX-SPEC.md 0.2.0; cyclonedx.org/capabilities/vex.
"""

import hashlib
import json
import uuid
from collections.abc import Sequence
from typing import Any

from probatum import __version__
from probatum.formats.cyclonedx_vex import OWN
from probatum.formats.vex import (
    AFFECTED,
    CODE_NOT_PRESENT,
    CODE_NOT_REACHED,
    COMPONENT_NOT_PRESENT,
    FIXED,
    MITIGATED,
    NOT_AFFECTED,
    NOT_CONTROLLED,
    UNDER_INVESTIGATION,
    Statement,
)

_STATES: dict[str, str] = {
    AFFECTED: "exploitable", NOT_AFFECTED: "not_affected", FIXED: "resolved",
    UNDER_INVESTIGATION: "in_triage",
}  # fmt: skip
_JUSTIFICATIONS = {
    COMPONENT_NOT_PRESENT: "code_not_present", CODE_NOT_PRESENT: "code_not_present",
    CODE_NOT_REACHED: "code_not_reachable", NOT_CONTROLLED: "requires_environment",
    MITIGATED: "protected_by_mitigating_control",
}  # fmt: skip
NO_ACTION = "no action is known"
Json = dict[str, Any]


def openvex(statements: Sequence[Statement], author: str, made: str) -> str:
    """The document. `made`, in RFC 3339, counts for statements without a date of their own."""
    content: Json = {
        "author": author,
        "timestamp": made,
        "version": 1,
        "tooling": f"probatum {__version__}",
        "statements": [_open(one) for one in statements],
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    head = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": f"https://openvex.dev/docs/public/vex-{digest}",
    }
    return json.dumps(head | content, indent=2, ensure_ascii=False) + "\n"


def _open(one: Statement) -> Json:
    component = _product(one.component)
    product = _product(one.within) | {"subcomponents": [component]} if one.within else component
    vulnerability: Json = {"name": one.vulnerabilities[0]}
    if one.vulnerabilities[1:]:
        vulnerability["aliases"] = list(one.vulnerabilities[1:])
    made: Json = {"vulnerability": vulnerability, "products": [product], "status": one.status}
    if one.made:
        made["timestamp"] = one.made
    if one.justification:
        made["justification"] = one.justification
    if one.status == AFFECTED:
        made["action_statement"] = one.says or NO_ACTION
    elif one.says and (one.status == NOT_AFFECTED or one.evidence):
        made["impact_statement"] = one.says
    elif one.says:
        made["status_notes"] = one.says
    if one.evidence:
        made["status_notes"] = f"shown by the certificate {one.evidence}"
    return made


def _product(name: str) -> Json:
    return {"@id": name} | ({"identifiers": {"purl": name}} if name.startswith("pkg:") else {})


def cyclonedx(statements: Sequence[Statement], author: str, made: str, version: str = "1.6") -> str:
    """The document, with a component for each package that it speaks of."""
    names = list(dict.fromkeys(one.component for one in statements))
    content: Json = {
        "metadata": {
            "timestamp": made,
            "tools": {
                "components": [{"type": "application", "name": "probatum", "version": __version__}]
            },
            "authors": [{"name": author}],
        },
        "components": [_component(one) for one in names],
        "vulnerabilities": [_vulnerability(one) for one in statements],
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    head = {
        "$schema": f"http://cyclonedx.org/schema/bom-{version}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": version,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, digest)}",
        "version": 1,
    }
    return json.dumps(head | content, indent=2, ensure_ascii=False) + "\n"


def _component(name: str) -> Json:
    made: Json = {"type": "library", "bom-ref": name, "name": name}
    if name.startswith("pkg:"):
        plain = name.partition("?")[0].rpartition("/")[2]
        made |= {"name": plain.partition("@")[0] or name, "purl": name}
    return made


def _vulnerability(one: Statement) -> Json:
    analysis: Json = {"state": _STATES[one.status]}
    if one.justification:
        analysis["justification"] = _JUSTIFICATIONS[one.justification]
    if one.says:
        analysis["detail"] = one.says
    if one.made:
        analysis["lastUpdated"] = one.made
    made: Json = {"id": one.vulnerabilities[0]}
    if one.vulnerabilities[1:]:
        made["references"] = [
            {"id": other, "source": {"name": other.partition("-")[0]}}
            for other in one.vulnerabilities[1:]
        ]
    made |= {"analysis": analysis, "affects": [{"ref": one.component}]}
    own = {
        "certificate": one.evidence, "justification": one.justification, "within": one.within,
    }  # fmt: skip
    properties = [{"name": f"{OWN}{name}", "value": value} for name, value in own.items() if value]
    return made | ({"properties": properties} if properties else {})
