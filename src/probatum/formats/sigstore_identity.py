"""Whether a signature is by an identity that the user named, by way of Sigstore.

Fulcio issues a certificate of ten minutes to whom an issuer (an OpenID provider) vouches for; the
log says that the signature was made in them. Both are judged by the trusted root that the user
gives. The identity and its issuer must be, letter for letter, those that the user names: no
pattern, and never the identity alone, since another issuer may give out the same.

Sources: sigstore.dev client specification, section 4; Fulcio's `docs/oid-info.md`.
"""

import datetime
from collections.abc import Mapping
from typing import Any

from probatum.errors import FormatError
from probatum.formats.certificate_chain import followed, unreadable
from probatum.formats.signers import NotTrusted, is_by, supported
from probatum.formats.sigstore_bundle import Bundle, pre_authentication
from probatum.formats.transparency_log import logged
from probatum.formats.trusted_root import Authority, trusted_root
from probatum.vocabulary import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_ISSUER, _OLDER_ISSUER = "1.3.6.1.4.1.57264.1.8", "1.3.6.1.4.1.57264.1.1"


def identified(bundle: Bundle, trust: Mapping[str, Any]) -> str:
    """Who signed and when, in words. Raises: NotTrusted, FormatError."""
    from cryptography.x509 import load_der_x509_certificate

    identity, issuer = trust.get("identity"), trust.get("issuer")
    if not (isinstance(identity, str) and identity and isinstance(issuer, str) and issuer):
        raise FormatError(Reason.UNRESOLVED, "no identity is named, or no issuer of it")
    if not bundle.certificate:
        raise NotTrusted("it is not signed by way of Sigstore, and an identity is trusted")
    root = trusted_root(trust.get("sigstore"))
    times = logged(bundle, root)
    try:
        leaf = load_der_x509_certificate(bundle.certificate)
        for time in times:
            key = _key(leaf, [one for one in root.authorities if one.period.holds(time)], time)
        who, vouched = names(leaf), issuers(leaf)
    except unreadable() as exc:
        raise FormatError(Reason.MALFORMED, "a certificate is none") from exc
    if identity not in who or vouched != {issuer}:
        told = f"{', '.join(sorted(who))[:200]!a} by {', '.join(sorted(vouched))[:200]!a}"
        raise NotTrusted(f"it is signed by another identity, {told}")
    if not is_by(supported(key), bundle.signature, pre_authentication(bundle.payload)):
        raise NotTrusted("the signature is not by the key of its own certificate")
    at = datetime.datetime.fromtimestamp(times[0], datetime.UTC)
    return f"{identity} (for whom {issuer} vouches), at {at:%Y-%m-%dT%H:%M:%SZ}"


def names(leaf: "Certificate") -> set[str]:
    """The addresses and URIs that a certificate is for."""
    from cryptography import x509

    try:
        held = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    found = {*held.get_values_for_type(x509.RFC822Name)}
    return found | {*held.get_values_for_type(x509.UniformResourceIdentifier)}


def issuers(leaf: "Certificate") -> set[str]:
    """Who vouched for the identity, by the extension of today and by that of before."""
    found = set()
    for extension in leaf.extensions:
        value = getattr(extension.value, "value", b"")
        if extension.oid.dotted_string == _OLDER_ISSUER:
            found.add(value.decode("ascii"))
        if extension.oid.dotted_string == _ISSUER:
            if value[:1] != b"\x0c" or len(value) < 2 or value[1] != len(value) - 2:
                raise ValueError("no text in DER")
            found.add(value[2:].decode("ascii"))
    return found


def _key(leaf: "Certificate", authorities: list[Authority], time: int) -> object:
    from cryptography.x509 import load_der_x509_certificate

    at = datetime.datetime.fromtimestamp(time, datetime.UTC)
    why = NotTrusted("no authority is trusted at that time")
    for authority in authorities:
        *between, root = map(load_der_x509_certificate, authority.chain)
        try:
            return followed(leaf, between, [root], at)
        except NotTrusted as exc:
            why = exc
    raise why
