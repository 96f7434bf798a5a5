"""Whether a folder is what its signature lists, and is signed by someone whom the user trusts.

The signature is one of OpenSSF Model Signing: a Sigstore bundle (`model.sig`) around a statement
that lists the digest of every file. Of a single file it may be an attestation of the Python package
index (PEP 740), or SLSA provenance. Who is trusted is never taken from it: a key, certificates or
an identity are named by who asks, of `probatum verify` or in the configuration of an audit.

**Proven** when the signature is by someone trusted, when every file that it lists is there and has
the digest listed, and when nothing else is there. The certificate's checker reads every file again
and verifies the signature with its own arithmetic. What a signature cannot speak of is said among
the assumptions: paths that it ignores (git's own files always are), if there is something there,
and empty files where it lists shards of files. It rests on the collision resistance of the digest,
on the trusted key being in nobody else's hands and, for certificates, on none being revoked. Of a
signature by way of Sigstore, the log's three proofs are asked for, or of a log of its second
version two and the timestamp of an authority, and not that the certificate stands in a log of
certificates.

**Refuted** when the signature is not by anyone trusted, when a file is missing, is another or is
not listed, or when a link lies in the folder though the signature follows none.

**Undecided** when nobody is named whom to trust (`unresolved`), the signature or its statement can
be read in two ways (`parser-differential`) or not at all, or something in the folder is neither
listed nor a file.

Sources: OpenSSF Model Signing specification 1.0; DSSE 1.0, protocol; in-toto Statement v1;
Sigstore bundle 0.3; RFC 3161; PEP 740; SLSA 0.2 and 1.0, provenance.
"""

import unicodedata
from collections.abc import Iterator

from probatum.formats.model_manifest import ATTESTATIONS, NEVER_SIGNED, Manifest, manifest
from probatum.formats.signed_files import Other
from probatum.formats.signed_folder import Read, Span, digests, ignored, read
from probatum.formats.signers import NotTrusted, signer
from probatum.formats.sigstore_bundle import bundle
from probatum.ports import Material, analyzer
from probatum.vocabulary import (
    Artifact,
    Certificate,
    Claim,
    Place,
    Proven,
    Reason,
    Refuted,
    Undecided,
    Verdict,
    Witness,
)

SIGNED_CONTENT = Claim(
    "signed-content",
    "Every file of this folder is, byte for byte, what its signature lists, there is none that it "
    "does not list, and it is signed by someone whom the user named.",
)
_MOST_TOLD = 20
_MOST_NAMED = 5
_RUN = (
    ".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".pth", ".sh", ".exe", ".js", ".ipynb", ".jar",
    ".pkl", ".pickle", ".pt", ".bin", ".ckpt", ".joblib", ".npy", ".keras", ".h5",
)  # fmt: skip
"""How the names of files end that a loader may run, import or unpickle."""


@analyzer(id="signed-content", claim=SIGNED_CONTENT, accepts={"signed-folder"})
def signed_content(artifact: Artifact, material: Material) -> Verdict:
    folder = read(material)
    signed = bundle(folder.signature)
    try:
        who = signer(signed, folder.trust)
    except NotTrusted as exc:
        return Refuted((Witness(str(exc), Place(part="the signature")),))
    listed = manifest(signed.payload, folder.single)
    left_out = (*NEVER_SIGNED, *listed.ignore, *folder.ignore)
    others = [
        one for one in folder.others if one.name in listed.names or not ignored(one.name, left_out)
    ]
    witnesses = [
        *_links(folder, others, listed),
        *_strays(folder, listed, left_out),
        *_changed(material, folder, listed),
    ]
    if witnesses:
        return Refuted(tuple(witnesses[:_MOST_TOLD]))
    if others:
        says = f"{others[0].name[:200]!a}: {others[0].what}"
        return Undecided(Reason.OUTSIDE_TARGET, says)
    facts = {"size": material.size, "head": folder.head}
    assumptions = (f"Signed by {who}.", *_unsigned(folder, listed, left_out))
    return Proven(Certificate("model_signature", facts), assumptions)


def _links(folder: Read, others: list[Other], listed: Manifest) -> Iterator[Witness]:
    if listed.allow_symlinks:
        return
    for one in folder.files:
        if one.is_link and one.name in listed.names:
            yield _witness(one.name, "this is a link, and the signature follows none")
    for other in others:
        if other.is_link:
            yield _witness(other.name, f"{other.what}; the signature follows no links")


def _strays(folder: Read, listed: Manifest, left_out: tuple[str, ...]) -> Iterator[Witness]:
    """Files that the signature does not list, and what it lists that is not there."""
    there = {one.name for one in folder.files}
    others = {one.name for one in folder.others}
    spelled = {_alike(name): name for name in there}
    for name in sorted(listed.names - there - others):
        twin = spelled.get(_alike(name))
        instead = f"; {twin!a} is there, which is spelled in another way" if twin else ""
        yield _witness(name, f"the signature lists this file and it is not there{instead}")
    for one in folder.files:
        if _is_stray(one.name, listed, left_out) and (one.size or not listed.shard_size):
            yield _witness(one.name, "a file that the signature does not list")


def _is_stray(name: str, listed: Manifest, left_out: tuple[str, ...]) -> bool:
    return name not in listed.names and not ignored(name, left_out)


def _changed(material: Material, folder: Read, listed: Manifest) -> Iterator[Witness]:
    """Files with another size or digest than the signature lists."""
    numbers = {one.name: at for at, one in enumerate(folder.files)}
    ends: dict[str, int] = {}
    for one in listed.resources:
        ends[one.name] = max(ends.get(one.name, 0), one.end or 0)
    for name, end in ends.items():
        if name in numbers and end and (size := folder.files[numbers[name]].size) != end:
            yield _witness(name, f"the file has {size} bytes and the signature lists {end}")
            del numbers[name]
    there = [one for one in listed.resources if one.name in numbers]
    spans = []
    for one in there:
        number = numbers[one.name]
        end = folder.files[number].size if one.end is None else one.end
        spans.append(Span(number, one.start, end))
    found = digests(material, folder, spans, listed.algorithm)
    for one, digest in zip(there, found, strict=True):
        if digest != one.digest:
            where = f"bytes {one.start} to {one.end}: " if one.end is not None else ""
            says = f"{where}the signature lists {listed.algorithm}:{one.digest}, this is {digest}"
            yield _witness(one.name, says)


def _unsigned(folder: Read, listed: Manifest, left_out: tuple[str, ...]) -> Iterator[str]:
    """What is there, or said, and nothing is signed or read of."""
    if listed.kind in ATTESTATIONS:
        yield f"Of the statement ({listed.kind}) only the files' digests are read."
        if listed.builder:
            yield f"Whoever signed says that it was built by {listed.builder!a}."
    names = {one.name for one in folder.files} | {one.name for one in folder.others}
    names -= listed.names
    for path in dict.fromkeys(left_out):
        held = sorted(name for name in names if ignored(name, (path,)))
        if held:
            by = "user" if path in folder.ignore else "signature"
            files = "one file lies" if len(held) == 1 else f"{len(held)} files lie"
            says = f"ignores {path!a}, where {files} of which nothing is signed"
            yield f"The {by} {says}{_code(held)}."
    for one in folder.files:
        if _is_stray(one.name, listed, left_out):
            yield f"{one.name!a} is empty: a signature by shards cannot list it."


def _code(names: list[str]) -> str:
    """What of files that are not signed may be run, or unpickled, by who loads the folder."""
    found = [name for name in names if name.lower().endswith(_RUN)]
    told = ", ".join(f"{name[:80]!a}" for name in found[:_MOST_NAMED])
    return f"; among them code, or what may hold it: {told}" if found else ""


def _alike(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _witness(name: str, says: str) -> Witness:
    return Witness(says, Place(part=name))
