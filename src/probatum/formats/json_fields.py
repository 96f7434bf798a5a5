"""Fields of a JSON value that somebody else wrote, each asked to be what its format says."""

from typing import Any

from probatum.errors import FormatError
from probatum.vocabulary import Reason

Json = dict[str, Any]


def mapping(value: Any, what: str) -> Json:
    """An object; an empty one where there is none. Raises: FormatError(MALFORMED)."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise FormatError(Reason.MALFORMED, f"{what} is no object")
    return value


def listed(value: Any, what: str) -> list[Any]:
    """A list; an empty one where there is none. Raises: FormatError(MALFORMED)."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise FormatError(Reason.MALFORMED, f"{what} is no list")
    return value


def text(value: Any, what: str) -> str:
    """A text; an empty one where there is none. Raises: FormatError(MALFORMED)."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FormatError(Reason.MALFORMED, f"{what} is no text")
    if any("\ud800" <= one <= "\udfff" for one in value):
        raise FormatError(Reason.MALFORMED, f"{what} holds half of a character")
    return value


def whole(value: Any, what: str) -> int:
    """A number from 0 on; 0 where there is none. Raises: FormatError(MALFORMED)."""
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FormatError(Reason.MALFORMED, f"{what} is no number from 0 on")
    return value
