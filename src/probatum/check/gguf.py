"""Re-derives that a GGUF header is sound (and so that the file holds metadata and spans only).

Facts: `claim` (`header-sound` or `load-inert`, which rest on the same check), `size` (bytes of the
file), `header` (bytes up to the end of the tensor directory), `sha256` (hex, of those bytes),
`entries` and `tensors` (how many). The analyser walks a window and sweeps sorted spans; this
check holds the header whole and compares the sorted begins with the sorted ends.
"""

import hashlib
import struct
from collections.abc import Callable
from typing import Any

from probatum.errors import Rejected

# Elements a block, then the ggml types as {type: bytes a block}. Types 4, 5, 31 to 33 and 36 to 38
# were withdrawn.
_BLOCKS = {
    1: {0: 4, 1: 2, 24: 1, 25: 2, 26: 4, 27: 8, 28: 8, 30: 2},
    32: {2: 18, 3: 20, 6: 22, 7: 24, 8: 34, 9: 40, 20: 18, 39: 17},
    64: {40: 36},
    128: {41: 18},
    256: {10: 84, 11: 110, 12: 144, 13: 176, 14: 210, 15: 292, 16: 66, 17: 74, 18: 98, 19: 50}
    | {21: 110, 22: 82, 23: 136, 29: 56, 34: 54, 35: 66},
}
_TYPES = {type: (n, size) for n, types in _BLOCKS.items() for type, size in types.items()}
_WIDTHS = {0: 1, 1: 1, 7: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 10: 8, 11: 8, 12: 8}
_NAMES = {"claim", "size", "header", "sha256", "entries", "tensors"}


def holds(facts: dict[str, Any], read: Callable[[int, int], bytes], size: int) -> None:
    """Raises Rejected at the first step that fails."""
    spans(facts, read, size)


def spans(
    facts: dict[str, Any], read: Callable[[int, int], bytes], size: int
) -> tuple[int, list[tuple[int, int]]]:
    """The alignment and each tensor's span in the file, of facts that hold.

    Raises: Rejected at the first step that fails.
    """
    _demand(isinstance(facts, dict) and set(facts) == _NAMES, "the facts' names")
    _demand(facts["claim"] in ("header-sound", "load-inert"), "the claim is not of this check")
    counts = facts["size"], facts["header"], facts["entries"], facts["tensors"]
    _demand(all(type(one) is int for one in counts), "a count is not a whole number")
    # 1. The facts are about these bytes.
    stop = facts["header"]
    _demand(facts["size"] == size and 0 <= stop <= min(size, 256 << 20), "the sizes")
    data = b"".join(read(at, min(1 << 20, stop - at)) for at in range(0, stop, 1 << 20))
    _demand(hashlib.sha256(data).hexdigest() == facts["sha256"], "the header's bytes differ")
    try:
        return _sound(data, facts, size)
    except (struct.error, IndexError) as exc:
        raise Rejected("the header ends too early") from exc


def _sound(data: bytes, facts: dict[str, Any], size: int) -> tuple[int, list[tuple[int, int]]]:
    # 2. Magic and version say how wide and in which order numbers stand.
    _demand(data[:4] == b"GGUF", "the magic")
    order = ">" if data[4:8] == b"\0\0\0\3" else "<"
    (version,) = struct.unpack_from(order + "I", data, 4)
    _demand(version in (1, 2, 3), "the version")
    word, width = (order + "Q", 8) if version > 1 else (order + "I", 4)
    tensors, entries = struct.unpack_from(word + word[1], data, 8)
    _demand(tensors == facts["tensors"] and entries == facts["entries"], "the counts")
    _demand(max(tensors, entries) <= 1_000_000, "too many entries")

    def text(at: int, most: int) -> tuple[bytes, int]:
        (length,) = struct.unpack_from(word, data, at)
        at += width
        _demand(length <= most and at + length <= len(data), "a string passes the end")
        return data[at : at + length], at + length

    # 3. Every metadata value lies inside the header, under a key of its own.
    at, keys, alignment = 8 + 2 * width, set(), 32
    for _ in range(entries):
        key, at = text(at, 0xFFFF)
        _demand(key not in keys and key != b"" and b"\0" not in key, "a key")
        _demand(_is_utf8(key), "a key is not UTF-8")
        keys.add(key)
        (kind,) = struct.unpack_from(order + "I", data, at)
        at, count = at + 4, 1
        is_array = kind == 9
        if is_array:
            (kind,) = struct.unpack_from(order + "I", data, at)
            (count,) = struct.unpack_from(word, data, at + 4)
            at += 4 + width
        if key == b"general.alignment":
            _demand(kind == 4 and not is_array, "the alignment's type")
            (alignment,) = struct.unpack_from(order + "I", data, at)
            _demand(alignment in (1 << power for power in range(3, 32)), "the alignment")
        if kind == 8:
            _demand(count * width <= len(data) - at, "an array passes the end")
            for _ in range(count):
                _, at = text(at, 1 << 30)
            continue
        _demand(kind in _WIDTHS, "a value's type")
        end = at + count * _WIDTHS[kind]
        _demand(end <= len(data), "a value passes the end")
        _demand(kind != 7 or set(data[at:end]) <= {0, 1}, "a truth value")
        at = end

    # 4. Every tensor has a size that C can hold, and the directory ends where the facts say.
    names, found = set(), []
    for _ in range(tensors):
        name, at = text(at, 63)
        _demand(name not in names and b"\0" not in name, "a tensor's name")
        names.add(name)
        (dimensions,) = struct.unpack_from(order + "I", data, at)
        _demand(dimensions <= 4, "the dimensions")
        shape = struct.unpack_from(f"{word[0]}{dimensions}{word[1]}", data, at + 4)
        at += 4 + dimensions * width
        kind, offset = struct.unpack_from(order + "IQ", data, at)
        at += 12
        found.append((offset, offset + _bytes(shape, kind)))
        _demand(offset % alignment == 0, "a tensor's alignment")
    _demand(at == len(data), "the directory does not end where the header does")

    # 5. No two spans overlap and the last lies in the file: each ends before the next begins.
    start = (at + alignment - 1) // alignment * alignment
    begins, ends = sorted(one for one, _ in found), sorted(one for _, one in found)
    _demand(all(a <= b for a, b in zip(ends, begins[1:], strict=False)), "two tensors overlap")
    _demand(not ends or start + ends[-1] <= size, "a tensor passes the end of the file")
    return alignment, [(start + begin, start + end) for begin, end in found]


def _bytes(shape: tuple[int, ...], kind: int) -> int:
    _demand(kind in _TYPES, "a tensor's type")
    elements, size = _TYPES[kind]
    count = 1
    for one in shape:
        count *= one
        _demand(0 < count < (1 << 63) - 1, "a shape overflows, or is empty")
    _demand((shape[0] if shape else 1) % elements == 0, "a row is no whole number of blocks")
    return count // elements * size


def _is_utf8(key: bytes) -> bool:
    try:
        key.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _demand(holds: bool, step: str) -> None:
    if not holds:
        raise Rejected(step)
