"""Whether the stored bytes are the ones that a manifest names by digest and size.

An image layout, an Ollama store and a hub's listing name every blob by the digest of its content.
A client that trusts the name without recomputing it runs whatever lies there. The claim is judged
of every artifact that comes with such a promise (`expected`), whatever its kind.

**Proven** when the bytes, read to their end, have the digest and the size that were promised. The
certificate holds both; its checker recomputes the digest. It rests on the collision resistance
of SHA-256 or SHA-512, and on the manifest itself: who wrote the manifest may name any digest.

**Refuted** when size or digest differ; the witness gives both values.

**Undecided** (`not-analysed`) when reading all the bytes would mean fetching them from afar: of a
hub's files only the ranges that other claims need are fetched. Download the repository and audit
it then: a file in the local cache is read to its end.

Sources: OCI image specification 1.1, "Descriptors" (digest, size); Git LFS specification v1 (oid).
"""

import hashlib

from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)

DIGEST_MATCHES = Claim(
    "digest-matches",
    "The stored bytes have the digest and the size that the manifest names for them.",
)
_PIECE = 1 << 20


@analyzer(id="digest-matches", claim=DIGEST_MATCHES, accepts={"expected"})
def digest_matches(artifact: Artifact, material: Material) -> Verdict:
    expected = artifact.expected
    if expected is None:
        return Undecided(Reason.UNRESOLVED, "no manifest names a digest for this artifact")
    if expected.costly:
        says = (
            f"comparing with {expected.digest} means fetching all {material.size} bytes; "
            "download them and audit the files"
        )
        return Undecided(Reason.NOT_ANALYSED, says)
    if expected.size not in (None, material.size):
        says = f"{expected.by} names {expected.size} bytes, stored are {material.size}"
        return Refuted((Witness(says),))
    algorithm = expected.digest.partition(":")[0]
    if algorithm not in ("sha256", "sha512"):
        return Undecided(Reason.UNSUPPORTED, f"digests of the kind {algorithm[:20]!r}")
    found = f"{algorithm}:{_hexdigest(material, algorithm)}"
    if found != expected.digest:
        return Refuted((Witness(f"{expected.by} names {expected.digest}, stored is {found}"),))
    facts = {"digest": found, "size": material.size}
    return Proven(
        Certificate("digest_matches", facts), (f"{expected.by} names this digest and size.",)
    )


def _hexdigest(material: Material, algorithm: str) -> str:
    running = hashlib.new(algorithm)
    for at in range(0, material.size, _PIECE):
        running.update(material.read(at, _PIECE))
    return running.hexdigest()
