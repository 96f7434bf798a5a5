"""Reads `hf://` addresses: which repository, at which revision, and which part of it.

    hf://[models/|datasets/|spaces/]owner/name[@revision][/path]

A revision that holds a slash is written with `%2F`, or as it is for `refs/pr/1` and
`refs/convert/parquet`. Owner and name are one word each; the old hub models without an owner
(`hf://gpt2`) can only be named whole.
"""

import re
from urllib.parse import quote, unquote

from msgspec import Struct

from probatum.errors import TargetError

SCHEME = "hf://"
_KINDS = {"models": "model", "datasets": "dataset", "spaces": "space"}
_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,95})"
_ADDRESS = re.compile(
    rf"(?P<repo>{_WORD}/{_WORD}|{_WORD}(?=@|$))"
    r"(?:@(?P<revision>refs/(?:pr|convert)/[^/@]+|[^/@]+))?"
    r"(?:/(?P<path>.*))?"
)
_HOW = "write hf://owner/name[@revision][/path], or hf://datasets/… or hf://spaces/…"


class Address(Struct, frozen=True):
    """A part of one repository. `kind` is model, dataset or space; `path` '' means all of it."""

    kind: str
    repo: str
    revision: str
    path: str

    def named(self, commit: str, path: str = "") -> str:
        """The address of `path` at `commit`, which is also the artifact's name.

        Two paths never get one name: what could be read as a container's `!/member`, as an
        escape or as a control character is percent-encoded.
        """
        area = "" if self.kind == "model" else f"{self.kind}s/"
        name = f"{SCHEME}{area}{self.repo}@{quote(commit, safe='')}"
        return f"{name}/{_escaped(path)}" if path else name


def address(target: str) -> Address:
    """Raises: TargetError if `target` is no hub address."""
    rest = target.removeprefix(SCHEME).rstrip("/")
    if not rest.isprintable():
        raise TargetError(f"{target!r} holds a control character; write it as %XX")
    area, _, behind = rest.partition("/")
    kind = _KINDS.get(area, "model")
    found = _ADDRESS.fullmatch(behind if area in _KINDS else rest)
    if found is None or ".." in found["repo"]:
        raise TargetError(f"{target!r} names no repository: {_HOW}")
    revision = unquote(found["revision"] or "main")
    path = unquote(found["path"] or "")
    if not plain(revision) or (path and not plain(path)):
        raise TargetError(f"{target!r}: neither revision nor path may leave the repository; {_HOW}")
    return Address(kind, found["repo"], revision, path)


def plain(path: str) -> bool:
    """Whether a path stays below its start on every system."""
    return not any(one in ("", ".", "..") for one in path.split("/")) and not {"\\", "\0"} & {*path}


def _escaped(path: str) -> str:
    safe = path.replace("%", "%25").replace("!/", "%21/")
    return "".join(one if one.isprintable() else quote(one, errors="replace") for one in safe)
