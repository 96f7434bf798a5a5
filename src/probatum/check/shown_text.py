"""Re-derives that a page made from a Markdown text leaves nothing of it out.

facts = {"claim": "no-unshown-text", "size": bytes, "sha256": hex of all of them}

1. Every `<!` begins a comment that one of the directives in `rules/agent/instructions.toml` fills.
2. There is no `<?`. 3. No element is of a kind that is not shown, and none has an attribute but
those listed here, or a size that begins with a digit but zero. 4. No link is defined with more than
its address, under a name that comments are written by, or under one that nothing else speaks of.
5. No picture, and no link without words or with a title.
"""

import hashlib
import re
import tomllib
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from probatum.errors import Rejected

CLAIM = "no-unshown-text"
_MOST = 4 << 20
_RULES = Path(__file__).parent.parent / "rules" / "agent" / "instructions.toml"
_UNSHOWN = """template script style noscript object iframe textarea head title svg math audio
video canvas select datalist noembed noframes""".split()  # noqa: SIM905
_ATTRIBUTES = """href src align name id target start type rel open colspan rowspan srcset
media valign lang dir""".split()  # noqa: SIM905
_VALUE = r"""(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?"""
_PLAIN = re.compile(
    rf"(?:\s+(?:(?:{'|'.join(_ATTRIBUTES)}){_VALUE}|(?:width|height|size)\s*=\s*"
    r"""(?:"[1-9][^"]*"|'[1-9][^']*'|[1-9][^\s"'>]*))(?=[\s/]|\Z))*\s*/?\s*""",
    re.IGNORECASE,
)


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected unless everything in the text is shown."""
    _demand(isinstance(facts, dict) and set(facts) == {"claim", "size", "sha256"}, "the facts")
    _demand(facts["claim"] == CLAIM, "another claim")
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise Rejected("not UTF-8") from exc
    for found in re.finditer("<!", text):
        end = text.find("-->", found.end())
        _demand(end > 0 and text.startswith("<!--", found.start()), "1: a declaration")
        words = text[found.start() + 4 : end].strip()
        _demand(_directive().fullmatch(words), f"1: a comment at {found.start()}")
    _demand("<?" not in text, "2: an instruction of XML")
    for found in re.finditer(r"<([A-Za-z][\w-]*)(?=[\s/>]|\Z)([^>]*)", text):
        _demand(found[1].lower() not in _UNSHOWN, f"3: an element at {found.start()}")
        _demand(_PLAIN.fullmatch(found[2]), f"3: an attribute at {found.start()}")
    used = Counter(re.findall(r"\[([^\[\]\n]+)\]", text.lower()))
    for line in re.finditer(r"^[ \t>*+-]*\[([^\]\n]+)\]:(.*)\n?(.*)", text, re.MULTILINE):
        _demand(not re.fullmatch(r"/{2,}|comment|_+|[#.:]", line[1], re.IGNORECASE), "4: a name")
        _demand(len(line[2].split()) == 1, f"4: more than an address at {line.start()}")
        _demand(not re.match("[ \t>]*[\"'(]", line[3]), f"4: a title at {line.start()}")
        _demand(used[line[1].lower()] > 1, f"4: {line[1][:40]!r} is not used")
    _demand("![" not in text, "5: a picture, whose words a page does not show")
    _demand(not re.search(r"\[\s*\]\(", text), "5: a link without words")
    _demand(not re.search(r"\]\([^)\n]*[\s\"']", text), "5: a link with a title")


@cache
def _directive() -> re.Pattern[str]:
    rows = tomllib.loads(_RULES.read_text("utf-8"))["directive"]
    return re.compile("|".join(f"(?:{row['pattern']})" for row in rows), re.IGNORECASE)


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)
