"""Reads a Sigstore trusted root: the logs and certificate authorities of one instance, with keys.

Who uses Sigstore gets one by TUF, as `trusted_root.json`; here it is given as a file, and nothing
is fetched. Source: sigstore protobuf-specs, `sigstore_trustroot.proto`.
"""

import datetime
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from probatum.errors import FormatError
from probatum.formats.signers import supported
from probatum.formats.sigstore_bundle import base64_of, malformed
from probatum.vocabulary import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from probatum.formats.signers import Key

_MOST = 100


class Period(Struct, frozen=True):
    """From one time to another, both in seconds since 1970; without end where that is None."""

    start: float
    end: float | None

    def holds(self, time: float) -> bool:
        return self.start <= time and (self.end is None or time <= self.end)


class Instance(Struct, frozen=True):
    """A log: its name, its public key, and when it was in use."""

    identifier: bytes
    info: bytes
    period: Period

    def key(self) -> "Key":
        """Raises: FormatError UNSUPPORTED or MALFORMED."""
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        try:
            return supported(load_der_public_key(self.info))
        except (ValueError, UnsupportedAlgorithm) as exc:
            raise FormatError(Reason.MALFORMED, "a log's key is none") from exc


class Authority(Struct, frozen=True):
    """A certificate authority: its certificates in DER, the root last, and when it was in use."""

    chain: tuple[bytes, ...]
    period: Period


class TrustedRoot(Struct, frozen=True):
    logs: tuple[Instance, ...]
    authorities: tuple[Authority, ...]
    stampers: tuple[Authority, ...] = ()
    """Authorities for timestamps; the first certificate of a chain is their own."""


def trusted_root(said: Any) -> TrustedRoot:
    """Raises: FormatError."""
    if not isinstance(said, dict) or not str(said.get("mediaType")).startswith(
        "application/vnd.dev.sigstore.trustedroot"
    ):
        raise malformed("what is trusted is no trusted root of Sigstore")
    return TrustedRoot(
        tuple(_log(one) for one in _list(said.get("tlogs"))),
        tuple(_authority(one) for one in _list(said.get("certificateAuthorities"))),
        tuple(_authority(one) for one in _list(said.get("timestampAuthorities") or [])),
    )


def _log(said: Mapping[str, Any]) -> Instance:
    key = _object(said.get("publicKey"))
    identifier = base64_of(_object(said.get("logId")).get("keyId"), "a log's name")
    return Instance(identifier, base64_of(key.get("rawBytes"), "a log's key"), _period(key))


def _authority(said: Mapping[str, Any]) -> Authority:
    held = _list(_object(said.get("certChain")).get("certificates"))
    chain = tuple(base64_of(one.get("rawBytes"), "a certificate") for one in held)
    if not chain:
        raise malformed("a trusted authority has no certificate")
    return Authority(chain, _period(said))


def _period(said: Mapping[str, Any]) -> Period:
    valid = _object(said.get("validFor"))
    end = valid.get("end")
    return Period(_seconds(valid.get("start")), None if end is None else _seconds(end))


def _seconds(value: Any) -> float:
    try:
        told = datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError) as exc:
        raise malformed(f"no time: {str(value)[:40]!a}") from exc
    if told.tzinfo is None:
        raise malformed(f"no time: {str(value)[:40]!a}")
    return told.timestamp()


def _list(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or len(value) > _MOST:
        raise malformed("a trusted root lacks a list, or has too much in one")
    return [_object(one) for one in value]


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise malformed("a trusted root lacks a part")
    return value
