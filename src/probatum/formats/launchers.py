"""Tells which version of a tool a command line starts.

Sources: `rules/agent/launchers.toml`, where each row names its own; semver.org 2.0; PEP 440.
"""

import re
import tomllib
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from msgspec import Struct

from probatum.formats.agent_config import VARIABLE, Server, Word, base

_NUMBERS = r"\d+\.\d+(?:\.\d+)+(?:[-+.]?[0-9A-Za-z.+-]+)?"
_FIXED = {
    "npm": rf"(?:npm:)?(?:@[\w.-]+/)?[\w.-]+@v?{_NUMBERS}",
    "python": r"[\w.-]+(?:\[[\w,.-]+\])?(?:==|===|@)\d[\w.!+-]*",
    "image": r"\S+@sha256:[0-9a-f]{64}",
    "go": r"[\w./~-]+@(?:v\d+\.\d+\.\d+\S*|[0-9a-f]{40})",
    "deno": rf"(?:npm|jsr):(?:@[\w.-]+/)?[\w.-]+@{_NUMBERS}(?:/\S*)?",
}
_COMMIT = re.compile(
    r"(?:git\+|git://|git@|github:|gitlab:|https?://|[\w.-]+/[\w.-]+#)\S*[@#][0-9a-f]{40}(?:[#&]\S*)?"
)
_ELSEWHERE = re.compile(r"(?:git\+|git://|git@|github:|gitlab:|bitbucket:|gist:|https?://|ssh://)")
_LOCAL = re.compile(r"(?:\.{0,2}/|~|[A-Za-z]:[\\/]|file:|\.$)")
_TAGGED = re.compile(r"\S+:(?!latest$)[\w.-]*\d[\w.-]*")
_FETCHED = re.compile(
    r"\b(?:curl|wget|iwr|invoke-webrequest|irm)\b[^\n]*?(?:\|\s*\S|;|&&|\)|>|-o\b)", re.IGNORECASE
)


class Start(StrEnum):
    """What is known of the version of what is started."""

    FIXED = "fixed"
    LOCAL = "local"
    OPEN = "open"
    UNKNOWN = "unknown"


class Started(Struct, frozen=True):
    """One tool that a server starts: the `word` that names it, what is known, what to write."""

    word: Word
    start: Start
    says: str = ""
    instead: str = ""


def started(server: Server) -> tuple[Started, ...]:
    """Every tool that the server's command line fetches or starts; at least one if it has words."""
    words = server.words
    if not words:
        return ()
    first = words[0]
    if _FETCHED.search(server.shell):
        says = "what is fetched from an address is run, whatever it is by then"
        return (
            Started(first, Start.OPEN, says, "a package in one version, or a file with a digest"),
        )
    if server.shell and re.search(r"[|;&<>]", server.shell):
        return (Started(first, Start.UNKNOWN, "a line for a shell that is not followed"),)
    row, rest = _launcher(words)
    if row is not None:
        return _tools(row, rest) or (Started(first, Start.UNKNOWN, "no tool is named"),)
    if base(first.text) in ("uv",):
        return _of_uv(words)
    if _is_interpreter(base(first.text)):
        return (_interpreted(first, words[1:]),)
    says = f"what {first.text[:80]!r} is, and whether it fetches anything, is not told here"
    return (Started(first, Start.UNKNOWN, says),)


def _launcher(words: tuple[Word, ...]) -> tuple[dict[str, Any] | None, list[Word]]:
    said = [base(words[0].text), *(word.text for word in words[1:])]
    for row in _rules()["launcher"]:
        for command in row["commands"]:
            parts = command.split()
            if said[: len(parts)] == parts:
                return row, list(words[len(parts) :])
    return None, []


def _tools(row: dict[str, Any], words: list[Word]) -> tuple[Started, ...]:
    """The tools that a launcher's options and its first bare word name."""
    found: list[Word] = []
    sourced = False
    at = 0
    while at < len(words):
        option, equals, value = words[at].text.partition("=")
        place = words[at].place
        if option in row["tool"]:
            sourced = sourced or option not in ("--with", "-w")
            at += 0 if equals else 1
            found += [Word(value, place)] if equals else words[at : at + 1]
        elif option in row["valued"]:
            at += 0 if equals else 1
        elif not option.startswith("-"):
            if not sourced:
                found.append(words[at])
            break
        at += 1
    return tuple(_told(word, row) for word in found)


def _told(word: Word, row: dict[str, Any]) -> Started:
    text, kind, instead = word.text, row["kind"], row["instead"]
    if re.fullmatch(_FIXED[kind], text) or (kind != "image" and _COMMIT.fullmatch(text)):
        return Started(word, Start.FIXED)
    if VARIABLE.search(text):
        return Started(word, Start.UNKNOWN, f"{text[:80]!r} is set elsewhere", instead)
    if kind != "image" and _LOCAL.match(text):
        return Started(word, Start.LOCAL)
    if kind == "image" and _TAGGED.fullmatch(text):
        says = f"{text[:80]!r}: its registry can move the tag to another image"
        return Started(word, Start.UNKNOWN, says, instead)
    if kind == "deno" and not re.match("npm:|jsr:|https?:", text):
        return Started(word, Start.LOCAL)
    if _ELSEWHERE.match(text):
        return Started(word, Start.OPEN, f"{text[:80]!r} is fetched at no fixed commit", instead)
    return Started(
        word, Start.OPEN, f"{text[:80]!r} is fetched in whatever version is newest", instead
    )


def _of_uv(words: tuple[Word, ...]) -> tuple[Started, ...]:
    """`uv run`: tools named by --with, and a script or module of this machine."""
    row = next(one for one in _rules()["launcher"] if "uvx" in one["commands"])
    said = [word.text for word in words]
    if "run" not in said:
        return (Started(words[0], Start.UNKNOWN, "what uv does here is not known"),)
    own, at = [], said.index("run") + 1
    while at < len(words):
        option, equals, value = said[at].partition("=")
        if option in ("--with", "-w", "--with-editable", "--with-requirements"):
            at += 0 if equals else 1
            own += [Word(value, words[at].place)] if equals else list(words[at : at + 1])
        elif option in row["valued"]:
            at += 0 if equals else 1
        elif not option.startswith("-"):
            break
        at += 1
    extra = tuple(_told(word, row) for word in own)
    if _ELSEWHERE.match(said[at] if at < len(said) else ""):
        return (*extra, _told(words[at], row))
    return (*extra, Started(words[min(at, len(words) - 1)], Start.LOCAL))


def _is_interpreter(command: str) -> bool:
    names = [name for row in _rules()["local"] for name in row["commands"]]
    return re.sub(r"[\d.]+$", "", command) in {re.sub(r"[\d.]+$", "", one.lower()) for one in names}


def _interpreted(first: Word, rest: tuple[Word, ...]) -> Started:
    """An interpreter with a file, or with a module that is installed here and fetches nothing."""
    said = [word.text for word in rest]
    while said and said[0] in (
        "-u",
        "-B",
        "-I",
        "-s",
        "--no-warnings",
        "-q",
        "--enable-source-maps",
    ):
        said = said[1:]
    if said[:1] == ["-m"] and len(said) > 1 and said[1] not in ("pip", "pipx", "uv", "ensurepip"):
        return Started(first, Start.LOCAL)
    if said[:1] == ["-jar"] and len(said) > 1:
        said = said[1:]
    if said and re.fullmatch(
        r"[^\s:]+\.(?:py|js|mjs|cjs|ts|mts|jar|rb|php|pl|R|dll)|[A-Za-z]:[\\/]\S+", said[0]
    ):
        return Started(first, Start.LOCAL)
    return Started(first, Start.UNKNOWN, f"what {first.text[:60]!r} is given is not followed")


@cache
def _rules() -> dict[str, Any]:
    text = files("probatum.rules").joinpath("agent/launchers.toml").read_text("utf-8")
    rules: dict[str, Any] = tomllib.loads(text)
    return rules
