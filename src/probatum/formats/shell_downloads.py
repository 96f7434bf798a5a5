"""Finds what a shell is told to fetch and to run, whatever it is by then.

Source: POSIX.1-2024, XCU 2.9.2 (pipelines), 2.6.3 (command substitution); curl(1), wget(1).
"""

import re
from collections.abc import Iterator

_FETCH = r"(?:curl|wget|fetch)\b(?:[^|;&\n\\]|\\\n|\\.){0,500}"
_SHELL = (
    r"(?:sudo\s+(?:-\S+\s+)*|env\s+(?:\w+=\S*\s+)*)?(?:[\w.~/-]{0,200}/)?"
    r"(?:(?:ba|z|da|k)?sh\b|python[\d.]*\s+-(?=\s|$))"
)
_PIPED = re.compile(rf"\b{_FETCH}\|[&\s\\]*(?:tee\s+\S+\s*\|\s*)?{_SHELL}")
_SUBSTITUTED = re.compile(
    r"(?:\b(?:ba|z|da|k)?sh\s+-\w*c\s+[\"']?\$\(|\beval\s+[\"']?\$\("
    rf"|\b(?:source|(?:ba|z)?sh)\s+<\()\s*{_FETCH}"
)
_DIGEST = re.compile(r"\b(?:sha(?:256|512)sum|shasum|cosign|gpg\s+--verify|minisign)\b")


def downloads(text: str) -> Iterator[tuple[int, str]]:
    """Where a line fetches something and hands it to a shell unseen, and what it says there."""
    for pattern in (_PIPED, _SUBSTITUTED):
        for found in pattern.finditer(text):
            if not _DIGEST.search(found[0]):
                yield found.start(), re.sub(r"\s+", " ", found[0])[:100]
