"""Re-derives what is proven of the front matter of a Space's README.

facts = {"claim": id, "size": bytes, "sha256": hex of all of them}

The text begins with a line `---` and has another; between them are plain lines only: `key: value`
at the left edge, each key once, items of a list, comments; no quotes inside of values, no anchors,
tags, merges, flows or blocks. Then, by the claim:

- pinned-tools: `sdk` is static, or is gradio or streamlit beside an `sdk_version` of three numbers;
  `preload_from_hub` is not there.
- no-blanket-permission: neither `hf_oauth` nor `hf_oauth_scopes` is there.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from probatum.errors import Rejected

_MOST = 4 << 20
_LINE = re.compile(
    r"""([a-z][A-Za-z_]*):(?:[ ]+("[^"\\]*"|'[^']*'|[^\s"'&*!|>%@`{}\[\]#?,:-][^#:]*?)?)?[ ]*"""
)
_ITEM = re.compile(r"[ ]*-[ ]+(?:\"[^\"\\]*\"|[^\s\"'&*!|>%@`{}\[\]#?,:-][^#:]*)|[ ]*(?:#.*)?")
_PRINTED = re.compile(
    "[ -~\xa1-\u1fff\u2600-\u27bf\u2c00-\ud7ff\ufe0f\U0001f000-\U0001faff]*", re.ASCII
)


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless the claim holds for the front matter."""
    _demand(isinstance(facts, dict) and set(facts) == {"claim", "size", "sha256"}, "the facts")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    try:
        lines = re.split(r"\r?\n", data.decode("utf-8"))
    except UnicodeDecodeError as exc:
        raise Rejected("not UTF-8") from exc
    _demand(lines[0] == "---" and "---" in lines[1:], "no front matter")
    front = _front(lines[1 : lines.index("---", 1)])
    if facts["claim"] == "pinned-tools":
        sdk, version = front.get("sdk", ""), front.get("sdk_version", "")
        whole = re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version)
        _demand(sdk == "static" or (sdk in ("gradio", "streamlit") and whole), "no whole version")
        _demand("preload_from_hub" not in front, "something is fetched before the start")
    elif facts["claim"] == "no-blanket-permission":
        _demand("hf_oauth" not in front and "hf_oauth_scopes" not in front, "who signs in")
    else:
        raise Rejected("no such claim")


def _front(lines: list[str]) -> dict[str, str]:
    """The keys with their values; a line that could mean anything else is refused."""
    found: dict[str, str] = {}
    for line in lines:
        _demand(_PRINTED.fullmatch(line), "a character that is not printed")
        entry = _LINE.fullmatch(line)
        if entry is None:
            _demand(_ITEM.fullmatch(line), f"not a plain line: {line[:60]}")
            continue
        _demand(entry[1] not in found, f"{entry[1]} stands twice")
        found[entry[1]] = (entry[2] or "").strip("\"'")
    return found


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)
