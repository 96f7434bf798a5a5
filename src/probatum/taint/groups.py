"""What the groups of a regular expression let through: taking a text out of another is no check."""

import re

_LONGEST = 200
_NAMED = re.compile(r"\?P<(\w+)>")


def lets_through(pattern: object, group: object, attacks: frozenset[str]) -> bool:
    """Whether what a group matches may be one of the attacks."""
    if not isinstance(pattern, str) or len(pattern) > _LONGEST:
        return False
    inner = _groups(pattern).get(group)
    try:
        matched = re.compile(inner) if inner else None
        return matched is not None and any(matched.fullmatch(one) for one in attacks)
    except (re.error, RecursionError, OverflowError):
        return False


def _groups(pattern: str) -> dict[object, str]:
    """The text of each group, by number and by name."""
    found: dict[object, str] = {}
    opened: list[tuple[list[object], int]] = []
    number, at, listed = 0, 0, False
    while at < len(pattern):
        sign = pattern[at]
        if sign == "\\":
            at += 1
        elif listed:
            listed = sign != "]"
        elif sign == "[":
            listed = True
            at += pattern.startswith(("[]", "[^"), at) + pattern.startswith("[^]", at)
        elif sign == "(":
            named = _NAMED.match(pattern, at + 1)
            keys: list[object] = []
            if named or not pattern.startswith("(?", at):
                number += 1
                keys = [number, named[1]] if named else [number]
            opened.append((keys, named.end() if named else at + 1))
        elif sign == ")" and opened:
            keys, start = opened.pop()
            found.update(dict.fromkeys(keys, pattern[start:at]))
        at += 1
    return found
