"""Decides whether bytes that no loader is named for are of one known, plain kind.

Proven, for an empty file, for text, Markdown and JSON, and for PNG images: the whole file was
followed to its end. Text is UTF-8 without control characters; it names no interpreter, no ZIP ends
it, and a pickle machine that were given it would fail before it imported or called anything.
JSON is one whole document besides, without a key twice in one object. A PNG is its chunks, each
with the right checksum, and nothing behind the last.

Refuted: the name promises such a kind (or nothing) and the bytes are visibly none of it; or its
suffix is bound to another format, as of a `.safetensors` that holds words.

Undecided: no known format begins like this file; or it could be taken for something else; or it
is Python's bytecode, which nobody follows here; or it
is an image of a format that is not followed to its end here. JPEG, GIF and WebP readers skip what
they do not know, so that such a file can carry anything.

Sources: RFC 3629, RFC 8259, the PNG specification (third edition), CPython Lib/pickletools.
"""

import codecs
import hashlib
import io
import json
import pickletools
import re
import warnings
from collections.abc import Iterator
from typing import Any

from probatum.claims import KIND_IS_UNDERSTOOD
from probatum.errors import FormatError
from probatum.formats import kinds_inventory as inventories
from probatum.formats import png
from probatum.formats.bound_names import bound_suffix, fits
from probatum.formats.folder_names import promised
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Excerpt,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)

_MOST = 64 << 20
_STEP = 1 << 20
_HEAD = 1 << 16
_TAIL = 65557
_IMAGES = (png.SIGNATURE, b"\xff\xd8\xff", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
_JSON = inventories.JSON_FORMS | {"json"}
# Suffixes that plain text and JSON bear as well as the format they are bound to.
_LOOSE = frozenset({None, "json", "xml", "plan"})
_GETS = frozenset({"GET", "BINGET", "LONG_BINGET"})
_PUTS = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_HARMLESS = frozenset(
    """
    INT BININT BININT1 BININT2 LONG LONG1 LONG4 STRING BINSTRING SHORT_BINSTRING UNICODE
    BINUNICODE SHORT_BINUNICODE NONE FLOAT BINFLOAT EMPTY_LIST EMPTY_TUPLE EMPTY_DICT LIST TUPLE
    DICT APPEND APPENDS MARK POP POP_MARK DUP GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT
    SETITEM SETITEMS TUPLE1 TUPLE2 TUPLE3 NEWTRUE NEWFALSE BINBYTES SHORT_BINBYTES MEMOIZE
    """.split()  # noqa: SIM905
)


@analyzer(
    id="kind-is-understood",
    claim=KIND_IS_UNDERSTOOD,
    accepts={
        "unknown",
        "empty",
        "text",
        "markdown",
        "agent-rules",
        "json",
        "image",
        "pyc",
        "space-card",
        "dockerfile",
        "env-file",
        "systemd-unit",
        "mlflow-auth",
        "quadlet",
        "makefile",
        "procfile",
        *inventories.TEXT_FORMS,
        *inventories.JSON_FORMS,
    },
)
def kind_is_understood(artifact: Artifact, material: Material) -> Verdict:
    """Follow the whole file as what it was recognised as."""
    suffix = bound_suffix(artifact.name)
    if (
        artifact.kind != "unknown"
        and suffix not in _LOOSE
        and not fits(artifact.name, artifact.kind)
    ):
        says = f"its name promises the format of .{suffix}, and this is of the kind {artifact.kind}"
        return Refuted((Witness(says, Place(offset=0)),))
    match artifact.kind:
        case "empty":
            return _proven("empty", material, b"")
        case "unknown":
            return _unknown(material)
        case "pyc":
            says = "bytecode of Python, whose instructions nobody has followed"
            return Undecided(Reason.UNKNOWN_KIND, says, Place(offset=0))
        case "image":
            return _image(material)
    return _text("json" if artifact.kind in _JSON else "text", artifact, material)


def _unknown(material: Material) -> Undecided:
    head = material.read(0, 8).hex(" ")
    return Undecided(Reason.UNKNOWN_KIND, f"no known format begins with {head}", Place(offset=0))


def _proven(kind: str, material: Material, data: bytes, imports: str = "") -> Proven:
    facts = {"kind": kind, "size": material.size, "sha256": hashlib.sha256(data).hexdigest()}
    says = (f"there is no module that is called {imports[:60]!r}",) if imports else ()
    return Proven(Certificate("kind", facts), says)


def _whole(material: Material) -> bytes:
    if material.size > _MOST:
        raise FormatError(Reason.OVER_LIMIT, f"more than {_MOST} bytes, which are not all read")
    return b"".join(material.read(at, _STEP) for at in range(0, material.size, _STEP))


def _text(kind: str, artifact: Artifact, material: Material) -> Verdict:
    data = _whole(material)
    broken = _first_untextual(data)
    if broken is not None and not _is_promised(artifact.name):
        detail = "it begins like text, and this byte has no place in UTF-8 text"
        return Undecided(Reason.UNKNOWN_KIND, detail, Place(offset=broken))
    if broken is not None:
        excerpt = Excerpt(max(0, broken - 8), data[max(0, broken - 8) : broken + 8])
        says = "this byte has no place in UTF-8 text"
        return Refuted((Witness(says, Place(offset=broken), excerpt=excerpt),))
    other = _other_reading(data) or _beside(_imports_only(data), material)
    if other is not None:
        return Undecided(Reason.PARSER_DIFFERENTIAL, other, Place(offset=0))
    if kind == "json":
        fault = _json_fault(data)
        if fault is not None:
            return fault
    return _proven(kind, material, data, _imports_only(data))


def _is_promised(name: str) -> bool:
    """Whether the name promises text; one without a suffix promises nothing else either."""
    base = name.rpartition("/")[2].lower()
    return "." not in base or promised(base) is not None


def _first_untextual(data: bytes) -> int | None:
    """The offset of the first byte that is not UTF-8 text, if there is one."""
    decoder, at = codecs.getincrementaldecoder("utf-8")(), 0
    try:
        for at in range(0, len(data), _STEP):
            decoder.decode(data[at : at + _STEP], at + _STEP >= len(data))
    except UnicodeDecodeError as exc:
        return max(0, at + exc.start - 3 * (at > 0))
    controls = data.translate(None, _PLAIN)
    return min(data.index(byte) for byte in set(controls)) if controls else None


def _other_reading(data: bytes) -> str | None:
    """What else a loader could take this text for."""
    if data.startswith((b"#!", b"MZ", b"\xef\xbb\xbf#!")):
        return "a system may run it: it begins like a program"
    if b"PK\x05\x06" in data[-_TAIL:]:
        return "it ends like a ZIP archive"
    return _as_pickle(data)


def _as_pickle(data: bytes) -> str | None:
    """What a pickle machine would do with it before it fails, if that is more than nothing."""
    if data[:1] == b"P":  # a persistent id: pickle.load fails at it, torch's takes no text for one
        return None
    memo: set[int] = set()
    above = [0]  # how many values lie above each mark
    try:
        for opcode, argument, at in _opcodes(data):
            if opcode.name in _GETS and argument not in memo:
                return None
            if opcode.name in _PUTS and isinstance(argument, int):
                memo.add(argument)
            memo.update((len(memo),) if opcode.name == "MEMOIZE" else ())
            if not _can_run(opcode, above):
                return None
            if opcode.name == "STOP":
                return "a pickle machine reads a whole value from its beginning"
            if opcode.name == "GLOBAL" and _no_module(data, at):
                return None  # importing it fails: see `_imports_only`
            if opcode.name not in _HARMLESS:
                return f"a pickle machine would reach {opcode.name} at byte {at}"
    except (ValueError, IndexError, OverflowError) as exc:
        return _failed_late(data, str(exc))
    return None


def _imports_only(data: bytes) -> str:
    """The module that a pickle machine would ask for, and not get: a line of prose.

    No statement can import it, and only a file or folder of just this name could be meant.
    """
    try:
        found = next((at for one, _, at in _opcodes(data) if one.name == "GLOBAL"), None)
    except (ValueError, IndexError, OverflowError):
        return ""
    return _no_module(data, found) if data[:1] != b"P" else ""


def _no_module(data: bytes, at: int | None) -> str:
    """The first part of the name of the module behind a GLOBAL, if it is no identifier."""
    if at is None:
        return ""
    line = data[at + 1 :].partition(b"\n")[0].decode("utf-8", "replace")
    first = line.partition(".")[0]
    return "" if first.strip().isidentifier() else first


def _beside(module: str, material: Material) -> str | None:
    """Why a module of such a name might be found after all: something beside is called that."""
    named = {name.partition("/")[0].partition(".")[0] for name in material.beside} if module else ()
    return f"a pickle machine would import {module[:60]!r}" if module in named else None


def _opcodes(data: bytes) -> Iterator[tuple[pickletools.OpcodeInfo, Any, int | None]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape in a string is nothing to tell
        yield from pickletools.genops(io.BytesIO(data[:_HEAD]))


def _can_run(opcode: pickletools.OpcodeInfo, above: list[int]) -> bool:
    """Apply the opcode to the depths of the stack; False where every machine fails instead."""
    if opcode.name == "MARK":
        above.append(0)
        return True
    taken = [one.name for one in opcode.stack_before]
    if "mark" in taken:
        if len(above) < 2:
            return False
        above.pop()
        taken = taken[: taken.index("mark")]
    if opcode.name == "POP" and len(above) > 1 and not above[-1]:
        above.pop()
        return True
    if above[-1] < len(taken):
        return False
    above[-1] += len(opcode.stack_after) - len(taken)
    return True


def _failed_late(data: bytes, says: str) -> str | None:
    """A failure counts only where the machine of every reader fails as well."""
    if (wanted := _WANTED.search(says)) is not None and int(wanted[1]) > len(data):
        return None
    if len(data) > _HEAD and ("expected" in says or "newline" in says or "exhausted" in says):
        return "a pickle machine can be fed from it for long"
    # C reads integers in other bases too, and an empty line as zero.
    _, base, number = says.partition("with base 10: ")
    if base and (len(number) < 4 or not _NO_NUMBER.search(number[2:])):
        return "a pickle machine may read a number at its beginning"
    return None


def _json_fault(data: bytes) -> Undecided | None:
    try:
        json.loads(data, object_pairs_hook=_distinct, parse_int=len)
    except _Twice as exc:
        return Undecided(Reason.PARSER_DIFFERENTIAL, f"the key {exc} stands twice in one object")
    except (ValueError, RecursionError) as exc:
        says = "it is nested too deeply" if isinstance(exc, RecursionError) else str(exc)
        return Undecided(Reason.MALFORMED, f"it is no whole JSON document: {says}")
    return None


class _Twice(Exception):
    pass


def _distinct(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    keys: set[str] = set()
    for key, _ in pairs:
        if key in keys:
            raise _Twice(repr(key))
        keys.add(key)


def _image(material: Material) -> Verdict:
    head = material.read(0, 16)
    if not head.startswith(_IMAGES):
        says = "its name promises an image, and no image begins with these bytes"
        return Refuted((Witness(says, Place(offset=0), excerpt=Excerpt(0, head)),))
    if not head.startswith(png.SIGNATURE):
        return Undecided(Reason.UNSUPPORTED, "of images, only PNG is followed to its end")
    data = _whole(material)
    end, name = png.last_chunk(data)
    if end != len(data) or name != b"IEND":
        return Undecided(
            Reason.PARSER_DIFFERENTIAL, "something stands behind the image", Place(offset=end)
        )
    return _proven("png", material, data)


_WANTED = re.compile(r"expected (\d+) bytes")
# What no line has that C reads as a number, in whatever base.
_NO_NUMBER = re.compile(r"[^0-9a-fA-FoOxXlL_+\s\\'\"-]")
_PLAIN = bytes(byte for byte in range(256) if byte >= 0x20 and byte != 0x7F) + b"\t\n\r\f"
