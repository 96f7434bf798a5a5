"""Makes up credentials of every known kind, by the recipe of its row: none was ever issued."""

import base64
import hashlib
import json
import random
import re
import string
import struct
import uuid
import zlib
from binascii import crc_hqx
from collections.abc import Callable

from probatum.credentials.kinds import Kind, kinds

_Maker = Callable[[random.Random], str]
_LETTERS = string.ascii_letters
_ALPHABETS = {
    "A": _LETTERS + string.digits,
    "B": string.ascii_uppercase + "234567",
    "D": "123456789",
    "H": "0123456789abcdef",
    "L": _LETTERS,
    "S": _LETTERS + string.digits + "+/",
    "U": _LETTERS + string.digits + "-_",
    "X": string.ascii_uppercase + string.digits,
    "b": string.ascii_lowercase + "234567",
    "l": string.ascii_lowercase + string.digits,
}
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE36 = string.digits + string.ascii_lowercase
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_PART = re.compile(r"\{([A-Za-z][A-Za-z0-9-]*)\}")


def made(kind: Kind, seed: int = 0) -> str:
    """A text with one credential of this kind in it."""
    chance = random.Random(f"{kind.id} {seed}")
    return _PART.sub(lambda part: _made(part[1], chance), kind.made)


def filled(text: str) -> str:
    """The text with `«id»` put as a credential of that kind, which no repository then holds."""
    known = {one.id: one for one in kinds()}
    return re.sub("«([a-z0-9-]+)»", lambda found: made(known[found[1]]), text)


def _made(part: str, chance: random.Random) -> str:
    if part in _MAKERS:
        return _MAKERS[part](chance)
    return _some(_ALPHABETS[part[0]], int(part[1:]), chance)


def _some(alphabet: str, length: int, chance: random.Random) -> str:
    """Random, but beginning and ending with a letter or digit, as a token's parts do."""
    said = "".join(chance.choices(alphabet, k=length))
    plain = [one for one in alphabet if one.isalnum()]
    return chance.choice(plain) + said[1:-1] + chance.choice(plain)


def _in_base(number: int, alphabet: str, width: int) -> str:
    said = ""
    while number:
        number, digit = divmod(number, len(alphabet))
        said = alphabet[digit] + said
    return said.rjust(width, alphabet[0])


def _crc32_base62(chance: random.Random) -> str:
    body = _some(_BASE62, 30, chance)
    return body + _in_base(zlib.crc32(body.encode()), _BASE62, 6)


def _gitlab(chance: random.Random) -> str:
    payload = _base64url(chance.randbytes(27))
    said = f"glpat-{payload}.01.{_in_base(len(payload), _BASE36, 2)}"
    return said + _in_base(zlib.crc32(said.encode()), _BASE36, 7)


def _grafana(chance: random.Random) -> str:
    said = f"glsa_{_some(_ALPHABETS['A'], 32, chance)}"
    return f"{said}_{struct.pack('<I', zlib.crc32(said.encode())).hex()}"


def _pypi(chance: random.Random) -> str:
    said = json.dumps({"version": 1, "permissions": "user"}).encode()
    place = b"\x02\x01\x08pypi.org\x02" + bytes([len(said)]) + said
    return "pypi-" + _base64url(place + b"\0\0\x06\x20" + chance.randbytes(32))


def _jwt(chance: random.Random) -> str:
    header = json.dumps({"alg": "HS256", "typ": "JWT"}, separators=(",", ":"))
    payload = json.dumps({"sub": str(chance.randrange(10**9))}, separators=(",", ":"))
    signature = _base64url(b"\xff" + chance.randbytes(30) + b"\xff")
    return f"{_base64url(header.encode())}.{_base64url(payload.encode())}.{signature}"


def _pem(chance: random.Random) -> str:
    raw = b"\x30\x82" + struct.pack(">H", 300) + chance.randbytes(300)
    body = base64.b64encode(raw).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----"


def _base64_pair(chance: random.Random) -> str:
    pair = f"user:{_some(_ALPHABETS['A'], 16, chance)}"
    return base64.b64encode(pair.encode()).decode()


def _sentry(chance: random.Random) -> str:
    said = json.dumps({"iat": 1700000000, "url": "https://sentry.io", "org": "acme"})
    return f"sntrys_{_base64url(said.encode())}_{_some(_ALPHABETS['A'], 43, chance)}"


def _discord(chance: random.Random) -> str:
    number = base64.b64encode(str(chance.randrange(10**17, 10**18)).encode()).decode()
    unpadded, ends = number.rstrip("="), _ALPHABETS["U"]
    return f"{unpadded}.{_some(ends, 6, chance)}.{_some(ends, 38, chance)}"


def _cloudflare_tunnel(chance: random.Random) -> str:
    secret = base64.b64encode(chance.randbytes(32)).decode()
    account, tunnel = chance.randbytes(16).hex(), str(uuid.UUID(int=chance.getrandbits(128)))
    return _coded({"a": account, "t": tunnel, "s": secret})


def _grafana_old(chance: random.Random) -> str:
    return _coded({"k": _some(_ALPHABETS["A"], 32, chance), "n": "deploy", "id": 1})


def _coded(said: dict[str, str | int]) -> str:
    return base64.b64encode(json.dumps(said, separators=(",", ":")).encode()).decode()


def _crc16(first: bytes) -> _Maker:
    def maker(chance: random.Random) -> str:
        raw = first + chance.randbytes(32)
        return base64.b32encode(raw + struct.pack("<H", crc_hqx(raw, 0))).decode().rstrip("=")

    return maker


def _base58check(first: bytes, length: int, last: bytes = b"") -> _Maker:
    def maker(chance: random.Random) -> str:
        raw = first + chance.randbytes(length) + last
        raw += hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
        return _in_base(int.from_bytes(raw, "big"), _BASE58, 0)

    return maker


def _ripple(first: bytes) -> _Maker:
    def maker(chance: random.Random) -> str:
        return _base58check(first, 16)(chance).translate(str.maketrans(_BASE58, _RIPPLE))

    return maker


def _matrix(chance: random.Random) -> str:
    said = f"syt_{_some(_ALPHABETS['A'], 8, chance)}_{_some(_LETTERS, 20, chance)}"
    return f"{said}_{_in_base(zlib.crc32(said.encode()), _BASE62, 6)}"


def _bech32(human: str, size: int = 32, first: bytes = b"") -> _Maker:
    def maker(chance: random.Random) -> str:
        raw = first + chance.randbytes(size)
        count = -(-len(raw) * 8 // 5)
        bits = int.from_bytes(raw, "big") << count * 5 - len(raw) * 8
        data = [bits >> 5 * (count - 1 - at) & 31 for at in range(count)]
        values = [ord(one) >> 5 for one in human] + [0] + [ord(one) & 31 for one in human]
        sum = _polymod(values + data + [0] * 6) ^ 1
        digits = data + [sum >> 5 * (5 - at) & 31 for at in range(6)]
        return f"{human}1" + "".join(_BECH32[one] for one in digits)

    return maker


def _polymod(values: list[int]) -> int:
    sum = 1
    for value in values:
        top, sum = sum >> 25, (sum & 0x1FFFFFF) << 5 ^ value
        for bit, one in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            sum ^= one * (top >> bit & 1)
    return sum


def _age(chance: random.Random) -> str:
    return _bech32("age-secret-key-")(chance).upper()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


_MAKERS: dict[str, _Maker] = {
    "crc32-base62": _crc32_base62,
    "gitlab-routable": _gitlab,
    "grafana": _grafana,
    "pypi": _pypi,
    "jwt": _jwt,
    "pem": _pem,
    "base64-pair": _base64_pair,
    "sentry": _sentry,
    "discord": _discord,
    "cloudflare-tunnel": _cloudflare_tunnel,
    "grafana-old": _grafana_old,
    "nkey": _crc16(bytes([18 << 3 | 20 << 3 >> 5, 0])),
    "stellar": _crc16(bytes([18 << 3])),
    "wif": _base58check(b"\x80", 32, b"\x01"),
    "xprv": _base58check(bytes.fromhex("0488ade4"), 74),
    "tezos-seed": _base58check(bytes.fromhex("0d0f3a07"), 32),
    "tezos-key": _base58check(bytes.fromhex("2bf64e07"), 64),
    "ltpv": _base58check(bytes.fromhex("019d9cfe"), 74),
    "dgpv": _base58check(bytes.fromhex("02fac398"), 74),
    "bip38": _base58check(bytes.fromhex("0142c0"), 36),
    "ripple": _ripple(b"\x21"),
    "ripple-ed": _ripple(bytes.fromhex("01e14b")),
    "matrix": _matrix,
    "sui": _bech32("suiprivkey", first=b"\0"),
    "cardano": _bech32("addr_xsk", 96),
    "zcash": _bech32("secret-extended-key-main", 169),
    "nsec": _bech32("nsec"),
    "age": _age,
    "uuid": lambda chance: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
}
