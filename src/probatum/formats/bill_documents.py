"""Reads a bill of materials in whichever of the known formats it is written."""

from probatum.errors import FormatError
from probatum.formats import cyclonedx, spdx2, spdx3
from probatum.formats.bills import Bill
from probatum.formats.strict_json import LARGEST as LARGEST
from probatum.formats.strict_json import parsed
from probatum.vocabulary import Reason

_FORMATS = (
    (cyclonedx.is_cyclonedx, cyclonedx.bill),
    (spdx3.is_spdx3, spdx3.bill),
    (spdx2.is_spdx2, spdx2.bill),
)
_MARK = b"\xef\xbb\xbf"
_SAID = (b'"bomFormat"', b'"spdxVersion"', b"spdx.org/rdf/")


def may_be_bill(data: bytes) -> bool:
    """Whether a file is meant as a bill of materials in JSON, whatever is wrong with it."""
    start = data.removeprefix(_MARK).lstrip()[:1]
    return start == b"{" and any(one in data for one in _SAID)


def bill(data: bytes, what: str = "the bill of materials") -> Bill:
    """The bill that the text holds. Raises: FormatError."""
    value = parsed(data.removeprefix(_MARK), what)
    for fits, read in _FORMATS:
        if fits(value):
            return read(value)
    raise FormatError(
        Reason.UNSUPPORTED, f"{what} is neither CycloneDX nor SPDX in JSON, as far as it says"
    )
