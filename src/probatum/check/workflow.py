"""Re-derives that a GitHub workflow names no event that an outsider can raise.

facts = {"claim": "no-untrusted-prompt", "size": bytes, "sha256": hex of all of them}

The text is UTF-8 of ASCII letters where it matters: no YAML can spell a name without having its
letters in one piece, but by the escapes of a double-quoted text. So, with the ends of lines that a
backslash hides taken out, none of these names stands in it as a word, and no escape by number. And
there are a key `on` and a key `jobs` at the left edge, with nothing of a template language.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from probatum.errors import Rejected

CLAIM = "no-untrusted-prompt"
_MOST = 4 << 20
_EVENTS = re.compile(
    r"(?<![A-Za-z0-9_])(?:issues|issue_comment|pull_request\w*|discussion\w*|workflow_run"
    r"|workflow_call|fork|watch|gollum|check_run|check_suite|status|deployment_status|merge_group"
    r"|deployment|public|member|image_version)(?![A-Za-z0-9_])",
    re.IGNORECASE,
)


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless only people of the project start the workflow."""
    _demand(isinstance(facts, dict) and set(facts) == {"claim", "size", "sha256"}, "the facts")
    _demand(facts["claim"] == CLAIM, "another claim")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Rejected("not UTF-8") from exc
    _demand(re.search(r"^[\"']?on[\"']?[ \t]*:", text, re.MULTILINE), "no key `on`")
    _demand(re.search(r"^[\"']?jobs[\"']?[ \t]*:", text, re.MULTILINE), "no key `jobs`")
    _demand(not re.search(r"\\[xuU]", text), "an escape by number")
    joined = re.sub(r"\\\r?\n[ \t]*", "", text)
    for each in (text, joined):
        found = _EVENTS.search(each)
        _demand(found is None, f"the word {found[0] if found else ''!r}, which is an event's")


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)
