"""The kinds of credentials that are known by their form: `rules/credentials/*.toml`.

A row gives `id`, `says`, `pattern`, what the form is worth (`basis`) and its `source`:

- `sum`: the value carries a checksum or a structure that is worked out again (`sums`), so that
  nothing else looks like it.
- `mark`: the issuer's own mark and length, which nothing else has by chance.
- `near`: a shape that says nothing alone; the pattern holds the words that stand before it.

A `pattern` is of the regular kind: classes, groups, choices and counts, with no look-around and
nothing that refers back. Its one capturing group is the value, or else all of it is. It begins with
plain characters, or the row names `marks`, one of which each match has in it, no further than
`before` bytes from where it begins.
"""

import re
from functools import cache
from hashlib import sha256
from importlib.resources import files

import msgspec
from msgspec import Struct

LONGEST = 8192
"""Bytes that no match exceeds: a longer one is not looked for."""

_PLAIN = re.compile(r"""(?:[A-Za-z0-9_:/@=~ "',;<>&#!%-]|\\[.+-])+""")
_LEAST = 3
_COUNT = re.compile(r"\{(\d+),(\d+)\}")
_LARGE = 60
_BEFORE = r"(?:^|[^A-Za-z0-9]|\\[nrt])"
_AFTER = r"(?:[^A-Za-z0-9]|$)"


class Kind(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One kind of credential. `made` tells tests how to make one up; nothing else reads it.

    `bits` is the least entropy of a character of the value; `but` are values that are none. Behind
    a pattern with an `open_end` anything may follow, and no letter or digit behind another.
    """

    id: str
    says: str
    pattern: str
    basis: str
    source: str
    made: str
    sum: str = ""
    marks: tuple[str, ...] = ()
    before: int = 0
    any_case: bool = False
    open_end: bool = False
    bits: float = 0.0
    but: tuple[str, ...] = ()
    group: str = ""

    @property
    def begins(self) -> tuple[bytes, ...]:
        """One of these is in each match, no further than `before` from its start."""
        if self.marks:
            return tuple(one.encode() for one in self.marks)
        found = _PLAIN.match(self.pattern)
        plain = found[0] if found else ""
        # What a count follows is not surely there.
        if found and self.pattern[found.end() : found.end() + 1] in ("?", "*", "{", "|"):
            plain = plain[:-2] if plain[-2:-1] == "\\" else plain[:-1]
        plain = plain.replace("\\", "")
        if len(plain) < _LEAST:
            raise ValueError(f"{self.id}: its pattern begins with no {_LEAST} plain characters")
        return (plain.encode(),)

    @property
    def roughly(self) -> str:
        """A pattern that ends wherever a match of this kind does, with what stands on either side.

        Large upper bounds are left out: an automaton that counts takes long to build.
        """
        loose = _COUNT.sub(_without_large_bound, self.pattern)
        return f"{_BEFORE}(?:{loose}){'' if self.open_end else _AFTER}"

    @property
    def compiled(self) -> re.Pattern[bytes]:
        """To be matched where a match may begin."""
        flags = re.IGNORECASE if self.any_case else 0
        end = "" if self.open_end else "(?![A-Za-z0-9])"
        return re.compile(f"(?:{self.pattern}){end}".encode(), flags)


def _without_large_bound(count: re.Match[str]) -> str:
    return f"{{{count[1]},}}" if int(count[2]) - int(count[1]) > _LARGE else count[0]


class Rules(Struct, frozen=True):
    """All kinds, in the order of their files and rows; `digest` is SHA-256 over those, in hex."""

    digest: str
    kinds: tuple[Kind, ...]


@cache
def rules() -> Rules:
    """The rows as `tools/derive_proofs.py` derives them: TOML takes ten times as long to read."""
    text = files("probatum.rules").joinpath("credentials.json").read_bytes()
    return msgspec.json.decode(text, type=Rules)


def kinds() -> tuple[Kind, ...]:
    """All of them."""
    return rules().kinds


def derived() -> Rules:
    """What the rows in `rules/credentials` say."""
    import tomllib

    folder = files("probatum.rules").joinpath("credentials")
    each = (one for one in folder.iterdir() if one.name.endswith(".toml"))
    texts = sorted((one.name, one.read_text("utf-8")) for one in each)
    seen = sha256()
    for name, text in texts:
        seen.update(f"{name}\0{len(text)}\0{text}".encode())
    rows = (
        {"group": name.removesuffix(".toml"), **row}
        for name, text in texts
        for row in tomllib.loads(text)["kind"]
    )
    return Rules(seen.hexdigest(), tuple(msgspec.convert(row, Kind) for row in rows))
