"""Verifies ECDSA signatures on P-256, P-384 and P-521 in plain integers, for the checkers.

Nothing here is secret, so nothing needs to take the same time for every value.

Sources: FIPS 186-5, section 6.4.2; SEC 1 version 2.0, sections 2.3.4 and 4.1.4; SEC 2 version 2.0
(the curves' numbers).
"""

from typing import NamedTuple

from probatum.errors import Rejected


class Curve(NamedTuple):
    """y² = x³ - 3x + b modulo p, the point (gx, gy) of prime order n; `digest` goes with it."""

    p: int
    b: int
    n: int
    gx: int
    gy: int
    digest: str


P256 = Curve(
    p=0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    gx=0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    gy=0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    digest="sha256",
)
P384 = Curve(
    p=2**384 - 2**128 - 2**96 + 2**32 - 1,
    b=int(
        "B3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875A"
        "C656398D8A2ED19D2A85C8EDD3EC2AEF", 16
    ),
    n=int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF"
        "581A0DB248B0A77AECEC196ACCC52973", 16
    ),
    gx=int(
        "AA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A38"
        "5502F25DBF55296C3A545E3872760AB7", 16
    ),
    gy=int(
        "3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C0"
        "0A60B1CE1D7E819D7A431D7C90EA0E5F", 16
    ),
    digest="sha384",
)  # fmt: skip
P521 = Curve(
    p=2**521 - 1,
    b=int(
        "0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109"
        "E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00", 16
    ),
    n=int(
        "01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA"
        "51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409", 16
    ),
    gx=int(
        "00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3D"
        "BAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66", 16
    ),
    gy=int(
        "011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E66"
        "2C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650", 16
    ),
    digest="sha512",
)  # fmt: skip

Point = tuple[int, int]


def point(curve: Curve, data: bytes) -> Point:
    """The point of the curve that its uncompressed form spells. Raises: Rejected."""
    size = (curve.p.bit_length() + 7) // 8
    if len(data) != 1 + 2 * size or data[0] != 4:
        raise Rejected("a public key is no point in its uncompressed form")
    x, y = int.from_bytes(data[1 : 1 + size]), int.from_bytes(data[1 + size :])
    if x >= curve.p or y >= curve.p or (y * y - x * x * x + 3 * x - curve.b) % curve.p:
        raise Rejected("a public key is no point of its curve")
    return x, y


def is_signed(curve: Curve, key: Point, digest: bytes, r: int, s: int) -> bool:
    """Whether (r, s) is the key's signature of a message with this digest."""
    if not (0 < r < curve.n and 0 < s < curve.n):
        return False
    # The leftmost bits of the digest, as many as n has.
    excess = max(0, 8 * len(digest) - curve.n.bit_length())
    e = int.from_bytes(digest) >> excess
    inverse = pow(s, -1, curve.n)
    found = _sum_of_multiples(curve, e * inverse % curve.n, r * inverse % curve.n, key)
    return found is not None and found[0] % curve.n == r


def _sum_of_multiples(curve: Curve, u: int, v: int, key: Point) -> Point | None:
    """u times the curve's own point plus v times the key; None for the point at infinity."""
    own = (curve.gx, curve.gy, 1)
    other = (*key, 1)
    both = _added(curve.p, own, other)
    total = (1, 1, 0)
    for bit in range(max(u.bit_length(), v.bit_length()) - 1, -1, -1):
        total = _doubled(curve.p, total)
        if u >> bit & v >> bit & 1:
            total = _added(curve.p, total, both)
        elif u >> bit & 1:
            total = _added(curve.p, total, own)
        elif v >> bit & 1:
            total = _added(curve.p, total, other)
    x, y, z = total
    if not z:
        return None
    inverse = pow(z, -1, curve.p)
    return x * inverse**2 % curve.p, y * inverse**3 % curve.p


_Jacobian = tuple[int, int, int]
"""(X, Y, Z) stands for (X/Z², Y/Z³); Z = 0 for the point at infinity."""


def _doubled(p: int, one: _Jacobian) -> _Jacobian:
    x, y, z = one
    if not z or not y:
        return 1, 1, 0
    s = 4 * x * y * y % p
    m = 3 * (x - z * z) * (x + z * z) % p  # 3x² + az⁴ with a = -3
    doubled = (m * m - 2 * s) % p
    return doubled, (m * (s - doubled) - 8 * pow(y, 4, p)) % p, 2 * y * z % p


def _added(p: int, one: _Jacobian, other: _Jacobian) -> _Jacobian:
    if not one[2]:
        return other
    if not other[2]:
        return one
    (x1, y1, z1), (x2, y2, z2) = one, other
    u1, u2 = x1 * z2 * z2 % p, x2 * z1 * z1 % p
    s1, s2 = y1 * z2 * z2 * z2 % p, y2 * z1 * z1 * z1 % p
    if u1 == u2:
        return _doubled(p, one) if s1 == s2 else (1, 1, 0)
    h, r = (u2 - u1) % p, (s2 - s1) % p
    h2 = h * h % p
    h3, u = h * h2 % p, u1 * h2 % p
    x = (r * r - h3 - 2 * u) % p
    return x, (r * (u - x) - s1 * h3) % p, h * z1 * z2 % p
