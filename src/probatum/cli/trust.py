"""Whose signatures a user trusts: as options of a command, and as a configuration names them.

Declaring options runs for each call, `--help` included: see help.py.
"""

from __future__ import annotations

import argparse

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from typing import Any

    from probatum.adapters.signatures import Signatures
    from probatum.cli.help import Parser
    from probatum.configuration import Configuration, Signer
    from probatum.formats.signed_files import Folder

CLAIM = "signed-content"
_OPTIONS = ("key", "root", "identity", "issuer", "trusted_root")


def add_trust(made: Parser) -> None:
    """Add the options that name whom the user trusts."""
    trust = made.add_argument_group("whom you trust")
    trust.add_argument("--key", action="append", default=[], metavar="FILE",
                       help="a public key in PEM; may be repeated, one of them must have "
                            "signed")  # fmt: skip
    trust.add_argument("--root", action="append", default=[], metavar="FILE",
                       help="certificates in PEM, of which one must lead to the signer's; may be "
                            "repeated")  # fmt: skip
    trust.add_argument("--identity", metavar="NAME",
                       help="who signed by way of Sigstore, letter for letter: an address, or "
                            "the URI of a workflow")  # fmt: skip
    trust.add_argument("--issuer", metavar="URL",
                       help="who vouches for the identity, such as "
                            "https://accounts.google.com")  # fmt: skip
    trust.add_argument("--trusted-root", metavar="FILE",
                       help="the trusted_root.json of the Sigstore instance")  # fmt: skip
    trust.add_argument("--at", metavar="TIME",
                       help="the time at which the certificates must be valid, as "
                            "2026-01-31 or 2026-01-31T12:00:00Z (default: now)")  # fmt: skip


def add_signature(made: Parser | argparse._ArgumentGroup) -> None:
    """Add the options that name a signature, and what of the signed folder it need not list."""
    made.add_argument("--signature", "--attestation", metavar="FILE",
                      help="the signature, an attestation, or a file of several attestations "
                           "(default: model.sig in the folder, MODEL.sig beside a "
                           "file)")  # fmt: skip
    made.add_argument("--ignore", action="append", default=[], metavar="PATH",
                      help="a path in the folder of which nothing need be signed; may be "
                           "repeated")  # fmt: skip
    made.add_argument("--ignore-unsigned", action="store_true",
                      help="allow what the signature does not list; it is named with the "
                           "proof")  # fmt: skip


def signed(arguments: argparse.Namespace, model: str) -> list[tuple[str, Folder]]:
    """The model with its signature, as `add_signature` and `add_trust` name them, under its name.

    With a file of several attestations, it is there as often. Raises: UsageError, TargetError.
    """
    from msgspec.structs import replace

    from probatum.adapters.signed_folder import beside, left_out, listed, unlisted
    from probatum.audit.open import printable
    from probatum.formats.sigstore_bundle import attestations

    ignore = left_out(arguments.ignore)
    signature = arguments.signature or beside(model)
    folder = listed(model, signature, trusted(arguments), ignore)
    found = [replace(folder, signature=one) for one in attestations(folder.signature)]
    if arguments.ignore_unsigned:
        found = [replace(one, ignore=(*ignore, *unlisted(one))) for one in found]
    name = printable(model)
    return [(f"{name}#{at}" if at > 1 else name, one) for at, one in enumerate(found, 1)]


def is_named(arguments: argparse.Namespace) -> bool:
    """Whether the command line names somebody."""
    return any(getattr(arguments, name) for name in _OPTIONS)


def trusted(arguments: argparse.Namespace) -> dict[str, Any]:
    """Whom the command line names, as `formats.signers` reads it. Raises: UsageError."""
    from probatum.errors import UsageError

    sigstore = (arguments.identity, arguments.issuer, arguments.trusted_root)
    if sum(map(bool, (arguments.key, arguments.root, any(sigstore)))) > 1:
        raise UsageError("name keys, roots or an identity: a signature is made in one way")
    if any(sigstore) and not all(sigstore):
        raise UsageError("--identity, --issuer and --trusted-root go together")
    time = _time(arguments.at)
    return _who(arguments.key, arguments.root, *sigstore, time=time)


def signatures(configuration: Configuration, must_prove: tuple[str, ...]) -> Signatures:
    """Whom the configuration names, and whether the policy asks for signatures."""
    from probatum.adapters.signatures import Signatures, Trust

    trusts = [Trust(one.artifacts, _of_file(one, configuration)) for one in configuration.signers]
    return Signatures(tuple(trusts), CLAIM in must_prove)


def _of_file(one: Signer, configuration: Configuration) -> dict[str, Any]:
    """Files are named from where the configuration lies."""
    from pathlib import Path

    folder = Path(configuration.path or ".").parent
    keys, roots = ([str(folder / name) for name in names] for names in (one.keys, one.roots))
    root = str(folder / one.trusted_root) if one.trusted_root else None
    return _who(keys, roots, one.identity, one.issuer, root, time=_time(None))


def _who(
    keys: list[str],
    roots: list[str],
    identity: str | None,
    issuer: str | None,
    trusted_root: str | None,
    *,
    time: int,
) -> dict[str, Any]:
    if trusted_root:
        return {"sigstore": _json(trusted_root), "identity": identity, "issuer": issuer}
    if keys:
        return {"keys": [_text(path) for path in keys]}
    if roots:
        return {"roots": [_text(path) for path in roots], "time": time}
    return {}


def _time(text: str | None) -> int:
    import datetime

    from probatum.errors import UsageError

    if text is None:
        return int(datetime.datetime.now(datetime.UTC).timestamp())
    try:
        told = datetime.datetime.fromisoformat(text)
    except ValueError as exc:
        raise UsageError(f"--at {text!a}: write a time as 2026-01-31T12:00:00Z") from exc
    return int((told if told.tzinfo else told.replace(tzinfo=datetime.UTC)).timestamp())


def _json(path: str) -> Any:
    from probatum.errors import FormatError, UsageError
    from probatum.formats.strict_json import parsed

    try:
        return parsed(_text(path).encode(), "the trusted root")
    except FormatError as exc:
        raise UsageError(f"{path!a}: {exc.detail}") from exc


def _text(path: str) -> str:
    from probatum.errors import UsageError

    try:
        with open(path, "rb") as file:
            data = file.read(1 << 20)
        return data.decode("utf-8")
    except OSError as exc:
        raise UsageError(f"{path!a} cannot be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise UsageError(f"{path!a} is no text") from exc
