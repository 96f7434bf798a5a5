"""Verifies Ed25519 signatures in plain integers, for the checkers.

Source: RFC 8032, sections 5.1.3 and 5.1.7; points of small order are refused besides, since every
message has a signature under such a key.
"""

import hashlib

_P = 2**255 - 19
_N = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)  # a square root of -1

_Point = tuple[int, int, int, int]
"""(X, Y, Z, T) stands for (X/Z, Y/Z) with T = XY/Z."""


def is_signed(key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether this is the key's signature of the message; both keys and points in 32 bytes."""
    if len(key) != 32 or len(signature) != 64:
        return False
    public, commitment = _point(key), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if public is None or commitment is None or s >= _N or _is_zero(_times(8, public)):
        return False
    hashed = hashlib.sha512(signature[:32] + key + message).digest()
    k = int.from_bytes(hashed, "little") % _N
    return _equal(_times(s, _BASE), _added(commitment, _times(k, public)))


def _point(data: bytes) -> _Point | None:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (not x and sign):
        return None
    x = _P - x if x & 1 != sign else x
    return x, y, 1, x * y % _P


def _added(one: _Point, other: _Point) -> _Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % _P
    b = (one[1] + one[0]) * (other[1] + other[0]) % _P
    c = 2 * one[3] * other[3] * _D % _P
    d = 2 * one[2] * other[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(number: int, one: _Point) -> _Point:
    total: _Point = (0, 1, 1, 0)
    for bit in bin(number)[2:]:
        total = _added(total, total)
        if bit == "1":
            total = _added(total, one)
    return total


def _equal(one: _Point, other: _Point) -> bool:
    return not (
        (one[0] * other[2] - other[0] * one[2]) % _P or (one[1] * other[2] - other[1] * one[2]) % _P
    )


def _is_zero(one: _Point) -> bool:
    return _equal(one, (0, 1, 1, 0))


_BASE_Y = 4 * pow(5, -1, _P) % _P
_BASE = _point(_BASE_Y.to_bytes(32, "little")) or (0, 1, 1, 0)
