"""Reads statements on vulnerabilities in whichever of the known formats they are written."""

from probatum.errors import FormatError
from probatum.formats import cyclonedx_vex, openvex
from probatum.formats.cyclonedx import is_cyclonedx
from probatum.formats.strict_json import LARGEST as LARGEST
from probatum.formats.strict_json import parsed
from probatum.formats.vex import Statement
from probatum.vocabulary import Reason


def statements(data: bytes, what: str = "the document") -> tuple[Statement, ...]:
    """What the document says. Raises: FormatError."""
    value = parsed(data.removeprefix(b"\xef\xbb\xbf"), what)
    if openvex.is_openvex(value):
        return openvex.statements(value)
    if is_cyclonedx(value):
        return cyclonedx_vex.statements(value)
    raise FormatError(
        Reason.UNSUPPORTED, f"{what} is neither OpenVEX nor CycloneDX in JSON, as far as it says"
    )
