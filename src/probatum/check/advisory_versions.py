"""Orders versions of packages, each ecosystem's by the text of its own rules.

`order` gives something that compares as the versions do. It is what the check of advisories rests
on, and made in another way than what finds them: here two versions are compared part by part.

Sources: PEP 440, "Summary of permitted suffixes and relative ordering" and appendix B; semver.org
2.0.0, 9 to 11; go.dev/ref/mod, "Versions"; Debian Policy 5.6.12; apk-package(5).
"""

import re
from collections.abc import Callable
from functools import cmp_to_key
from itertools import zip_longest
from typing import Any

_LONGEST = 256
_INFINITY = float("inf")


def order(ecosystem: str, version: str) -> Any:
    """What compares as the version does; None if it is no version, or nothing orders it here.

    A local label or build metadata is left out: a build counts as its version.
    """
    read = _READERS.get(ecosystem.partition(":")[0])
    text = version.strip(" \t\n\r\f\v")
    if read is None or len(version) > _LONGEST or not text.isascii():
        return None
    return read(text)


def is_build(ecosystem: str, version: str) -> bool:
    """Whether a version is one build of several: its order says less than its text."""
    if ecosystem == "Go" and version.strip().endswith("+incompatible"):
        return False
    return ecosystem in ("PyPI", "npm", "crates.io", "Go") and "+" in version


def _python(text: str) -> Any:
    public, plus, local = text.lower().partition("+")
    if plus and not re.fullmatch(r"[a-z0-9]+([-_.][a-z0-9]+)*", local):
        return None
    found = re.fullmatch(
        r"v?((?P<epoch>\d+)!)?(?P<release>\d+(\.\d+)*)"
        r"([-_.]?(?P<pre>alpha|beta|preview|pre|a|b|c|rc)[-_.]?(?P<pre_n>\d*))?"
        r"(-(?P<post_i>\d+)|[-_.]?(?P<post>post|rev|r)[-_.]?(?P<post_n>\d*))?"
        r"([-_.]?(?P<dev>dev)[-_.]?(?P<dev_n>\d*))?",
        public,
    )
    if found is None:
        return None
    release = [int(part) for part in found["release"].split(".")]
    while release and release[-1] == 0:
        release.pop()
    dev = int(found["dev_n"] or 0) if found["dev"] else _INFINITY
    post: float = -1
    if found["post"] or found["post_i"]:
        post = int(found["post_i"] or found["post_n"] or 0)
    pre: tuple[str, float] = ("z", 0)
    if found["pre"]:
        pre = ({"a": "a", "b": "b"}.get(found["pre"][0], "c"), int(found["pre_n"] or 0))
    elif found["dev"] and post < 0:
        pre = ("", 0)
    return int(found["epoch"] or 0), release, pre, post, dev


def _semantic(text: str) -> Any:
    base, plus, build = re.sub("^[vV]", "", text).partition("+")
    numbers, dash, before = base.partition("-")
    parts = numbers.split(".")
    words = before.split(".") if dash else []
    if len(parts) > 3 or (len(parts) < 3 and (dash or plus)):
        return None
    if not all(re.fullmatch(r"0|[1-9][0-9]*", part) for part in parts):
        return None
    if not all(
        re.fullmatch(r"[0-9A-Za-z-]+", word) for word in words + build.split(".") * len(plus)
    ):
        return None
    if any(word.isdigit() and word[0] == "0" and word != "0" for word in words):
        return None
    ranks = [(0, int(word), "") if word.isdigit() else (1, 0, word) for word in words]
    return [*(int(part) for part in parts), *[0] * (3 - len(parts))], not dash, ranks


def _go(text: str) -> Any:
    found = re.fullmatch(r"(?:go)?([0-9]+)\.([0-9]+)(?:\.([0-9]+))?(?:(beta|rc)([0-9]+))?", text)
    if found is None:
        return _semantic(text)
    major, minor, patch, kind, count = found.groups()
    return _semantic(f"{major}.{minor}.{patch or 0}" + (f"-{kind}.{count}" if kind else ""))


def _debian(text: str) -> Any:
    epoch, colon, rest = text.partition(":")
    if not colon:
        epoch, rest = "0", text
    upstream, dash, revision = rest.rpartition("-")
    if not dash:
        upstream, revision = rest, "0"
    if not epoch.isdigit() or int(epoch) >= 1 << 31:
        return None
    if not re.fullmatch(r"[0-9][A-Za-z0-9.+~:-]*", upstream) or upstream.endswith("-"):
        return None
    if not re.fullmatch(r"[A-Za-z0-9.+~]+", revision):
        return None
    by_part = cmp_to_key(_debian_compared)
    return int(epoch), by_part(upstream), by_part(revision)


def _debian_compared(one: str, other: str) -> int:
    """Alternately a part without digits, sign by sign, and a number."""
    while one or other:
        words = [_begin(r"[^0-9]*", text) for text in (one, other)]
        for left, right in zip_longest(*words):
            if _rank(left) != _rank(right):
                return -1 if _rank(left) < _rank(right) else 1
        one, other = one[len(words[0]) :], other[len(words[1]) :]
        digits = [_begin(r"[0-9]*", text) for text in (one, other)]
        if int(digits[0] or 0) != int(digits[1] or 0):
            return -1 if int(digits[0] or 0) < int(digits[1] or 0) else 1
        one, other = one[len(digits[0]) :], other[len(digits[1]) :]
    return 0


def _begin(pattern: str, text: str) -> str:
    found = re.match(pattern, text)
    return found[0] if found else ""


def _rank(sign: str | None) -> int:
    """A tilde before the end, the end before letters, letters before all else."""
    if sign is None:
        return 0
    return -1 if sign == "~" else ord(sign) + (0 if sign.isalpha() else 256)


_BEFORE_END, _END, _REVISION, _COMMIT, _COUNT, _BEHIND_END, _LETTER, _NUMBER = range(8)
_SUFFIXES = {
    "alpha": 0,
    "beta": 1,
    "pre": 2,
    "rc": 3,
    "cvs": 5,
    "svn": 6,
    "git": 7,
    "hg": 8,
    "p": 9,
}


def _alpine(text: str) -> Any:
    """What the version goes on with, and how, at each step; what it begins with is a number."""
    begin = re.match(r"[0-9]+", text)
    if begin is None:
        return None
    steps: list[tuple[int, Any]] = []
    rest, least = text[begin.end() :], _NUMBER
    while rest:
        found = re.match(
            r"\.(?P<number>[0-9]+)|(?P<letter>[a-z])|_(?P<suffix>[a-z]+)(?P<count>[0-9]*)"
            r"|~(?P<commit>[0-9a-f]+)|-r(?P<revision>[0-9]+)",
            rest,
        )
        if found is None:
            return None
        kind, told = str(found.lastgroup), found[str(found.lastgroup)]
        rest = rest[found.end() :]
        place, step = _alpine_step(kind, told, found["suffix"])
        if place is None or place > least or (place == least and kind not in ("number", "count")):
            return None
        least = place
        steps += step
    return int(begin[0]), [*steps, (_END, 0)]


def _alpine_step(
    kind: str, told: str, suffix: str | None
) -> tuple[int | None, list[tuple[int, Any]]]:
    """Where a part may stand (the later, the smaller), and how it compares."""
    if kind == "number":
        return _NUMBER, [(_NUMBER, (0, told, 0) if told[0] == "0" else (1, "", int(told)))]
    if kind == "letter":
        return _LETTER, [(_LETTER, told)]
    if kind == "revision":
        return _REVISION, [(_REVISION, int(told))]
    if kind == "commit":
        return _COMMIT, [(_COMMIT, told)]
    if suffix not in _SUFFIXES:
        return None, []
    rank = _SUFFIXES[suffix]
    step = [(_BEFORE_END if rank < 5 else _BEHIND_END, rank)]
    return _COUNT, [*step, (_COUNT, int(told))] if told else step


_READERS: dict[str, Callable[[str], Any]] = {
    "PyPI": _python, "npm": _semantic, "crates.io": _semantic, "Go": _go, "Debian": _debian,
    "Ubuntu": _debian, "Alpine": _alpine, "Wolfi": _alpine, "Chainguard": _alpine,
}  # fmt: skip
