"""What well-known functions answer of texts and paths, worked out on a file system that is empty.

The program's own texts that nobody knows stand for folders of it: `Own`. Every file that is asked
for exists, none is a link, and the program stands in a folder of its own.
"""

import ipaddress
import posixpath
import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from probatum.taint.archives import FIELDS, METHODS, Archive

FOLDER = "/srv/own"  # the folders of the program, each with its number behind
STANDS = "/srv/own0"  # where the program runs

_LONGEST = 2000  # characters of a text that is worked with


class Unsaid:
    """What nothing is known of."""


UNSAID = Unsaid()


class Refused(Exception):
    """The audited code raises: no error of ours."""


class Own(str):
    """A text that the program says itself, and nobody else knows."""


CONSTANTS: dict[str, str | None] = {
    "os.sep": "/", "os.path.sep": "/", "posixpath.sep": "/", "os.altsep": None,
    "os.path.altsep": None, "os.pardir": "..", "os.path.pardir": "..", "os.curdir": ".",
}  # fmt: skip


def text(value: Any) -> str:
    """A text or path as a text. Raises: TypeError for anything else."""
    if not isinstance(value, (str, PurePosixPath)) or len(str(value)) > _LONGEST:
        raise TypeError
    return str(value)


def joined(*parts: Any) -> str:
    """What `os.path.join` answers; an own text behind another is a name."""
    first, *others = (one for one in parts)
    rest = [posixpath.basename(one) if isinstance(one, Own) else text(one) for one in others]
    return posixpath.join(text(first), *rest)


def absolute(value: Any) -> str:
    return posixpath.normpath(posixpath.join(STANDS, text(value)))


def function(name: str, given: list[Any]) -> Any:
    """What the function of an absolute name answers; UNSAID if that is not known."""
    known = _FUNCTIONS.get(name.replace("posixpath.", "os.path."))
    if known is None or any(one is UNSAID for one in given):
        return UNSAID
    return _worked_out(known, given)


def method(receiver: Any, name: str, given: list[Any]) -> Any:
    """What a method of a text, path or address answers."""
    if any(one is UNSAID for one in given):
        return UNSAID
    if isinstance(receiver, Own):
        return _of_own(receiver, name, given)
    if isinstance(receiver, PurePosixPath) or type(receiver) in METHODS:
        known = METHODS.get(type(receiver), _OF_PATHS).get(name)
        return _worked_out(known, [receiver, *given]) if known is not None else UNSAID
    if isinstance(receiver, str) and name in _OF_TEXTS:
        plain = [
            tuple(map(text, one)) if isinstance(one, tuple) else one
            for one in given
            if isinstance(one, (str, int, tuple))
        ]
        answer = _worked_out(getattr(str, name), [text(receiver), *plain])
        return tuple(answer) if isinstance(answer, list) else answer
    if isinstance(receiver, str) and name in ("encode", "decode"):
        return receiver
    return UNSAID


def attribute(value: Any, name: str) -> Any:
    """What an attribute of a path or address is."""
    if isinstance(value, PurePosixPath) and name in _FIELDS:
        found = getattr(value, name)
        return tuple(found) if name in ("parents", "parts", "suffixes") else found
    if type(value) in FIELDS:
        known = FIELDS[type(value)].get(name)
        return known(value) if known is not None else UNSAID
    if isinstance(value, SplitResult) and name in _OF_ADDRESSES:
        return _worked_out(lambda one: getattr(one, name), [value])
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)) and name[:3] == "is_":
        return getattr(value, name, UNSAID)
    return UNSAID


def leads_outside(value: Any, folders: Iterable[str]) -> bool:
    """A path that leads out of the program's folders, to which those named belong; or an archive,
    of which none is tried that does not."""
    if isinstance(value, Archive):
        return True
    if not isinstance(value, (str, PurePosixPath)):
        return False
    path = posixpath.normpath(str(value))
    if not path.startswith("/"):
        return path.split("/", 1)[0] == ".."
    if any(f"{path}/".startswith(f"{one.rstrip('/')}/") for one in folders):
        return False
    return re.match(r"/srv/own\d+(/|$)", path) is None


def _worked_out(known: Callable[..., Any], given: list[Any]) -> Any:
    try:
        return known(*given)
    except ValueError as exc:
        raise Refused from exc
    except (TypeError, AttributeError, IndexError, KeyError):
        return UNSAID


def _of_own(receiver: Own, name: str, given: list[Any]) -> Any:
    if name == "endswith" and given == ["/"]:
        return False
    return receiver if name in ("rstrip", "strip", "encode", "decode") else UNSAID


def _path(*parts: Any) -> PurePosixPath:
    return PurePosixPath(joined(*parts)) if parts else PurePosixPath(".")


def _is_inside(path: PurePosixPath, base: Any, *more: Any) -> bool:
    return path.is_relative_to(joined(base, *more))


def _common(paths: Any) -> str:
    return posixpath.commonpath([text(one) for one in paths])


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "os.path.join": joined,
    "os.path.abspath": absolute,
    "os.path.realpath": absolute,
    "os.path.normpath": lambda one: posixpath.normpath(text(one)),
    "os.path.basename": lambda one: posixpath.basename(text(one)),
    "os.path.dirname": lambda one: posixpath.dirname(text(one)),
    "os.path.isabs": lambda one: text(one).startswith("/"),
    "os.path.split": lambda one: posixpath.split(text(one)),
    "os.path.splitext": lambda one: posixpath.splitext(text(one)),
    "os.path.relpath": lambda one, base=STANDS: posixpath.relpath(absolute(one), absolute(base)),
    "os.path.commonpath": _common,
    "os.path.commonprefix": lambda paths: posixpath.commonprefix([text(one) for one in paths]),
    "os.path.expanduser": text,
    "os.path.expandvars": text,
    "os.path.normcase": text,
    "os.fspath": text,
    "os.path.exists": lambda one: True,
    "os.path.lexists": lambda one: True,
    "os.path.isfile": lambda one: True,
    "os.path.islink": lambda one: False,
    "os.getcwd": lambda: Own(STANDS),
    "pathlib.Path": _path,
    "pathlib.PurePath": _path,
    "pathlib.PurePosixPath": _path,
    "builtins.str": lambda one: one if isinstance(one, Own) else text(one),
    "builtins.bool": bool,
    "builtins.any": any,
    "builtins.all": all,
    "builtins.len": len,
    "builtins.tuple": tuple,
    "builtins.list": tuple,
    "builtins.set": tuple,
    "urllib.parse.unquote": lambda one: unquote(text(one)),
    "urllib.request.url2pathname": lambda one: unquote(text(one)),
    "urllib.parse.urlparse": lambda one: urlsplit(text(one)),
    "urllib.parse.urlsplit": lambda one: urlsplit(text(one)),
    "ipaddress.ip_address": lambda one: ipaddress.ip_address(text(one)),
}

_OF_PATHS: dict[str, Callable[..., Any]] = {
    "resolve": lambda one, *strict: PurePosixPath(absolute(one)),
    "absolute": lambda one: PurePosixPath(posixpath.join(STANDS, str(one))),
    "expanduser": lambda one: one,
    "joinpath": _path,
    "relative_to": lambda one, base: one.relative_to(text(base)),
    "is_relative_to": _is_inside,
    "is_absolute": lambda one: one.is_absolute(),
    "as_posix": str,
    "exists": lambda one: True,
    "is_file": lambda one: True,
    "is_symlink": lambda one: False,
}

_OF_TEXTS = frozenset(
    (
        "startswith", "endswith", "split", "rsplit", "strip", "lstrip", "rstrip", "lower", "upper",
        "casefold", "replace", "removeprefix", "removesuffix", "partition", "rpartition", "find",
        "count", "isalnum", "isalpha", "isdigit", "isidentifier", "isascii", "isprintable",
    )
)  # fmt: skip
_FIELDS = frozenset(("name", "stem", "suffix", "suffixes", "parent", "parents", "parts", "anchor"))
_OF_ADDRESSES = frozenset(("scheme", "netloc", "hostname", "port", "path", "query", "username"))
