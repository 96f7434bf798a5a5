"""`probatum verify`: whether a folder is what its signature lists, by someone who is trusted."""

from __future__ import annotations

import argparse

from probatum.cli.help import SubParsers, add_command, add_output
from probatum.cli.trust import add_signature, add_trust

TYPE_CHECKING = False  # see help.py
if TYPE_CHECKING:
    from probatum.formats.signed_files import Folder
    from probatum.vocabulary import Finding

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
  probatum verify x-1.0-py3-none-any.whl --attestation x-1.0-py3-none-any.whl.provenance \\
      --identity https://github.com/o/r/.github/workflows/release.yml@refs/tags/v1.0 \\
      --issuer https://token.actions.githubusercontent.com --trusted-root trusted_root.json

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
    add_signature(made)
    add_trust(made)
    made.add_argument("--check", action="store_true",
                      help="have the independent checker derive a proof again from the bytes, "
                           "which reads every file a second time")  # fmt: skip
    add_output(made, FORMATS)


def run(arguments: argparse.Namespace) -> int:
    from probatum.analyzers.supply.signed_content import SIGNED_CONTENT, signed_content
    from probatum.audit.open import printable
    from probatum.cli.output import demand_writable, write
    from probatum.cli.trust import signed
    from probatum.render.formats import rendered
    from probatum.vocabulary import Planned, Proven, Refuted, Report

    demand_writable(arguments.output)
    found = [
        _finding(name, folder, checked=arguments.check)
        for name, folder in signed(arguments, arguments.model)
    ]
    report = Report(
        targets=(printable(arguments.model),),
        planned=tuple(Planned(one.artifact.name, one.claim, signed_content.id) for one in found),
        findings=tuple(found),
        claims=(SIGNED_CONTENT,),
    )
    if arguments.format == "terminal":
        text = rendered(report, "terminal", verbose=True)
    else:
        text = rendered(report, arguments.format)
    write(text, arguments.output)
    if any(isinstance(one.verdict, Refuted) for one in found):
        return 1
    return 0 if all(isinstance(one.verdict, Proven) for one in found) else 2


def _finding(name: str, folder: Folder, *, checked: bool) -> Finding:
    from probatum.analyzers.supply.signed_content import signed_content
    from probatum.audit.judge import judged
    from probatum.formats.signed_files import KIND
    from probatum.formats.signed_folder import packed
    from probatum.vocabulary import Artifact, Finding, Proven

    material = packed(folder)
    artifact = Artifact(name=name, kind=KIND, size=material.size)
    verdict = judged(signed_content, artifact, material)
    if checked and isinstance(verdict, Proven):
        from probatum.check.model_signature import holds

        holds(verdict.certificate.facts, material.read, material.size)
    return Finding(artifact, signed_content.claim.id, signed_content.id, verdict)
