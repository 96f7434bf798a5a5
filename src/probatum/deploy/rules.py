"""The rule rows of `rules/deploy`: servers, grants, settings. Each names its `source`."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct, convert, field

_FOLDER = Path(__file__).parent.parent / "rules" / "deploy"


class Setting(Struct, frozen=True, forbid_unknown_fields=True):
    """A flag, a variable or a mounted file; `values` (written `is`): only with one of these.

    `switch`: a flag that is enough without a value. `reads`: the form of the file that it names
    (`yaml`, `options`, `words`, `jupyter`), whose settings then count as variables, or as options.
    """

    flag: str = ""
    env: str = ""
    mount: str = ""
    values: tuple[str, ...] | None = field(default=None, name="is")
    switch: bool = False
    reads: str = ""


class Server(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What listens, and what makes it ask who calls; `servers.toml` says what each field means."""

    id: str
    component: str
    ports: tuple[str, ...]
    listens: str
    image_listens: str
    open: bool
    why: str
    source: str
    checked: str
    instead: str
    images: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    port: tuple[str, ...] = ()
    bind: tuple[Setting, ...] = ()
    shut_by: tuple[Setting, ...] = ()
    closed_by: tuple[Setting, ...] = ()
    opened_by: tuple[Setting, ...] = ()
    elsewhere: tuple[Setting, ...] = ()
    lets_in: tuple[Setting, ...] = ()
    asks: str = ""
    still: str = ""
    until: str = ""


class Choice(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A switch, a password or a command that breaks `claim`; `settings.toml` says what each is."""

    id: str
    claim: str
    why: str
    source: str
    instead: str
    checked: str
    env: tuple[str, ...] = ()
    named: str = ""
    flag: tuple[str, ...] = ()
    values: tuple[str, ...] | None = field(default=None, name="is")
    unless: tuple[str, ...] = ()
    pinned: str = ""
    images: tuple[str, ...] = ()
    command: str = ""
    argument: str = ""
    until: str = ""


class Grant(Struct, frozen=True, forbid_unknown_fields=True):
    """What hands the host to a container: a grant, or a folder of the host."""

    id: str
    why: str
    source: str
    instead: str
    what: tuple[str, ...] = ()
    mount: tuple[str, ...] = ()


@cache
def servers() -> tuple[Server, ...]:
    """Every row of `servers.toml`."""
    return convert(_rows("servers")["server"], tuple[Server, ...])


@cache
def choices(claim: str) -> tuple[Choice, ...]:
    """The rows of `settings.toml` for this claim."""
    rows = convert(_rows("settings")["setting"], tuple[Choice, ...])
    return tuple(row for row in rows if row.claim == claim)


@cache
def grants() -> tuple[Grant, ...]:
    """Every row of `grants.toml`."""
    return convert(_rows("grants")["grant"], tuple[Grant, ...])


class BakedRow(Struct, frozen=True, forbid_unknown_fields=True):
    """A way in which a secret stays in an image; `files`: patterns for the names of files."""

    id: str
    why: str
    source: str
    instead: str
    files: tuple[str, ...] = ()


@cache
def baked() -> tuple[BakedRow, ...]:
    """Every row of `baked.toml`."""
    return convert(_rows("baked")["baked"], tuple[BakedRow, ...])


@cache
def rooted() -> tuple[str, ...]:
    """The images of `users.toml`, which leave who runs at root."""
    return tuple(name for row in _rows("users")["rooted"] for name in row["images"])


class Absent(Struct, frozen=True, forbid_unknown_fields=True):
    """Without any of these patterns (but in passages that are `allowed`) a claim holds."""

    claim: str
    kinds: tuple[str, ...]
    patterns: tuple[str, ...]
    why: str
    source: str
    allowed: tuple[str, ...] = ()
    assumes: tuple[str, ...] = ()

    def first(self, text: str) -> re.Match[str] | None:
        """The first pattern in the text."""
        for one in self.allowed:
            text = re.sub(one, _blank, text)
        return re.search("|".join(f"(?:{one})" for one in self.patterns), text, re.IGNORECASE)


def _blank(found: re.Match[str]) -> str:
    """As many lines of nothing, so that lines keep their numbers."""
    return "\n" * found[0].count("\n")


@cache
def absent(claim: str, kind: str) -> Absent | None:
    """The row by which a file of this kind is proven, if there is one."""
    rows = convert(_rows("absent")["absent"], list[Absent])
    return next((row for row in rows if row.claim == claim and kind in row.kinds), None)


def _rows(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))
