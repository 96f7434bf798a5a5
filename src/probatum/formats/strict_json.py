"""Reads JSON that every reader reads alike: UTF-8, no key twice, bounded depth and size."""

import json
from collections import Counter
from typing import Any

from probatum.errors import FormatError
from probatum.vocabulary import Reason

LARGEST = 256 << 20


def parsed(data: bytes, what: str) -> Any:
    """The value of the JSON text `data`; `what` names it in messages.

    Raises: FormatError MALFORMED, or PARSER_DIFFERENTIAL where readers take it differently
    (a key twice: some keep the first, Python the last).
    """
    if len(data) > LARGEST:
        raise FormatError(Reason.OVER_LIMIT, f"{what} is larger than {LARGEST} bytes")
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except RecursionError as exc:
        raise FormatError(Reason.OVER_LIMIT, f"{what} is nested too deeply") from exc
    except ValueError as exc:
        raise FormatError(Reason.MALFORMED, f"{what} is not JSON: {str(exc)[:120]}") from exc


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counted = Counter(key for key, _ in pairs)
        twice = counted.most_common(1)[0][0]
        raise FormatError(Reason.PARSER_DIFFERENTIAL, f"the JSON key {twice[:60]!r} stands twice")
    return found


def _no_constant(name: str) -> float:
    # Python writes and reads these; they are numbers like any other to the claims made of them.
    return float(name.replace("Infinity", "inf"))
