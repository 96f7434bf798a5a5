"""Re-derives that a text for an agent allows nothing by its settings, and runs nothing by itself.

facts = {"claim": id, "size": bytes, "sha256": hex of all of them}

The settings are what stands before the first line `---` behind one that the text begins with; if
none begins it, there are none. They hold no backslash, by which a key could be spelled otherwise.

- no-blanket-permission: no word in them speaks of permission (`allow`, `permission`, `bypass`,
  `auto-exec`, `sandbox`, `hook`, `mcp`).
- pinned-tools: neither `hook` nor `mcp` is among their words; and nowhere in the text does a
  backtick follow `!`, nor `!` three backticks.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from probatum.errors import Rejected

_MOST = 4 << 20
_WORDS = {
    "no-blanket-permission": "allow|permission|bypass|auto[-_ ]?exec|sandbox|hook|mcp",
    "pinned-tools": "hook|mcp",
}


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the claim holds for the text."""
    _demand(isinstance(facts, dict) and set(facts) == {"claim", "size", "sha256"}, "the facts")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    claim = facts["claim"]
    _demand(isinstance(claim, str) and claim in _WORDS, "no such claim")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as exc:
        raise Rejected("not UTF-8") from exc
    lines = text.lstrip().splitlines()
    if lines and lines[0].startswith("---"):
        ends = [at for at, line in enumerate(lines) if at and line.startswith("---")]
        front = "\n".join(lines[: ends[0]] if ends else lines)
        _demand("\\" not in front, "a backslash in its settings")
        found = re.search(_WORDS[claim], front, re.IGNORECASE)
        _demand(found is None, f"`{found[0] if found else ''}` is in its settings")
    if claim == "pinned-tools":
        _demand("!`" not in text and "```!" not in text, "a command that runs by itself")


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)
