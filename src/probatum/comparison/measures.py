"""How much a tensor changed: the share of its elements, the largest change, norm and angle.

Two data types are compared by the values they spell, each read as a float of 64 bits: that loses
nothing but of integers of 64 bits. Blocks of a quantised type have no values here: of them, how
many bytes differ is told. Without numpy it is only told whether BF16 and F32 spell the same values.
"""

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from probatum.comparison.tensors import Tensor, pieces

NUMPY = "pip install 'probatum[compare]'"
_ELEMENTS = 1 << 16
_PLAIN = {
    "F16": "<f2", "F32": "<f4", "F64": "<f8", "I8": "i1", "U8": "u1", "I16": "<i2", "U16": "<u2",
    "I32": "<i4", "U32": "<u4", "I64": "<i8", "U64": "<u8", "BOOL": "u1",
}  # fmt: skip
# Bits of exponent and of mantissa, the bias, and how not-a-number is spelt.
_EIGHT = {
    "F8_E4M3": (4, 3, 7, "last"), "F8_E5M2": (5, 2, 15, "ieee"),
    "F8_E4M3FNUZ": (4, 3, 8, "zero"), "F8_E5M2FNUZ": (5, 2, 16, "zero"),
}  # fmt: skip


class Measure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The change of one tensor, of `elements` in all.

    `changed` of them differ in value; `largest` is the greatest absolute difference, `relative` the
    norm of the difference over that of the first (L2), `cosine` that of the angle between both.
    `not_finite` elements, infinite or no numbers in either, count for `changed` alone. Where rows
    were added or removed, all this is of the first `rows`, which both have. `why` says what is
    missing, and the numbers are 0 then.
    """

    elements: int
    rows: int = 0
    changed: int = 0
    largest: float = 0.0
    relative: float = 0.0
    cosine: float = 0.0
    not_finite: int = 0
    why: str = ""

    @property
    def same_values(self) -> bool:
        """Whether only the data type changed."""
        return not (self.changed or self.why or self.rows)


def has_numpy() -> bool:
    """Whether more than equality can be told."""
    try:
        import numpy  # noqa: F401  # an extra
    except ImportError:
        return False
    return True


def measured(before: Tensor, after: Tensor) -> Measure:
    """What became of `before`. Raises: FormatError where the elements cannot be read."""
    rows = 0
    if before.shape != after.shape:
        rows = _rows(before, after)
        if not rows:
            return Measure(elements=prod(before.shape), why="the shape changed")
        before, after = _first(rows, before), _first(rows, after)
    return replace(_measured(before, after), rows=rows)


def _rows(before: Tensor, after: Tensor) -> int:
    """How many first rows both have, if that is all in which their shapes differ."""
    old, new = before.shape, after.shape
    alike = len(old) == len(new) > 0 and old[1:] == new[1:] and not before.strides
    return min(old[0], new[0]) if alike and not after.strides and before.width else 0


def _first(rows: int, tensor: Tensor) -> Tensor:
    size = tensor.size // tensor.shape[0] * rows
    return replace(tensor, shape=(rows, *tensor.shape[1:]), size=size)


def _measured(before: Tensor, after: Tensor) -> Measure:
    count = prod(before.shape)
    if not has_numpy():
        return _without_numpy(count, before, after)
    first, second = _decoder(before.dtype), _decoder(after.dtype)
    if first is None or second is None:
        if before.dtype == after.dtype and before.size == after.size:
            return _by_bytes(count, before, after)
        blocks = [one.dtype for one in (before, after) if not one.width]
        why = "values of this data type are not told"
        if blocks:
            why = f"quantised as {blocks[-1]}, which cannot equal what it was made from"
        return Measure(elements=count, why=why)
    return _by_values(count, _runs(before, first), _runs(after, second))


def _by_values(count: int, first: Iterator[Any], second: Iterator[Any]) -> Measure:
    import numpy as np

    changed = bad = 0
    largest = moved = size = other = inner = 0.0
    with np.errstate(all="ignore"):
        for old, new in zip(first, second, strict=True):
            changed += int(np.count_nonzero((old != new) & ~((old != old) & (new != new))))
            fine = np.isfinite(old) & np.isfinite(new)
            if not fine.all():
                bad += int(fine.size - np.count_nonzero(fine))
                old, new = old[fine], new[fine]
            size += float(np.dot(old, old))
            other += float(np.dot(new, new))
            inner += float(np.dot(old, new))
            apart = new - old
            moved += float(np.dot(apart, apart))
            largest = max(largest, float(np.abs(apart).max(initial=0.0)))
    both = (size * other) ** 0.5
    return Measure(
        elements=count,
        changed=changed,
        largest=_told(largest),
        relative=_told((moved / size) ** 0.5 if size else 0.0),
        cosine=_told(inner / both if both else 0.0),
        not_finite=bad,
    )


def _told(value: float) -> float:
    """A number that JSON has: a sum that left the range of floats is the largest there is."""
    return value if abs(value) < 1e308 else 1e308


def _by_bytes(count: int, before: Tensor, after: Tensor) -> Measure:
    import numpy as np

    differ = 0
    for old, new in zip(pieces(before), pieces(after), strict=True):
        differ += int(np.count_nonzero(np.frombuffer(old, "u1") != np.frombuffer(new, "u1")))
    why = f"{differ:,} of {before.size:,} bytes of its blocks differ"
    return Measure(elements=count, changed=0, why=why)


def _runs(tensor: Tensor, decode: Callable[[bytes], Any]) -> Iterator[Any]:
    for piece in pieces(tensor, _ELEMENTS * tensor.width):
        yield decode(piece)


def _decoder(dtype: str) -> Callable[[bytes], Any] | None:
    """What makes floats of 64 bits of the bytes of a data type, if that loses nothing."""
    import numpy as np

    if dtype in _PLAIN:
        return lambda piece: np.frombuffer(piece, _PLAIN[dtype]).astype("f8")
    if dtype == "BF16":
        return lambda piece: (
            (np.frombuffer(piece, "<u2").astype("u4") << 16).view("f4").astype("f8")
        )
    if dtype in _EIGHT:
        table = np.array([_eight(byte, *_EIGHT[dtype]) for byte in range(256)])
        return lambda piece: table[np.frombuffer(piece, "u1")]
    return None


def _eight(byte: int, wide: int, mantissa: int, bias: int, odd: str) -> float:
    """The value of a float of 8 bits. Source: OCP 8-bit floating point specification 1.0."""
    sign = -1.0 if byte >> 7 else 1.0
    power, part = (byte >> mantissa) & ((1 << wide) - 1), byte & ((1 << mantissa) - 1)
    if odd == "zero" and byte == 0x80:
        return float("nan")
    if odd == "last" and byte & 0x7F == 0x7F:
        return float("nan")
    if odd == "ieee" and power == (1 << wide) - 1:
        return float("nan") if part else sign * float("inf")
    if power == 0:
        return float(sign * part * 2.0 ** (1 - bias - mantissa))
    return float(sign * (1 + part / (1 << mantissa)) * 2.0 ** (power - bias))


def _without_numpy(count: int, before: Tensor, after: Tensor) -> Measure:
    types = {before.dtype, after.dtype}
    if types != {"BF16", "F32"}:
        return Measure(elements=count, why=f"how much is told with numpy: {NUMPY}")
    narrow, wide = (before, after) if before.dtype == "BF16" else (after, before)
    for few, many in zip(pieces(narrow, 1 << 19), pieces(wide, 1 << 20), strict=True):
        spread = bytearray(2 * len(few))
        spread[2::4], spread[3::4] = few[::2], few[1::2]
        if spread != many:
            return Measure(elements=count, why=f"how much is told with numpy: {NUMPY}")
    return Measure(elements=count)
