"""Reads what a model file is made of a second time, for `probatum compare --prove`.

Written from the formats' descriptions and not from the first reader: JSON by the standard library,
a NumPy header by one pattern, a GGUF header front to back, a torch archive by the machine that
checks pickles. Of a tensor: name, data type, sizes and the sha256 of `<type> <sizes>\\n` and the
elements, little-endian, the last dimension fastest. What is not understood is Rejected.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from probatum.errors import Rejected

Read = Callable[[int, int], bytes]
Told = tuple[str, str, tuple[int, ...], str]
"""A tensor: name, data type, sizes, digest."""

_STEP = 1 << 20
_LARGEST_TEXT = 64 << 20
_MOST_MOVED = 256 << 20
_GGML = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 40),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292), 16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4),
    27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip
_SCALARS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
# As numpy writes it, and nothing else that it would read.
_HEADER = re.compile(
    r"\{'descr': '([^']*)', 'fortran_order': (True|False), 'shape': \(([0-9, ]*)\), \} *\n"
)
_CODE = re.compile(r"([<>|=]?)(b1|[iuf][1248]|c8|c16)")


def tensors(kind: str, stem: str, read: Read, size: int) -> list[Told]:
    """The tensors of a file; `stem` is what an array without a name is called.

    Raises: Rejected where they cannot all be told.
    """
    reader = _READERS.get(kind)
    if reader is None:
        raise Rejected(f"no second reader knows the tensors of a file of the kind {kind}")
    try:
        return list(reader(stem, read, size))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as exc:
        raise Rejected(f"its header is not of this format: {type(exc).__name__}") from exc


def content(is_json: bool, carries_template: bool, read: Read, size: int) -> str:
    """The sha256, in hex, of what counts in a file: of JSON its values, else its bytes."""
    if is_json and size <= _LARGEST_TEXT:
        try:
            value = json.loads(_all(read, 0, size).decode(), object_pairs_hook=_once)
            if carries_template and type(value) is dict and type(value.get("chat_template")) is str:
                value.pop("chat_template")
            return hashlib.sha256(b"json " + json.dumps(value, sort_keys=True).encode()).hexdigest()
        except (ValueError, RecursionError):
            pass  # JSON that not all read alike: its bytes count
    return _digest(b"", read, 0, size)


def metadata(read: Read, size: int) -> dict[str, str]:
    """The keys of a GGUF file, each with the sha256, in hex, of its type and value."""
    return _Gguf(read, size).keys


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _all(read: Read, at: int, length: int) -> bytes:
    data = b"".join(
        read(one, min(_STEP, at + length - one)) for one in range(at, at + length, _STEP)
    )
    if len(data) != length:
        raise Rejected("the file ends before what it says")
    return data


def _digest(begin: bytes, read: Read, at: int, length: int, width: int = 0) -> str:
    """Of `begin` and the bytes there; with a `width`, elements of so many bytes are turned."""
    state = hashlib.sha256(begin)
    for one in range(at, at + length, _STEP):
        data = read(one, min(_STEP, at + length - one))
        if len(data) != min(_STEP, at + length - one):
            raise Rejected("the file ends before what it says")
        state.update(_turned(data, width) if width > 1 else data)
    return state.hexdigest()


def _turned(data: bytes, width: int) -> bytes:
    lanes = [data[lane::width] for lane in range(width)]
    turned = bytearray(len(data))
    for lane, part in enumerate(reversed(lanes)):
        turned[lane::width] = part
    return bytes(turned)


def _begin(dtype: str, shape: tuple[int, ...]) -> bytes:
    return (dtype + " " + ",".join(str(one) for one in shape) + "\n").encode()


def _product(shape: tuple[int, ...]) -> int:
    found = 1
    for one in shape:
        if type(one) is not int or one < 0:
            raise Rejected("a size that is no whole number")
        found *= one
    return found


# --- safetensors ----------------------------------------------------------------------------


def _safetensors(stem: str, read: Read, size: int) -> Iterator[Told]:
    from probatum.check import safetensors

    stop = 8 + int.from_bytes(read(0, 8), "little")
    header = _all(read, 0, min(stop, size))
    entries = json.loads(header[8:], object_pairs_hook=_once)
    facts = {
        "claim": "header-sound",
        "size": size,
        "header": stop,
        "sha256": hashlib.sha256(header).hexdigest(),
        "tensors": len(entries) - ("__metadata__" in entries),
    }
    safetensors.holds(facts, read, size)  # every rule of the format, and that nothing overlaps
    for name, one in entries.items():
        if name != "__metadata__":
            begin, end = one["data_offsets"]
            shape = tuple(one["shape"])
            found = _digest(_begin(one["dtype"], shape), read, stop + begin, end - begin)
            yield name, one["dtype"], shape, found


# --- NumPy ----------------------------------------------------------------------------------


def _npy(stem: str, read: Read, size: int) -> Iterator[Told]:
    start = read(0, 12)
    wide = {1: 2, 2: 4, 3: 4}[start[6]]
    if start[:6] != b"\x93NUMPY":
        raise Rejected("no NumPy array")
    data = 8 + wide + int.from_bytes(start[8 : 8 + wide], "little")
    if data > 1 << 17:
        raise Rejected("a header too long")
    header = _HEADER.fullmatch(_all(read, 8 + wide, data - 8 - wide).decode("latin-1"))
    found = _CODE.fullmatch(header[1]) if header is not None else None
    if header is None or found is None:
        raise Rejected("an array of a type that is not read twice")
    shape = tuple(int(one) for one in header[3].split(",") if one.strip())
    width, kind = int(found[2][1:]), found[2][0]
    dtype = "BOOL" if kind == "b" else f"{kind.upper()}{8 * width}"
    length = _product(shape) * width
    if data + length != size:
        raise Rejected("the array is not all of the file")
    turn = (width // 2 if kind == "c" else width) if found[1] == ">" else 0
    if header[2] == "True" and len(shape) > 1:
        steps = tuple(_product(shape[:number]) for number in range(len(shape)))
        yield stem, dtype, shape, _strided(dtype, shape, steps, read, data, width, turn)
    else:
        yield stem, dtype, shape, _digest(_begin(dtype, shape), read, data, length, turn)


def _strided(
    dtype: str, shape: tuple[int, ...], steps: tuple[int, ...], read: Read, at: int, width: int,
    turn: int,
) -> str:  # fmt: skip
    """The digest of elements that lie `steps` apart."""
    if len(steps) != len(shape) or any(type(one) is not int or one < 0 for one in steps):
        raise Rejected("steps that are no whole numbers")
    count = _product(shape)
    reach = 1 + sum((size - 1) * step for size, step in zip(shape, steps, strict=True))
    if max(count, reach) * width > _MOST_MOVED:
        raise Rejected("a tensor in another order that is too large")
    data = _all(read, at, reach * width) if count else b""
    lines = [0] if count else []
    for size, step in zip(shape[:-1], steps[:-1], strict=True):
        lines = [line + number * step for line in lines for number in range(size)]
    length, step = (shape[-1], steps[-1]) if shape else (1, 1)
    made = bytearray()
    for line in lines:
        for number in range(length):
            place = (line + number * step) * width
            made += data[place : place + width]
    told = _turned(bytes(made), turn) if turn > 1 else bytes(made)
    return hashlib.sha256(_begin(dtype, shape) + told).hexdigest()


# --- GGUF -----------------------------------------------------------------------------------


class _Gguf:
    """A header, front to back, of version 2 or 3, little-endian."""

    def __init__(self, read: Read, size: int) -> None:
        self.read = read
        self.size = size
        self.at = 0
        if self.take(4) != b"GGUF" or self.number(4) not in (2, 3):
            raise Rejected("a GGUF file that is not read twice")
        tensors, entries = self.number(8), self.number(8)
        self.keys: dict[str, str] = {}
        self.alignment = 32
        for _ in range(entries):
            self.entry()
        self.listed = [self.tensor() for _ in range(tensors)]
        self.data = -(-self.at // self.alignment) * self.alignment

    def take(self, length: int) -> bytes:
        data = _all(self.read, self.at, length) if self.at + length <= self.size else b""
        if len(data) != length:
            raise Rejected("the header passes the end of the file")
        self.at += length
        return data

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "little")

    def text(self) -> bytes:
        return self.take(self.number(8))

    def entry(self) -> None:
        key, type = self.text().decode(), self.number(4)
        start = self.at + 8 if type == 8 else self.at
        if type == 8:
            value = self.text()
        else:
            self.skip(type)
            value = _all(self.read, start, self.at - start)
        if key in self.keys:
            raise Rejected("a key stands twice")
        if key == "general.alignment":
            self.alignment = max(1, int.from_bytes(value, "little"))
        if not (key.startswith("tokenizer.chat_template") and type == 8):
            self.keys[key] = hashlib.sha256(f"{type} ".encode() + value).hexdigest()

    def skip(self, type: int) -> None:
        if type != 9:
            self.take(_SCALARS[type])
            return
        inner, count = self.number(4), self.number(8)
        if inner == 8:
            for _ in range(min(count, self.size)):
                self.text()
        else:
            self.take(_SCALARS[inner] * count)

    def tensor(self) -> tuple[str, int, tuple[int, ...], int]:
        name = self.text().decode()
        shape = tuple(self.number(8) for _ in range(min(self.number(4), 5)))
        return name, self.number(4), shape[::-1], self.number(8)


def _gguf(stem: str, read: Read, size: int) -> Iterator[Told]:
    header = _Gguf(read, size)
    for name, type, shape, offset in header.listed:
        dtype, elements, width = _GGML[type]
        length = _product(shape) // elements * width
        found = _digest(_begin(dtype, shape), read, header.data + offset, length)
        yield name, dtype, shape, found


# --- torch ----------------------------------------------------------------------------------


def _torch(stem: str, read: Read, size: int) -> Iterator[Told]:
    from probatum.check.model_pickle import tensors as of_archive

    for name, dtype, shape, steps, at, width, turn in of_archive(read, size):
        length = _product(shape) * width
        if steps is None:
            found = _digest(_begin(dtype, shape), read, at, length, turn)
        else:
            found = _strided(dtype, shape, steps, read, at, width, turn)
        yield name, dtype, shape, found


_READERS: dict[str, Callable[[str, Read, int], Iterator[Told]]] = {
    "safetensors": _safetensors,
    "npy": _npy,
    "gguf": _gguf,
    "torch-zip": _torch,
}
