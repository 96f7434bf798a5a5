"""`probatum verify`: whether a folder is what its signature lists, by someone who is trusted."""

from __future__ import annotations

import argparse

from probatum.cli.help import SubParsers, add_command, add_output

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from typing import Any

FORMATS = ("terminal", "json", "sarif", "junit", "markdown", "html")

_DESCRIPTION = """\
Say of a model and its signature (OpenSSF Model Signing, a Sigstore bundle): proven, refuted or
undecided that every file of the folder is, byte for byte, what the signature lists, that there is
none that it does not list, and that it is signed by whom you trust. Name whom: a public key,
certificates from which a chain leads to the signer's, or an identity of Sigstore. Nothing is
fetched.
"""

_EXAMPLES = """\
  probatum verify model/ --key publisher.pem
  probatum verify model/ --signature model.sig --root company-ca.pem
  probatum verify model/ --key publisher.pem --check
  probatum verify model/ --identity me@example.org --issuer https://accounts.google.com \\
      --trusted-root trusted_root.json
  probatum verify model/ --key publisher.pem --ignore cache

exit codes:
  0  proven
  1  refuted: another file, signer or signature
  2  undecided
  3  wrong usage, or Probatum's own fault
"""


def add_parser(subparsers: SubParsers) -> None:
    made = add_command(
        subparsers,
        "verify",
        run,
        help="say whether a model is what its signature lists, by someone you trust",
        description=_DESCRIPTION,
        examples=_EXAMPLES,
    )
    made.add_argument("model", metavar="MODEL", help="the folder, or the file, that is signed")
    made.add_argument("--signature", metavar="FILE",
                      help="the signature (default: model.sig in the folder, MODEL.sig "
                           "beside a file)")  # fmt: skip
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
    made.add_argument("--ignore", action="append", default=[], metavar="PATH",
                      help="a path in the folder of which nothing need be signed; may be "
                           "repeated")  # fmt: skip
    made.add_argument("--ignore-unsigned", action="store_true",
                      help="allow what the signature does not list; it is named with the "
                           "proof")  # fmt: skip
    made.add_argument("--check", action="store_true",
                      help="have the independent checker derive a proof again from the bytes, "
                           "which reads every file a second time")  # fmt: skip
    add_output(made, FORMATS)


def run(arguments: argparse.Namespace) -> int:
    from msgspec.structs import replace

    from probatum.adapters.signed_folder import beside, left_out, listed, unlisted
    from probatum.analyzers.supply.signed_content import SIGNED_CONTENT, signed_content
    from probatum.audit.judge import judged
    from probatum.audit.open import printable
    from probatum.cli.output import demand_writable, write
    from probatum.formats.signed_folder import KIND, packed
    from probatum.render.formats import rendered
    from probatum.vocabulary import Artifact, Finding, Planned, Proven, Refuted, Report

    demand_writable(arguments.output)
    signature = arguments.signature or beside(arguments.model)
    ignore = left_out(arguments.ignore)
    folder = listed(arguments.model, signature, _trust(arguments), ignore)
    if arguments.ignore_unsigned:
        folder = replace(folder, ignore=(*ignore, *unlisted(folder)))
    material = packed(folder)
    name = printable(arguments.model)
    artifact = Artifact(name=name, kind=KIND, size=material.size)
    verdict = judged(signed_content, artifact, material)
    if arguments.check and isinstance(verdict, Proven):
        from probatum.check.model_signature import holds

        holds(verdict.certificate.facts, material.read, material.size)
    report = Report(
        targets=(name,),
        planned=(Planned(name, SIGNED_CONTENT.id, signed_content.id),),
        findings=(Finding(artifact, SIGNED_CONTENT.id, signed_content.id, verdict),),
        claims=(SIGNED_CONTENT,),
    )
    if arguments.format == "terminal":
        text = rendered(report, "terminal", verbose=True)
    else:
        text = rendered(report, arguments.format)
    write(text, arguments.output)
    return 0 if isinstance(verdict, Proven) else 1 if isinstance(verdict, Refuted) else 2


def _trust(arguments: argparse.Namespace) -> dict[str, Any]:
    """Whom the user trusts, as `formats.signers` reads it. Raises: UsageError."""
    from probatum.errors import UsageError

    sigstore = (arguments.identity, arguments.issuer, arguments.trusted_root)
    if sum(map(bool, (arguments.key, arguments.root, any(sigstore)))) > 1:
        raise UsageError("name keys, roots or an identity: a signature is made in one way")
    if any(sigstore):
        if not all(sigstore):
            raise UsageError("--identity, --issuer and --trusted-root go together")
        return {
            "sigstore": _json(arguments.trusted_root),
            "identity": arguments.identity,
            "issuer": arguments.issuer,
        }
    if arguments.key:
        return {"keys": [_text(path) for path in arguments.key]}
    if arguments.root:
        return {"roots": [_text(path) for path in arguments.root], "time": _time(arguments.at)}
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
