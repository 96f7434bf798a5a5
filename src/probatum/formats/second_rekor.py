"""Whether an entry in a log of Rekor's second version is of a bundle's signature.

An envelope may stand there as what it is (`dsse`), or as a signature over the digest of what DSSE
has signed (`hashedrekord`). Source: rekor-tiles, `api/proto/rekor/v2/entry.proto`, `dsse.proto`,
`hashedrekord.proto` and `verifier.proto`.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from probatum.formats.signers import NotTrusted
from probatum.formats.sigstore_bundle import Bundle, base64_of, malformed, pre_authentication
from probatum.formats.strict_json import parsed

_DIGESTS = {"SHA2_256": "sha256", "SHA2_384": "sha384", "SHA2_512": "sha512"}


def demand_same(bundle: Bundle, body: bytes, kind: str) -> None:
    """Raises: NotTrusted, or FormatError where the body cannot be read."""
    entry = _object(parsed(body, "the entry's body"))
    if (entry.get("kind"), entry.get("apiVersion")) != (kind, "0.0.2"):
        raise malformed("the entry's body is of another kind than the entry")
    spec = _object(entry.get("spec"))
    if kind == "dsse":
        said = _object(spec.get("dsseV002"))
        hashed, over, signatures = said.get("payloadHash"), bundle.payload, said.get("signatures")
        if not isinstance(signatures, list) or len(signatures) != 1:
            raise malformed("the entry does not name exactly one signature")
        one = _object(signatures[0])
    else:
        said = _object(spec.get("hashedRekordV002"))
        hashed, over = said.get("data"), pre_authentication(bundle.payload)
        one = _object(said.get("signature"))
    held = _object(_object(one.get("verifier")).get("x509Certificate"))
    if (
        not _is_digest(_object(hashed), over)
        or base64_of(one.get("content"), "the entry's signature") != bundle.signature
        or base64_of(held.get("rawBytes"), "the entry's certificate") != bundle.certificate
    ):
        raise NotTrusted("the log's entry is of another signature")


def _is_digest(said: Mapping[str, Any], data: bytes) -> bool:
    name = _DIGESTS.get(str(said.get("algorithm")))
    if name is None:
        raise malformed("the entry's digest is of another kind")
    return base64_of(said.get("digest"), "the entry's digest") == hashlib.new(name, data).digest()


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise malformed("an entry of the log lacks a part")
    return value
