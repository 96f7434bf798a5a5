"""Checks that a whole file is of one plain kind: empty, text, JSON or PNG.

facts = {"kind": "empty" | "text" | "json" | "png", "size": bytes, "sha256": hex of all of them}

1. Text: UTF-8 without control characters but tab, line and page breaks; no `#!` and no `MZ` at its
   start; no end of a ZIP directory where its readers look; given to a pickle machine, it fails
   before any opcode but those that push, gather or drop plain data, and before STOP; or at its
   first line, which is a persistent id; or where it asks for a module that is a line of prose.
2. JSON: such a text that is one document, no object of which has a key twice.
3. PNG: chunks with right checksums from the signature to IEND, which ends the file.
4. The artifact's name bears no suffix of another format (`concerns`, asked by whoever has it).
"""

import hashlib
import io
import json
import pickletools
import re
import warnings
import zlib
from collections.abc import Callable
from typing import Any

from probatum.check import one_format_names
from probatum.errors import Rejected
from probatum.vocabulary import Artifact

CLAIM = "kind-is-understood"
_MOST = 64 << 20
_HEAD = 1 << 16
_RUNS = frozenset(
    """
    GLOBAL STACK_GLOBAL INST OBJ REDUCE BUILD NEWOBJ NEWOBJ_EX EXT1 EXT2 EXT4 PERSID BINPERSID
    NEXT_BUFFER READONLY_BUFFER PROTO FRAME STOP EMPTY_SET ADDITEMS FROZENSET BYTEARRAY8
    BINUNICODE8 BINBYTES8
    """.split()  # noqa: SIM905
)


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raise Rejected unless the bytes are of the kind that `facts` names, from first to last."""
    _demand(
        isinstance(facts, dict) and set(facts) == {"kind", "size", "sha256"}, "the facts' names"
    )
    _demand(type(facts["size"]) is int and facts["size"] == size <= _MOST, "the size differs")
    data = b"".join(read(at, 1 << 20) for at in range(0, size, 1 << 20))
    _demand(len(data) == size, "the file is shorter")
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the bytes differ")
    match facts["kind"]:
        case "empty":
            _demand(size == 0, "the file is not empty")
        case "text":
            _text(data)
        case "json":
            _text(data)
            _json(data)
        case "png":
            _png(data)
        case _:
            raise Rejected("no such kind")


def concerns(facts: dict[str, Any], artifact: Artifact) -> str:
    """Why facts that `holds` accepts do not speak of this artifact; empty if they do."""
    shared = artifact.name.lower().endswith((".json", ".xml", ".plan"))
    if not shared and not one_format_names.bears(artifact.name, artifact.kind):
        return "the artifact's name is that of another format"
    return ""


def _demand(condition: object, says: str) -> None:
    if not condition:
        raise Rejected(says)


def _text(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as exc:
        raise Rejected("not UTF-8") from exc
    allowed = bytes([9, 10, 12, 13, *range(32, 127), *range(128, 256)])
    _demand(data, "empty")
    _demand(not data.translate(None, allowed), "a control character")
    _demand(data[:2] not in (b"#!", b"MZ") and data[:5] != b"\xef\xbb\xbf#!", "a program's start")
    _demand(data.rfind(b"PK\5\6", max(0, len(data) - 65557)) < 0, "the end of a ZIP archive")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _no_pickle(data)


def _no_pickle(data: bytes) -> None:
    if data[:1] == b"P":  # a persistent id: pickle.load fails at it, torch's takes no text for one
        return
    ops = pickletools.genops(io.BytesIO(data[:_HEAD]))
    try:
        depths, memo = [0], set()
        for opcode, argument, at in ops:
            name = opcode.name
            if name.endswith("GET") and argument not in memo:
                return  # every machine fails here
            memo |= {argument} if name.endswith("PUT") else set()
            memo |= {len(memo)} if name == "MEMOIZE" else set()
            if not _runs(opcode, depths):
                return
            if name == "GLOBAL" and _no_module(data, at):
                return
            _demand(name not in _RUNS, f"a pickle machine reaches {name}")
    except (ValueError, IndexError, OverflowError) as exc:
        _fails_everywhere(data, str(exc))


def _no_module(data: bytes, at: int | None) -> bool:
    """Whether what a GLOBAL asks for is a line that no statement can import."""
    line = data[(at or 0) + 1 :].partition(b"\n")[0]
    return not line.partition(b".")[0].decode("utf-8", "replace").strip().isidentifier()


def _runs(opcode: pickletools.OpcodeInfo, depths: list[int]) -> bool:
    """Keep count of the values above each mark; False where a value or a mark is missing."""
    needs = 0
    for one in opcode.stack_before:
        if one is pickletools.markobject:
            break
        needs += 1
    else:
        if opcode.name == "POP" and len(depths) > 1 and depths[-1] == 0:
            depths.pop()
            return True
        if opcode.name == "MARK":
            depths.append(0)
            return True
    if needs < len(opcode.stack_before):
        if len(depths) == 1:
            return False
        depths.pop()
    if depths[-1] < needs:
        return False
    depths[-1] += len(opcode.stack_after) - needs
    return True


def _fails_everywhere(data: bytes, says: str) -> None:
    wanted = re.search(r"expected (\d+) bytes", says)
    if wanted is not None and int(wanted[1]) > len(data):
        return  # no file is that long
    starved = any(word in says for word in ("expected", "newline", "exhausted"))
    _demand(len(data) <= _HEAD or not starved, "a pickle machine is fed beyond what is checked")
    _, base, number = says.partition("with base 10: ")
    if base:  # C takes an empty line for zero, and "0x10" for 16
        strange = re.search(r"[^0-9a-fA-FoOxXlL_+\s\\'\"-]", number[2:])  # in a number to C either
        _demand(len(number) > 3 and strange, "a number that C may read")


def _json(data: bytes) -> None:
    def distinct(pairs: list[tuple[str, Any]]) -> None:
        _demand(len({key for key, _ in pairs}) == len(pairs), "a key stands twice")

    try:
        json.loads(data, object_pairs_hook=distinct, parse_int=len)
    except (ValueError, RecursionError) as exc:
        raise Rejected("no whole JSON document") from exc


def _png(data: bytes) -> None:
    _demand(data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG signature")
    at, name = 8, b""
    while name != b"IEND":
        _demand(at + 12 <= len(data), "a chunk is missing")
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        _demand(end <= len(data) and name.isalpha(), "a chunk is cut short")
        right = int.from_bytes(data[end - 4 : end], "big")
        _demand(zlib.crc32(data[at + 4 : end - 4]) == right, "a chunk's checksum is wrong")
        at = end
    _demand(at == len(data), "something stands behind the image")
