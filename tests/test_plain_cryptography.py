"""The checkers' own arithmetic: it agrees with `cryptography` and knows the old tricks."""

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from probatum.check import der, edwards
from probatum.check.curves import P256, P384, P521, Curve, is_signed, point
from probatum.check.public_keys import Key, is_by, of_info, of_pem
from probatum.errors import Rejected

CURVES = {
    "P-256": (P256, ec.SECP256R1(), hashes.SHA256()),
    "P-384": (P384, ec.SECP384R1(), hashes.SHA384()),
    "P-521": (P521, ec.SECP521R1(), hashes.SHA512()),
}


def spki(key: Any) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def signed(name: str, secret: int, message: bytes) -> tuple[Key, int, int]:
    """A key, and its signature over the message."""
    _, curve, digest = CURVES[name]
    key = ec.derive_private_key(secret, curve)
    return of_info(spki(key)), *utils.decode_dss_signature(key.sign(message, ec.ECDSA(digest)))


def test_the_curves_are_what_they_should_be() -> None:
    for curve, _, _ in CURVES.values():
        left = curve.gy * curve.gy
        assert (left - curve.gx**3 + 3 * curve.gx - curve.b) % curve.p == 0
        # The order of the curve's point: once less than n times it is its negative.
        size = (curve.p.bit_length() + 7) // 8
        spelled = b"\4" + curve.gx.to_bytes(size) + curve.gy.to_bytes(size)
        assert point(curve, spelled) == (curve.gx, curve.gy)


@pytest.mark.parametrize("name", CURVES)
@settings(max_examples=8, deadline=None)
@given(secret=st.integers(1, 2**250), message=st.binary(max_size=40), flip=st.integers(0, 250))
def test_it_agrees_with_cryptography(name: str, secret: int, message: bytes, flip: int) -> None:
    key, r, s = signed(name, secret, message)
    assert is_by(key, utils.encode_dss_signature(r, s), message)
    assert not is_by(key, utils.encode_dss_signature(r, s), message + b"x")
    assert not is_by(key, utils.encode_dss_signature(r ^ 1 << flip, s), message)
    assert not is_by(key, utils.encode_dss_signature(r, s ^ 1 << flip), message)


@pytest.mark.parametrize("name", CURVES)
def test_numbers_outside_the_range_sign_nothing(name: str) -> None:
    curve = CURVES[name][0]
    key, r, s = signed(name, 5, b"m")
    digest = hashlib.new(curve.digest, b"m").digest()
    assert is_signed(curve, key.at, digest, r, s)
    assert is_signed(curve, key.at, digest, r, curve.n - s)  # the other half of the same signature
    n = curve.n
    for one, other in (
        (0, s), (r, 0), (0, 0), (n, s), (r, n), (r + n, s), (r, s + n), (-r, s), (r, -s), (1, 1),
        (n - 1, n - 1),
    ):  # fmt: skip
        assert not is_signed(curve, key.at, digest, one, other)


@pytest.mark.parametrize("name", CURVES)
def test_sums_that_meet_are_computed_right(name: str) -> None:
    """Keys of small multiples of the curve's point make the sum meet itself and infinity."""
    curve, made, digest = CURVES[name]
    for secret in (1, 2, 3, curve.n - 1, curve.n - 2):
        key = of_info(spki(ec.derive_private_key(secret, made)))
        for message in (b"", b"a", b"b"):
            private = ec.derive_private_key(secret, made)
            assert is_by(key, private.sign(message, ec.ECDSA(digest)), message)
    # With the key n-1 (the negative of the point) and u = v the sum is infinity: no signature.
    negative = of_info(spki(ec.derive_private_key(curve.n - 1, made)))
    number = 12345
    assert not is_signed(curve, negative.at, number.to_bytes(32), number, 1)


def test_a_digest_longer_than_the_curve_counts_by_its_first_bits() -> None:
    key = ec.derive_private_key(77, ec.SECP256R1())
    signature = key.sign(b"m", ec.ECDSA(hashes.SHA512()))
    assert is_by(of_info(spki(key)), signature, b"m", "sha512")
    assert not is_by(of_info(spki(key)), signature, b"m")
    longer = ec.derive_private_key(77, ec.SECP521R1()).sign(b"m", ec.ECDSA(hashes.SHA256()))
    assert is_by(of_info(spki(ec.derive_private_key(77, ec.SECP521R1()))), longer, b"m", "sha256")


def test_a_key_that_is_no_point_of_its_curve_is_rejected() -> None:
    good = P256.gx.to_bytes(32) + P256.gy.to_bytes(32)
    for data in (
        b"", b"\0", b"\4", b"\2" + good[:32], b"\6" + good, b"\4" + good[:-1], b"\4" + good + b"\0",
        b"\4" + bytes(64), b"\4" + good[:32] + bytes(32), b"\4" + (P256.gx + P256.p).to_bytes(33),
        b"\4" + good[32:] + good[:32], b"\4" + b"\xff" * 64,
    ):  # fmt: skip
        with pytest.raises(Rejected):
            point(P256, data)


@pytest.mark.parametrize(
    "signature",
    [
        b"", b"0", b"0\0", "3003020101", "300602010102010100", "30060201010201",
        "308106020101020101",
        "3007020101020200", "30080202000102020001", "30060201810201ff", "3006020101040101",
        "3009020101020101020101", "3006020100020101", "3080020101020101 0000",
        "3006020001020101",
    ],
)  # fmt: skip
def test_a_signature_in_another_form_is_none(signature: bytes | str) -> None:
    data = bytes.fromhex(signature) if isinstance(signature, str) else signature
    key, _, _ = signed("P-256", 5, b"m")
    assert not is_by(key, data, b"m")


def test_a_signature_in_a_longer_spelling_is_none() -> None:
    key, r, s = signed("P-256", 5, b"m")
    plain = utils.encode_dss_signature(r, s)
    assert is_by(key, plain, b"m")
    body = plain[2:]
    for longer in (
        b"\x30\x81" + bytes([len(body)]) + body,
        plain + b"\0",
        bytes([0x30, len(body) + 3]) + body + b"\2\1\0",
        bytes([0x30, len(body) + 1, 2, body[1] + 1, 0]) + body[2:],
    ):
        assert not is_by(key, longer, b"m")


@settings(max_examples=15, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=60))
def test_ed25519_agrees_with_cryptography(seed: bytes, message: bytes) -> None:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    key, signature = of_info(spki(private)), private.sign(message)
    assert is_by(key, signature, message)
    assert not is_by(key, signature, message + b"x")
    assert not is_by(key, signature[:40] + bytes([signature[40] ^ 1]) + signature[41:], message)


def test_ed25519_takes_no_second_form_of_a_signature_and_no_weak_key() -> None:
    private = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    key = private.public_key().public_bytes_raw()
    signature = private.sign(b"m")
    order = 2**252 + 27742317777372353535851937790883648493
    more = int.from_bytes(signature[32:], "little") + order
    assert edwards.is_signed(key, signature, b"m")
    assert not edwards.is_signed(key, signature[:32] + more.to_bytes(32, "little"), b"m")
    one = (1).to_bytes(32, "little")  # the point at which every message is signed by zeros
    assert not edwards.is_signed(one, one + bytes(32), b"m")
    for data in (bytes(32), b"\xff" * 32, (2**255 - 18).to_bytes(32, "little")):
        assert not edwards.is_signed(data, signature, b"m")
    assert not edwards.is_signed(key, signature[:63], b"m")
    assert not edwards.is_signed(key[:31], signature, b"m")


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("digest", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_rsa_agrees_with_cryptography(rsa_key: rsa.RSAPrivateKey, digest: Any) -> None:
    key = of_info(spki(rsa_key))
    signature = rsa_key.sign(b"m", padding.PKCS1v15(), digest)
    assert is_by(key, signature, b"m", digest.name)
    assert not is_by(key, signature, b"n", digest.name)
    assert not is_by(key, b"\0" + signature, b"m", digest.name)
    others = {"sha256", "sha384", "sha512"} - {digest.name}
    assert not any(is_by(key, signature, b"m", other) for other in others)


def test_rsa_padding_is_compared_whole(rsa_key: rsa.RSAPrivateKey) -> None:
    """Bleichenbacher's forgery of 2006: a short padding, and something behind the digest."""
    numbers = rsa_key.private_numbers()
    modulus = numbers.public_numbers.n
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    digest = hashlib.sha256(b"m").digest()
    key = of_info(spki(rsa_key))
    whole = b"\0\1" + b"\xff" * (256 - 3 - len(prefix) - 32) + b"\0" + prefix + digest
    for padded, holds in (
        (whole, True),
        (
            b"\0\1" + b"\xff" * 8 + b"\0" + prefix + digest + bytes(256 - 11 - len(prefix) - 32),
            False,
        ),
        (b"\0\2" + whole[2:], False),
        (whole[:20] + b"\0" + whole[21:], False),
    ):
        signature = pow(int.from_bytes(padded), numbers.d, modulus).to_bytes(256)
        assert is_by(key, signature, b"m", "sha256") == holds


def test_a_short_rsa_key_is_rejected() -> None:
    data = spki(rsa.generate_private_key(65537, 1024))
    with pytest.raises(Rejected):
        of_info(data)


@pytest.mark.parametrize(
    "text",
    ["", "key", "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----",
     "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
     "-----BEGIN PUBLIC KEY-----\nAAA\n-----END PUBLIC KEY-----"],
)  # fmt: skip
def test_what_is_no_key_is_rejected(text: str) -> None:
    with pytest.raises(Rejected):
        of_pem(text)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_make_the_reader_of_der_crash(data: bytes) -> None:
    for read in (der.items, der.pair, der.value, of_info):
        try:
            read(data)  # type: ignore[operator]
        except Rejected:
            continue


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 90), st.integers(1, 255))
def test_no_changed_key_makes_it_crash(at: int, flip: int) -> None:
    data = bytearray(spki(ec.derive_private_key(9, ec.SECP256R1())))
    data[at] ^= flip
    with pytest.raises(Rejected):
        of_info(bytes(data))


def test_every_curve_is_read_from_its_own_identifier() -> None:
    found: dict[str, Curve | None] = {
        name: of_info(spki(ec.derive_private_key(3, made))).curve
        for name, (_, made, _) in CURVES.items()
    }
    assert found == {name: curve for name, (curve, _, _) in CURVES.items()}
    with pytest.raises(Rejected):
        of_info(spki(ec.derive_private_key(3, ec.SECP256K1())))
