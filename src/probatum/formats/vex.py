"""Statements on whether a vulnerability affects a component (VEX), in whatever document they stand.

Sources: openvex.dev (OpenVEX 0.2.0: status labels, justifications); CISA, Minimum Requirements for
VEX, 2023.
"""

from typing import Literal

from msgspec import Struct

Status = Literal["affected", "not_affected", "fixed", "under_investigation"]
AFFECTED: Status = "affected"
NOT_AFFECTED: Status = "not_affected"
FIXED: Status = "fixed"
UNDER_INVESTIGATION: Status = "under_investigation"
STATUSES: tuple[Status, ...] = (AFFECTED, NOT_AFFECTED, FIXED, UNDER_INVESTIGATION)

COMPONENT_NOT_PRESENT = "component_not_present"
CODE_NOT_PRESENT = "vulnerable_code_not_present"
CODE_NOT_REACHED = "vulnerable_code_not_in_execute_path"
NOT_CONTROLLED = "vulnerable_code_cannot_be_controlled_by_adversary"
MITIGATED = "inline_mitigations_already_exist"
JUSTIFICATIONS = (
    COMPONENT_NOT_PRESENT, CODE_NOT_PRESENT, CODE_NOT_REACHED, NOT_CONTROLLED, MITIGATED,
)  # fmt: skip


class Statement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody says of one vulnerability in one component.

    `component` is a package URL, without a version where every version is meant; `within` is that
    of the product that holds it, empty where it speaks of the component wherever it is.
    `vulnerabilities` are the ids of one vulnerability, its usual one first. `says` is why it does
    not affect, or what to do about it. `evidence` is `sha256:<hex>` of the certificate that shows
    it. `made` is a date in RFC 3339, `author` whom the document names.
    """

    component: str
    vulnerabilities: tuple[str, ...]
    status: str
    justification: str = ""
    says: str = ""
    evidence: str = ""
    within: str = ""
    author: str = ""
    made: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"{self.status[:40]!r} is no status: {', '.join(STATUSES)}")
        if not self.component or not self.vulnerabilities or not all(self.vulnerabilities):
            raise ValueError("a statement names a component and a vulnerability")
        if self.justification and self.justification not in JUSTIFICATIONS:
            raise ValueError(f"{self.justification[:40]!r} is no justification")
        if self.justification and self.status != NOT_AFFECTED:
            raise ValueError("only what is not affected is justified")
        if self.status == NOT_AFFECTED and not (self.justification or self.says):
            raise ValueError("not affected: neither a justification nor a reason is given")
