"""Re-derives that a file configures nothing that would break a claim: no word for it is in it.

Facts: `{"claim": id, "kind": of the file, "size": bytes, "sha256": of the file}`.

What is checked: 1. the file has this digest; 2. it is UTF-8 in which no letter is hidden: nothing
but tabs, line feeds and printed characters, no backslash, no `!` (a YAML tag), no `$` and no
backtick (a variable), no `{{` (a template), no brace beside a letter (a shell's alternatives), no
`%TAG`; lines that are a comment from their first letter on are left out, for in YAML, systemd's
units and files of variables they hold neither a key nor a value; a Dockerfile is taken whole, with
its continued lines joined; 3. with every quote taken out (a
shell joins `--tr'ust'`), and the passages that the row allows, none of the patterns of that claim
and kind in `rules/deploy/absent.toml` is found, upper and lower case alike.

The trusted base: this file, Python's regular expressions, and the rows of `absent.toml`, each of
which says why nothing else can break the claim.
"""

import hashlib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from probatum.errors import Rejected

_ROWS = Path(__file__).parent.parent / "rules" / "deploy" / "absent.toml"
_MOST = 1 << 20
_PRINTED = ((0x20, 0x7E), (0xA0, 0x167F), (0x2030, 0x205E), (0x2100, 0xD7FF))


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises: Rejected with the step that fails."""
    if not isinstance(facts, dict) or set(facts) != {"claim", "kind", "size", "sha256"}:
        raise Rejected("0: not the facts of such a certificate")
    if type(facts["size"]) is not int or facts["size"] != size or size > _MOST:
        raise Rejected("0: the file has another size")
    patterns, allowed = _patterns(facts["claim"], facts["kind"])
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    if hashlib.sha256(data).hexdigest() != facts["sha256"]:
        raise Rejected("1: the file has another digest")
    text = _joined(data) if facts["kind"] == "dockerfile" else _plain(data)
    for one in allowed:
        text = re.sub(one, "", text)
    for pattern in patterns:
        found = re.search(pattern, text, re.IGNORECASE)
        if found:
            raise Rejected(f"3: `{found[0].strip()[:40]}` is in it")


def _patterns(claim: Any, kind: Any) -> tuple[list[str], list[str]]:
    for row in tomllib.loads(_ROWS.read_text("utf-8"))["absent"]:
        if row["claim"] == claim and kind in row["kinds"]:
            return row["patterns"], row.get("allowed", [])
    raise Rejected("0: this claim is not proven of files of this kind")


def _joined(data: bytes) -> str:
    """A Dockerfile with its continued lines joined, as Docker joins them before it reads a word."""
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as exc:
        raise Rejected("2: not UTF-8") from exc
    if re.search(r"[^\n\t\x20-\x7e\xa0-\u167f\u2030-\u205e\u2100-\ud7ff]|`[ \t]*\n", text):
        raise Rejected("2: a character that is not printed, or may continue a line")
    return re.sub(r"\\[ \t]*\n(?:[ \t]*(?:#[^\n]*)?\n)*", "", text)


def _plain(data: bytes) -> str:
    """The text without comment lines and quotes. Raises: Rejected where a letter may be hidden."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Rejected("2: not UTF-8") from exc
    kept = []
    for line in text.replace("\r\n", "\n").split("\n"):
        kept.append("" if re.match(r"[ \t]*#", line) else line)
    text = "\n".join(kept)
    for char in set(text) - set("\t\n"):
        if not any(first <= ord(char) <= last for first, last in _PRINTED):
            raise Rejected(f"2: the character {char!r}")
    for hider in ("\\", "!", "$", "`", "{{", "%TAG"):
        if hider in text:
            raise Rejected(f"2: {hider} is in it")
    if re.search(r"[^\s\[]\{|\}[\w-]", text):
        raise Rejected("2: a brace beside a letter")
    return re.sub("['\"]", "", text)
