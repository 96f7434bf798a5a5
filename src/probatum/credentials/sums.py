"""The checksums and structures that issuers write into their tokens.

Each function says whether the parts of a value agree. `True` means well formed, never that it is
live. Sources stand in the rows that name a function (`rules/credentials`).
"""

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Callable

_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE = b"rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BASE36 = b"0123456789abcdefghijklmnopqrstuvwxyz"
# What source code puts around the lines of a text.
_AROUND = re.compile(rb"""^[\s"'+]*["']|["'][\s,;+.)]*$|\s+""")
_BECH32 = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def agrees(sum: str, value: bytes) -> bool:
    """Whether what `value` says of itself is so."""
    try:
        return SUMS[sum](value)
    except (ValueError, IndexError, KeyError, RecursionError):
        return False


def _crc32_base62(value: bytes) -> bool:
    """`mark_` + entropy + six digits of its CRC-32: GitHub, npm."""
    body = value[value.index(b"_") + 1 :]
    return _number(body[-6:], _BASE62) == zlib.crc32(body[:-6])


def _gitlab_routable(value: bytes) -> bool:
    """`glpat-payload.[01.]LLccccccc`: a length and a CRC-32 of all before it, in base 36."""
    *before, last = value.split(b".")
    payload = before[0].partition(b"-")[2]
    whole = value[: len(value) - 7]
    return (
        _number(last[:-7], _BASE36) == len(payload)
        and _number(last[-7:], _BASE36) == zlib.crc32(whole)
        and all(one == b"01" for one in before[1:])
    )


def _grafana(value: bytes) -> bool:
    """`glsa_secret_cccccccc`: a little-endian CRC-32 of what is before it, in hex."""
    before, _, sum = value.rpartition(b"_")
    return int.from_bytes(bytes.fromhex(sum.decode()), "little") == zlib.crc32(before)


def _crc16_base32(value: bytes) -> bool:
    """NATS keys and Stellar seeds: base 32 of bytes and their CRC-16/XMODEM, little-endian."""
    raw = base64.b32decode(value + b"=" * (-len(value) % 8))
    return int.from_bytes(raw[-2:], "little") == binascii.crc_hqx(raw[:-2], 0)


def _base58check(value: bytes) -> bool:
    """Bitcoin's keys: base 58 of bytes and the first four of their double SHA-256."""
    number = _number(value, _BASE58)
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    raw = b"\0" * (len(value) - len(value.lstrip(b"1"))) + raw
    twice = hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()
    return twice[:4] == raw[-4:]


def _ripple(value: bytes) -> bool:
    """The XRP Ledger's: as Bitcoin's, with the digits in an order of its own."""
    return _base58check(value.translate(bytes.maketrans(_RIPPLE, _BASE58)))


def _matrix(value: bytes) -> bool:
    """Synapse's `syt_name_secret_cccccc`: a CRC-32 of what is before it, in base 62."""
    before, _, sum = value.rpartition(b"_")
    return _number(sum, _BASE62) == zlib.crc32(before)


def _bech32(value: bytes) -> bool:
    """age and Nostr: BIP 173, of any length."""
    if value not in (value.lower(), value.upper()):
        return False
    human, _, data = value.lower().rpartition(b"1")
    values = [one >> 5 for one in human] + [0] + [one & 31 for one in human]
    return _polymod(values + [_BECH32.index(one) for one in data]) == 1


def _polymod(values: list[int]) -> int:
    generator = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
    sum = 1
    for value in values:
        top = sum >> 25
        sum = (sum & 0x1FFFFFF) << 5 ^ value
        for bit, one in enumerate(generator):
            sum ^= one if top >> bit & 1 else 0
    return sum


def _jwt(value: bytes) -> bool:
    """RFC 7519: a JSON header that names an algorithm, and a JSON object."""
    header, payload, signature = value.split(b".")
    said = json.loads(_base64url(header))
    return isinstance(json.loads(_base64url(payload)), dict) and (
        isinstance(said["alg"], str) and said["alg"] != "none" and bool(signature)
    )


def _pypi(value: bytes) -> bool:
    """A macaroon of PyPI: version 2, whose location is pypi.org or test.pypi.org."""
    raw = _base64url(value.partition(b"-")[2])
    place = raw[3 : 3 + raw[2]]
    return raw[:2] == b"\x02\x01" and place in (b"pypi.org", b"test.pypi.org")


def _pem(value: bytes) -> bool:
    """RFC 7468, OpenSSH's PROTOCOL.key: the body is one DER sequence, or begins as a key does."""
    lines = value.replace(b"\\r", b"").replace(b"\\n", b"\n").split(b"\n")
    body = b"".join(_AROUND.sub(b"", one) for one in lines[1:-1] if b":" not in one)
    raw = base64.b64decode(body, validate=True)
    if raw.startswith(b"openssh-key-v1\0"):
        return True
    length = raw[1]
    if length < 0x80:
        return raw[0] == 0x30 and len(raw) == 2 + length
    size = int.from_bytes(raw[2 : 2 + (length & 0x7F)], "big")
    return raw[0] == 0x30 and len(raw) == 2 + (length & 0x7F) + size


def _base64_pair(value: bytes) -> bool:
    """`name:password` in base 64, after the last space, quote or colon."""
    coded = value.replace(b'"', b" ").replace(b"'", b" ").split()[-1]
    name, colon, word = base64.b64decode(coded, validate=True).partition(b":")
    return (
        bool(name and colon and word)
        and (name + word).isascii()
        and (name + word).isalnum() | (all(32 <= one < 127 for one in name + word))
    )


def _sentry(value: bytes) -> bool:
    """`sntrys_` + a JSON object with a time and an address + `_` + the secret."""
    said = json.loads(_base64url(value.split(b"_")[1]))
    return "iat" in said and "url" in said


def _with(*names: str) -> Callable[[bytes], bool]:
    """A JSON object with these names, in base 64."""

    def agree(value: bytes) -> bool:
        plain = value.rstrip(b"=").replace(b"+", b"-").replace(b"/", b"_")
        said = json.loads(_base64url(plain))
        return isinstance(said, dict) and set(said) == set(names)

    return agree


def _discord(value: bytes) -> bool:
    """The first part is the bot's number, in base 64."""
    return _base64url(value.split(b".")[0]).isdigit()


def _number(digits: bytes, alphabet: bytes) -> int:
    number = 0
    for one in digits:
        number = number * len(alphabet) + alphabet.index(one)
    return number


def _base64url(coded: bytes) -> bytes:
    return base64.b64decode(coded + b"=" * (-len(coded) % 4), altchars=b"-_", validate=True)


SUMS: dict[str, Callable[[bytes], bool]] = {
    "crc32-base62": _crc32_base62,
    "gitlab-routable": _gitlab_routable,
    "grafana": _grafana,
    "crc16-base32": _crc16_base32,
    "base58check": _base58check,
    "ripple": _ripple,
    "matrix": _matrix,
    "bech32": _bech32,
    "jwt": _jwt,
    "pypi": _pypi,
    "pem": _pem,
    "base64-pair": _base64_pair,
    "sentry": _sentry,
    "discord": _discord,
    "cloudflare-tunnel": _with("a", "t", "s"),
    "grafana-old": _with("k", "n", "id"),
}
