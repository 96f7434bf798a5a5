"""Who a bundle says has signed it, for a reader who has still to decide whether to trust them.

Nothing of it is verified: anyone can write such a bundle.
"""

from probatum.errors import FormatError
from probatum.formats.sigstore_bundle import Bundle

_LONGEST = 200


def claimed(bundle: Bundle) -> str:
    """In words, for a sentence that begins with "it is signed, as it says, by"."""
    try:
        if bundle.certificate:
            return _identity(bundle.certificate)
        if bundle.chain:
            return _subject(bundle.chain[0])
    except FormatError as exc:
        return f"somebody whose certificate cannot be read ({exc.detail})"
    return f"a key that it calls {bundle.hint[:64]!a}" if bundle.hint else "a key without a name"


def _identity(data: bytes) -> str:
    from cryptography.x509 import load_der_x509_certificate

    from probatum.formats.certificate_chain import unreadable
    from probatum.formats.sigstore_bundle import malformed
    from probatum.formats.sigstore_identity import issuers, names

    try:
        leaf = load_der_x509_certificate(data)
        who, vouched = names(leaf), issuers(leaf)
    except unreadable() as exc:
        raise malformed("it is none") from exc
    told = " and ".join(sorted(who))[:_LONGEST], " and ".join(sorted(vouched))[:_LONGEST]
    return f"the identity {told[0]!a}, for whom {told[1]!a} vouches"


def _subject(data: bytes) -> str:
    from cryptography.x509 import load_der_x509_certificate

    from probatum.formats.certificate_chain import unreadable
    from probatum.formats.sigstore_bundle import malformed

    try:
        name = load_der_x509_certificate(data).subject.rfc4514_string()
    except unreadable() as exc:
        raise malformed("it is none") from exc
    return f"the holder of a certificate for {name[:_LONGEST]!a}"
